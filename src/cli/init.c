/* certgate init: a first certgate.conf. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/init_profiles.h"
#include "cli/options.h"
#include "settings/values.h"

#define MAX_TEXT (256 * 1024)

/* What stands in place of the text's marks. */
struct place {
    const char *mark;
    const char *value;
    const char *option;
};

/* libconfuse reads escapes and $ inside strings. */
static bool
is_plain(const char *text)
{
    return text[0] != '\0' && text[strcspn(text, "\"\\$\n\r\t{}#")] == '\0';
}

static const struct init_profile *
find_profile(const char *name)
{
    const char *names[8] = { NULL }, *nearest;
    size_t count = 0;

    for (size_t i = 0; init_profiles[i].name != NULL; i++) {
        if (strcmp(init_profiles[i].name, name) == 0)
            return &init_profiles[i];
        names[count++] = init_profiles[i].name;
    }
    nearest = value_nearest(name, names);
    (void)cli_fail("there is no profile '%s'%s%s%s", name,
            nearest == NULL ? "; see certgate init --help" : "; did you mean '",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
    return NULL;
}

static void
fill(struct cg_buf *out, const char *text, const struct place *places)
{
    while (*text != '\0') {
        const struct place *place = places;

        while (place->mark != NULL && strncmp(text, place->mark, strlen(place->mark)) != 0)
            place++;
        if (place->mark == NULL) {
            cg_buf_add_bytes(out, text++, 1);
            continue;
        }
        cg_buf_add(out, place->value);
        text += strlen(place->mark);
    }
}

/* The folder that a file goes into, where only that one is missing. */
static void
make_folder(const char *path)
{
    char *folder = strdup(path), *slash = folder == NULL ? NULL : strrchr(folder, '/');

    if (slash != NULL && slash != folder) {
        *slash = '\0';
        (void)mkdir(folder, 0755);
    }
    free(folder);
}

static int
write_new(const char *path, const struct cg_buf *text)
{
    int fd, result = CLI_ACCEPT;

    make_folder(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST)
        return cli_fail(
                "%s is there already, and is not written over; --config names another", path);
    if (fd < 0)
        return cli_fail("%s: cannot be written: %s", path, strerror(errno));
    if (write(fd, text->data, text->len) != (ssize_t)text->len || fsync(fd) != 0) {
        result = cli_fail("%s: cannot be written: %s", path, strerror(errno));
        (void)unlink(path);
    }
    close(fd);
    return result;
}

static int
init(const struct init_profile *profile, const char *path, const struct place *places)
{
    struct cg_buf text;
    int result;

    cg_buf_init(&text, MAX_TEXT);
    fill(&text, profile->text, places);
    result = text.failed ? cli_fail("no memory") : write_new(path, &text);
    cg_buf_release(&text);
    if (result == CLI_ACCEPT)
        printf("%s: profile %s. Look at its backends, then:\n"
               "  certgate config check %s\n"
               "  certgated --config %s\n",
                path, profile->name, path, path);
    return result;
}

static int
run(int argc, char **argv)
{
    const char *profile = NULL, *config = CLI_DEFAULT_CONFIG;
    char host[64] = "";
    struct place places[] = { { "@NODE@", host, "node" }, { "@STATE@", CLI_DEFAULT_STATE, "state" },
        { "@BACKEND@", "127.0.0.1", "backend" }, { NULL, NULL, NULL } };
    const struct option_row rows[] = { { "profile", OPTION_TEXT, &profile },
        { "config", OPTION_TEXT, &config }, { "node", OPTION_TEXT, &places[0].value },
        { "state", OPTION_TEXT, &places[1].value }, { "backend", OPTION_TEXT, &places[2].value },
        { NULL, OPTION_FLAG, NULL } };
    const struct init_profile *found;
    int result;

    if (!options_read("init", cli_init.help, rows, NULL, argc, argv, &result) ||
            !options_arguments("init", argc, 0, 0, &result))
        return result;
    if (gethostname(host, sizeof(host)) != 0 || !is_plain(host))
        (void)snprintf(host, sizeof(host), "certgate");
    host[strcspn(host, ".")] = '\0';
    if (profile == NULL)
        return cli_fail("--profile is missing: minimal or ip-office");
    for (size_t i = 0; places[i].mark != NULL; i++)
        if (!is_plain(places[i].value))
            return cli_fail("--%s '%s' does not fit into a configuration file", places[i].option,
                    places[i].value);
    found = find_profile(profile);
    return found == NULL ? CLI_USAGE : init(found, config, places);
}

const struct cli_command cli_init = {
    .name = "init",
    .summary = "write a first certgate.conf",
    .run = run,
    .help = "usage: certgate init --profile PROFILE [OPTIONS]\n"
            "\n"
            "Writes a configuration file that works as it is, and never over one that is there.\n"
            "\n"
            "  --profile P          minimal: one HTTPS port, with safe values; ip-office: ports, "
            "services\n"
            "                       and factory values of an IP Office system\n"
            "  --config FILE        default " CLI_DEFAULT_CONFIG "\n"
            "  --node NAME          name of this node in records, default the host's\n"
            "  --state FOLDER       state directory, default " CLI_DEFAULT_STATE "\n"
            "  --backend ADDRESS    where the services are, default 127.0.0.1\n"
            "\n"
            "example:\n"
            "  certgate init --profile ip-office --backend 192.0.2.10\n",
};
