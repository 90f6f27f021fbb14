/* Where a certificate can be asked about, and the request. */
#include "court.h"

#include <openssl/ocsp.h>

static void
urls(void **state)
{
    static const struct {
        const char *why;
        const char *extension;
        const char *crl;
        const char *ocsp;
    } rows[] = {
        { "a CRL", LEAF_POINT, "http://crl.example/ca.crl", NULL },
        { "a responder", "authorityInfoAccess=OCSP;URI:http://ocsp.example/", NULL,
                "http://ocsp.example/" },
        { "an issuer is no responder", "authorityInfoAccess=caIssuers;URI:http://ca.example/", NULL,
                NULL },
        { "https, in capitals", "crlDistributionPoints=URI:HTTPS://crl.example/a",
                "HTTPS://crl.example/a", NULL },
        { "LDAP", "crlDistributionPoints=URI:ldap://ldap.example/cn=a", NULL, NULL },
        { "a file", "crlDistributionPoints=URI:file:///etc/passwd", NULL, NULL },
        { "another way first",
                "crlDistributionPoints=URI:ldap://a.example/b,URI:http://c.example/d",
                "http://c.example/d", NULL },
        { "a blank inside", "crlDistributionPoints=URI:http://crl.example/a b", NULL, NULL },
        { "a quote inside", "crlDistributionPoints=URI:http://crl.example/\"", NULL, NULL },
        { "another issuer's CRL",
                "2.5.29.31=DER:30:1a:30:18:a0:10:a0:0e:86:0c:68:74:74:70:3a:2f:2f:61:2e:62:2f:63:"
                "a2:04:"
                "a4:02:30:00",
                NULL, NULL },
        { "malformed points", "2.5.29.31=DER:30:03:30:02:a0:00:00", NULL, NULL },
        { "malformed access", "1.3.6.1.5.5.7.1.1=DER:30:02:30:00", NULL, NULL },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mint what = court_leaf();
        struct cg_cert *cert;
        char *crl[2] = { NULL }, *ocsp[2] = { NULL };
        size_t crls, responders;

        what.extensions[2] = rows[i].extension;
        cert = mint_cert(&what);
        crls = cg_cert_crl_urls(cert, crl, 2);
        responders = cg_cert_ocsp_urls(cert, ocsp, 2);
        if (crls != (rows[i].crl != NULL) || responders != (rows[i].ocsp != NULL))
            fail_msg("%s: %zu CRLs, %zu responders", rows[i].why, crls, responders);
        if ((crls == 1 && strcmp(crl[0], rows[i].crl) != 0) ||
                (responders == 1 && strcmp(ocsp[0], rows[i].ocsp) != 0))
            fail_msg("%s: %s %s", rows[i].why, crls == 1 ? crl[0] : "",
                    responders == 1 ? ocsp[0] : "");
        free(crl[0]);
        free(ocsp[0]);
        cg_cert_free(cert);
    }
}

static X509 *
openssl_cert(const struct cg_cert *cert)
{
    size_t len;
    const unsigned char *at = cg_cert_get0_der(cert, &len);

    return d2i_X509(NULL, &at, (long)len);
}

/* To the octet what OpenSSL makes of it. */
static void
request(void **state)
{
    static const char *const serials[] = { "01", "7F", "80", "00FF",
        "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF" };
    struct court *court = *state;

    for (size_t i = 0; i < COUNT(serials); i++) {
        struct mint what = court_leaf();
        struct cg_cert *cert;
        OCSP_REQUEST *theirs = OCSP_REQUEST_new();
        unsigned char *wanted = NULL;
        uint8_t *found;
        size_t len;
        X509 *subject, *issuer = openssl_cert(court->ca);

        what.serial_hex = serials[i];
        cert = mint_cert(&what);
        subject = openssl_cert(cert);
        assert_non_null(OCSP_request_add0_id(theirs, OCSP_cert_to_id(EVP_sha1(), subject, issuer)));
        assert_int_equal(cg_ocsp_request(court->engine, cert, court->ca, &found, &len, NULL), CG_OK);
        assert_int_equal(i2d_OCSP_REQUEST(theirs, &wanted), len);
        assert_memory_equal(found, wanted, len);
        free(found);
        OPENSSL_free(wanted);
        OCSP_REQUEST_free(theirs);
        X509_free(subject);
        X509_free(issuer);
        cg_cert_free(cert);
    }
}

static void
serial_too_long(void **state)
{
    struct court *court = *state;
    struct mint what = court_leaf();
    struct cg_cert *cert;
    uint8_t *found;
    size_t len;

    what.serial_hex = "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
    cert = mint_cert(&what);
    assert_int_equal(cg_ocsp_request(court->engine, cert, court->ca, &found, &len, NULL), CG_E_LIMIT);
    assert_null(found);
    cg_cert_free(cert);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),
        cmocka_unit_test_setup_teardown(request, court_make, court_drop),
        cmocka_unit_test_setup_teardown(serial_too_long, court_make, court_drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
