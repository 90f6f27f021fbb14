/* The question to a responder: RFC 6960 section 4.1.1 in the profile of RFC 5019 section 2.1.1. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/reader.h"
#include "revocation/evidence.h"

#define OID_SHA1 "\x2b\x0e\x03\x02\x1a"
#define SHA1_SIZE 20
/* Serial numbers that are asked about; longer ones have no path (RFC 5280 section 4.1.2.2). */
#define MAX_SERIAL 21
/* All around the serial number is below this: lengths stay in one octet. */
#define MAX_REQUEST 127

static void
add_element(struct cg_buf *buf, uint8_t tag, const void *contents, size_t len)
{
    const uint8_t head[] = { tag, (uint8_t)len };

    cg_buf_add_bytes(buf, head, sizeof(head));
    cg_buf_add_bytes(buf, contents, len);
}

/* Puts what the buffer holds into a SEQUENCE. */
static void
wrap(struct cg_buf *buf)
{
    char inside[MAX_REQUEST];
    size_t len = buf->len;

    if (len > sizeof(inside)) {
        buf->failed = true;
        return;
    }
    memcpy(inside, buf->data, len);
    cg_buf_drop(buf, len);
    add_element(buf, CG_DER_SEQUENCE, inside, len);
}

enum cg_status
cg_ocsp_request(const struct cg_engine *engine, const struct cg_cert *cert, const struct cg_cert *issuer, uint8_t **out,
        size_t *len, struct cg_error *err)
{
    static const uint8_t algorithm[] = { CG_DER_SEQUENCE, 9, CG_DER_OID, 5, 0x2b, 0x0e, 0x03, 0x02,
        0x1a, CG_DER_NULL, 0 };
    const struct cg_span sha1 = cg_span(OID_SHA1, sizeof(OID_SHA1) - 1);
    uint8_t name[CG_MAX_DIGEST], key[CG_MAX_DIGEST];
    struct cg_buf buf;

    *out = NULL;
    *len = 0;
    if (cert->serial.len > MAX_SERIAL)
        return cg_fail(err, CG_E_LIMIT, "a serial number of %zu octets", cert->serial.len);
    if (cg_digest_by_oid(engine, sha1, cert->issuer, name) != SHA1_SIZE ||
            cg_digest_by_oid(engine, sha1, issuer->key_bits_data, key) != SHA1_SIZE)
        return cg_fail(err, CG_E_CRYPTO, "cannot compute the SHA-1 of an issuer");
    cg_buf_init(&buf, MAX_REQUEST + 2);
    cg_buf_add_bytes(&buf, algorithm, sizeof(algorithm));
    add_element(&buf, CG_DER_OCTET_STRING, name, SHA1_SIZE);
    add_element(&buf, CG_DER_OCTET_STRING, key, SHA1_SIZE);
    add_element(&buf, CG_DER_INTEGER, cert->serial.data, cert->serial.len);
    for (int depth = 0; depth < 5;
            depth++) /* certID, Request, requestList, tbsRequest, the whole */
        wrap(&buf);
    *len = buf.len;
    *out = (uint8_t *)cg_buf_take(&buf);
    return *out != NULL ? CG_OK : cg_fail(err, CG_E_NOMEM, "no memory for an OCSP request");
}
