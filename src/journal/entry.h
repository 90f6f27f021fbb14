/*
 * One decision record, as it is read back. Members that this version does not know stay in `json`.
 */
#ifndef JOURNAL_ENTRY_H
#define JOURNAL_ENTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <certgate/certgate.h>

#include "base/buf.h"

/* 26 letters and digits. */
#define JOURNAL_INCIDENT_LENGTH 26

/* Text is borrowed from `json`, and "" where the record has null or nothing. */
struct journal_entry {
    json_t *json;
    int64_t time_ms;
    uint64_t generation;
    const char *time, *node, *incident, *interface, *service, *role, *step, *peer, *via, *class,
            *class_by, *sni, *tls, *cipher, *verdict, *level, *reason, *detail, *remedy, *live,
            *decided_in, *decided_at;
    bool accepted, latched, resumed, cut;
    bool has_presented;
    int64_t presented;
    /* Of the received certificate; where a backend failed, of the peer that had been admitted. */
    const json_t *judged; /* the object that holds that decision */
    const json_t *certificate; /* NULL: none */
    const char *sha256, *subject, *issuer, *not_before, *not_after;
    const json_t *levels; /* NULL: not judged at all of them */
    const json_t *findings, *path, *allowances; /* arrays, or NULL */
};

/* What filters ask for, and the log's index keeps of a record. */
struct journal_facts {
    int64_t time_ms;
    const char *incident, *decided_in, *interface, *class, *reason, *sha256, *peer;
    bool accepted;
};

/* Borrowed from the entry. */
struct journal_facts journal_entry_facts(const struct journal_entry *entry);

/* False when the line is no decision record; then there is nothing to release. */
bool journal_entry_parse(const char *line, size_t len, struct journal_entry *out);
void journal_entry_release(struct journal_entry *entry);

/*
 * What the peer would have got at a level: false when the record does not say. *reason is
 * CG_REASON_NONE for an acceptance.
 */
bool journal_entry_at_level(
        const struct journal_entry *entry, enum cg_level level, enum cg_reason *reason);

/* An administrator admits the certificate although checks fail on it. */
bool journal_entry_admitted(const struct journal_entry *entry);
/* Where such an admission of this peer would have to stand: the trunk or line that it was judged as, or the interface. */
const char *journal_entry_place(const struct journal_entry *entry);

/* The address of "192.0.2.1:5555" or "[2001:db8::1]:5555" without its port; "unix" stays. */
void journal_peer_address(const char *peer, char *out, size_t size);

/* RFC 3339 in UTC as records write it, with or without a fraction; false when it is none. */
bool journal_time(const char *text, size_t len, int64_t *ms);
/* The time that a line of the log begins with. */
bool journal_line_time(const char *line, size_t len, int64_t *ms);

/* Text for a terminal: control characters, of which a log should hold none, become '?'. */
void journal_add_clean(struct cg_buf *buf, const char *text);

/* Text of a JSON member, "" where it is null, no text or not there. */
const char *journal_text(const json_t *object, const char *name);

#endif
