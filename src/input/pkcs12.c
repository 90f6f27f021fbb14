#include "input/pkcs12.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define MAX_WHERE 4096

/* A library context of its own, with the legacy ciphers that older exports use (RC2, RC4). */
struct context {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *standard, *legacy; /* legacy may be absent */
};

static bool
context_init(struct context *context)
{
    *context = (struct context) { .library = OSSL_LIB_CTX_new() };
    if (context->library == NULL)
        return false;
    context->standard = OSSL_PROVIDER_load(context->library, "default");
    context->legacy = OSSL_PROVIDER_load(context->library, "legacy");
    return context->standard != NULL;
}

static void
context_release(struct context *context)
{
    if (context->legacy != NULL)
        OSSL_PROVIDER_unload(context->legacy);
    if (context->standard != NULL)
        OSSL_PROVIDER_unload(context->standard);
    OSSL_LIB_CTX_free(context->library);
}

static PKCS12 *
decode(OSSL_LIB_CTX *library, const uint8_t *bytes, size_t len)
{
    PKCS12 *p12 = library == NULL ? NULL : PKCS12_init_ex(NID_pkcs7_data, library, NULL);
    const unsigned char *at = bytes;

    if (len > INT32_MAX || (library != NULL && p12 == NULL))
        return NULL;
    return d2i_PKCS12(p12 == NULL ? NULL : &p12, &at, (long)len); /* frees it where it fails */
}

bool
input_is_pkcs12(const uint8_t *bytes, size_t len)
{
    PKCS12 *p12 = decode(NULL, bytes, len);

    PKCS12_free(p12);
    ERR_clear_error();
    return p12 != NULL;
}

static long
rounds_of_pbkdf2(const X509_ALGOR *kdf)
{
    PBKDF2PARAM *parameters =
            ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), kdf->parameter);
    long rounds = parameters == NULL ? 0 : ASN1_INTEGER_get(parameters->iter);

    PBKDF2PARAM_free(parameters);
    return rounds;
}

/* Rounds of a password-based encryption (RFC 8018, RFC 7292 appendix C); 0 where it counts none. */
static long
rounds_of(const X509_ALGOR *algorithm)
{
    PBE2PARAM *second;
    PBEPARAM *first;
    long rounds = 0;

    if (algorithm->parameter == NULL)
        return 0;
    if (OBJ_obj2nid(algorithm->algorithm) == NID_pbes2) {
        second = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
        if (second != NULL && OBJ_obj2nid(second->keyfunc->algorithm) == NID_id_pbkdf2 &&
                second->keyfunc->parameter != NULL)
            rounds = rounds_of_pbkdf2(second->keyfunc);
        PBE2PARAM_free(second);
        return rounds;
    }
    first = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter);
    rounds = first == NULL ? 0 : ASN1_INTEGER_get(first->iter);
    PBEPARAM_free(first);
    return rounds;
}

/* Takes rounds off what a container may cost, all its parts together. */
static enum cg_status
spend(long *left, long rounds, const char *name, struct cg_error *err)
{
    if (rounds < 0 || rounds > *left)
        return cg_fail(err, CG_E_LIMIT,
                "%s: PKCS#12 container with more than %d rounds of key derivation", name,
                INPUT_MAX_DERIVATION_ROUNDS);
    *left -= rounds;
    return CG_OK;
}

/* NULL stands for no password; some writers then use the empty one, which is not the same. */
static enum cg_status
check_mac(PKCS12 *p12, const char **password, long *left, const char *name, struct cg_error *err)
{
    const ASN1_INTEGER *rounds = NULL;
    enum cg_status status;

    if (!PKCS12_mac_present(p12))
        return CG_OK;
    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, p12);
    status = spend(left, rounds == NULL ? 0 : ASN1_INTEGER_get(rounds), name, err);
    if (status != CG_OK)
        return status;
    if (*password != NULL && PKCS12_verify_mac(p12, *password, -1) == 1)
        return CG_OK;
    if (*password == NULL && PKCS12_verify_mac(p12, NULL, 0) == 1)
        return CG_OK;
    if (*password == NULL && PKCS12_verify_mac(p12, "", 0) == 1) {
        *password = "";
        return CG_OK;
    }
    return cg_fail(err, CG_E_PARSE, "%s: PKCS#12 container %s", name,
            *password == NULL ? "needs a password" : "does not open with this password");
}

