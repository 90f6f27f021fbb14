/*
 * Records that repeat: a peer that comes back gets the decision of before, and its record is that of
 * before but for the time, the connection and what TLS agreed on. Telling that from the bytes costs a
 * fiftieth of parsing them. At most REPEATS_PLACES are known, each whole, so that nothing is taken for another.
 */
#ifndef CONTROL_REPEATS_H
#define CONTROL_REPEATS_H

#include "journal/entry.h"

#define REPEATS_PLACES 4096 /* as many as a worker remembers decisions */
#define REPEATS_MAX_RECORD (16 * 1024) /* a larger one is parsed each time */
#define REPEATS_HEAD_SIZE 512
#define REPEATS_PEER_SIZE 96
#define REPEATS_WORD_SIZE 128 /* of a name, an incident, a digest */

/* What is before the verdict, as far as it can be read without JSON. */
struct record_head {
    int64_t time_ms;
    char peer[REPEATS_PEER_SIZE];
    char incident[JOURNAL_INCIDENT_LENGTH + 1], decided_in[JOURNAL_INCIDENT_LENGTH + 1];
    char kept[REPEATS_HEAD_SIZE]; /* the members that say the same each time */
    size_t kept_len;
    size_t rest; /* where "verdict" begins */
};

/* False for what is not written as our workers write it: then it has to be parsed. */
bool record_head_read(const char *json, size_t len, struct record_head *out);

struct repeat {
    char *record; /* the first of its kind; owned */
    size_t len;
    struct record_head head; /* of the last */
    char words[4][REPEATS_WORD_SIZE];
    struct journal_facts facts; /* of the last: in head and words */
    enum cg_reason reason; /* as the facts have it */
    unsigned times; /* that it came again since it was settled */
};

struct repeats;
struct repeats *repeats_new(void);
void repeats_free(struct repeats *repeats);

/* Counts a record that came before, and returns it; NULL: it is to be parsed. Borrowed until the next call. */
const struct repeat *repeats_count(struct repeats *repeats, const char *json, size_t len);

/* Called for each that came again; the entry is as the last one would be parsed. */
typedef void repeats_settled(void *arg, const struct journal_entry *entry, unsigned times);

/* Knows it from now on, in place of another, which is settled before. */
void repeats_keep(struct repeats *repeats, const char *json, size_t len,
        const struct journal_entry *entry, repeats_settled *settled, void *arg);
void repeats_settle(struct repeats *repeats, repeats_settled *settled, void *arg);

#endif
