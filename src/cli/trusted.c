#include "cli/trusted.h"

#include <stdlib.h>

#include "cli/cli.h"

int
trusted_fetch(const char *state, struct input_list *list)
{
    struct client *client = client_open(state);
    struct client_request request = { .method = "GET", .path = "/tcs/export" };
    struct client_answer answer = { 0 };
    struct cg_error err = { "no memory" };
    char *text = NULL;
    size_t len = 0;
    int result = CLI_USAGE;

    if (client == NULL)
        return CLI_USAGE;
    request.to = open_memstream(&text, &len);
    if (request.to == NULL)
        goto done;
    result = client_ask(client, &request, &answer) ? CLI_ACCEPT : client_failure(&answer);
    client_release(&answer);
    if (fclose(request.to) != 0)
        result = cli_fail("%s", err.text);
    /* A store may be empty, a file of certificates may not. */
    if (result == CLI_ACCEPT && len != 0 &&
            input_load_bytes("the trust store", (const uint8_t *)text, len, NULL, list, &err) !=
                    CG_OK)
        result = cli_fail("%s", err.text);
done:
    free(text);
    client_close(client);
    return result;
}

int
trusted_load(char *const *paths, int count, const char *password, struct input_list *list)
{
    struct cg_error err;

    for (int i = 0; i < count; i++)
        if (input_load(paths[i], password, list, &err) != CG_OK)
            return cli_fail("%s", err.text);
    return CLI_ACCEPT;
}
