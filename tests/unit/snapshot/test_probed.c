/* What a server showed, told and read: whole, and with everything that can be wrong with it. */
#include "snapshot/probed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "snapshot/ipc.h"

static const uint8_t bytes[CG_MAX_CERT_BYTES + 1] = { 0x30, 0x82, 0x01 };

static struct probed
chain_of(size_t count, size_t len)
{
    struct probed probed = {
        .outcome = PROBED_CHAIN, .address = "192.0.2.7", .tls = "TLSv1.3", .count = count
    };

    for (size_t i = 0; i < count; i++)
        probed.certs[i] = cg_span(bytes, len);
    return probed;
}

static bool
comes_back(const struct probed *probed, struct probed *out, struct cg_buf *buf)
{
    cg_buf_init(buf, IPC_MAX_PAYLOAD);
    probed_write(probed, buf);
    assert_false(buf->failed);
    return probed_read(cg_span(buf->data, buf->len), out);
}

static void
it_comes_back_as_it_was(void **state)
{
    struct probed probed = chain_of(PROBED_MAX_CERTS, CG_MAX_CHAIN_BYTES / PROBED_MAX_CERTS), read;
    struct cg_buf buf;

    (void)state;
    assert_true(comes_back(&probed, &read, &buf));
    assert_int_equal(read.outcome, PROBED_CHAIN);
    assert_string_equal(read.address, "192.0.2.7");
    assert_string_equal(read.tls, "TLSv1.3");
    assert_string_equal(read.why, "");
    assert_int_equal(read.count, PROBED_MAX_CERTS);
    for (size_t i = 0; i < read.count; i++)
        assert_true(cg_span_equal(read.certs[i], probed.certs[i]));
    /* Wherever it is cut it is none: between certificates there are fewer, and those are whole. */
    for (size_t len = 0; len < buf.len; len++) {
        if (probed_read(cg_span(buf.data, len), &read))
            assert_in_range(read.count, 1, PROBED_MAX_CERTS - 1);
    }
    cg_buf_release(&buf);
}

static void
texts_are_printable(void **state)
{
    struct probed probed = { .outcome = PROBED_NO_TLS, .why = "a\nb\x1b[31m\xff" }, read;
    struct cg_buf buf;

    (void)state;
    assert_true(comes_back(&probed, &read, &buf));
    assert_string_equal(read.why, "a?b?[31m?");
    cg_buf_release(&buf);
}

static const struct {
    const char *why;
    size_t count, len;
    enum probed_outcome outcome;
} refused[] = {
    { "a chain of nothing", 0, 0, PROBED_CHAIN },
    { "an empty certificate", 1, 0, PROBED_CHAIN },
    { "one that is too large", 1, CG_MAX_CERT_BYTES + 1, PROBED_CHAIN },
    { "together too large", 3, CG_MAX_CERT_BYTES, PROBED_CHAIN },
    { "certificates of a failure", 1, 3, PROBED_TIMEOUT },
    { "an outcome that there is not", 0, 0, PROBED_OUTCOMES },
};

static void
what_is_wrong_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct probed probed = chain_of(refused[i].count, refused[i].len), read;
        struct cg_buf buf;

        probed.outcome = refused[i].outcome;
        if (comes_back(&probed, &read, &buf))
            fail_msg("%s was read", refused[i].why);
        cg_buf_release(&buf);
    }
}

static void
one_certificate_too_many(void **state)
{
    struct probed probed = chain_of(PROBED_MAX_CERTS, 3), read;
    const uint8_t another[] = { 0, 1, 0x30 };
    struct cg_buf buf;

    (void)state;
    assert_true(comes_back(&probed, &read, &buf));
    cg_buf_add_bytes(&buf, another, sizeof(another));
    assert_false(probed_read(cg_span(buf.data, buf.len), &read));
    cg_buf_release(&buf);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back_as_it_was),
        cmocka_unit_test(texts_are_printable),
        cmocka_unit_test(what_is_wrong_is_refused),
        cmocka_unit_test(one_certificate_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
