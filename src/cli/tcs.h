/* What `certgate tcs` can do: a table of its own. */
#ifndef CLI_TCS_H
#define CLI_TCS_H

#include "cli/cli.h"
#include "cli/client.h"

extern const struct cli_command cli_tcs_list;
extern const struct cli_command cli_tcs_show;
extern const struct cli_command cli_tcs_add;
extern const struct cli_command cli_tcs_remove;
extern const struct cli_command cli_tcs_export;
extern const struct cli_command cli_tcs_lint;
extern const struct cli_command cli_tcs_dependents;
extern const struct cli_command cli_tcs_unused;

/*
 * The whole fingerprint of an entry of the TCS, of which `text` is all or the first 8 digits and more;
 * CLI_ACCEPT, or the exit status after saying why not.
 */
int tcs_fingerprint(struct client *client, const char *text, char out[65]);

#endif
