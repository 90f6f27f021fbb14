#include <string.h>

#include <openssl/objects.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "config.h"
#include "settings/settings.h"
#include "snapshot/security.h"

const struct cli_command *const cli_commands[] = {
    &cli_check,
    &cli_inspect,
    &cli_log,
    &cli_explain,
    &cli_peers,
    &cli_what_if,
    &cli_expiring,
    &cli_tcs,
    &cli_status,
    &cli_settings_group,
    &cli_history,
    &cli_confirm,
    &cli_revert,
    &cli_identity,
    &cli_trust,
    &cli_pins,
    &cli_audit,
    &cli_backup,
    &cli_restore,
    &cli_user,
    &cli_console,
    &cli_init,
    &cli_config,
    &cli_metrics,
    &cli_reload,
    &cli_upgrade,
    &cli_help,
    &cli_version,
    NULL,
};

static void
help_checks(void)
{
    puts("The checks, in the order in which they name the first reason. * skipped while "
         "latched.\n");
    for (int i = 0; i < CG_CHECK_COUNT; i++) {
        const struct cg_check_info *info = cg_check_info((enum cg_check)i);

        printf("%s%s\n    passes when: %s\n    page: %s\n    see: %s\n\n", info->id,
                info->latchable ? " *" : "", info->explain, info->page, info->cites);
    }
}

static void
help_levels(void)
{
    printf("%-22s", "");
    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        printf(" %-13s", cg_level_name((enum cg_level)level));
    putchar('\n');
    for (int check = 0; check < CG_CHECK_COUNT; check++) {
        printf("%-22s", cg_check_info((enum cg_check)check)->id);
        for (int level = 0; level < CG_LEVEL_COUNT; level++)
            printf(" %-13s",
                    (cg_level_info((enum cg_level)level)->checks >> check & 1) != 0 ? "x" : "");
        putchar('\n');
    }
    puts("\nNarrow allowances, off by default, always shown where they were needed:\n");
    for (int i = 0; i < CG_ALLOW_COUNT; i++)
        printf("  %-26s %s\n", cg_allowance_name((enum cg_allowance)i),
                cg_allowance_explain((enum cg_allowance)i));
    printf("\nAnd by an administrator's decision on one certificate:\n\n  %-26s %s\n",
            cg_allowance_name(CG_ALLOW_ADMITTED), cg_allowance_explain(CG_ALLOW_ADMITTED));
}

static void
help_reasons(void)
{
    for (int i = CG_REASON_NONE + 1; i < CG_REASON_COUNT; i++) {
        const struct cg_reason_info *info = cg_reason_info((enum cg_reason)i);

        printf("%s\n    %s\n    to fix: %s\n", info->code, info->explain, info->remedy);
        if (info->alert >= 0)
            printf("    TLS alert: %d\n", info->alert);
        putchar('\n');
    }
}

/* "A:B:C", a name a line. */
static void
print_names(const char *title, const char *names)
{
    printf("    %s:\n      ", title);
    for (const char *c = names; *c != '\0'; c++)
        if (*c == ':')
            fputs("\n      ", stdout);
        else
            putchar(*c);
    putchar('\n');
}

static void
help_services(void)
{
    puts("Service security: which port of a service is open, and what its TLS is spoken with, in "
         "the "
         "order\nof preference. 'certgate help levels' says what a certificate that is shown must "
         "pass.\n");
    for (unsigned i = 0; i < SECURITY_COUNT; i++) {
        const struct security_info *info = security_info((enum security)i);

        printf("%s\n    %s\n", info->id, info->explain);
        if (info->tls) {
            printf("    client certificate: %s\n    lowest TLS version: 1.%d\n",
                    info->require_certificate
                            ? "required"
                            : "not asked for, unless a line or trunk shares the port",
                    (info->min_tls & 0xff) - 1);
            print_names("TLS 1.3", info->suites);
            print_names("TLS 1.2", info->ciphers);
            printf("    keys agreed on by:");
            for (size_t j = 0; info->groups[j] != 0; j++)
                printf(" %s", OBJ_nid2sn(info->groups[j]));
            putchar('\n');
        }
        putchar('\n');
    }
}

static void
help_config(void)
{
    struct cg_buf text;

    cg_buf_init(&text, 64 * 1024);
    settings_describe(&text);
    fputs(cg_buf_text(&text), stdout);
    cg_buf_release(&text);
}

static void
help_all(void)
{
    puts("certgate: decides by their certificates which TLS peers may come in\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        printf("  certgate %-10s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    puts("\n'certgate COMMAND --help' says more; 'certgate help checks', 'levels', 'reasons', "
         "'services'\nand 'config' list what there is.\n\nexample:\n  certgate check --tcs "
         "roots.pem --level medium "
         "peer.pem");
}

static int
run_help(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } topics[] = { { "checks", help_checks }, { "levels", help_levels },
        { "reasons", help_reasons }, { "services", help_services }, { "config", help_config } };
    char ask[] = "--help";

    if (argc < 2 || strcmp(argv[1], "--help") == 0) {
        help_all();
        return CLI_ACCEPT;
    }
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        if (strcmp(topics[i].name, argv[1]) == 0) {
            topics[i].print();
            return CLI_ACCEPT;
        }
    }
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, argv[1]) == 0) {
            if (argc > 2 && cli_commands[i]->actions != NULL)
                return cli_run(cli_commands[i], 3, (char *[]) { argv[1], argv[2], ask, NULL });
            cli_put_help(cli_commands[i]);
            return CLI_ACCEPT;
        }
    }
    return cli_fail("no help on '%s'; try certgate help", argv[1]);
}

static int
run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    puts("certgate " CERTGATE_VERSION);
    return CLI_ACCEPT;
}

const struct cli_command cli_help = {
    .name = "help",
    .summary = "this text; help checks, levels, reasons, services, config, or a command",
    .run = run_help,
    .help = "usage: certgate help [checks|levels|reasons|services|config|COMMAND]\n",
};

const struct cli_command cli_version = {
    .name = "version",
    .summary = "which version this is",
    .run = run_version,
    .help = "usage: certgate version\n",
};
