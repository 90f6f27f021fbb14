#include "x509/engine.h"

#include <openssl/provider.h>
#include <stdlib.h>

#include "x509/path_search.h"

static const char *const digest_names[CG_DIGEST_COUNT] = {
    [CG_DIGEST_MD5] = "MD5",
    [CG_DIGEST_SHA1] = "SHA1",
    [CG_DIGEST_SHA224] = "SHA2-224",
    [CG_DIGEST_SHA256] = "SHA2-256",
    [CG_DIGEST_SHA384] = "SHA2-384",
    [CG_DIGEST_SHA512] = "SHA2-512",
};

static EVP_PKEY_CTX *
new_maker(struct cg_engine *engine, const char *type)
{
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(engine->context, type, NULL);

    if (maker != NULL && EVP_PKEY_fromdata_init(maker) != 1) {
        EVP_PKEY_CTX_free(maker);
        maker = NULL;
    }
    return maker;
}

static bool
set_up(struct cg_engine *engine)
{
    engine->context = OSSL_LIB_CTX_new();
    if (engine->context == NULL)
        return false;
    engine->provider = OSSL_PROVIDER_load(engine->context, "default");
    if (engine->provider == NULL)
        return false;
    for (size_t i = 0; i < CG_DIGEST_COUNT; i++) {
        if (digest_names[i] == NULL)
            continue;
        engine->digests[i] = EVP_MD_fetch(engine->context, digest_names[i], NULL);
        /* MD5 may be missing (FIPS): old roots are then not recognised as self-signed. */
        if (engine->digests[i] == NULL && i != CG_DIGEST_MD5)
            return false;
    }
    engine->hashing = EVP_MD_CTX_new();
    engine->make_rsa = new_maker(engine, "RSA");
    engine->make_ec = new_maker(engine, "EC");
    engine->make_dsa = new_maker(engine, "DSA");
    engine->keys = calloc(CG_ENGINE_KEY_SETS * 2, sizeof(*engine->keys));
    engine->verified_cas = calloc(CG_ENGINE_VERIFIED_SETS, sizeof(*engine->verified_cas));
    engine->verified_leaves = calloc(CG_ENGINE_VERIFIED_SETS, sizeof(*engine->verified_leaves));
    engine->cas = calloc(CG_ENGINE_CA_SETS * 2, sizeof(struct cg_cert *));
    engine->trusted = calloc(CG_ENGINE_TRUSTED_SETS * 2, sizeof(struct cg_cert *));
    engine->scratch = cg_path_scratch_new();
    return engine->hashing != NULL && engine->make_rsa != NULL && engine->make_ec != NULL &&
            engine->make_dsa != NULL && engine->keys != NULL && engine->verified_cas != NULL &&
            engine->verified_leaves != NULL && engine->cas != NULL && engine->trusted != NULL &&
            engine->scratch != NULL;
}

struct cg_engine *
cg_engine_new(void)
{
    struct cg_engine *engine = calloc(1, sizeof(*engine));

    if (engine != NULL && !set_up(engine)) {
        cg_engine_free(engine);
        engine = NULL;
    }
    return engine;
}

static void
release_key(struct cg_key *key)
{
    EVP_PKEY_CTX_free(key->verify);
    EVP_PKEY_free(key->pkey);
    *key = (struct cg_key) { 0 };
}

static void
release_certs(struct cg_cert **certs, size_t count)
{
    for (size_t i = 0; certs != NULL && i < count; i++)
        cg_cert_free(certs[i]);
    free(certs);
}

void
cg_engine_free(struct cg_engine *engine)
{
    if (engine == NULL)
        return;
    if (engine->free_decisions != NULL)
        engine->free_decisions(engine->decisions);
    for (size_t i = 0; engine->keys != NULL && i < CG_ENGINE_KEY_SETS * 2; i++)
        release_key(&engine->keys[i]);
    release_certs(engine->cas, CG_ENGINE_CA_SETS * 2);
    release_certs(engine->trusted, CG_ENGINE_TRUSTED_SETS * 2);
    cg_path_scratch_free(engine->scratch);
    free(engine->believed);
    free(engine->verified_leaves);
    free(engine->verified_cas);
    free(engine->keys);
    for (size_t i = 0; i < CG_CURVE_COUNT; i++)
        EVP_PKEY_free(engine->curves[i]);
    EVP_PKEY_CTX_free(engine->make_dsa);
    EVP_PKEY_CTX_free(engine->make_ec);
    EVP_PKEY_CTX_free(engine->make_rsa);
    EVP_MD_CTX_free(engine->hashing);
    for (size_t i = 0; i < CG_DIGEST_COUNT; i++)
        EVP_MD_free(engine->digests[i]);
    if (engine->provider != NULL)
        OSSL_PROVIDER_unload(engine->provider);
    OSSL_LIB_CTX_free(engine->context);
    free(engine);
}

static size_t
set_of(const uint8_t digest[CG_SHA256_SIZE], size_t sets)
{
    uint32_t hash;

    memcpy(&hash, digest, sizeof(hash));
    return hash & (sets - 1);
}

struct cg_key *
cg_engine_key(struct cg_engine *engine, const struct cg_cert *cert)
{
    struct cg_key *set = &engine->keys[2 * set_of(cert->spki_sha256, CG_ENGINE_KEY_SETS)];
    struct cg_key older;
    EVP_PKEY *pkey;

    for (size_t i = 0; i < 2; i++)
        if (set[i].pkey != NULL &&
                memcmp(set[i].spki_sha256, cert->spki_sha256, CG_SHA256_SIZE) == 0)
            return &set[i];
    pkey = cg_key_load(engine, cert);
    if (pkey == NULL)
        return NULL;
    older = set[1];
    release_key(&older);
    set[1] = set[0];
    set[0] = (struct cg_key) { .pkey = pkey };
    memcpy(set[0].spki_sha256, cert->spki_sha256, CG_SHA256_SIZE);
    return &set[0];
}

