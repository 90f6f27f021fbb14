/* certgated: reads certgate.conf, binds the sockets, starts and feeds the workers. */
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"

static const char usage[] =
        "certgated: ends TLS in front of plaintext services and admits peers by their "
        "certificates\n"
        "\n"
        "usage: certgated [--check] [--new-store] [--config FILE]\n"
        "\n"
        "  --config FILE   settings (default /etc/certgate/certgate.conf);\n"
        "                  'certgate config check FILE' tries them without starting anything\n"
        "  --check         only try: read everything and start one worker that serves nobody\n"
        "  --new-store     where the store is gone, fill a new one from the settings file\n"
        "\n"
        "SIGHUP or 'certgate reload' reads the settings, trusted certificates and identities "
        "again;\n"
        "SIGUSR2 or 'certgate upgrade' puts the program now installed in place of the running "
        "one;\n"
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

/* Where a newer version of this program will be found: by the path that it was started with, if one was. */
static bool
find_program(const char *started_as, char *out, size_t size)
{
    char folder[4000];
    ssize_t len;

    if (started_as[0] == '/')
        return (size_t)snprintf(out, size, "%s", started_as) < size;
    if (strchr(started_as, '/') != NULL)
        return getcwd(folder, sizeof(folder)) != NULL &&
                (size_t)snprintf(out, size, "%s/%s", folder, started_as) < size;
    len = readlink("/proc/self/exe", out, size - 1);
    if (len > 0)
        out[len] = '\0';
    return len > 0;
}

int
main(int argc, char **argv)
{
    char worker[4096], program[8192];
    struct control_options options = {
        .config = "/etc/certgate/certgate.conf",
        .program = program,
        .worker_program = worker,
        .handover = -1,
    };
    bool check = false;

    /*
     * For the workers: a handshake takes and gives back more pieces of one size than glibc keeps at hand by
     * default, which costs a twentieth of it.
     */
    (void)setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=127", 0);
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
            options.config = argv[++i];
        } else if (strcmp(argv[i], "--handover") == 0 && i + 1 < argc) {
            options.handover = atoi(argv[++i]); /* by an upgrade, never by hand */
        } else if (strcmp(argv[i], "--check") == 0) {
            check = true;
        } else if (strcmp(argv[i], "--new-store") == 0) {
            options.new_store = true;
        } else {
            fprintf(stderr, "certgated: unknown argument '%s'; see certgated --help\n", argv[i]);
            return 2;
        }
    }
    find_worker(worker, sizeof(worker));
    if (!find_program(argv[0], program, sizeof(program))) {
        fprintf(stderr, "certgated: cannot tell where this program lies\n");
        return 1;
    }
    return check ? control_try(&options) : control_run(&options);
}
