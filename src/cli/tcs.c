/* certgate tcs: the Trusted Certificate Store. */
#include "cli/tcs.h"

#include <string.h>

#include "cli/ask.h"
#include "journal/entry.h"

/* Fewer digits of a fingerprint could be anybody's. */
#define LEAST_DIGITS 8

static const struct cli_command *const actions[] = { &cli_tcs_list, &cli_tcs_show, &cli_tcs_add,
    &cli_tcs_remove, &cli_tcs_export, &cli_tcs_lint, &cli_tcs_dependents, &cli_tcs_unused, NULL };

/* The fingerprint just below the first that begins with these digits; false when that is the lowest of all. */
static bool
just_below(const char *digits, char out[65])
{
    static const char hex[] = "0123456789abcdef";
    int i = 63;

    memset(out, '0', 64);
    memcpy(out, digits, strlen(digits));
    out[64] = '\0';
    while (i >= 0 && out[i] == '0')
        out[i--] = 'f';
    if (i < 0)
        return false;
    out[i] = hex[strchr(hex, out[i]) - hex - 1];
    return true;
}

int
tcs_fingerprint(struct client *client, const char *text, char out[65])
{
    const size_t digits = options_digits(text, out);
    char wanted[65], below[65];
    json_t *answer = NULL;
    const json_t *one;
    size_t i, found = 0;
    int result;

    if (digits == 64)
        return CLI_ACCEPT;
    if (digits < LEAST_DIGITS)
        return cli_fail("'%s' is neither a file nor a fingerprint: SHA-256 in hex, at least its "
                        "first %d digits",
                text, LEAST_DIGITS);
    memcpy(wanted, out, digits + 1);
    result = just_below(wanted, below) ? client_get(client, &answer, "/tcs?limit=2&after=%s", below)
                                       : client_get(client, &answer, "/tcs?limit=2");
    if (result != CLI_ACCEPT)
        return result;
    json_array_foreach(json_object_get(answer, "certificates"), i, one)
    {
        if (strncmp(journal_text(one, "sha256"), wanted, digits) != 0)
            continue;
        found++;
        (void)snprintf(out, 65, "%s", journal_text(one, "sha256"));
    }
    json_decref(answer);
    if (found > 1)
        return cli_fail(
                "several trusted certificates' SHA-256 begin with %s; give more digits", wanted);
    if (found == 1)
        return CLI_ACCEPT;
    (void)cli_fail("no trusted certificate's SHA-256 begins with %s", wanted);
    return CLI_REJECT;
}

const struct cli_command cli_tcs = {
    .name = "tcs",
    .summary = "the Trusted Certificate Store: list, add, remove, show, export, lint",
    .actions = actions,
    .help = "usage: certgate tcs ACTION ...\n"
            "\n"
            "The certificates that peers are judged by: roots, intermediates, and exact copies of "
            "peers'\n"
            "own certificates. Entries are named by their SHA-256, or its first digits.\n"
            "\n"
            "examples:\n"
            "  certgate tcs add roots.pem\n"
            "  certgate tcs list --within 60\n",
};
