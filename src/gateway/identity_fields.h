/*
 * What a backend is told of an admitted peer, as HTTP fields (docs/protocols/http.md): certgate's own
 * verdict always, the certificate in the forms that are asked for.
 */
#ifndef GATEWAY_IDENTITY_FIELDS_H
#define GATEWAY_IDENTITY_FIELDS_H

#include <certgate/certgate.h>

#include "gateway/http.h"

/* Forms of the certificate that a backend may want; bits. */
enum identity_form {
    IDENTITY_CLIENT_CERT = 1 << 0, /* RFC 9440: the received certificate */
    IDENTITY_CLIENT_CERT_CHAIN = 1 << 1, /* RFC 9440: what it came with */
    IDENTITY_XFCC = 1 << 2, /* X-Forwarded-Client-Cert as Envoy writes it */
    IDENTITY_XFCC_CERT = 1 << 3, /* … with the certificate in it */
};

/* All borrowed for the call. */
struct identity_facts {
    unsigned forms;
    const struct cg_cert *leaf; /* NULL: the peer showed none */
    const struct cg_span *chain; /* DER of what came with it, in the peer's order */
    size_t chain_count;
    enum cg_level level;
    const char *interface;
    const char *incident; /* of the record with the findings */
    uint32_t allowances; /* bit i = enum cg_allowance i: needed for the verdict */
    const char *address; /* the peer's, without port */
    bool plain; /* it came without TLS */
};

#define IDENTITY_MAX_FIELDS 6

struct identity_fields {
    struct http_field fields[IDENTITY_MAX_FIELDS]; /* for http_forward() */
    size_t count;
    struct cg_buf text; /* their values */
};

/* False without memory, or when the fields would be larger than GW_MAX_IDENTITY_FIELDS. */
bool identity_fields_build(struct identity_fields *out, const struct identity_facts *facts);
void identity_fields_release(struct identity_fields *fields);

#endif
