/* Certificates out of every kind of file, and what is said of files that are none. */
#include "input/input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A peer's certificate and its CA's, as DER and as PEM. */
static uint8_t *leaf, *ca;
static size_t leaf_len, ca_len;
static char *leaf_pem, *ca_pem;

static char *
to_pem(const uint8_t *der, size_t len, const char *label)
{
    char *text = malloc(2 * len + 200), *at = text;

    assert_non_null(text);
    at += sprintf(at, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < len; i += 48) {
        at += EVP_EncodeBlock((unsigned char *)at, der + i, (int)(len - i < 48 ? len - i : 48));
        *at++ = '\n';
    }
    (void)sprintf(at, "-----END %s-----\n", label);
    return text;
}

static int
make(void **state)
{
    (void)state;
    leaf = mint_der(&(struct mint) { .subject = "CN=peer",
                            .issuer = "CN=CA",
                            .key = mint_key("P-256"),
                            .signer = mint_key("P-256 ca") },
            &leaf_len);
    ca = mint_der(&(struct mint) { .subject = "CN=CA",
                          .key = mint_key("P-256 ca"),
                          .extensions = { "basicConstraints=critical,CA:TRUE" } },
            &ca_len);
    leaf_pem = to_pem(leaf, leaf_len, "CERTIFICATE");
    ca_pem = to_pem(ca, ca_len, "CERTIFICATE");
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    free(leaf);
    free(ca);
    free(leaf_pem);
    free(ca_pem);
    return 0;
}

/* The subjects of what was read, "CN=peer CN=CA"; the caller frees them. */
static char *
subjects(const struct input_list *list)
{
    char *text = calloc(1, 1000);

    assert_non_null(text);
    for (size_t i = 0; i < list->count; i++) {
        char *subject = cg_cert_text(list->certs[i], CG_FIELD_SUBJECT);

        (void)snprintf(
                text + strlen(text), 1000 - strlen(text), "%s%s", i == 0 ? "" : " ", subject);
        free(subject);
    }
    return text;
}

static void
expect_read(
        const char *why, const void *bytes, size_t len, const char *password, const char *wanted)
{
    struct input_list list = { 0 };
    struct cg_error err = { "" };
    char *found;

    if (input_load_bytes("FILE", bytes, len, password, &list, &err) != CG_OK)
        fail_msg("%s: %s", why, err.text);
    found = subjects(&list);
    if (strcmp(found, wanted) != 0)
        fail_msg("%s: read %s, wanted %s", why, found, wanted);
    free(found);
    input_list_release(&list);
}

/* Refused with these words, and what the list held before is all that it holds. */
static void
expect_refused(
        const char *why, const void *bytes, size_t len, const char *password, const char *wanted)
{
    struct input_list list = { 0 };
    struct cg_error err = { "" };

    assert_int_equal(input_load_bytes("before", ca, ca_len, NULL, &list, &err), CG_OK);
    if (input_load_bytes("FILE", bytes, len, password, &list, &err) == CG_OK)
        fail_msg("%s: was read", why);
    if (strcmp(err.text, wanted) != 0)
        fail_msg("%s: '%s', wanted '%s'", why, err.text, wanted);
    assert_int_equal(list.count, 1);
    input_list_release(&list);
}

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *
text_of(const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    assert_true(vasprintf(&text, format, args) >= 0);
    va_end(args);
    return text;
}

static void
pem(void **state)
{
    struct {
        const char *why;
        char *text;
        const char *wanted;
    } rows[] = {
        { "one", text_of("%s", leaf_pem), "CN=peer" },
        { "two", text_of("%s%s", leaf_pem, ca_pem), "CN=peer CN=CA" },
        { "text around them", text_of("subject=peer\n%s\nissuer\n%s\nthe end", leaf_pem, ca_pem),
                "CN=peer CN=CA" },
        { "text that begins like DER", text_of("0 s:CN = peer\n%s", leaf_pem), "CN=peer" },
        { "a key beside it is passed over",
                text_of("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n%s",
                        leaf_pem),
                "CN=peer" },
        { "an old label", to_pem(leaf, leaf_len, "X509 CERTIFICATE"), "CN=peer" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_read(rows[i].why, rows[i].text, strlen(rows[i].text), NULL, rows[i].wanted);
        free(rows[i].text);
    }
}

/* As written on Windows, in one long line, and with blanks at the ends of lines. */
static void
line_ends(void **state)
{
    static const char *const ends[] = { "\r\n", "", " \n", "\n\n" };
    char text[8192];

    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        size_t used = 0;

        for (const char *c = leaf_pem; *c != '\0'; c++) {
            const char *piece = *c == '\n' ? ends[i] : (const char[]) { *c, '\0' };

            used += (size_t)sprintf(text + used, "%s", piece);
        }
        expect_read(ends[i], text, used, NULL, "CN=peer");
    }
}

