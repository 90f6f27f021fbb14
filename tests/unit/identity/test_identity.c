/* Identities from nothing, from a CA's answer, from a container, and for another term. */
#include "identity/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "identity/files.h"
#include "support/mint.h"
#include "x509/facts.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define CA "basicConstraints=critical,CA:TRUE"

static const char *const hosts[] = { "gw.example.com", "192.0.2.1" };

/* ---- a folder for each test -------------------------------------------------------------------- */

static int
folder_make(void **state)
{
    char *folder = strdup("/tmp/certgate-identity-XXXXXX");

    *state = folder;
    return folder != NULL && mkdtemp(folder) != NULL ? 0 : -1;
}

static int
folder_remove(void **state)
{
    char command[128];
    int result;

    (void)snprintf(command, sizeof(command), "rm -r %s", (char *)*state);
    result = system(command);
    free(*state);
    return result;
}

static size_t
count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    size_t count = 0;

    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static struct identity_place
place_of(void **state)
{
    return (struct identity_place) { .folder = *state, .name = "gw", .now = MINT_NOW };
}

static struct identity_wish
wish_of(enum identity_kind kind)
{
    return (struct identity_wish) {
        .hosts = hosts, .host_count = COUNT(hosts), .kind = kind, .days = IDENTITY_DEFAULT_DAYS
    };
}

static EVP_PKEY *
load(const char *path)
{
    struct cg_error err = { "" };
    EVP_PKEY *key;

    if (identity_key_load(path, &key, &err) != CG_OK)
        fail_msg("%s", err.text);
    return key;
}

static bool
fits(const struct identity *identity)
{
    EVP_PKEY *key = load(identity->key_path);
    bool result = identity_key_fits(identity->chain.certs[0], key);

    EVP_PKEY_free(key);
    return result;
}

static struct identity
create(void **state, enum identity_kind kind)
{
    const struct identity_place place = place_of(state);
    const struct identity_wish wish = wish_of(kind);
    struct cg_error err = { "" };
    struct identity made;

    if (identity_create(&place, &wish, &made, &err) != CG_OK)
        fail_msg("%s", err.text);
    return made;
}

/* ---- judged by our own library ----------------------------------------------------------------- */

static enum cg_reason
judge(const struct cg_cert *cert, struct cg_store *store, enum cg_level level, enum cg_role role)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_policy *policy = cg_policy_new();
    struct cg_decision *decision;
    enum cg_reason reason;
    struct cg_peer peer = { .now = MINT_NOW, .address = "192.0.2.1" };

    assert_non_null(engine);
    assert_non_null(policy);
    peer.leaf = cg_cert_get0_der(cert, &peer.leaf_len);
    cg_policy_set_level(policy, level);
    cg_policy_set_role(policy, role);
    assert_int_equal(cg_policy_add_name(policy, "gw.example.com", NULL), CG_OK);
    assert_int_equal(cg_evaluate(engine, store, policy, &peer, &decision, NULL), CG_OK);
    reason = cg_decision_reason(decision);
    cg_decision_free(decision);
    cg_policy_free(policy);
    cg_engine_free(engine);
    return reason;
}

/* A peer that verifies with libcrypto and was given an exact copy. */
static bool
libcrypto_takes(const struct cg_cert *cert)
{
    const uint8_t *at = cert->der;
    X509 *x509 = d2i_X509(NULL, &at, (long)cert->der_len);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    bool taken;

    assert_int_equal(X509_STORE_add_cert(store, x509), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, x509, NULL), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), (time_t)MINT_NOW);
    X509_VERIFY_PARAM_set_purpose(X509_STORE_CTX_get0_param(ctx), X509_PURPOSE_SSL_SERVER);
    taken = X509_verify_cert(ctx) == 1;
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(x509);
    return taken;
}

/*
 * Peers that trust an exact copy take it at every level but those that want no self-signed certificates,
 * in both roles; libcrypto's own verifier takes it too.
 */
