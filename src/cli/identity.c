/* certgate identity: certificates of our own. */
#include "cli/identity.h"

static const struct cli_command *const actions[] = { &cli_identity_show, &cli_identity_create,
    &cli_identity_import, &cli_identity_csr, &cli_identity_install, &cli_identity_renew,
    &cli_identity_remove, NULL };

const struct cli_command cli_identity = {
    .name = "identity",
    .summary = "certificates of our own: show, create, import, request, install, renew",
    .actions = actions,
    .help = "usage: certgate identity ACTION ...\n"
            "\n"
            "Private keys stay in files of certgated's state directory that only it reads; they "
            "are never\n"
            "printed. Identities that certgate.conf names by files are renewed where these are "
            "made, and\n"
            "loaded by themselves.\n"
            "\n"
            "examples:\n"
            "  certgate identity create main --host gate.example.com --host 192.0.2.1\n"
            "  certgate identity csr main --host gate.example.com > main.csr\n"
            "  certgate identity install main answer-of-the-ca.pem\n",
};
