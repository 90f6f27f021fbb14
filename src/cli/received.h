/* What the commands share that read decision records and the peer inventory. */
#ifndef CLI_RECEIVED_H
#define CLI_RECEIVED_H

#include <jansson.h>

#include "inventory/inventory.h"
#include "journal/filter.h"
#include "settings/settings.h"

/* Log files that one command replays. */
#define CLI_MAX_REPLAYS 64
#define CLI_SECONDS_A_DAY INT64_C(86400)
/* How far back peers count unless told otherwise, as `what-if` and `expiring` take them. */
#define CLI_USUAL_DAYS 30

/* Where the peers come from. */
struct cli_received {
    const char *config; /* certgate.conf */
    const char *inventory; /* NULL: inventory.db of its state directory */
    const char *replay[CLI_MAX_REPLAYS]; /* logs to read instead */
    size_t replay_count;
    const char *interfaces[JOURNAL_MAX_INTERFACES];
    size_t interface_count;
    int64_t since; /* seconds; INT64_MIN: always */
    int64_t now;
};

enum cli_output { CLI_TEXT, CLI_JSON, CLI_CSV };

/* A time as cli_time() reads it, a date ("2026-11-24", its first second), or how long ago ("30d", "12h", "2w"). */
bool cli_moment(const char *text, int64_t now, int64_t *out);
/* A number of days, 0 to 36500. */
bool cli_days(const char *text, int64_t *out);
/* "text", "json", and "csv" where that is offered; CLI_ACCEPT or CLI_USAGE. */
int cli_output(const char *text, bool csv, enum cli_output *out);
/* One more --interface, --replay; CLI_ACCEPT or CLI_USAGE. */
int cli_add_interface(const char *text, const char **list, size_t *count);
int cli_add_replay(const char *text, struct cli_received *received);

/* The settings, or NULL after saying what is wrong. */
struct settings *cli_settings(const char *path);
/* The path of the decision log: `file`, or what the configuration names. The caller frees it; NULL after saying why. */
char *cli_log_path(const char *file, const char *config);

/* The inventory, or one made of the logs; NULL after saying why. settings may be NULL: they are then read where needed. */
struct inventory *cli_inventory(
        const struct cli_received *received, const struct settings *settings);
struct inventory_query cli_query(const struct cli_received *received);

/* Whole days until then, below 0 once it has passed. */
int64_t cli_days_left(int64_t until, int64_t now);
/* RFC 3339; a day's date only with `day`. */
const char *cli_when(int64_t seconds, bool day, char out[32]);
/* A certificate of the inventory as JSON, or NULL without memory. */
json_t *cli_peer_json(const struct inventory_peer *peer, int64_t now);
/* One JSON document on standard output; CLI_ACCEPT, or CLI_USAGE without memory. Takes the reference. */
int cli_put_json(json_t *json);
/* Text fit for a terminal, on standard output, filled up to a width. */
void cli_put_clean(const char *text, int width);
/* "refused" in red, where that can be seen. */
struct cli_style {
    const char *good, *bad, *dim, *off;
    const char *yes, *no, *unknown; /* one column each */
};
struct cli_style cli_style(void);

#endif