static void
created(void **state)
{
    for (unsigned kind = 0; kind < IDENTITY_KINDS; kind++) {
        struct identity made = create(state, (enum identity_kind)kind);
        struct cg_cert *cert = made.chain.certs[0];
        struct cg_store *store = mint_store((struct cg_cert *[]) { cert, NULL });
        enum identity_kind found;
        EVP_PKEY *key = load(made.key_path);
        struct stat facts;

        assert_int_equal(made.chain.count, 1);
        assert_int_equal(made.authorities.count, 0);
        assert_null(made.request);
        assert_true(identity_key_fits(cert, key));
        assert_true(identity_kind_of(key, &found));
        assert_int_equal(found, kind);
        assert_int_equal(stat(made.key_path, &facts), 0);
        assert_int_equal(facts.st_mode & 07777, 0600);
        assert_true(libcrypto_takes(cert));
        for (unsigned level = 0; level < CG_LEVEL_COUNT; level++) {
            cg_check_set checks = cg_level_info((enum cg_level)level)->checks;
            enum cg_reason wanted = (checks & 1u << CG_CHECK_NOT_SELF_SIGNED) != 0
                    ? CG_REASON_SELF_SIGNED
                    : CG_REASON_NONE;

            for (unsigned role = CG_ROLE_INBOUND; role <= CG_ROLE_OUTBOUND; role++)
                if (judge(cert, store, (enum cg_level)level, (enum cg_role)role) != wanted)
                    fail_msg("%s at %s, role %u", identity_kind_name((enum identity_kind)kind),
                            cg_level_name((enum cg_level)level), role);
        }
        EVP_PKEY_free(key);
        cg_store_free(store);
        identity_release(&made);
    }
    assert_int_equal(count_files(*state), IDENTITY_KINDS); /* and no temporary ones */
}

/* What RFC 5280 and 9525 ask of it, read out of the certificate. */
static void
contents(void **state)
{
    static const struct {
        enum identity_kind kind;
        uint16_t key_usage;
    } rows[] = {
        { IDENTITY_P256, CG_KU_DIGITAL_SIGNATURE },
        { IDENTITY_P384, CG_KU_DIGITAL_SIGNATURE },
        { IDENTITY_RSA2048, CG_KU_DIGITAL_SIGNATURE | CG_KU_KEY_ENCIPHERMENT },
        { IDENTITY_ED25519, CG_KU_DIGITAL_SIGNATURE },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct identity made = create(state, rows[i].kind), other = create(state, rows[i].kind);
        const struct cg_cert *cert = made.chain.certs[0];

        assert_int_equal(cert->version, 3);
        assert_int_equal(cert->defects, 0);
        assert_true(cert->has_basic_constraints && !cert->ca);
        assert_int_equal(cert->key_usage, rows[i].key_usage);
        assert_int_equal(cert->eku, CG_EKU_SERVER_AUTH | CG_EKU_CLIENT_AUTH);
        assert_true(cert->has_subject_key_id);
        assert_int_equal(cert->serial.len, 16);
        assert_false(cg_span_equal(cert->serial, other.chain.certs[0]->serial));
        assert_int_equal(cert->not_before, MINT_NOW - 3600);
        assert_int_equal(cert->not_after - cert->not_before + 1, IDENTITY_DEFAULT_DAYS * MINT_DAY);
        assert_true(identity_is_self_signed(cert));
        identity_release(&made);
        identity_release(&other);
    }
}

static void
days(void **state)
{
    static const unsigned rows[] = { 0, IDENTITY_MAX_DAYS + 1 };
    const struct identity_place place = place_of(state);
    struct identity_wish wish = wish_of(IDENTITY_P256);

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_error err = { "" };
        struct identity made;

        wish.days = rows[i];
        assert_int_equal(identity_create(&place, &wish, &made, &err), CG_E_USAGE);
        assert_non_null(strstr(err.text, "there may be 1 to 3653"));
    }
    assert_int_equal(count_files(*state), 0);
}

/* Whatever an identity is called, its files are in the folder; and each key has one of its own. */
static void
names_of_files(void **state)
{
    static const char *const rows[] = { "gw", "../up", "/etc/x", "a b", ".hidden", "gw\n" };
    const size_t folder = strlen(*state);

    for (size_t i = 0; i < COUNT(rows); i++) {
        char *path = identity_key_path(*state, rows[i], mint_key("P-256"));
        char *other = identity_key_path(*state, rows[i], mint_key("P-384"));

        assert_non_null(path);
        assert_memory_equal(path, *state, folder);
        assert_null(strchr(path + folder + 1, '/'));
        assert_true(path[folder + 1] != '.');
        assert_string_not_equal(path, other);
        free(path);
        free(other);
    }
}

