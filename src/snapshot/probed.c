#include "snapshot/probed.h"

#include "base/reader.h"

static void
put_u16(struct cg_buf *out, size_t value)
{
    const uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

    cg_buf_add_bytes(out, bytes, sizeof(bytes));
}

static void
put_text(struct cg_buf *out, const char *text, size_t size)
{
    size_t len = strnlen(text, size - 1);

    put_u16(out, len);
    cg_buf_add_bytes(out, text, len);
}

void
probed_write(const struct probed *probed, struct cg_buf *out)
{
    const uint8_t outcome = (uint8_t)probed->outcome;

    cg_buf_add_bytes(out, &outcome, 1);
    put_text(out, probed->address, sizeof(probed->address));
    put_text(out, probed->tls, sizeof(probed->tls));
    put_text(out, probed->why, sizeof(probed->why));
    for (size_t i = 0; i < probed->count; i++) {
        put_u16(out, probed->certs[i].len);
        cg_buf_add_bytes(out, probed->certs[i].data, probed->certs[i].len);
    }
}

static bool
get_text(struct cg_reader *reader, char *out, size_t size)
{
    struct cg_span text;
    uint16_t len;

    if (!cg_read_u16(reader, &len) || len >= size || !cg_read_bytes(reader, len, &text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        out[i] = text.data[i] < 0x20 || text.data[i] >= 0x7f ? '?' : (char)text.data[i];
    out[text.len] = '\0';
    return true;
}

static bool
get_certs(struct cg_reader *reader, struct probed *out)
{
    size_t total = 0;
    uint16_t len;

    while (!cg_reader_done(reader)) {
        if (out->count == PROBED_MAX_CERTS || !cg_read_u16(reader, &len) || len == 0 ||
                len > CG_MAX_CERT_BYTES || (total += len) > CG_MAX_CHAIN_BYTES ||
                !cg_read_bytes(reader, len, &out->certs[out->count]))
            return false;
        out->count++;
    }
    return true;
}

bool
probed_read(struct cg_span payload, struct probed *out)
{
    struct cg_reader reader = cg_reader(payload);
    uint8_t outcome;

    *out = (struct probed) { .outcome = PROBED_FAILED };
    if (!cg_read_u8(&reader, &outcome) || outcome >= PROBED_OUTCOMES ||
            !get_text(&reader, out->address, sizeof(out->address)) ||
            !get_text(&reader, out->tls, sizeof(out->tls)) ||
            !get_text(&reader, out->why, sizeof(out->why)) || !get_certs(&reader, out))
        return false;
    out->outcome = (enum probed_outcome)outcome;
    return (out->outcome == PROBED_CHAIN) == (out->count != 0);
}
