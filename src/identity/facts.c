#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "identity/identity.h"
#include "x509/facts.h"

#define SECONDS_A_DAY 86400

bool
identity_is_self_signed(const struct cg_cert *cert)
{
    const uint8_t *at = cert->der;
    X509 *x509 = d2i_X509(NULL, &at, (long)cert->der_len);
    bool is = x509 != NULL && X509_self_signed(x509, 1) == 1;

    X509_free(x509);
    ERR_clear_error();
    return is;
}

/* Sets a member to a text of a certificate; false without memory. */
static bool
set_field(json_t *object, const char *member, const struct cg_cert *cert, enum cg_cert_field field)
{
    char *text = cg_cert_text(cert, field);
    bool ok = text != NULL && json_object_set_new(object, member, json_string(text)) == 0;

    free(text);
    return ok;
}

static json_t *
sans_json(const struct cg_cert *cert)
{
    json_t *list = json_array();
    bool ok = list != NULL;

    for (size_t i = 0; ok && i < cert->san_count; i++) {
        struct cg_buf text;

        cg_buf_init(&text, 4096);
        cg_general_name_text(&text, &cert->san[i]);
        ok = json_array_append_new(list, json_string(cg_buf_text(&text))) == 0;
        cg_buf_release(&text);
    }
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *
chain_json(const struct input_list *chain)
{
    json_t *list = json_array();
    bool ok = list != NULL;

    for (size_t i = 0; ok && i < chain->count; i++) {
        json_t *item = json_object();

        ok = item != NULL && set_field(item, "sha256", chain->certs[i], CG_FIELD_SHA256) &&
                set_field(item, "subject", chain->certs[i], CG_FIELD_SUBJECT);
        ok = json_array_append_new(list, item) == 0 && ok;
    }
    if (ok)
        return list;
    json_decref(list);
    return NULL;
}

/* Whole days that are left, the last one begun counting as none; below zero once it is over. */
static json_int_t
days_left(const struct cg_cert *cert, int64_t now)
{
    int64_t left = cert->not_after - now;

    return left < 0 ? (left + 1) / SECONDS_A_DAY - 1 : left / SECONDS_A_DAY;
}

json_t *
identity_json(const struct input_list *chain, int64_t now)
{
    static const struct {
        const char *member;
        enum cg_cert_field field;
    } fields[] = {
        { "subject", CG_FIELD_SUBJECT },
        { "issuer", CG_FIELD_ISSUER },
        { "sha256", CG_FIELD_SHA256 },
        { "not_before", CG_FIELD_NOT_BEFORE },
        { "not_after", CG_FIELD_NOT_AFTER },
        { "key", CG_FIELD_KEY },
    };
    json_t *object = json_object();
    const struct cg_cert *own = chain->certs[0];
    bool ok = object != NULL;

    for (size_t i = 0; ok && i < sizeof(fields) / sizeof(fields[0]); i++)
        ok = set_field(object, fields[i].member, own, fields[i].field);
    ok = ok && json_object_set_new(object, "days_left", json_integer(days_left(own, now))) == 0 &&
            json_object_set_new(
                    object, "self_signed", json_boolean(identity_is_self_signed(own))) == 0 &&
            json_object_set_new(object, "sans", sans_json(own)) == 0 &&
            json_object_set_new(object, "chain", chain_json(chain)) == 0;
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}
