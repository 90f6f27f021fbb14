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
    assert_ptr_equal(cg_store_get0(store, 0), one);
    assert_ptr_equal(cg_store_get0(store, 1), other);
    assert_int_equal(cg_store_freeze(store, NULL), CG_OK);
    assert_true(cg_store_contains(store, cg_cert_get0_sha256(same)));
    cg_cert_free(one);
    cg_cert_free(same);
    cg_cert_free(other);
    assert_true(cg_store_contains(store, cg_cert_get0_sha256(cg_store_get0(store, 1))));
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

/* Past every growth of the tables each is found, none that was not added, and all of one name in order. */
static void
many_of_few_names(void **state)
{
    enum { COUNT = 200, NAMES = 3 };
    static const char *const names[NAMES] = { "CN=a", "CN=B", "CN=c" };
    struct cg_cert *certs[COUNT], *absent = numbered(COUNT + 1, "CN=a");
    struct cg_cert *nobody = numbered(1, "CN=nobody"), *folded = numbered(1, "CN=b");
    struct cg_store *store = cg_store_new();
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
        const struct cg_canonical_name *subject =
                name == 1 ? &folded->canonical_subject : &certs[name]->canonical_subject;
        const struct cg_cert *cert;
        size_t found = 0, cursor = 0;

        for (; (cert = cg_store_next_by_subject(store, subject, &cursor)) != NULL; found++)
            assert_ptr_equal(cert, certs[(size_t)name + found * NAMES]);
        assert_int_equal(found, (COUNT - name + NAMES - 1) / NAMES);
        assert_null(cg_store_next_by_subject(store, subject, &cursor));
    }
    none = 0;
    assert_null(cg_store_next_by_subject(store, &nobody->canonical_subject, &none));
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
        cmocka_unit_test(many_of_few_names),
        cmocka_unit_test(digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
