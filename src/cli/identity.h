/* What `certgate identity` can do: a table of its own. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "cli/options.h"
#include "identity/identity.h"

extern const struct cli_command cli_identity_show;
extern const struct cli_command cli_identity_create;
extern const struct cli_command cli_identity_import;
extern const struct cli_command cli_identity_csr;
extern const struct cli_command cli_identity_install;
extern const struct cli_command cli_identity_renew;
extern const struct cli_command cli_identity_remove;

/*
 * Makes NAME.pem and NAME.key in the folder, which must not be there, and prints what stands in
 * certgate.conf for them. Without hosts they are what the machine calls itself.
 */
int cli_identity_files(const char *folder, const char *name, const struct identity_wish *wanted,
        enum cli_output output);

#endif
