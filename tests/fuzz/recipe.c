#include "recipe.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <time.h>

#include "recipe_extensions.h"

#define DAY INT64_C(86400)
#define KEYS 8

enum key_type { KEY_ED25519, KEY_P256, KEY_RSA, KEY_P384, KEY_TYPES };

/* AlgorithmIdentifiers and what they take; the first row of a key's type is its usual one. */
/* clang-format off */
static const struct scheme {
    enum key_type key;
    const char *digest; /* NULL: none */
    bool pss;
    const char *identifier;
    size_t len;
} schemes[] = {
#define ROW(key, digest, pss, bytes) { key, digest, pss, bytes, sizeof(bytes) - 1 }
    ROW(KEY_ED25519, NULL,     false, "\x30\x05\x06\x03\x2b\x65\x70"),
    ROW(KEY_P256,    "SHA256", false, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"),
    ROW(KEY_P256,    "SHA1",   false, "\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x04\x01"),
    ROW(KEY_P256,    "SHA512", false, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"),
    ROW(KEY_P256,    "SHA256", false, "\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00"),
    ROW(KEY_RSA,     "SHA256", false, "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"),
    ROW(KEY_RSA,     "SHA256", true,  "\x30\x41\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a\x30\x34"
        "\xa0\x0f\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\xa1\x1c\x30\x1a\x06\x09"
        "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05"
        "\x00\xa2\x03\x02\x01\x20"),
    ROW(KEY_RSA,     "SHA256", false, "\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"),
    ROW(KEY_RSA,     "SHA1",   false, "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05\x05\x00"),
    ROW(KEY_P384,    "SHA384", false, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"),
    ROW(KEY_P384,    "SHA256", false, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"),
#undef ROW
};
/* clang-format on */

static enum key_type
type_of(uint8_t octet)
{
    return (enum key_type)((octet >> 3) % KEY_TYPES);
}

/* Ed25519 keys are the same in every run, so that a finding repeats byte by byte; RSA has one key. */
static EVP_PKEY *
key_of(enum key_type type, size_t number)
{
    static EVP_PKEY *keys[KEY_TYPES][KEYS];
    EVP_PKEY **key = &keys[type][type == KEY_RSA ? 0 : number % KEYS];
    uint8_t raw[32] = { 'f', 'u', 'z', 'z', (uint8_t)(number % KEYS) };

    if (*key == NULL)
        *key = type == KEY_RSA     ? EVP_RSA_gen(1024)
                : type == KEY_P256 ? EVP_EC_gen("P-256")
                : type == KEY_P384
                ? EVP_EC_gen("P-384")
                : EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
    FUZZ_CHECK(*key != NULL, "no key");
    return *key;
}

static const struct scheme *
scheme_of(enum key_type type, size_t wanted)
{
    const size_t count = sizeof(schemes) / sizeof(schemes[0]);
    size_t first = 0, rows = 0;

    while (schemes[first].key != type)
        first++;
    while (first + rows < count && schemes[first + rows].key == type)
        rows++;
    return &schemes[first + wanted % rows];
}

/* Low four bits: which moment, counted from now; then whether it is written otherwise than it should be. */
static void
put_time(struct der_writer *out, uint8_t octet, int64_t now, bool after)
{
    static const int64_t offsets[] = { 365 * DAY, 0, 1, -1, DAY, 2 * DAY, 3600, 30 * 365 * DAY,
        -DAY, -365 * DAY, 60 * DAY, 23 * 365 * DAY, 60, 100 * DAY, 2000 * DAY, 7 };
    int64_t offset = offsets[octet & 15];
    time_t when = (time_t)(after ? now + offset : now - offset);
    bool utc = when < 2524608000 && (octet & 16) == 0;
    struct tm parts;
    char text[32];
    size_t len;

    FUZZ_CHECK(gmtime_r(&when, &parts) != NULL, "no time");
    len = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &parts);
    if ((octet & 224) == 32)
        len -= 3; /* no seconds, and no Z */
    if (utc)
        der_put_element(out, CG_DER_UTC_TIME, text + 2, len - 2);
    else
        der_put_element(out, CG_DER_GENERALIZED_TIME, text, len);
}

static void
put_key(struct der_writer *out, EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    FUZZ_CHECK(len > 0, "no key");
    der_put(out, der, (size_t)len);
    OPENSSL_free(der);
}

static size_t
issuer_of(const struct recipe *recipe, const uint8_t *records, size_t i)
{
    uint8_t octet = records[i * RECIPE_RECORD + RECIPE_ISSUER];
    size_t next = i + 1 < recipe->count ? i + 1 : i;

    return (next + octet) % recipe->count;
}

/* Names and keys are numbered by certificate, so that 0 is "its own". */
static uint8_t
numbered(uint8_t octet, size_t i)
{
    return (uint8_t)((octet & ~7u) | ((octet + i) & 7));
}

static uint8_t
serial_of(const uint8_t *record, size_t i)
{
    return (uint8_t)(i + 1 + (record[RECIPE_VERSION] >> 4));
}

static void
put_tbs(struct der_writer *out, const struct recipe *recipe, const uint8_t *records, size_t i,
        const struct scheme *scheme)
{
    const uint8_t *record = records + i * RECIPE_RECORD;
    size_t issuer = issuer_of(recipe, records, i), end = out->start, inner;
    const uint8_t *above = records + issuer * RECIPE_RECORD;
    size_t top = issuer_of(recipe, records, issuer);
    uint8_t key = numbered(record[RECIPE_KEY], i);
    struct recipe_ids ids = { .subject_key = key,
        .issuer_key = numbered(above[RECIPE_KEY], issuer),
        .issuer_serial = serial_of(above, issuer),
        .issuer_issuer = (uint8_t)(numbered(records[top * RECIPE_RECORD + RECIPE_SUBJECT], top) ^
                above[RECIPE_ISSUER_NAME]) };
    uint8_t version = (uint8_t)(2 - record[RECIPE_VERSION] % 4);

    recipe_put_extensions(out, record, i == 0, &ids);
    put_key(out, key_of(type_of(key), key & 7));
    recipe_put_name(out, numbered(record[RECIPE_SUBJECT], i));
    inner = out->start;
    put_time(out, record[RECIPE_NOT_AFTER], recipe->now, true);
    put_time(out, record[RECIPE_NOT_BEFORE], recipe->now, false);
    der_wrap(out, CG_DER_SEQUENCE, inner);
    recipe_put_name(
            out, (uint8_t)(numbered(above[RECIPE_SUBJECT], issuer) ^ record[RECIPE_ISSUER_NAME]));
    der_put(out, scheme->identifier, scheme->len);
    der_put_uint(out, CG_DER_INTEGER, serial_of(record, i));
    if (version != 0) {
        inner = out->start;
        der_put_uint(out, CG_DER_INTEGER, version);
        der_wrap(out, CG_DER_CONTEXT_CONSTRUCTED | 0, inner);
    }
    der_wrap(out, CG_DER_SEQUENCE, end);
}

static size_t
sign(const struct scheme *scheme, EVP_PKEY *key, const uint8_t *tbs, size_t len, uint8_t *out,
        size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *inner = NULL;
    bool ok = context != NULL &&
            EVP_DigestSignInit_ex(context, &inner, scheme->digest, NULL, NULL, key, NULL) == 1;

    if (ok && scheme->pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, 32) == 1;
    FUZZ_CHECK(ok && EVP_DigestSign(context, out, &size, tbs, len) == 1, "cannot sign");
    EVP_MD_CTX_free(context);
    return size;
}

static void
make_cert(struct recipe *recipe, const uint8_t *records, size_t i)
{
    static struct der_writer out;
    const uint8_t *record = records + i * RECIPE_RECORD;
    uint8_t how = record[RECIPE_SIGNER], unused = 0, signature[512];
    size_t issuer = issuer_of(recipe, records, i), tbs_len, signature_len;
    /* The issuer's key, its own, the one above, or any. */
    size_t whose = (how & 3) == 0 ? issuer
            : (how & 3) == 1      ? i
            : (how & 3) == 2      ? issuer_of(recipe, records, issuer)
                                  : (issuer + 3) % recipe->count;
    uint8_t octet = numbered(records[whose * RECIPE_RECORD + RECIPE_KEY], whose);
    const struct scheme *scheme = scheme_of(type_of(octet), how >> 5);
    const struct scheme *outer = (how & 28) == 8 ? &schemes[(how >> 5) + 1] : scheme;
    uint8_t tbs[DER_WRITER_SIZE];

    out.start = DER_WRITER_SIZE;
    put_tbs(&out, recipe, records, i, scheme);
    tbs_len = DER_WRITER_SIZE - out.start;
    memcpy(tbs, out.bytes + out.start, tbs_len);
    signature_len = sign(
            scheme, key_of(type_of(octet), octet & 7), tbs, tbs_len, signature, sizeof(signature));
    if ((how & 28) == 4)
        signature[signature_len / 2] ^= 1;
    if ((how & 28) == 12)
        signature_len--;
    out.start = DER_WRITER_SIZE;
    der_put(&out, signature, signature_len);
    der_put(&out, &unused, 1);
    der_wrap(&out, CG_DER_BIT_STRING, DER_WRITER_SIZE);
    der_put(&out, outer->identifier, outer->len);
    der_put(&out, tbs, tbs_len);
    der_wrap(&out, CG_DER_SEQUENCE, DER_WRITER_SIZE);

    recipe->certs[i].len = DER_WRITER_SIZE - out.start;
    recipe->certs[i].der = malloc(recipe->certs[i].len);
    FUZZ_CHECK(recipe->certs[i].der != NULL, "no memory");
    memcpy(recipe->certs[i].der, out.bytes + out.start, recipe->certs[i].len);
    /* The last one is what is trusted, the others are sent; the octet turns either around. */
    recipe->certs[i].trusted = (i + 1 == recipe->count) != ((record[RECIPE_PLACE] & 1) != 0);
    recipe->certs[i].sent = (i + 1 != recipe->count) != ((record[RECIPE_PLACE] & 2) != 0);
}

void
recipe_make(struct recipe *recipe, const uint8_t *data, size_t len)
{
    uint8_t octets[RECIPE_HEADER + RECIPE_MAX_CERTS * RECIPE_RECORD] = { 0 };

    memcpy(octets, data, len < sizeof(octets) ? len : sizeof(octets));
    *recipe = (struct recipe) { .now = FUZZ_NOW };
    recipe->count = octets[0] == 0 ? 3 : 1u + octets[0] % RECIPE_MAX_CERTS;
    recipe->partial_chain = (octets[1] & 1) != 0;
    recipe->allow_sha1 = (octets[1] & 2) != 0;
    recipe->ca_eku = (octets[1] & 4) != 0;
    recipe->outbound = (octets[1] & 8) != 0;
    recipe->max_depth = octets[2] == 0 ? 32 : (octets[2] - 1u) % 33;
    for (size_t i = 0; i < recipe->count; i++)
        make_cert(recipe, octets + RECIPE_HEADER, i);
}

void
recipe_release(struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->count; i++)
        free(recipe->certs[i].der);
}