static void
der(void **state)
{
    uint8_t *longer = calloc(1, leaf_len + 2);

    (void)state;
    assert_non_null(longer);
    expect_read("one", leaf, leaf_len, NULL, "CN=peer");
    memcpy(longer, leaf, leaf_len);
    for (size_t len = 1; len < leaf_len; len++) {
        struct input_list list = { 0 };
        struct cg_error err = { "" };

        if (input_load_bytes("FILE", longer, len, NULL, &list, &err) == CG_OK)
            fail_msg("read, cut at byte %zu", len);
        assert_int_equal(strncmp(err.text, "FILE: ", 6), 0);
        assert_int_equal(list.count, 0);
        input_list_release(&list);
    }
    for (size_t more = 1; more <= 2; more++) {
        char *wanted = text_of("FILE: %s after the certificate's end at byte %zu",
                more == 1 ? "1 byte" : "2 bytes", leaf_len);

        expect_refused("more bytes", longer, leaf_len + more, NULL, wanted);
        free(wanted);
    }
    free(longer);
}

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"

/* clang-format off */
static const struct {
    const char *why;
    const char *text;
    const char *wanted;
} broken[] = {
    { "nothing", "", "FILE: empty" },
    { "something else", "hello\n", "FILE byte 0: neither PEM nor DER" },
    { "a key alone", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "FILE: no certificate in this PEM file" },
    { "a letter that is none", "x\n" BEGIN "AAAA\nAA!A\n" END, "FILE line 4: not base64" },
    { "padding in the middle", BEGIN "AA=A\n" END, "FILE line 2: not base64" },
    { "three letters", BEGIN "AAA\n" END, "FILE line 3: not base64" },
    { "three padding signs", BEGIN "A===\n" END, "FILE line 3: not base64" },
    { "no letters", BEGIN END, "FILE line 2: not base64" },
    { "base64 of something else", "\n\n" BEGIN "AAAA\n" END,
      "FILE line 3: not a DER certificate: no complete SEQUENCE at byte 0" },
    { "no END", BEGIN "AAAA\n", "FILE line 1: BEGIN without END" },
    { "no line end after BEGIN", "-----BEGIN CERTIFICATE", "FILE line 1: broken BEGIN line" },
    { "another END", BEGIN "AAAA\n-----END PRIVATE KEY-----\n", "FILE line 3: this END line does not end 'CERTIFICATE'" },
    { "half an END", BEGIN "AAAA\n-----END CERTIFICATE", "FILE line 3: this END line does not end 'CERTIFICATE'" },
    { "a BEGIN inside", BEGIN "AAAA\n" BEGIN "AAAA\n" END, "FILE line 3: not base64" },
    { "an endless label", "-----BEGIN AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-----\n",
      "FILE line 1: broken BEGIN line" },
    { "OpenSSL's own", "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
      "FILE line 1: 'TRUSTED CERTIFICATE' is OpenSSL's own format; convert it with 'openssl x509'" },
    { "a PKCS#7 that is none", "-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "FILE line 1: PKCS#7 does not parse" },
    { "a SEQUENCE that is nothing", "\x30\x82\x00\x00", "FILE: not a DER certificate: no complete SEQUENCE at byte 0" },
};
/* clang-format on */

static void
what_is_said_of_broken_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++)
        expect_refused(broken[i].why, broken[i].text,
                i == COUNT(broken) - 1 ? 4 : strlen(broken[i].text), NULL, broken[i].wanted);
}

/* All or nothing: a good one before a broken one is not kept either. */
static void
the_second_is_broken(void **state)
{
    char *text = text_of("%s" BEGIN "MAAA\n" END, leaf_pem), *wanted;
    size_t line = 1;

    (void)state;
    for (const char *c = leaf_pem; *c != '\0'; c++)
        line += *c == '\n';
    wanted = text_of("FILE line %zu: 1 byte after the certificate's end at byte 2", line);
    expect_refused("the second", text, strlen(text), NULL, wanted);
    free(wanted);
    free(text);
}

