#include "gateway/ticket.h"

#include <string.h>

#include "base/reader.h"

/* Grows by one with every change of the layout: a ticket of another version is not a ticket. */
#define TICKET_VERSION 3

struct writer {
    uint8_t *at;
    uint8_t *end;
    bool full;
};

static void
put(struct writer *writer, const void *bytes, size_t len)
{
    if (len > (size_t)(writer->end - writer->at)) {
        writer->full = true;
        return;
    }
    if (len != 0)
        memcpy(writer->at, bytes, len);
    writer->at += len;
}

static void
put_uint(struct writer *writer, uint64_t value, unsigned octets)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < octets; i++)
        bytes[i] = (uint8_t)(value >> (8 * (octets - 1 - i)));
    put(writer, bytes, octets);
}

size_t
ticket_encode(const struct ticket *ticket, uint8_t *out, size_t size)
{
    struct writer writer = { .at = out, .end = out + size };

    put_uint(&writer, TICKET_VERSION, 1);
    put_uint(&writer, ticket->generation, 8);
    put_uint(&writer, ticket->interface, 4);
    put(&writer, ticket->policy, sizeof(ticket->policy));
    put_uint(&writer, ticket->tls_version, 2);
    put_uint(&writer, ticket->certificate, 1);
    put(&writer, ticket->leaf, sizeof(ticket->leaf));
    put(&writer, ticket->chain, sizeof(ticket->chain));
    put_uint(&writer, ticket->chain_left_out, 1);
    put(&writer, ticket->levels, sizeof(ticket->levels));
    put_uint(&writer, ticket->verdict_count, 1);
    for (size_t i = 0; i < ticket->verdict_count; i++) {
        put_uint(&writer, ticket->verdicts[i].reason, 1);
        put_uint(&writer, ticket->verdicts[i].allowances, 1);
        put_uint(&writer, ticket->verdicts[i].chain_passed, 1);
    }
    put_uint(&writer, (uint64_t)ticket->decided, 8);
    put_uint(&writer, (uint64_t)ticket->good_from, 8);
    put_uint(&writer, (uint64_t)ticket->good_until, 8);
    put(&writer, ticket->incident, sizeof(ticket->incident));
    put(&writer, ticket->address, sizeof(ticket->address));
    put_uint(&writer, ticket->sni_len, 1);
    put(&writer, ticket->sni, ticket->sni_len);
    return writer.full ? 0 : (size_t)(writer.at - out);
}

static bool
take(struct cg_reader *reader, uint8_t *out, size_t len)
{
    struct cg_span span;

    if (!cg_read_bytes(reader, len, &span))
        return false;
    memcpy(out, span.data, len);
    return true;
}

static bool
take_time(struct cg_reader *reader, int64_t *out)
{
    uint64_t value;

    if (!cg_read_u64(reader, &value))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool
take_bool(struct cg_reader *reader, bool *out)
{
    uint8_t value;

    if (!cg_read_u8(reader, &value) || value > 1)
        return false;
    *out = value == 1;
    return true;
}

static bool
take_verdicts(struct cg_reader *reader, struct ticket *out)
{
    if (!take(reader, out->levels, sizeof(out->levels)) ||
            !cg_read_u8(reader, &out->verdict_count) || out->verdict_count == 0 ||
            out->verdict_count > TICKET_MAX_CLASSES)
        return false;
    for (size_t i = 0; i < CG_LEVEL_COUNT; i++)
        if (out->levels[i] >= CG_REASON_COUNT)
            return false;
    for (size_t i = 0; i < out->verdict_count; i++) {
        struct ticket_verdict *verdict = &out->verdicts[i];

        if (!cg_read_u8(reader, &verdict->reason) || verdict->reason >= CG_REASON_COUNT ||
                !cg_read_u8(reader, &verdict->allowances) ||
                verdict->allowances >> CG_ALLOWANCES != 0 ||
                !take_bool(reader, &verdict->chain_passed))
            return false;
    }
    return true;
}

static bool
take_peer(struct cg_reader *reader, struct ticket *out)
{
    return take_bool(reader, &out->certificate) && take(reader, out->leaf, sizeof(out->leaf)) &&
            take(reader, out->chain, sizeof(out->chain)) &&
            take_bool(reader, &out->chain_left_out) && take_verdicts(reader, out) &&
            take_time(reader, &out->decided) && take_time(reader, &out->good_from) &&
            take_time(reader, &out->good_until);
}

bool
ticket_decode(const uint8_t *data, size_t len, struct ticket *out)
{
    struct cg_reader reader = cg_reader(cg_span(data, len));
    uint8_t version, sni_len;

    memset(out, 0, sizeof(*out));
    if (!cg_read_u8(&reader, &version) || version != TICKET_VERSION)
        return false;
    if (!cg_read_u64(&reader, &out->generation) || !cg_read_u32(&reader, &out->interface) ||
            !take(&reader, out->policy, sizeof(out->policy)) ||
            !cg_read_u16(&reader, &out->tls_version))
        return false;
    if (!take_peer(&reader, out) || !take(&reader, out->incident, sizeof(out->incident)))
        return false;
    if (!take(&reader, (uint8_t *)out->address, sizeof(out->address)) ||
            memchr(out->address, '\0', sizeof(out->address)) == NULL)
        return false;
    if (!cg_read_u8(&reader, &sni_len) || !take(&reader, (uint8_t *)out->sni, sni_len))
        return false;
    out->sni_len = sni_len;
    return cg_reader_done(&reader);
}

bool
ticket_holds(const struct ticket *ticket, const struct ticket_scene *scene)
{
    if (ticket->generation != scene->generation || ticket->interface != scene->interface ||
            ticket->tls_version != scene->tls_version ||
            memcmp(ticket->policy, scene->policy, sizeof(ticket->policy)) != 0)
        return false;
    if (!cg_span_equal(cg_span(ticket->sni, ticket->sni_len), cg_span(scene->sni, scene->sni_len)))
        return false;
    if (strcmp(ticket->address, scene->address) != 0)
        return false;
    /* What is told of the chain to the backend must be at hand. */
    if (scene->needs_chain && ticket->chain_left_out)
        return false;
    if (scene->now < ticket->good_from || scene->now > ticket->good_until)
        return false;
    /* A clock that was set back must not make a session older than it says it is. */
    return scene->now >= ticket->decided && ticket->decided >= scene->now - scene->lifetime;
}