/* ---- requests and their answers ---------------------------------------------------------------- */

/* A CA of the test's: signs what a request asks for. */
static uint8_t *
answer(const char *pem, size_t *len)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    EVP_PKEY *key;
    uint8_t *der;

    BIO_free(bio);
    assert_non_null(request);
    key = X509_REQ_get0_pubkey(request);
    assert_int_equal(X509_REQ_verify(request, key), 1);
    der = mint_der(&(struct mint) { .subject = "CN=gw.example.com",
                           .issuer = "CN=sub",
                           .key = key,
                           .signer = mint_key("P-256 sub"),
                           .extensions = { "subjectAltName=DNS:gw.example.com",
                                   "keyUsage=digitalSignature",
                                   "extendedKeyUsage=serverAuth,clientAuth" } },
            len);
    X509_REQ_free(request);
    return der;
}

static char *
request_text(const char *pem)
{
    BIO *in = BIO_new_mem_buf(pem, -1), *out = BIO_new(BIO_s_mem());
    X509_REQ *request = PEM_read_bio_X509_REQ(in, NULL, NULL, NULL);
    char *data, *text;
    long len;

    assert_non_null(request);
    assert_int_equal(X509_REQ_print_ex(out, request, XN_FLAG_RFC2253, 0), 1);
    len = BIO_get_mem_data(out, &data);
    text = strndup(data, (size_t)len);
    X509_REQ_free(request);
    BIO_free(in);
    BIO_free(out);
    return text;
}

static void
asked_and_answered(void **state)
{
    static const char *const wanted[] = { "Subject: CN=gw.example.com\n",
        "DNS:gw.example.com, IP Address:192.0.2.1",
        "TLS Web Server Authentication, TLS Web Client Authentication", "CA:FALSE",
        "Digital Signature" };
    const struct identity_place place = place_of(state);
    const struct identity_wish wish = wish_of(IDENTITY_P384);
    struct identity asked, installed;
    struct cg_error err = { "" };
    struct cg_store *store;
    struct cg_cert *sub, *root;
    uint8_t *der;
    size_t len;
    char *text;

    assert_int_equal(identity_ask(&place, &wish, NULL, &asked, &err), CG_OK);
    assert_int_equal(asked.chain.count, 0);
    text = request_text(asked.request);
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("no '%s' in %s", wanted[i], text);
    free(text);
    assert_true(identity_request_waits(place.folder, place.name));

    der = answer(asked.request, &len);
    assert_int_equal(identity_install(&place, NULL, der, len, &installed, &err), CG_OK);
    assert_string_equal(installed.key_path, asked.key_path);
    assert_int_equal(installed.chain.count, 1);
    assert_int_equal(installed.authorities.count, 0);
    assert_true(fits(&installed));
    assert_true(identity_request_waits(place.folder, place.name)); /* until it is in force */
    identity_answered(&place, &installed);
    assert_false(identity_request_waits(place.folder, place.name));

    /* Of a CA, and with a copy in the TCS, it passes every level. */
    sub = mint_cert(&(struct mint) { .subject = "CN=sub",
            .issuer = "CN=root",
            .key = mint_key("P-256 sub"),
            .signer = mint_key("P-256 root"),
            .extensions = { CA } });
    root = mint_cert(&(struct mint) {
            .subject = "CN=root", .key = mint_key("P-256 root"), .extensions = { CA } });
    store = mint_store((struct cg_cert *[]) { sub, root, installed.chain.certs[0], NULL });
    for (unsigned level = 0; level < CG_LEVEL_COUNT; level++)
        assert_int_equal(
                judge(installed.chain.certs[0], store, (enum cg_level)level, CG_ROLE_INBOUND),
                CG_REASON_NONE);
    cg_store_free(store);
    cg_cert_free(sub);
    cg_cert_free(root);
    free(der);
    identity_release(&asked);
    identity_release(&installed);
}

