/* What an administrator asks of a node: try the settings, put changed ones in force. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/change.h"
#include "cli/save.h"
#include "control/candidate.h"
#include "control/control.h"

static int
run_config(int argc, char **argv)
{
    const char *path = argc > 2 ? argv[2] : CLI_DEFAULT_CONFIG;
    struct candidate *candidate;
    struct cg_buf problems, notes;
    int result = CLI_ACCEPT;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(cli_config.help, stdout);
        return CLI_ACCEPT;
    }
    if (argc < 2 || argc > 3 || strcmp(argv[1], "check") != 0)
        return cli_fail("usage: certgate config check [FILE]");
    cg_buf_init(&problems, 1024 * 1024);
    cg_buf_init(&notes, 1024 * 1024);
    candidate = candidate_look(path, (int64_t)time(NULL), &notes, &problems);
    if (candidate == NULL) {
        fputs(cg_buf_text(&problems), stderr);
        result = CLI_REJECT;
    } else {
        printf("%s is fine: %zu interface%s, %zu identit%s, %zu trusted certificate%s\n", path,
                candidate->snapshot.interface_count,
                candidate->snapshot.interface_count == 1 ? "" : "s",
                candidate->snapshot.identity_count,
                candidate->snapshot.identity_count == 1 ? "y" : "ies",
                candidate->snapshot.tcs_count, candidate->snapshot.tcs_count == 1 ? "" : "s");
    }
    fputs(cg_buf_text(&notes), stderr);
    candidate_free(candidate);
    cg_buf_release(&notes);
    cg_buf_release(&problems);
    return result;
}

/* Asks certgated one thing; what follows "ok " goes to standard output, an error to the other. */
static int
ask_node(const char *state, const char *request)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    bool ok = false, first = true;
    char text[4096];
    ssize_t len;
    int fd, error;

    if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", state, CONTROL_SOCKET) >=
            (int)sizeof(address.sun_path))
        return cli_fail("the state directory's path is too long for a socket");
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        error = errno;
        if (fd >= 0)
            close(fd);
        return cli_fail("%s: %s; is certgated running with this state directory?", address.sun_path,
                strerror(error));
    }
    if (write(fd, request, strlen(request)) == (ssize_t)strlen(request)) {
        while ((len = read(fd, text, sizeof(text))) > 0) {
            if (first)
                ok = len >= 3 && memcmp(text, "ok ", 3) == 0;
            (void)fwrite(text + (first && ok ? 3 : 0), 1, (size_t)len - (first && ok ? 3 : 0),
                    ok ? stdout : stderr);
            first = false;
        }
    }
    close(fd);
    return ok ? CLI_ACCEPT : CLI_REJECT;
}

static int
run_upgrade(int argc, char **argv)
{
    const char *state = CLI_DEFAULT_STATE;
    const struct option_row rows[] = { { "state", OPTION_TEXT, &state },
        { NULL, OPTION_FLAG, NULL } };
    int result;

    if (!options_read("upgrade", cli_upgrade.help, rows, NULL, argc, argv, &result) ||
            !options_arguments("upgrade", argc, 0, 0, &result))
        return result;
    return ask_node(state, "upgrade\n");
}

static int
run_reload(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct change change = CHANGE_NEW;
    struct client *client;
    int result;

    if (!options_read("reload", cli_reload.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("reload", argc, 0, 0, &result))
        return result;
    client = client_open(change.node.state);
    result = client == NULL
            ? CLI_USAGE
            : change_send(&change, client,
                      &(struct client_request) { .method = "POST", .path = "/reload" });
    client_close(client);
    return result;
}

static int
run_metrics(int argc, char **argv)
{
    struct cli_node node = CLI_NODE;
    const struct option_row rows[] = { { "state", OPTION_TEXT, &node.state },
        { NULL, OPTION_FLAG, NULL } };
    int result;

    if (!options_read("metrics", cli_metrics.help, rows, NULL, argc, argv, &result) ||
            !options_arguments("metrics", argc, 0, 0, &result))
        return result;
    return save_answer(
            &node, &(struct client_request) { .method = "GET", .path = "/metrics" }, NULL);
}

const struct cli_command cli_config = {
    .name = "config",
    .summary = "try the settings of certgated without starting anything",
    .run = run_config,
    .help = "usage: certgate config check [FILE]      (default " CLI_DEFAULT_CONFIG ")\n"
            "\n"
            "Reads the settings, the trusted certificates and the identities, and prints every "
            "problem\n"
            "with file, line, cause and the nearest known name. Exit status: 0 fine, 1 problems.\n"
            "\n"
            "example:\n"
            "  certgate config check ./certgate.conf\n",
};

const struct cli_command cli_reload = {
    .name = "reload",
    .summary = "have certgated read settings, trusted certificates and identities again",
    .run = run_reload,
    .help = "usage: certgate reload [OPTIONS]\n"
            "\n"
            "All or nothing: when anything is wrong, the problems are printed and the running\n"
            "generation stays.\n"
            "\n" CLI_NODE_HELP "\n"
            "Exit status: 0 reloaded, 1 refused, 2 certgated not reached.\n",
};

const struct cli_command cli_metrics = {
    .name = "metrics",
    .summary = "print what certgated counts, in Prometheus' text format",
    .run = run_metrics,
    .help = "usage: certgate metrics [--state FOLDER]     (default /var/lib/certgate)\n"
            "\n"
            "The same text that certgated serves at /metrics where the setting 'metrics' names an\n"
            "address. Exit status: 0 printed, 2 certgated not reached.\n"
            "\n"
            "example:\n"
            "  certgate metrics | grep decisions_total\n",
};

const struct cli_command cli_upgrade = {
    .name = "upgrade",
    .summary = "have certgated put the program now installed in its place, without a break",
    .run = run_upgrade,
    .help = "usage: certgate upgrade [--state FOLDER]     (default /var/lib/certgate)\n"
            "\n"
            "The installed program is tried first; when it cannot start, the problems are printed "
            "and\n"
            "the running one goes on. Otherwise it takes over the listening sockets and serves "
            "new\n"
            "connections, and established ones end in the workers of before.\n"
            "Exit status: 0 the new one serves, 1 refused, 2 certgated not reached.\n",
};
