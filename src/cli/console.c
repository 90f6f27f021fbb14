/* certgate console: the way into the web page without a password. */
#include "cli/client.h"
#include "cli/options.h"
#include "journal/entry.h"

static int
run(int argc, char **argv)
{
    static const struct option_row rows[] = { { NULL, OPTION_FLAG, NULL } };
    struct cli_node node = CLI_NODE;
    struct client *client;
    json_t *answer = NULL;
    int result;

    if (!options_read("console", cli_console.help, rows, &node, argc, argv, &result) ||
            !options_arguments("console", argc, 0, 0, &result))
        return result;
    client = client_open(node.state);
    result = client == NULL ? CLI_USAGE
                            : client_post(client, "/console-link", json_object(), &answer);
    if (result == CLI_ACCEPT && node.output == CLI_JSON) {
        result = cli_put_json(json_incref(answer));
    } else if (result == CLI_ACCEPT) {
        puts(journal_text(answer, "url"));
        fprintf(stderr, "good once, until %s\n", journal_text(answer, "until"));
    }
    json_decref(answer);
    client_close(client);
    return result;
}

const struct cli_command cli_console = {
    .name = "console",
    .summary = "print a link to the web console that is good once",
    .run = run,
    .help = "usage: certgate console [OPTIONS]\n"
            "\n"
            "Prints a link for a browser on this machine: it signs in whoever opens it first, as "
            "an\n"
            "administrator, within five minutes. Needs 'console = \"127.0.0.1:8480\"' in "
            "certgate.conf.\n"
            "\n" CLI_NODE_HELP "\n"
            "Exit status: 0 printed, 1 refused, 2 certgated not reached.\n"
            "\n"
            "example, over ssh from elsewhere:\n"
            "  ssh -L 8480:127.0.0.1:8480 gate-1 certgate console\n",
};