/* The answer to the request that a newer one replaced, to another's, and when nothing was asked. */
static void
wrong_answers(void **state)
{
    const struct identity_place place = place_of(state);
    const struct identity_wish wish = wish_of(IDENTITY_P256);
    struct identity first, second, installed;
    struct cg_error err = { "" };
    uint8_t *der;
    size_t len;

    assert_int_equal(identity_ask(&place, &wish, NULL, &first, &err), CG_OK);
    der = answer(first.request, &len);
    assert_int_equal(identity_ask(&place, &wish, NULL, &second, &err), CG_OK);
    assert_int_equal(identity_install(&place, NULL, der, len, &installed, &err), CG_E_USAGE);
    assert_string_equal(err.text, "none of the certificates is of the private key");
    assert_null(installed.key_path);
    /* With the first key in force, its certificate is a renewal, and the request goes on waiting. */
    assert_int_equal(identity_install(&place, first.key_path, der, len, &installed, &err), CG_OK);
    assert_string_equal(installed.key_path, first.key_path);
    identity_answered(&place, &installed);
    assert_true(identity_request_waits(place.folder, place.name));
    identity_release(&installed);
    assert_int_equal(identity_install(
                             &(struct identity_place) {
                                     .folder = place.folder, .name = "other", .now = MINT_NOW },
                             NULL, der, len, &installed, &err),
            CG_E_USAGE);
    assert_non_null(strstr(err.text, "neither a key nor a request"));
    assert_int_equal(
            identity_install(&place, NULL, (const uint8_t *)"x", 1, &installed, &err), CG_E_PARSE);
    free(der);
    identity_release(&first);
    identity_release(&second);
}

/* ---- containers -------------------------------------------------------------------------------- */

static X509 *
x509_of(const struct mint *what)
{
    size_t len;
    uint8_t *der = mint_der(what, &len);
    const uint8_t *at = der;
    X509 *x509 = d2i_X509(NULL, &at, (long)len);

    free(der);
    assert_non_null(x509);
    return x509;
}

static uint8_t *
container(const char *password, EVP_PKEY *key, size_t *len)
{
    X509 *own = x509_of(&(struct mint) { .subject = "CN=gw",
            .issuer = "CN=sub",
            .key = mint_key("P-256 own"),
            .signer = mint_key("P-256 sub") });
    STACK_OF(X509) *others = sk_X509_new_null();
    unsigned char *bytes = NULL;
    PKCS12 *p12;
    int size;

    sk_X509_push(others,
            x509_of(&(struct mint) {
                    .subject = "CN=root", .key = mint_key("P-256 root"), .extensions = { CA } }));
    sk_X509_push(others,
            x509_of(&(struct mint) { .subject = "CN=sub",
                    .issuer = "CN=root",
                    .key = mint_key("P-256 sub"),
                    .signer = mint_key("P-256 root"),
                    .extensions = { CA } }));
    p12 = PKCS12_create(password, "gw", key, own, others, 0, 0, 2048, 2048, 0);
    assert_non_null(p12);
    size = i2d_PKCS12(p12, &bytes);
    assert_true(size > 0);
    *len = (size_t)size;
    PKCS12_free(p12);
    X509_free(own);
    sk_X509_pop_free(others, X509_free);
    return bytes;
}

static void
imported(void **state)
{
    const struct identity_place place = place_of(state);
    struct cg_error err = { "" };
    struct identity identity;
    size_t len;
    uint8_t *bytes = container("secret", mint_key("P-256 own"), &len);
    char *subject;

    if (identity_import(&place, bytes, len, "secret", &identity, &err) != CG_OK)
        fail_msg("%s", err.text);
    assert_int_equal(identity.chain.count, 2);
    subject = cg_cert_text(identity.chain.certs[1], CG_FIELD_SUBJECT);
    assert_string_equal(subject, "CN=sub");
    free(subject);
    assert_int_equal(identity.authorities.count, 2);
    assert_true(fits(&identity));
    identity_release(&identity);
    OPENSSL_free(bytes);
}