static void
keep_cert(struct cg_cert *set[2], const struct cg_cert *cert)
{
    cg_cert_free(set[1]);
    set[1] = set[0];
    set[0] = cg_cert_ref(cert);
}

/* Found by its last bytes, which a signature fills with chance, and compared whole. */
enum cg_status
cg_engine_cert(struct cg_engine *engine, const uint8_t *der, size_t len, struct cg_cert **out,
        struct cg_error *err)
{
    struct cg_span bytes = cg_span(der, len);
    enum cg_status status;
    struct cg_cert **set;
    uint32_t hash;

    if (len < sizeof(hash) || len > CG_ENGINE_MAX_CA_BYTES)
        return cg_cert_from_der(der, len, out, err);
    memcpy(&hash, der + len - sizeof(hash), sizeof(hash));
    set = &engine->cas[2 * (hash & (CG_ENGINE_CA_SETS - 1))];
    for (size_t i = 0; i < 2; i++) {
        if (set[i] != NULL && cg_span_equal(cg_span(set[i]->der, set[i]->der_len), bytes)) {
            *out = cg_cert_ref(set[i]);
            return CG_OK;
        }
    }
    status = cg_cert_from_der(der, len, out, err);
    if (status == CG_OK && (*out)->ca)
        keep_cert(set, *out);
    return status;
}

enum cg_status
cg_engine_trusted(
        struct cg_engine *engine, const struct cg_store *store, size_t i, struct cg_cert **out)
{
    const uint8_t *sha256 = cg_store_get0_sha256(store, i);
    struct cg_cert **set = &engine->trusted[2 * set_of(sha256, CG_ENGINE_TRUSTED_SETS)];
    enum cg_status status;
    const uint8_t *der;
    size_t len;

    for (size_t place = 0; place < 2; place++) {
        if (set[place] != NULL && memcmp(set[place]->sha256, sha256, CG_SHA256_SIZE) == 0) {
            *out = cg_cert_ref(set[place]);
            return CG_OK;
        }
    }
    der = cg_store_get0_der(store, i, &len);
    status = cg_cert_from_der(der, len, out, NULL);
    if (status == CG_OK)
        keep_cert(set, *out);
    return status;
}

bool
cg_engine_sha256(struct cg_engine *engine, const struct cg_span *parts, size_t count,
        uint8_t out[CG_SHA256_SIZE])
{
    if (EVP_DigestInit_ex2(engine->hashing, engine->digests[CG_DIGEST_SHA256], NULL) != 1)
        return false;
    for (size_t i = 0; i < count; i++)
        if (EVP_DigestUpdate(engine->hashing, parts[i].data, parts[i].len) != 1)
            return false;
    return EVP_DigestFinal_ex(engine->hashing, out, NULL) == 1;
}

static struct cg_verified_set *
verified_set(const struct cg_engine *engine, const struct cg_cert *cert)
{
    struct cg_verified_set *sets = cert->ca ? engine->verified_cas : engine->verified_leaves;

    return &sets[set_of(cert->sha256, CG_ENGINE_VERIFIED_SETS)];
}

static bool
holds(const struct cg_verified_set *set, const uint8_t sha256[CG_SHA256_SIZE],
        const struct cg_cert *issuer)
{
    for (size_t i = 0; i < 2; i++)
        if (memcmp(set->pairs[i].cert, sha256, CG_SHA256_SIZE) == 0 &&
                memcmp(set->pairs[i].spki, issuer->spki_sha256, CG_SHA256_SIZE) == 0)
            return true;
    return false;
}

static void
take(struct cg_verified_set *set, const uint8_t sha256[CG_SHA256_SIZE],
        const struct cg_cert *issuer)
{
    set->pairs[1] = set->pairs[0];
    memcpy(set->pairs[0].cert, sha256, CG_SHA256_SIZE);
    memcpy(set->pairs[0].spki, issuer->spki_sha256, CG_SHA256_SIZE);
}

bool
cg_engine_is_verified(
        const struct cg_engine *engine, const struct cg_cert *cert, const struct cg_cert *issuer)
{
    return holds(verified_set(engine, cert), cert->sha256, issuer);
}

void
cg_engine_note_verified(
        struct cg_engine *engine, const struct cg_cert *cert, const struct cg_cert *issuer)
{
    take(verified_set(engine, cert), cert->sha256, issuer);
}

bool
cg_engine_is_believed(const struct cg_engine *engine, const uint8_t sha256[CG_SHA256_SIZE],
        const struct cg_cert *issuer)
{
    return engine->believed != NULL &&
            holds(&engine->believed[set_of(sha256, CG_ENGINE_BELIEVED_SETS)], sha256, issuer);
}

void
cg_engine_note_believed(struct cg_engine *engine, const uint8_t sha256[CG_SHA256_SIZE],
        const struct cg_cert *issuer)
{
    if (engine->believed == NULL)
        engine->believed = calloc(CG_ENGINE_BELIEVED_SETS, sizeof(*engine->believed));
    if (engine->believed != NULL)
        take(&engine->believed[set_of(sha256, CG_ENGINE_BELIEVED_SETS)], sha256, issuer);
}
