/* certgated: reads certgate.conf, binds the sockets, starts and feeds the workers. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"

static const char usage[] =
        "certgated: ends TLS in front of plaintext services and admits peers by their "
        "certificates\n"
        "\n"
        "usage: certgated [--config FILE]\n"
        "\n"
        "  --config FILE   settings (default /etc/certgate/certgate.conf);\n"
        "                  'certgate config check FILE' tries them without starting anything\n"
        "\n"
        "SIGHUP or 'certgate reload' reads the settings, trusted certificates and identities "
        "again;\n"
        "SIGTERM stops accepting, lets connections end, and exits.\n"
        "\n"
        "example:\n"
        "  certgated --config ./certgate.conf\n";

/* Beside this program where it is (build tree), else where it is installed. */
static void
find_worker(char *out, size_t size)
{
    char self[4000];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (len > 0) {
        self[len] = '\0';
        (void)snprintf(out, size, "%s/certgate-worker", dirname(self));
        if (access(out, X_OK) == 0)
            return;
    }
    (void)snprintf(out, size, "%s", CERTGATE_LIBEXEC "/certgate-worker");
}

int
main(int argc, char **argv)
{
    const char *config = "/etc/certgate/certgate.conf";
    char worker[4096];

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--config") == 0 && i + 1 == argc) {
            fputs("certgated: --config needs a FILE; see certgated --help\n", stderr);
            return 2;
        }
        if (strcmp(argv[i], "--config") == 0) {
            config = argv[++i];
            continue;
        }
        fprintf(stderr, "certgated: unknown argument '%s'; see certgated --help\n", argv[i]);
        return 2;
    }
    find_worker(worker, sizeof(worker));
    return control_run(config, worker);
}