static void
wrong_containers(void **state)
{
    const struct identity_place place = place_of(state);
    struct identity identity;
    struct {
        const char *why;
        EVP_PKEY *key;
        const char *passphrase;
        const char *wanted;
    } rows[] = {
        { "another passphrase", mint_key("P-256 own"), "other",
                "container: PKCS#12 container does not open with this password" },
        { "none", mint_key("P-256 own"), NULL, "container: PKCS#12 container needs a password" },
        { "without a key", NULL, "secret", "container: PKCS#12 container without a private key" },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_error err = { "" };
        size_t len;
        uint8_t *bytes = container("secret", rows[i].key, &len);

        if (identity_import(&place, bytes, len, rows[i].passphrase, &identity, &err) == CG_OK)
            fail_msg("%s: imported", rows[i].why);
        if (strcmp(err.text, rows[i].wanted) != 0)
            fail_msg("%s: '%s'", rows[i].why, err.text);
        OPENSSL_free(bytes);
    }
    assert_int_equal(
            identity_import(&place, (const uint8_t *)"0", 1, NULL, &identity, NULL), CG_E_PARSE);
    assert_int_equal(count_files(*state), 0);
}

/* ---- renewal ----------------------------------------------------------------------------------- */

static void
renewed(void **state)
{
    for (int new_key = 0; new_key < 2; new_key++) {
        const struct identity_place later = { *state, "gw", MINT_NOW + 800 * MINT_DAY };
        struct identity made = create(state, IDENTITY_P256), again;
        struct cg_error err = { "" };
        const struct cg_cert *before = made.chain.certs[0], *after;
        char *sans[2];

        if (identity_renew(&later, before, made.key_path, new_key, &again, &err) != CG_OK)
            fail_msg("%s", err.text);
        after = again.chain.certs[0];
        sans[0] = cg_cert_text(before, CG_FIELD_SAN);
        sans[1] = cg_cert_text(after, CG_FIELD_SAN);
        assert_string_equal(sans[0], sans[1]);
        assert_true(cg_span_equal(before->subject, after->subject));
        assert_int_equal(after->not_before, later.now - 3600);
        assert_int_equal(
                after->not_after - after->not_before, before->not_after - before->not_before);
        assert_false(cg_span_equal(before->serial, after->serial));
        assert_int_equal(strcmp(made.key_path, again.key_path) != 0, new_key);
        assert_true(fits(&again));
        assert_true(fits(&made)); /* an earlier generation can still be put in force */
        free(sans[0]);
        free(sans[1]);
        identity_release(&made);
        identity_release(&again);
    }
}

/* What a CA has issued is asked for anew. */
static void
renewal_asked_for(void **state)
{
    const struct identity_place place = place_of(state);
    struct cg_error err = { "" };
    struct identity again;
    char path[128], *text;
    struct cg_cert *own = mint_cert(&(struct mint) { .subject = "CN=gw,O=Example",
            .issuer = "CN=sub",
            .key = mint_key("RSA-2048"),
            .signer = mint_key("P-256 sub"),
            .extensions = { "subjectAltName=DNS:gw.example.com,URI:sip:example.com" } });

    (void)snprintf(path, sizeof(path), "%s/elsewhere.pem", (char *)*state);
    assert_int_equal(identity_key_save(mint_key("RSA-2048"), path, &err), CG_OK);
    if (identity_renew(&place, own, path, false, &again, &err) != CG_OK)
        fail_msg("%s", err.text);
    assert_int_equal(again.chain.count, 0);
    text = request_text(again.request);
    assert_non_null(strstr(text, "DNS:gw.example.com, URI:sip:example.com"));
    assert_non_null(strstr(text, "O=Example"));
    assert_true(identity_request_waits(place.folder, place.name));
    free(text);
    identity_release(&again);
    cg_cert_free(own);
}

static void
renewal_without_names(void **state)
{
    const struct identity_place place = place_of(state);
    struct cg_error err = { "" };
    struct identity again;
    struct cg_cert *own =
            mint_cert(&(struct mint) { .subject = "CN=gw", .key = mint_key("P-256 own") });

    assert_int_equal(identity_renew(&place, own, "/nonexistent", false, &again, &err), CG_E_USAGE);
    assert_non_null(strstr(err.text, "no subjectAltName"));
    cg_cert_free(own);
}

/* ---- files ------------------------------------------------------------------------------------- */