/* What is collected from the bags of a container. */
struct harvest {
    const char *name;
    const char *password;
    OSSL_LIB_CTX *library;
    long left; /* rounds of key derivation */
    struct input_list *list; /* certificates; NULL: the private key is wanted … */
    size_t before; /* certificates that were in the list */
    bool has_own; /* the first of ours is the one whose bag is tied to a key */
    EVP_PKEY *key; /* … and goes here */
};
typedef enum cg_status bags_fn(
        struct harvest *harvest, const STACK_OF(PKCS12_SAFEBAG) * bags, struct cg_error *err);

/* The certificates among some bags. */
static enum cg_status
add_bags(struct harvest *harvest, const STACK_OF(PKCS12_SAFEBAG) * bags, struct cg_error *err)
{
    struct input_list *list = harvest->list;
    enum cg_status status = CG_OK;
    char where[MAX_WHERE];

    for (int i = 0; status == CG_OK && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        X509 *x509;

        if (PKCS12_SAFEBAG_get_nid(bag) != NID_certBag ||
                PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
            continue;
        (void)snprintf(where, sizeof(where), "%s: certificate %zu", harvest->name,
                list->count - harvest->before + 1);
        x509 = PKCS12_SAFEBAG_get1_cert(bag);
        if (x509 == NULL)
            return cg_fail(err, CG_E_PARSE, "%s does not parse", where);
        status = input_add_x509(list, x509, where, err);
        X509_free(x509);
        if (status == CG_OK && !harvest->has_own &&
                PKCS12_SAFEBAG_get0_attr(bag, NID_localKeyID) != NULL) {
            struct cg_cert *own = list->certs[list->count - 1];

            memmove(&list->certs[harvest->before + 1], &list->certs[harvest->before],
                    (list->count - 1 - harvest->before) * sizeof(own));
            list->certs[harvest->before] = own;
            harvest->has_own = true;
        }
    }
    return status;
}

/* A key's contents, decrypted where they are; NULL with *status. */
static PKCS8_PRIV_KEY_INFO *
open_key(struct harvest *harvest, PKCS12_SAFEBAG *bag, enum cg_status *status, struct cg_error *err)
{
    const char *password = harvest->password;
    const X509_ALGOR *algorithm = NULL;
    PKCS8_PRIV_KEY_INFO *info;

    X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
    *status = spend(&harvest->left, rounds_of(algorithm), harvest->name, err);
    if (*status != CG_OK)
        return NULL;
    info = PKCS12_decrypt_skey_ex(
            bag, password, password == NULL ? 0 : (int)strlen(password), harvest->library, NULL);
    if (info == NULL)
        *status = cg_fail(err, CG_E_PARSE, "%s: the private key does not decrypt", harvest->name);
    return info;
}

/* The private key among some bags. */
static enum cg_status
take_key(struct harvest *harvest, const STACK_OF(PKCS12_SAFEBAG) * bags, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (int i = 0; status == CG_OK && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        int nid = PKCS12_SAFEBAG_get_nid(bag);
        PKCS8_PRIV_KEY_INFO *shrouded = NULL;

        if (nid != NID_keyBag && nid != NID_pkcs8ShroudedKeyBag)
            continue;
        if (harvest->key != NULL)
            return cg_fail(err, CG_E_USAGE, "%s: more than one private key", harvest->name);
        if (nid == NID_pkcs8ShroudedKeyBag)
            shrouded = open_key(harvest, bag, &status, err);
        if (status == CG_OK)
            harvest->key =
                    EVP_PKCS82PKEY(shrouded != NULL ? shrouded : PKCS12_SAFEBAG_get0_p8inf(bag));
        PKCS8_PRIV_KEY_INFO_free(shrouded); /* it cleanses the key */
        if (status == CG_OK && harvest->key == NULL)
            status = cg_fail(err, CG_E_PARSE, "%s: the private key is of no kind that we know",
                    harvest->name);
    }
    return status;
}

/* Opens one safe; NULL with *status where it cannot be, or is none that a password opens. */
static STACK_OF(PKCS12_SAFEBAG) *
        open_safe(
                struct harvest *harvest, PKCS7 *safe, enum cg_status *status, struct cg_error *err)
{
    const char *password = harvest->password;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    int type = OBJ_obj2nid(safe->type);

    if (type == NID_pkcs7_data) {
        bags = PKCS12_unpack_p7data(safe);
    } else if (type == NID_pkcs7_encrypted && safe->d.encrypted != NULL) {
        *status = spend(&harvest->left, rounds_of(safe->d.encrypted->enc_data->algorithm),
                harvest->name, err);
        if (*status != CG_OK)
            return NULL;
        bags = PKCS12_unpack_p7encdata(
                safe, password, password == NULL ? 0 : (int)strlen(password));
    } else {
        return NULL; /* for a public key: nothing that a password opens */
    }
    if (bags == NULL)
        *status = cg_fail(err, CG_E_PARSE,
                "%s: PKCS#12 contents do not decrypt: damaged, or an encryption that OpenSSL lacks",
                harvest->name);
    return bags;
}

static enum cg_status
each_safe(struct harvest *harvest, PKCS12 *p12, bags_fn *fn, struct cg_error *err)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(p12);
    enum cg_status status = CG_OK;

    if (safes == NULL)
        return cg_fail(err, CG_E_PARSE, "%s: PKCS#12 contents do not parse", harvest->name);
    for (int i = 0; status == CG_OK && i < sk_PKCS7_num(safes); i++) {
        STACK_OF(PKCS12_SAFEBAG) *bags = open_safe(harvest, sk_PKCS7_value(safes, i), &status, err);

        if (bags != NULL)
            status = fn(harvest, bags, err);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return status;
}

/* Checks the container's MAC and goes through its safes. */
static enum cg_status
open_container(struct harvest *harvest, const uint8_t *bytes, size_t len, bags_fn *fn,
        struct cg_error *err)
{
    struct context context;
    PKCS12 *p12 = NULL;
    enum cg_status status;

    if (!context_init(&context) || (p12 = decode(context.library, bytes, len)) == NULL)
        status = cg_fail(err, CG_E_NOMEM, "%s: no memory for a PKCS#12 container", harvest->name);
    else
        status = check_mac(p12, &harvest->password, &harvest->left, harvest->name, err);
    harvest->library = context.library;
    if (status == CG_OK)
        status = each_safe(harvest, p12, fn, err);
    PKCS12_free(p12);
    context_release(&context);
    ERR_clear_error();
    return status;
}

enum cg_status
input_add_pkcs12(struct input_list *list, const uint8_t *bytes, size_t len, const char *password,
        const char *name, struct cg_error *err)
{
    struct harvest harvest = { .name = name,
        .password = password,
        .left = INPUT_MAX_DERIVATION_ROUNDS,
        .list = list,
        .before = list->count };
    enum cg_status status = open_container(&harvest, bytes, len, add_bags, err);

    if (status == CG_OK && list->count == harvest.before)
        status = cg_fail(err, CG_E_PARSE, "%s: PKCS#12 container without certificates", name);
    return status;
}

enum cg_status
input_pkcs12_key(const uint8_t *bytes, size_t len, const char *password, const char *name,
        EVP_PKEY **out, struct cg_error *err)
{
    struct harvest harvest = {
        .name = name, .password = password, .left = INPUT_MAX_DERIVATION_ROUNDS
    };
    enum cg_status status = open_container(&harvest, bytes, len, take_key, err);

    *out = NULL;
    if (status == CG_OK && harvest.key == NULL)
        status = cg_fail(err, CG_E_USAGE, "%s: PKCS#12 container without a private key", name);
    if (status == CG_OK)
        *out = harvest.key;
    else
        EVP_PKEY_free(harvest.key);
    return status;
}
