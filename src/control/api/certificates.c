#include "control/api/certificates.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "control/api/request.h"
#include "input/lint.h"

static void
add_text(json_t *out, const char *name, const struct cg_cert *cert, enum cg_cert_field field)
{
    char *text = cg_cert_text(cert, field);

    (void)json_object_set_new(out, name, json_string(text == NULL ? "" : text));
    free(text);
}

json_t *
certificates_trusted(const struct store_cert *it, int64_t now)
{
    struct cg_cert *cert = NULL;
    json_t *out = json_pack("{s:o,s:s,s:s,s:s,s:o,s:o,s:I,s:I}", "sha256",
            shape_hex(it->sha256, CG_SHA256_SIZE), "kind", store_cert_kind_name(it->kind),
            "subject", it->subject, "key", it->key, "not_before", shape_time(it->not_before),
            "not_after", shape_time(it->not_after), "days_left",
            (json_int_t)shape_days_left(it->not_after, now), "since", (json_int_t)it->since);

    if (out != NULL && cg_cert_from_der(it->der, it->len, &cert, NULL) == CG_OK) {
        add_text(out, "issuer", cert, CG_FIELD_ISSUER);
        add_text(out, "serial", cert, CG_FIELD_SERIAL);
    }
    cg_cert_free(cert);
    return out;
}

static bool
is_there(void *arg, const struct store_cert *cert)
{
    (void)cert;
    *(bool *)arg = true;
    return false;
}

json_t *
certificates_inspected(const struct cg_cert *cert, const struct store_view *view, int64_t now)
{
    const uint8_t *digest = cg_cert_get0_sha256(cert);
    bool present = false;
    json_t *out = json_object(), *lint = json_array();

    present = store_tcs_get(view, digest, is_there, &present, NULL) == STORE_OK;
    (void)json_object_set_new(out, "sha256", shape_hex(digest, CG_SHA256_SIZE));
    (void)json_object_set_new(
            out, "kind", json_string(store_cert_kind_name(store_cert_kind_of(cert))));
    add_text(out, "subject", cert, CG_FIELD_SUBJECT);
    add_text(out, "issuer", cert, CG_FIELD_ISSUER);
    add_text(out, "serial", cert, CG_FIELD_SERIAL);
    add_text(out, "key", cert, CG_FIELD_KEY);
    (void)json_object_set_new(out, "not_before", shape_time(cg_cert_not_before(cert)));
    (void)json_object_set_new(out, "not_after", shape_time(cg_cert_not_after(cert)));
    (void)json_object_set_new(out, "days_left",
            json_integer((json_int_t)shape_days_left(cg_cert_not_after(cert), now)));
    (void)json_object_set_new(out, "present", json_boolean(present));
    for (size_t i = 0; i < lint_rule_count; i++)
        if (lint_rules[i].holds(cert, now))
            (void)json_array_append_new(
                    lint, json_sprintf("%s: %s", lint_rules[i].id, lint_rules[i].says));
    (void)json_object_set_new(out, "lint", lint);
    return out;
}

void
certificates_add_pem(struct cg_buf *out, const uint8_t *der, size_t len)
{
    unsigned char line[65];

    cg_buf_add(out, "-----BEGIN CERTIFICATE-----\n");
    for (size_t at = 0; at < len; at += 48) {
        int count = EVP_EncodeBlock(line, der + at, (int)(len - at < 48 ? len - at : 48));

        cg_buf_add_bytes(out, line, (size_t)count);
        cg_buf_add(out, "\n");
    }
    cg_buf_add(out, "-----END CERTIFICATE-----\n");
}
