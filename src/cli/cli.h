/* The command: a table of subcommands, and what they share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <certgate/certgate.h>

#include "input/input.h"
#include "snapshot/snapshot.h"

/* Exit statuses (shared contract, section 10). */
enum { CLI_ACCEPT = 0, CLI_REJECT = 1, CLI_USAGE = 2 };

#define CLI_DEFAULT_CONFIG "/etc/certgate/certgate.conf"
/* Where certgated keeps its state unless told otherwise. */
#define CLI_DEFAULT_STATE "/var/lib/certgate"

struct cli_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
    /* A table of its own, NULL at the end; run is then what it does without an action, or NULL. */
    const struct cli_command *const *actions;
    const char *help;
};

/* Runs a command, or the action of it that argv[1] names. */
int cli_run(const struct cli_command *command, int argc, char **argv);
/* Its help, with its actions. */
void cli_put_help(const struct cli_command *command);

extern const struct cli_command cli_check;
extern const struct cli_command cli_inspect;
extern const struct cli_command cli_log;
extern const struct cli_command cli_explain;
extern const struct cli_command cli_peers;
extern const struct cli_command cli_what_if;
extern const struct cli_command cli_expiring;
extern const struct cli_command cli_tcs;
extern const struct cli_command cli_status;
extern const struct cli_command cli_settings_group;
extern const struct cli_command cli_history;
extern const struct cli_command cli_confirm;
extern const struct cli_command cli_revert;
extern const struct cli_command cli_identity;
extern const struct cli_command cli_trust;
extern const struct cli_command cli_pins;
extern const struct cli_command cli_pins_remove;
extern const struct cli_command cli_audit;
extern const struct cli_command cli_audit_list;
extern const struct cli_command cli_audit_verify;
extern const struct cli_command cli_backup;
extern const struct cli_command cli_restore;
extern const struct cli_command cli_user;
extern const struct cli_command cli_user_list;
extern const struct cli_command cli_user_add;
extern const struct cli_command cli_user_passwd;
extern const struct cli_command cli_user_remove;
extern const struct cli_command cli_console;
extern const struct cli_command cli_init;
extern const struct cli_command cli_config;
extern const struct cli_command cli_metrics;
extern const struct cli_command cli_reload;
extern const struct cli_command cli_upgrade;
extern const struct cli_command cli_help;
extern const struct cli_command cli_version;

/* All subcommands, NULL at the end. */
extern const struct cli_command *const cli_commands[];

/* "certgate: …" on standard error; returns CLI_USAGE. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * What getopt_long() found instead of an option (':' or '?', with a leading ':' in its short options), in
 * words with the nearest known name; returns CLI_USAGE.
 */
int cli_unknown_option(int found, char **argv, const struct option *options, const char *command);

/* The years 1 to 9999, which is what RFC 3339 can write. */
#define CLI_EARLIEST INT64_C(-62135596800)
#define CLI_LATEST INT64_C(253402300799)

/* RFC 3339 ("2026-11-24T00:00:00Z", with offset) or seconds since 1970. */
bool cli_time(const char *text, int64_t *out);
/* False where no calendar has this second. */
bool cli_seconds(int64_t seconds, int64_t *out);

/* An IPv4 or IPv6 address as text. */
bool cli_address(const char *text);

/* Reads the first line of a file in place of *out; CLI_ACCEPT, or CLI_USAGE after saying why not. */
int cli_password(const char *path, char **out);

/* A name as a reference: U-labels become A-labels (libidn2); addresses stay. NULL when it is none. */
char *cli_reference(const char *text);

/* What `check` was told, and what each line of a batch starts from. */
struct cli_check_options {
    enum cg_level level;
    bool has_level; /* it was asked for */
    bool custom;
    cg_check_set checks;
    enum cg_role role;
    enum cg_service service;
    enum cg_revocation_mode revocation;
    struct cg_revocation *known; /* what --crl and --ocsp gave, or NULL */
    bool latched, ca_eku, partial_chain, all_levels, json, trace, batch, has_time;
    unsigned max_depth;
    int64_t time;
    bool allowed[CG_ALLOW_COUNT];
    int64_t allowed_until[CG_ALLOW_COUNT];
    struct snapshot_pin admitted[64]; /* without a reason */
    size_t admitted_count;
    char *names[64];
    size_t name_count;
    char *domains[64];
    size_t domain_count;
    const char *peer_address;
    const char *from_domain;
    struct input_list tcs;
    bool has_tcs;
    const char *state; /* of the certgated that is asked for its TCS where none is given */
    struct input_list identities;
    struct input_list chain;
    char *password; /* of PKCS#12 containers; NULL for none */
};

/* Splits "a,b,c" into a set of checks; false names the unknown one. */
bool cli_checks(const char *text, cg_check_set *out, char unknown[64]);
/* "allow-…" or "allow-…=2027-06-30"; false when it is neither. */
bool cli_allowance(const char *text, struct cli_check_options *options);
/* "SHA256" or "SHA256@2027-06-30", an RFC 3339 time too; false when it is neither, or one too many. */
bool cli_admit(const char *text, struct cli_check_options *options);

/* Builds a policy from options; NULL with the text when names do not fit. */
struct cg_policy *cli_policy(const struct cli_check_options *options, struct cg_error *err);

/* A frozen store of these certificates; NULL with the text. */
struct cg_store *cli_store(const struct input_list *list, struct cg_error *err);

/* Prints a decision for people: verdict (or verdicts) first, a line a check, the remedies last. */
void cli_print_decision(FILE *out, const struct cg_decision *decision, bool all_levels);

/* The batch: one JSON object a line in, one out. */
int cli_batch(const struct cli_check_options *options, FILE *in, FILE *out);

/* One line of it: the answer, with its newline, goes to out. The store stands in for `anchors`. */
void cli_batch_line(const struct cli_check_options *options, struct cg_engine *engine,
        const struct cg_store *store, const char *line, size_t len, FILE *out);

#endif
