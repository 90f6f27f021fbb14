/* Which certificates are sent with our own, in which order, whatever came in which. */
#include "identity/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "support/mint.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define CA "basicConstraints=critical,CA:TRUE"

/* By letter: what the rows below are made of. */
enum {
    OWN = 'o',
    OLDER = 'O',
    EXPIRED = 'x',
    SUB = 's',
    MIDDLE = 'm',
    ROOT = 'r',
    TWIN = 't',
    OTHER = 'z',
    SELF = 'e'
};

static struct cg_cert *certs[128];

static int
make(void **state)
{
    const int64_t year = 365 * MINT_DAY;

    (void)state;
    certs[OWN] = mint_cert(&(struct mint) { .subject = "CN=gw",
            .issuer = "CN=sub",
            .key = mint_key("P-256 own"),
            .signer = mint_key("P-256 sub"),
            .serial = 2 });
    certs[OLDER] = mint_cert(&(struct mint) { .subject = "CN=gw",
            .issuer = "CN=sub",
            .key = mint_key("P-256 own"),
            .signer = mint_key("P-256 sub"),
            .not_before = MINT_NOW - year,
            .not_after = MINT_NOW + MINT_DAY });
    certs[EXPIRED] = mint_cert(&(struct mint) { .subject = "CN=gw",
            .issuer = "CN=sub",
            .key = mint_key("P-256 own"),
            .signer = mint_key("P-256 sub"),
            .not_before = MINT_NOW - year,
            .not_after = MINT_NOW - 1 });
    certs[SUB] = mint_cert(&(struct mint) { .subject = "CN=sub",
            .issuer = "CN=middle",
            .key = mint_key("P-256 sub"),
            .signer = mint_key("P-256 middle"),
            .extensions = { CA } });
    certs[MIDDLE] = mint_cert(&(struct mint) { .subject = "CN=middle",
            .issuer = "CN=root",
            .key = mint_key("P-256 middle"),
            .signer = mint_key("P-256 root"),
            .extensions = { CA } });
    certs[ROOT] = mint_cert(&(struct mint) {
            .subject = "CN=root", .key = mint_key("P-256 root"), .extensions = { CA } });
    /* The name of the issuer and not its key. */
    certs[TWIN] = mint_cert(&(struct mint) { .subject = "CN=sub",
            .issuer = "CN=middle",
            .key = mint_key("P-256 twin"),
            .signer = mint_key("P-256 middle"),
            .extensions = { CA } });
    certs[OTHER] = mint_cert(&(struct mint) { .subject = "CN=other", .key = mint_key("P-256") });
    certs[SELF] = mint_cert(&(struct mint) { .subject = "CN=gw", .key = mint_key("P-256 own") });
    return 0;
}

static int
drop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(certs); i++)
        cg_cert_free(certs[i]);
    return 0;
}

static void
letters(const struct input_list *list, char *out)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < COUNT(certs); j++)
            if (certs[j] == list->certs[i])
                *out++ = (char)j;
    *out = '\0';
}

static void
fill(struct input_list *list, const char *what)
{
    for (; *what != '\0'; what++)
        assert_int_equal(identity_list_add(list, certs[(size_t)*what], NULL), CG_OK);
}

static void
sorted(void **state)
{
    static const struct {
        const char *why, *pool, *chain, *authorities;
    } rows[] = {
        { "in order", "osm", "osm", "sm" },
        { "the other way round, with the root", "rmso", "osm", "rms" },
        { "each twice", "ososmm", "osm", "sm" },
        { "a CA of the issuer's name is not the issuer", "otsm", "osm", "tsm" },
        { "a gap", "om", "o", "m" },
        { "what belongs to somebody else is left out", "zo", "o", "" },
        { "the newer of two", "Oso", "os", "s" },
        { "an expired one beside it", "xos", "os", "s" },
        { "signed by itself", "e", "e", "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct input_list pool = { NULL }, chain, authorities;
        struct cg_error err = { "" };
        char found[16], others[16];

        fill(&pool, rows[i].pool);
        if (identity_chain_sort(
                    &pool, mint_key("P-256 own"), MINT_NOW, &chain, &authorities, &err) != CG_OK)
            fail_msg("%s: %s", rows[i].why, err.text);
        letters(&chain, found);
        letters(&authorities, others);
        if (strcmp(found, rows[i].chain) != 0 || strcmp(others, rows[i].authorities) != 0)
            fail_msg("%s: chain %s, authorities %s", rows[i].why, found, others);
        input_list_release(&chain);
        input_list_release(&authorities);
        input_list_release(&pool);
    }
}

static void
refused(void **state)
{
    static const struct {
        const char *why, *pool, *wanted;
    } rows[] = {
        { "another key", "zsmr", "none of the certificates is of the private key" },
        { "nothing", "", "none of the certificates is of the private key" },
        { "expired", "xsm", "the certificate of the private key expired 2026-11-23T23:59:59Z" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct input_list pool = { NULL }, chain, authorities;
        struct cg_error err = { "" };

        fill(&pool, rows[i].pool);
        assert_int_equal(identity_chain_sort(&pool, mint_key("P-256 own"), MINT_NOW, &chain,
                                 &authorities, &err),
                CG_E_USAGE);
        if (strcmp(err.text, rows[i].wanted) != 0)
            fail_msg("%s: '%s'", rows[i].why, err.text);
        assert_int_equal(chain.count + authorities.count, 0);
        input_list_release(&pool);
    }
}

/* One more than are sent is refused, not cut: peers could not follow what is left. */
static void
too_long(void **state)
{
    struct input_list pool = { NULL }, chain;
    char subject[16], issuer[16], name[16], signer[16];
    struct cg_error err = { "" };

    (void)state;
    for (unsigned i = 0; i <= CG_MAX_CHAIN_CERTS; i++) {
        struct cg_cert *cert;

        (void)snprintf(subject, sizeof(subject), "CN=%u", i);
        (void)snprintf(issuer, sizeof(issuer), "CN=%u", i + 1);
        (void)snprintf(name, sizeof(name), "P-256 %u", i);
        (void)snprintf(signer, sizeof(signer), "P-256 %u", i + 1);
        cert = mint_cert(&(struct mint) { .subject = subject,
                .issuer = issuer,
                .key = mint_key(name),
                .signer = mint_key(signer),
                .extensions = { i == 0 ? NULL : CA } });
        assert_int_equal(identity_list_add(&pool, cert, NULL), CG_OK);
        cg_cert_free(cert);
    }
    assert_int_equal(identity_chain_sort(&pool, mint_key("P-256 0"), MINT_NOW, &chain, NULL, &err),
            CG_E_LIMIT);
    assert_string_equal(err.text, "the chain has more than 16 certificates");
    cg_cert_free(pool.certs[--pool.count]);
    assert_int_equal(
            identity_chain_sort(&pool, mint_key("P-256 0"), MINT_NOW, &chain, NULL, &err), CG_OK);
    assert_int_equal(chain.count, CG_MAX_CHAIN_CERTS);
    input_list_release(&chain);
    input_list_release(&pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorted),
        cmocka_unit_test(refused),
        cmocka_unit_test(too_long),
    };

    return cmocka_run_group_tests(tests, make, drop);
}
