/* The Trusted Certificate Store: duplicates, same-name CAs, growth, and that it stays as it was frozen. */
#include <certgate/store.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/mint.h"
#include "x509/facts.h"
#include "x509/store_index.h"

static struct cg_cert *
numbered(long serial, const char *subject)
{
    return mint_cert(
            &(struct mint) { .subject = subject, .key = mint_key("ED25519"), .serial = serial });
}

static void
assert_entry(const struct cg_store *store, size_t i, const struct cg_cert *cert)
{
    size_t len;
    const uint8_t *der = cg_store_get0_der(store, i, &len);

    assert_int_equal(len, cert->der_len);
    assert_memory_equal(der, cert->der, len);
    assert_memory_equal(cg_store_get0_sha256(store, i), cert->sha256, CG_SHA256_SIZE);
}

static void
a_copy_is_added_once(void **state)
{
    struct cg_store *store = cg_store_new();
    struct cg_cert *one = numbered(1, "CN=a"), *same = numbered(1, "CN=a");
    struct cg_cert *other = numbered(2, "CN=a");

    (void)state;
    assert_ptr_not_equal(one, same);
    assert_int_equal(cg_store_add(store, one, NULL), CG_OK);
    assert_int_equal(cg_store_add(store, one, NULL), CG_OK);
    assert_int_equal(cg_store_add(store, same, NULL), CG_OK);
    assert_int_equal(cg_store_count(store), 1);
    assert_int_equal(cg_store_add(store, other, NULL), CG_OK);
    assert_int_equal(cg_store_count(store), 2);
    assert_entry(store, 0, one);
    assert_entry(store, 1, other);
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    assert_true(cg_store_contains(store, cg_cert_get0_sha256(same)));
    cg_cert_free(one);
    cg_cert_free(same);
    cg_cert_free(other);
    assert_true(cg_store_contains(store, cg_store_get0_sha256(store, 1)));
    cg_store_free(store);
    cg_store_free(NULL);
}

static void
frozen_is_frozen(void **state)
{
    struct cg_store *store = cg_store_new(), *again;
    struct cg_cert *cert = numbered(1, "CN=a");
    struct cg_error err = { "" };

    (void)state;
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    assert_int_equal(cg_store_add(store, cert, &err), CG_E_USAGE);
    assert_string_equal(err.text, "the store is frozen");
    assert_int_equal(cg_store_count(store), 0);
    assert_false(cg_store_contains(store, cg_cert_get0_sha256(cert)));
    again = cg_store_ref(store);
    cg_store_free(store);
    assert_int_equal(cg_store_count(again), 0);
    cg_store_free(again);
    cg_cert_free(cert);
}

static void
count_release(void *owner)
{
    ++*(int *)owner;
}

/* Borrowed bytes are read where they are, the same as their copies, and let go with the last reference. */
static void
bytes_are_borrowed(void **state)
{
    struct cg_store *store = cg_store_new(), *copied = cg_store_new();
    struct cg_cert *cert = numbered(1, "CN=a");
    int released = 0;
    size_t len;

    (void)state;
    cg_store_set_owner(store, &released, count_release);
    assert_int_equal(cg_store_borrow_der(store, cert->der, cert->der_len, NULL), CG_OK);
    assert_int_equal(cg_store_borrow_der(store, cert->der, cert->der_len, NULL), CG_OK);
    assert_int_equal(cg_store_add(store, cert, NULL), CG_OK);
    assert_int_equal(cg_store_count(store), 1);
    assert_ptr_equal(cg_store_get0_der(store, 0, &len), cert->der);
    assert_entry(store, 0, cert);
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    assert_int_equal(cg_store_borrow_der(store, cert->der, cert->der_len, NULL), CG_E_USAGE);
    assert_int_equal(cg_store_add(copied, cert, NULL), CG_OK);
    assert_ptr_not_equal(cg_store_get0_der(copied, 0, &len), cert->der);
    assert_int_equal(cg_store_freeze(copied, NULL), CG_OK);
    assert_memory_equal(cg_store_get0_digest(store), cg_store_get0_digest(copied), CG_SHA256_SIZE);
    (void)cg_store_ref(store);
    cg_store_free(store);
    assert_int_equal(released, 0);
    cg_store_free(store);
    assert_int_equal(released, 1);
    cg_store_free(copied);
    cg_cert_free(cert);
}