static void
unreadable_keys(void **state)
{
    char path[128];
    static char large[IDENTITY_MAX_KEY_BYTES + 2];
    struct {
        const char *why, *contents;
        size_t len;
        enum cg_status wanted;
    } rows[] = {
        { "no key", "-----BEGIN RUBBISH-----\n", 24, CG_E_PARSE },
        { "empty", "", 0, CG_E_PARSE },
        { "too large", large, sizeof(large), CG_E_LIMIT },
    };

    memset(large, 'A', sizeof(large));
    for (size_t i = 0; i < COUNT(rows); i++) {
        EVP_PKEY *key;

        (void)snprintf(path, sizeof(path), "%s/key", (char *)*state);
        assert_int_equal(identity_file_write(path, rows[i].contents, rows[i].len, NULL), CG_OK);
        if (identity_key_load(path, &key, NULL) != rows[i].wanted || key != NULL)
            fail_msg("%s: read", rows[i].why);
    }
}

/* A key that cannot be written whole is not there at all, and what was there before stays. */
static void
unwritable(void **state)
{
    char path[128];
    struct cg_error err = { "" };
    struct identity made;
    const struct identity_wish wish = wish_of(IDENTITY_P256);

    (void)snprintf(path, sizeof(path), "%s/gone/deeper", (char *)*state);
    assert_int_equal(
            identity_create(&(struct identity_place) { path, "gw", MINT_NOW }, &wish, &made, &err),
            CG_E_USAGE);
    assert_non_null(strstr(err.text, "cannot be made"));
    assert_null(made.key_path);
    assert_int_equal(made.chain.count, 0);

    /* A folder stands where the file should. */
    (void)snprintf(path, sizeof(path), "%s/taken", (char *)*state);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(identity_file_write(path, "x", 1, &err), CG_E_USAGE);
    assert_non_null(strstr(err.text, "cannot be written"));
    assert_int_equal(count_files(*state), 1);
}

/* What is not put in force takes its new key along, and no other. */
static void
withdrawn(void **state)
{
    const struct identity_place place = place_of(state);
    struct identity made = create(state, IDENTITY_P256), again;

    assert_int_equal(
            identity_renew(&place, made.chain.certs[0], made.key_path, false, &again, NULL), CG_OK);
    identity_withdraw(&again);
    assert_true(fits(&made));
    identity_release(&again);
    assert_int_equal(
            identity_renew(&place, made.chain.certs[0], made.key_path, true, &again, NULL), CG_OK);
    assert_int_equal(count_files(*state), 2);
    identity_withdraw(&again);
    assert_int_equal(count_files(*state), 1);
    assert_true(fits(&made));
    identity_release(&again);
    identity_release(&made);
}

/* ---- what is shown ----------------------------------------------------------------------------- */

static void
shown(void **state)
{
    static const struct {
        int64_t now;
        json_int_t left;
    } rows[] = {
        { MINT_NOW, 824 },
        { MINT_NOW - 3600 + 825 * MINT_DAY - 1, 0 },
        { MINT_NOW - 3600 + 825 * MINT_DAY, -1 },
        { MINT_NOW - 3600 + 826 * MINT_DAY, -2 },
    };
    struct identity made = create(state, IDENTITY_P256);

    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *json = identity_json(&made.chain, rows[i].now);

        assert_non_null(json);
        assert_string_equal(
                json_string_value(json_object_get(json, "subject")), "CN=gw.example.com");
        assert_string_equal(json_string_value(json_object_get(json, "key")), "EC P-256");
        assert_true(json_is_true(json_object_get(json, "self_signed")));
        assert_string_equal(json_string_value(json_array_get(json_object_get(json, "sans"), 1)),
                "IP:192.0.2.1");
        assert_int_equal(json_array_size(json_object_get(json, "chain")), 1);
        assert_int_equal(json_integer_value(json_object_get(json, "days_left")), rows[i].left);
        json_decref(json);
    }
    identity_release(&made);
}

int
main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(created),
        IN_FOLDER(contents),
        IN_FOLDER(days),
        IN_FOLDER(names_of_files),
        IN_FOLDER(asked_and_answered),
        IN_FOLDER(wrong_answers),
        IN_FOLDER(imported),
        IN_FOLDER(wrong_containers),
        IN_FOLDER(renewed),
        IN_FOLDER(renewal_asked_for),
        IN_FOLDER(renewal_without_names),
        IN_FOLDER(unreadable_keys),
        IN_FOLDER(unwritable),
        IN_FOLDER(withdrawn),
        IN_FOLDER(shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