static void
too_large(void **state)
{
    size_t len = CG_MAX_CERT_BYTES + 8;
    uint8_t *large = calloc(1, len);

    (void)state;
    assert_non_null(large);
    large[0] = 0x30;
    large[1] = 0x82;
    large[2] = (uint8_t)((len - 4) >> 8);
    large[3] = (uint8_t)(len - 4);
    expect_refused("a certificate of over 32 KiB", large, len, NULL,
            "FILE: certificate of 32776 bytes, at most 32768 are read");
    free(large);
}

static X509 *
x509(const uint8_t *bytes, size_t len)
{
    X509 *cert = d2i_X509(NULL, &bytes, (long)len);

    assert_non_null(cert);
    return cert;
}

static void
pkcs7(void **state)
{
    PKCS7 *p7 = PKCS7_new();
    X509 *peer = x509(leaf, leaf_len), *issuer = x509(ca, ca_len);
    unsigned char *bytes = NULL;
    char *text;
    int len;

    (void)state;
    assert_int_equal(PKCS7_set_type(p7, NID_pkcs7_signed), 1);
    assert_int_equal(PKCS7_content_new(p7, NID_pkcs7_data), 1);
    len = i2d_PKCS7(p7, &bytes);
    expect_refused(
            "without certificates", bytes, (size_t)len, NULL, "FILE: PKCS#7 without certificates");
    OPENSSL_free(bytes);
    bytes = NULL;
    /* The CA first, as another program may sort them: the peer's comes first all the same. */
    assert_int_equal(PKCS7_add_certificate(p7, issuer), 1);
    assert_int_equal(PKCS7_add_certificate(p7, peer), 1);
    len = i2d_PKCS7(p7, &bytes);
    assert_true(len > 0);
    expect_read("DER", bytes, (size_t)len, NULL, "CN=peer CN=CA");
    text = to_pem(bytes, (size_t)len, "PKCS7");
    expect_read("PEM", text, strlen(text), NULL, "CN=peer CN=CA");
    free(text);
    OPENSSL_free(bytes);
    PKCS7_free(p7);
    X509_free(peer);
    X509_free(issuer);
}

/* clang-format off */
static const struct {
    const char *why;
    const char *written; /* password when it was made; NULL: none */
    int cert_cipher, rounds, mac_rounds;
    bool with_key;
    const char *given; /* … and when it is read */
    const char *wanted; /* subjects, or the refusal */
} containers[] = {
    { "no password", NULL, NID_aes_256_cbc, 1, 1, true, NULL, "CN=peer CN=CA" },
    { "an empty one, none given", "", NID_aes_256_cbc, 2048, 2048, true, NULL, "CN=peer CN=CA" },
    { "an empty one", "", NID_aes_256_cbc, 2048, 2048, true, "", "CN=peer CN=CA" },
    { "a password", "secret", NID_aes_256_cbc, 2048, 2048, true, "secret", "CN=peer CN=CA" },
    { "not given", "secret", NID_aes_256_cbc, 2048, 2048, true, NULL, "FILE: PKCS#12 container needs a password" },
    { "another", "secret", NID_aes_256_cbc, 2048, 2048, true, "Secret", "FILE: PKCS#12 container does not open with this password" },
    { "triple DES, as Windows wrote", "secret", NID_pbe_WithSHA1And3_Key_TripleDES_CBC, 2000, 2000, true, "secret",
      "CN=peer CN=CA" },
    { "RC2 with 40 bits, older still", "secret", NID_pbe_WithSHA1And40BitRC2_CBC, 2000, 2000, true, "secret", "CN=peer CN=CA" },
    { "certificates in the clear", "secret", -1, 2048, 2048, true, "secret", "CN=peer CN=CA" },
    { "no key", "secret", NID_aes_256_cbc, 2048, 2048, false, "secret", "CN=CA" },
    { "without a MAC", "secret", NID_aes_256_cbc, 2048, -1, true, "secret", "CN=peer CN=CA" },
    { "without a MAC, another password", "secret", NID_aes_256_cbc, 2048, -1, true, "Secret",
      "FILE: PKCS#12 contents do not decrypt: damaged, or an encryption that OpenSSL lacks" },
    { "rounds without end", "", NID_aes_256_cbc, 2048, 2000001, true, NULL,
      "FILE: PKCS#12 container with more than 2000000 rounds of key derivation" },
    { "too many in all parts together", "", NID_aes_256_cbc, 1000001, 1000000, false, "",
      "FILE: PKCS#12 container with more than 2000000 rounds of key derivation" },
};
/* clang-format on */