/* What cg_cert_from_der() refuses is not taken, wherever it breaks off, with the same words. */
static void
malformed_is_refused(void **state)
{
    struct cg_store *store = cg_store_new();
    struct cg_cert *cert = numbered(1, "CN=a"), *none;
    static uint8_t large[CG_MAX_CERT_BYTES + 1];
    struct cg_error mine, its;

    (void)state;
    for (size_t len = 0; len < cert->der_len; len++) {
        assert_int_equal(cg_store_borrow_der(store, cert->der, len, &mine), CG_E_PARSE);
        assert_int_equal(cg_cert_from_der(cert->der, len, &none, &its), CG_E_PARSE);
        assert_string_equal(mine.text, its.text);
    }
    assert_int_equal(cg_store_borrow_der(store, large, sizeof(large), NULL), CG_E_LIMIT);
    assert_int_equal(cg_store_count(store), 0);
    cg_store_free(store);
    cg_cert_free(cert);
}

/* What a subject says of its issuer's key passes by who cannot be it, and nobody else. */
static void
hints_pass_by_strangers(void **state)
{
    static const char *const ski = "subjectKeyIdentifier=01020304";
    static const struct {
        const char *why;
        const char *issuer; /* its subjectKeyIdentifier, or NULL */
        const char *subject; /* its authorityKeyIdentifier, or NULL */
        long serial; /* of the issuer */
        enum cg_issuer_fit fit;
    } rows[] = {
        { "neither says", NULL, NULL, 1, CG_ISSUER_UNTOLD },
        { "only the issuer says", ski, NULL, 1, CG_ISSUER_UNTOLD },
        { "only the subject says", NULL, "DER:30:06:80:04:01:02:03:04", 1, CG_ISSUER_UNTOLD },
        { "the same key", ski, "DER:30:06:80:04:01:02:03:04", 1, CG_ISSUER_MAY },
        { "another key", ski, "DER:30:06:80:04:01:02:03:05", 1, CG_ISSUER_MISFIT },
        /* directoryName CN=ca, serial 5 */
        { "the same number", ski,
                "DER:30:16:A1:11:A4:0F:30:0D:31:0B:30:09:06:03:55:04:03:0C:02:63:61:82:01:05", 5,
                CG_ISSUER_MAY },
        { "another number", ski,
                "DER:30:16:A1:11:A4:0F:30:0D:31:0B:30:09:06:03:55:04:03:0C:02:63:61:82:01:05", 6,
                CG_ISSUER_MISFIT },
        { "a number of another issuer", ski,
                "DER:30:16:A1:11:A4:0F:30:0D:31:0B:30:09:06:03:55:04:03:0C:02:63:62:82:01:05", 5,
                CG_ISSUER_MISFIT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char aki[128];
        struct cg_cert *issuer = mint_cert(&(struct mint) { .subject = "CN=ca",
                .key = mint_key("ED25519"),
                .serial = rows[i].serial,
                .extensions = { rows[i].issuer } });
        struct cg_cert *subject;
        struct cg_store *store = mint_store((struct cg_cert *[]) { issuer, NULL });
        struct cg_issuer_hint hint;
        struct cg_store_match match;
        size_t cursor = 0;

        snprintf(aki, sizeof(aki), "2.5.29.35=%s", rows[i].subject == NULL ? "" : rows[i].subject);
        subject = mint_cert(&(struct mint) { .subject = "CN=leaf",
                .issuer = "CN=ca",
                .key = mint_key("ED25519"),
                .extensions = { rows[i].subject == NULL ? NULL : aki } });
        hint = cg_issuer_hint(subject);
        if (!cg_store_next_issuer(store, &hint, &cursor, &match) || match.fit != rows[i].fit)
            fail_msg("%s: not as it is", rows[i].why);
        cg_store_free(store);
        cg_cert_free(issuer);
        cg_cert_free(subject);
    }
}

/* Past every growth of the tables each is found, none that was not added, and all of one name in order. */
static void
many_of_few_names(void **state)
{
    enum { COUNT = 200, NAMES = 3 };
    static const char *const names[NAMES] = { "CN=a", "CN=B", "CN=c" };
    struct cg_cert *certs[COUNT], *absent = numbered(COUNT + 1, "CN=a");
    struct cg_cert *nobody = numbered(1, "CN=nobody"), *folded = numbered(1, "CN=b");
    struct cg_store *store = cg_store_new();
    struct cg_issuer_hint nobodys;
    size_t none;

    (void)state;
    for (long i = 0; i < COUNT; i++) {
        certs[i] = numbered(i + 1, names[i % NAMES]);
        assert_int_equal(cg_store_add(store, certs[i], NULL), CG_OK);
    }
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    assert_int_equal(cg_store_count(store), COUNT);
    for (int i = 0; i < COUNT; i++)
        assert_true(cg_store_contains(store, cg_cert_get0_sha256(certs[i])));
    assert_false(cg_store_contains(store, cg_cert_get0_sha256(absent)));
    for (int name = 0; name < NAMES; name++) {
        const struct cg_issuer_hint hint = cg_issuer_hint(name == 1 ? folded : certs[name]);
        struct cg_store_match match;
        size_t found = 0, cursor = 0;

        for (; cg_store_next_issuer(store, &hint, &cursor, &match); found++)
            assert_int_equal(match.entry, (size_t)name + found * NAMES);
        assert_int_equal(found, (COUNT - name + NAMES - 1) / NAMES);
        assert_false(cg_store_next_issuer(store, &hint, &cursor, &match));
    }
    none = 0;
    nobodys = cg_issuer_hint(nobody);
    assert_false(cg_store_next_issuer(store, &nobodys, &none, &(struct cg_store_match) { 0 }));
    for (int i = 0; i < COUNT; i++)
        cg_cert_free(certs[i]);
    cg_cert_free(absent);
    cg_cert_free(nobody);
    cg_cert_free(folded);
    cg_store_free(store);
}

/* Equal stores, equal digests: the order of adding and copies make no difference, a certificate does. */
static void
digest(void **state)
{
    struct cg_cert *a = numbered(1, "CN=a"), *b = numbered(2, "CN=a"), *c = numbered(3, "CN=a");
    struct cg_store *stores[] = {
        mint_store((struct cg_cert *[]) { a, b, c, NULL }),
        mint_store((struct cg_cert *[]) { c, a, b, a, NULL }),
        mint_store((struct cg_cert *[]) { a, b, NULL }),
        mint_store((struct cg_cert *[]) { NULL }),
    };

    (void)state;
    assert_memory_equal(
            cg_store_get0_digest(stores[0]), cg_store_get0_digest(stores[1]), CG_SHA256_SIZE);
    for (int i = 0; i < 4; i++)
        for (int k = i + 1; k < 4; k++)
            if (i != 0 || k != 1)
                assert_memory_not_equal(cg_store_get0_digest(stores[i]),
                        cg_store_get0_digest(stores[k]), CG_SHA256_SIZE);
    for (int i = 0; i < 4; i++)
        cg_store_free(stores[i]);
    cg_cert_free(a);
    cg_cert_free(b);
    cg_cert_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_added_once),
        cmocka_unit_test(frozen_is_frozen),
        cmocka_unit_test(bytes_are_borrowed),
        cmocka_unit_test(malformed_is_refused),
        cmocka_unit_test(hints_pass_by_strangers),
        cmocka_unit_test(many_of_few_names),
        cmocka_unit_test(digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
