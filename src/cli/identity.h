/* What `certgate identity` can do: a table of its own. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "cli/cli.h"

extern const struct cli_command cli_identity_show;
extern const struct cli_command cli_identity_create;
extern const struct cli_command cli_identity_import;
extern const struct cli_command cli_identity_csr;
extern const struct cli_command cli_identity_install;
extern const struct cli_command cli_identity_renew;
extern const struct cli_command cli_identity_remove;

#endif
