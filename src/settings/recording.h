/* Settings of the node about its decision log: rows of certgate.conf, outside of blocks. */
#ifndef SETTINGS_RECORDING_H
#define SETTINGS_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

/* Where decisions are told beside the log. */
#define SETTINGS_MAX_TOLD 4
/* Path of a socket: sockaddr_un has no room for more. */
#define SETTINGS_SOCKET_SIZE 108

enum settings_told { SETTINGS_SYSLOG, SETTINGS_JOURNALD };

struct settings_recording {
    uint64_t max_bytes; /* 0: never rotated for its size */
    int64_t max_age_s; /* 0: … for its age */
    unsigned keep;
    bool sync;
    bool required; /* what cannot be recorded does not happen */
    bool told_accepted;
    struct {
        enum settings_told kind;
        char socket[SETTINGS_SOCKET_SIZE];
    } told[SETTINGS_MAX_TOLD];
    unsigned told_count;
    uint64_t reserve; /* octets of the state directory's disk that are the store's alone */
};

/* clang-format off */
#define RECORDING_ROWS(X)                                                                             \
    /* name, value, reader, default, what it should have been, help */                                \
    X("log-max-size", "\"SIZE\"", read_max_size, "100MB", "a size from 1MB to 1000GB, or off",          \
      "a log file is rotated before it grows beyond; off: never for its size")                         \
    X("log-max-age", "\"TIME\"", read_max_age, "off", "a duration from 1m to 366d, or off",             \
      "a log file is rotated when its first record is older")                                          \
    X("log-keep", "N", read_keep, "10", "a number from 1 to 100",                                       \
      "rotated log files that stay, FILE.1 the newest")                                                \
    X("log-sync", "true", read_sync, "false", "true or false",                                          \
      "put each record on the disk before the next is taken; slow, as each waits for the disk")        \
    X("log-to", "\"SERVICES\"", read_to, "", "syslog, journald or both, each also as KIND:/path/of/its/socket", \
      "where refusals are told too, in words with the incident id: syslog, journald or both, with a blank between; each also as KIND:/path/of/its/socket") \
    X("log-to-accepted", "true", read_to_accepted, "false", "true or false",                            \
      "tell admissions there as well")                                                                 \
    X("audit", "MODE", read_audit, "best-effort", "best-effort or required",                            \
      "required: while decisions cannot be recorded, new peers are refused, and established ones follow 'live'; best-effort: losses are counted") \
    X("disk-reserve", "\"SIZE\"", read_reserve, "8MB", "a size up to 10GB, or off",                     \
      "what is kept free on the state directory's disk for administrative changes: the inventory stops when there is less than four times of it, the log when there is less than it")
/* clang-format on */

/* Sets the defaults. */
void recording_init(struct settings_recording *recording);
/*
 * Takes one value of a row. NULL when it was fine, otherwise what the value should have been. `name` is of one
 * of the rows.
 */
const char *recording_read(
        struct settings_recording *recording, const char *name, const char *text);
/* One of the rows, by number; NULL behind the last. */
const char *recording_name(unsigned i);

#endif
