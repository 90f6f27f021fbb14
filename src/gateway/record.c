#include "gateway/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void
incident_text(const uint8_t incident[TICKET_INCIDENT_SIZE], char out[INCIDENT_TEXT_SIZE])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned bits = 0, held = 0;
    size_t at = 0;

    for (size_t i = 0; i < TICKET_INCIDENT_SIZE; i++) {
        bits = bits << 8 | incident[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            out[at++] = digits[bits >> held & 31];
        }
    }
    if (held > 0)
        out[at++] = digits[bits << (5 - held) & 31];
    out[at] = '\0';
}

static void
add_text(struct cg_buf *buf, const char *name, const char *text)
{
    cg_buf_add(buf, ",\"");
    cg_buf_add(buf, name);
    cg_buf_add(buf, "\":");
    if (text == NULL)
        cg_buf_add(buf, "null");
    else
        cg_buf_add_json(buf, text);
}

/* RFC 3339 with milliseconds. */
static void
add_time(struct cg_buf *buf, int64_t ms)
{
    struct cg_buf seconds;

    cg_buf_init(&seconds, 64);
    cg_buf_add_time(&seconds, ms / 1000);
    if (seconds.len > 1)
        cg_buf_addf(buf, "\"%.*s.%03dZ\"", (int)seconds.len - 1, cg_buf_text(&seconds),
                (int)(ms % 1000));
    else
        cg_buf_add(buf, "null");
    cg_buf_release(&seconds);
}

/* A number that is null where it is negative. */
static void
add_count(struct cg_buf *buf, const char *name, int value)
{
    if (value < 0)
        cg_buf_addf(buf, ",\"%s\":null", name);
    else
        cg_buf_addf(buf, ",\"%s\":%d", name, value);
}

static void
add_head(struct cg_buf *buf, const struct record *record)
{
    char incident[INCIDENT_TEXT_SIZE];

    cg_buf_addf(buf, "{\"v\":%d,\"time\":", RECORD_VERSION);
    add_time(buf, record->time_ms);
    add_text(buf, "node", record->node);
    cg_buf_addf(buf, ",\"generation\":%llu", (unsigned long long)record->generation);
    incident_text(record->incident, incident);
    add_text(buf, "incident", incident);
    add_text(buf, "interface", record->interface);
    add_text(buf, "service", cg_service_name(record->service));
    add_text(buf, "role", cg_role_name(record->role));
    add_text(buf, "step", record->step);
    add_text(buf, "peer", record->peer);
    add_text(buf, "local", record->local);
    add_text(buf, "via", record->via);
    add_text(buf, "class", record->class);
    add_text(buf, "class_by", record->class_by);
    add_text(buf, "sni", record->sni);
    add_text(buf, "tls", record->tls);
    add_text(buf, "cipher", record->cipher);
    cg_buf_addf(buf, ",\"resumed\":%s", record->resumed ? "true" : "false");
    if (record->live != NULL)
        add_text(buf, "live", record->live);
    add_count(buf, "presented", record->presented);
    add_count(buf, "alert_sent", record->alert_sent);
    add_count(buf, "alert_received", record->alert_received);
}

/* What the certificate would have got at each level, as at the time of the full handshake. */
static void
add_ticket_levels(struct cg_buf *buf, const struct ticket *ticket)
{
    cg_buf_add(buf, ",\"levels\":{");
    for (unsigned i = 0; i < CG_LEVEL_COUNT; i++) {
        enum cg_reason reason = (enum cg_reason)ticket->levels[i];

        cg_buf_addf(buf, "%s\"%s\":{\"verdict\":\"%s\",\"reason\":", i == 0 ? "" : ",",
                cg_level_name((enum cg_level)i), reason == CG_REASON_NONE ? "accept" : "reject");
        if (reason == CG_REASON_NONE)
            cg_buf_add(buf, "null");
        else
            cg_buf_add_json(buf, cg_reason_info(reason)->code);
        cg_buf_add(buf, "}");
    }
    cg_buf_add(buf, "}");
}

/* The verdict of a resumed session: the one it was opened with; its findings are in that record. */
static void
add_ticket(struct cg_buf *buf, const struct record *record)
{
    const struct ticket *ticket = record->ticket;
    char incident[INCIDENT_TEXT_SIZE];
    const char *comma = "";

    incident_text(ticket->incident, incident);
    add_text(buf, "decided_in", incident);
    cg_buf_add(buf, ",\"decided_at\":");
    add_time(buf, ticket->decided * 1000);
    add_text(buf, "verdict", "accept");
    add_text(buf, "level", cg_level_name(cg_policy_level(record->policy)));
    cg_buf_addf(buf, ",\"latched\":%s,\"reason\":null",
            cg_policy_latched(record->policy) ? "true" : "false");
    cg_buf_add(buf, ",\"allowances\":[");
    for (unsigned i = 0; i < CG_ALLOWANCES; i++)
        if ((ticket->verdicts[record->class_index].allowances >> i & 1u) != 0) {
            cg_buf_add(buf, comma);
            cg_buf_add_json(buf, cg_allowance_name((enum cg_allowance)i));
            comma = ",";
        }
    cg_buf_add(buf, "],\"findings\":[]");
    if (record->ticket_cert != NULL) {
        if (record->class_index == 0)
            add_ticket_levels(buf, ticket);
        cg_buf_add(buf, ",\"certificate\":");
        cg_buf_add(buf, record->ticket_cert);
        cg_buf_add(buf, ",\"chain_sha256\":\"");
        cg_buf_add_hex(buf, cg_span(ticket->chain, sizeof(ticket->chain)), false);
        cg_buf_add(buf, "\"");
    }
}

static void
add_decision(struct cg_buf *buf, const struct cg_decision *decision, bool cut)
{
    enum cg_reason reason = cg_decision_reason(decision);
    bool accepted = cg_decision_verdict(decision) == CG_ACCEPT;
    char *members;

    if (!cut) {
        members = cg_decision_json_members(decision);
        if (members == NULL)
            buf->failed = true;
        else
            cg_buf_add(buf, members);
        free(members);
        return;
    }
    cg_buf_addf(buf, "\"verdict\":\"%s\",\"reason\":", accepted ? "accept" : "reject");
    if (accepted)
        cg_buf_add(buf, "null");
    else
        cg_buf_add_json(buf, cg_reason_info(reason)->code);
    if (cg_decision_get0_cert(decision) != NULL) {
        cg_buf_add(buf, ",\"certificate\":{\"sha256\":\"");
        cg_buf_add_hex(buf,
                cg_span(cg_cert_get0_sha256(cg_decision_get0_cert(decision)), CG_SHA256_SIZE),
                false);
        cg_buf_add(buf, "\"}");
    }
    cg_buf_add(buf, ",\"cut\":true");
}

static char *
render(const struct record *record, size_t max, bool cut)
{
    struct cg_buf buf;

    cg_buf_init(&buf, max);
    add_head(&buf, record);
    if (record->ticket != NULL && record->decision == NULL) {
        add_ticket(&buf, record);
    } else {
        cg_buf_add(&buf, ",");
        add_decision(&buf, record->decision, cut);
        if (record->before != NULL && !cut) {
            cg_buf_add(&buf, ",\"peer_decision\":{");
            add_decision(&buf, record->before, cut);
            cg_buf_add(&buf, "}");
        }
    }
    cg_buf_add(&buf, "}");
    return cg_buf_take(&buf);
}

char *
record_json(const struct record *record, size_t max)
{
    char *json = render(record, max, false);

    return json != NULL ? json : render(record, max, true);
}
