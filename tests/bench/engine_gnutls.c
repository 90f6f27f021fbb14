/* The same verdict from DER by GnuTLS: gnutls_x509_trust_list_verify_crt2() as an application would call it. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "bench.h"
#include "support/mint.h"

static gnutls_x509_trust_list_t trusted;

static time_t
at_minting(time_t *out)
{
    if (out != NULL)
        *out = MINT_NOW;
    return MINT_NOW;
}

static gnutls_x509_crt_t
parse(const struct der *der)
{
    gnutls_datum_t bytes = { der->bytes, (unsigned)der->len };
    gnutls_x509_crt_t crt;

    need(gnutls_x509_crt_init(&crt) >= 0 &&
                    gnutls_x509_crt_import(crt, &bytes, GNUTLS_X509_FMT_DER) >= 0,
            "gnutls_x509_crt_import");
    return crt;
}

void
gnutls_trust(const struct der *root)
{
    gnutls_x509_crt_t crt;

    if (trusted != NULL)
        gnutls_x509_trust_list_deinit(trusted, 1);
    trusted = NULL;
    if (root == NULL)
        return;
    gnutls_global_set_time_function(at_minting);
    crt = parse(root);
    need(gnutls_x509_trust_list_init(&trusted, 0) >= 0 &&
                    gnutls_x509_trust_list_add_cas(trusted, &crt, 1, 0) == 1,
            "gnutls_x509_trust_list_add_cas");
}

bool
gnutls_judge(const struct der *leaf, const struct der *inter)
{
    gnutls_x509_crt_t chain[2] = { parse(leaf), parse(inter) };
    unsigned status = 1;
    int result = gnutls_x509_trust_list_verify_crt2(trusted, chain, 2, NULL, 0, 0, &status, NULL);

    gnutls_x509_crt_deinit(chain[0]);
    gnutls_x509_crt_deinit(chain[1]);
    return result >= 0 && status == 0;
}
