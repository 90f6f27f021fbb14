/* What an engine remembers of certificates: the same bytes give the same facts, others never do. */
#include "x509/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/mint.h"

#define CA "basicConstraints=critical,CA:TRUE"

static struct cg_cert *
parse(struct cg_engine *engine, const uint8_t *der, size_t len)
{
    struct cg_cert *cert = NULL;

    assert_int_equal(cg_engine_cert(engine, der, len, &cert, NULL), CG_OK);
    assert_int_equal(cert->der_len, len);
    assert_memory_equal(cert->der, der, len);
    return cert;
}

static uint8_t *
make(const char *extension, long serial, size_t *len)
{
    return mint_der(&(struct mint) { .subject = "CN=a",
                            .key = mint_key("P-256"),
                            .serial = serial,
                            .extensions = { extension } },
            len);
}

static void
a_ca_is_parsed_once(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    size_t len;
    uint8_t *der = make(CA, 1, &len);
    struct cg_cert *first = parse(engine, der, len), *again;

    (void)state;
    again = parse(engine, der, len);
    assert_ptr_equal(first, again);
    cg_cert_free(again);
    cg_cert_free(first);
    again = parse(engine, der, len); /* the engine holds its own reference */
    cg_engine_free(engine);
    assert_true(again->ca); /* and so do we */
    cg_cert_free(again);
    free(der);
}

/* The same end, so the same set: only the whole counts. */
static void
one_byte_makes_another(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    size_t len;
    uint8_t *der = make(CA, 0x55, &len), *serial;
    struct cg_cert *first = parse(engine, der, len), *other;

    (void)state;
    serial = memchr(der, 0x55, len);
    assert_non_null(serial);
    *serial ^= 1;
    other = parse(engine, der, len);
    assert_ptr_not_equal(first, other);
    assert_memory_not_equal(first->sha256, other->sha256, CG_SHA256_SIZE);
    cg_cert_free(first);
    cg_cert_free(other);
    free(der);
    cg_engine_free(engine);
}

static void
end_entities_are_not_kept(void **state)
{
    struct cg_engine *engine = cg_engine_new();
    size_t len;
    uint8_t *der = make("basicConstraints=CA:FALSE", 1, &len);
    struct cg_cert *first = parse(engine, der, len), *again = parse(engine, der, len);

    (void)state;
    assert_ptr_not_equal(first, again);
    cg_cert_free(first);
    cg_cert_free(again);
    free(der);
    cg_engine_free(engine);
}

/* More CAs than there is room for: each answer stays right, and nothing is leaked or kept twice. */
static void
many_cas(void **state)
{
    struct cg_engine *engine = cg_engine_new();

    (void)state;
    for (long i = 1; i <= 4 * 2 * CG_ENGINE_CA_SETS; i++) {
        size_t len;
        uint8_t *der = make(CA, i, &len);

        cg_cert_free(parse(engine, der, len));
        cg_cert_free(parse(engine, der, len));
        free(der);
    }
    cg_engine_free(engine);
}

/* What is trusted is parsed once, whichever store it stands in, CA or not. */
static void
trusted_are_parsed_once(void **state)
{
    enum { COUNT = 3 * 2 * CG_ENGINE_TRUSTED_SETS };
    struct cg_engine *engine = cg_engine_new();
    struct cg_store *store = cg_store_new(), *other = cg_store_new();
    struct cg_cert *cert, *first, *again;

    (void)state;
    for (long i = 1; i <= COUNT; i++) {
        size_t len;
        uint8_t *der = make(i == 1 ? "basicConstraints=CA:FALSE" : CA, i, &len);

        assert_int_equal(cg_cert_from_der(der, len, &cert, NULL), CG_OK);
        assert_int_equal(cg_store_add(store, cert, NULL), CG_OK);
        if (i == 1)
            assert_int_equal(cg_store_add(other, cert, NULL), CG_OK);
        cg_cert_free(cert);
        free(der);
    }
    assert_int_equal(cg_engine_trusted(engine, store, 0, &first), CG_OK);
    assert_int_equal(cg_engine_trusted(engine, other, 0, &again), CG_OK);
    assert_ptr_equal(first, again);
    cg_cert_free(again);
    /* More than there is room for: each is the right one. */
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(cg_engine_trusted(engine, store, i, &cert), CG_OK);
        assert_memory_equal(cert->sha256, cg_store_get0_sha256(store, i), CG_SHA256_SIZE);
        cg_cert_free(cert);
    }
    cg_store_free(store);
    cg_store_free(other);
    cg_engine_free(engine);
    assert_int_equal(first->serial.data[0], 1); /* of a reference of its own */
    cg_cert_free(first);
}

static void
junk_is_refused(void **state)
{
    static const uint8_t junk[] = { 0x30, 0x82, 0xff, 0xff, 0x00 };
    struct cg_engine *engine = cg_engine_new();
    struct cg_cert *cert;

    (void)state;
    for (size_t len = 0; len <= sizeof(junk); len++) {
        assert_int_equal(cg_engine_cert(engine, junk, len, &cert, NULL), CG_E_PARSE);
        assert_null(cert);
    }
    cg_engine_free(engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ca_is_parsed_once),
        cmocka_unit_test(one_byte_makes_another),
        cmocka_unit_test(end_entities_are_not_kept),
        cmocka_unit_test(many_cas),
        cmocka_unit_test(trusted_are_parsed_once),
        cmocka_unit_test(junk_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
