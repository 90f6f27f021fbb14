#include "cli/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of its own beside the one that it will be. */
static FILE *
open_beside(const char *path, char **temporary)
{
    FILE *file = NULL;
    int fd = -1;

    if (asprintf(temporary, "%s.XXXXXX", path) < 0)
        *temporary = NULL;
    else
        fd = mkostemp(*temporary, O_CLOEXEC); /* 0600 */
    if (fd >= 0)
        file = fdopen(fd, "w");
    if (file == NULL) {
        (void)cli_fail("%s: cannot be written: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
            (void)unlink(*temporary);
        }
        free(*temporary);
        *temporary = NULL;
    }
    return file;
}

/* On the disk before it has its name. */
static bool
finish(FILE *file, const char *temporary, const char *path)
{
    bool ok = fflush(file) == 0 && fsync(fileno(file)) == 0;

    ok = fclose(file) == 0 && ok;
    if (ok && rename(temporary, path) == 0)
        return true;
    (void)cli_fail("%s: cannot be written: %s", path, strerror(errno));
    return false;
}

int
save_answer(const struct cli_node *node, const struct client_request *request, const char *path)
{
    const bool to_file = path != NULL && strcmp(path, "-") != 0;
    struct client *client = client_open(node->state);
    struct client_request asked = *request;
    struct client_answer answer = { 0 };
    char *temporary = NULL;
    int result = CLI_USAGE;

    if (client == NULL)
        return CLI_USAGE;
    asked.to = to_file ? open_beside(path, &temporary) : stdout;
    if (asked.to == NULL)
        goto done;
    if (client_ask(client, &asked, &answer))
        result = CLI_ACCEPT;
    else
        result = client_failure(&answer);
    client_release(&answer);
    if (to_file && result == CLI_ACCEPT) {
        result = finish(asked.to, temporary, path) ? CLI_ACCEPT : CLI_USAGE;
    } else if (to_file) {
        fclose(asked.to);
    }
    if (to_file && result != CLI_ACCEPT)
        (void)unlink(temporary);
done:
    free(temporary);
    client_close(client);
    return result;
}