static void
pkcs12(void **state)
{
    X509 *peer = x509(leaf, leaf_len), *issuer = x509(ca, ca_len);
    STACK_OF(X509) *others = sk_X509_new_null();

    (void)state;
    assert_true(sk_X509_push(others, issuer) > 0);
    for (size_t i = 0; i < COUNT(containers); i++) {
        OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
        OSSL_PROVIDER *standard = OSSL_PROVIDER_load(context, "default");
        OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(context, "legacy");
        PKCS12 *p12 = PKCS12_create_ex(containers[i].written, "name",
                containers[i].with_key ? mint_key("P-256") : NULL,
                containers[i].with_key ? peer : NULL, others, NID_aes_256_cbc,
                containers[i].cert_cipher, containers[i].rounds, containers[i].mac_rounds, 0,
                context, NULL);
        unsigned char *bytes = NULL;
        int len;

        if (p12 == NULL)
            fail_msg("%s: cannot be made", containers[i].why);
        len = i2d_PKCS12(p12, &bytes);
        assert_true(len > 0);
        (strncmp(containers[i].wanted, "FILE", 4) == 0 ? expect_refused : expect_read)(
                containers[i].why, bytes, (size_t)len, containers[i].given, containers[i].wanted);
        OPENSSL_free(bytes);
        PKCS12_free(p12);
        OSSL_PROVIDER_unload(legacy);
        OSSL_PROVIDER_unload(standard);
        OSSL_LIB_CTX_free(context);
    }
    sk_X509_free(others);
    X509_free(peer);
    X509_free(issuer);
}

static void
write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* By name; hidden files, folders and sockets are no entries, one broken file refuses all. */
static void
folders(void **state)
{
    char folder[] = "/tmp/certgate-input-XXXXXX", path[5][64];
    static const char *const names[] = { "b.der", "a.pem", ".hidden", "folder", "c.pem" };
    struct input_list list = { 0 };
    struct cg_error err = { "" };
    char *found, *wanted;

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < COUNT(names); i++)
        (void)snprintf(path[i], sizeof(path[i]), "%s/%s", folder, names[i]);
    assert_int_equal(input_load(folder, NULL, &list, &err), CG_OK);
    assert_int_equal(list.count, 0);
    write_file(path[0], leaf, leaf_len);
    write_file(path[1], ca_pem, strlen(ca_pem));
    write_file(path[2], "junk", 4);
    assert_int_equal(mkdir(path[3], 0700), 0);
    if (input_load(folder, NULL, &list, &err) != CG_OK)
        fail_msg("%s", err.text);
    found = subjects(&list);
    assert_string_equal(found, "CN=CA CN=peer");
    free(found);
    write_file(path[4], "junk", 4);
    assert_int_equal(input_load(folder, NULL, &list, &err), CG_E_PARSE);
    assert_int_equal(list.count, 2);
    wanted = text_of("%s byte 0: neither PEM nor DER", path[4]);
    assert_string_equal(err.text, wanted);
    free(wanted);
    assert_int_equal(unlink(path[4]), 0);
    assert_int_equal(
            symlink("/nowhere", path[4]), 0); /* a link that leads nowhere is no "no file" */
    assert_int_equal(input_load(folder, NULL, &list, &err), CG_E_USAGE);
    wanted = text_of("%s: cannot be read: No such file or directory", path[4]);
    assert_string_equal(err.text, wanted);
    free(wanted);
    input_list_release(&list);
    for (size_t i = 0; i < COUNT(names); i++)
        (void)(i == 3 ? rmdir(path[i]) : unlink(path[i]));
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(input_load(folder, NULL, &list, &err), CG_E_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(der),
        cmocka_unit_test(what_is_said_of_broken_files),
        cmocka_unit_test(the_second_is_broken),
        cmocka_unit_test(too_large),
        cmocka_unit_test(pkcs7),
        cmocka_unit_test(pkcs12),
        cmocka_unit_test(folders),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
