#include "gateway/introduce.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "gateway/record.h"

#define ALGORITHM_SIZE 80

/* The subject's last common name as UTF-8, for OPENSSL_free(); NULL where there is none, or one with a NUL. */
static char *
common_name(const X509 *cert)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = -1, last = -1, len;
    unsigned char *text = NULL;

    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        last = at;
    if (last < 0)
        return NULL;
    len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (len < 0)
        return NULL;
    if (strlen((char *)text) != (size_t)len) {
        OPENSSL_free(text);
        return NULL;
    }
    return (char *)text;
}

/* As other proxies write them: "RSA2048", "EC256", "ED25519". */
static void
key_algorithm(const X509 *cert, char out[ALGORITHM_SIZE])
{
    EVP_PKEY *key = X509_get0_pubkey(cert);

    out[0] = '\0';
    if (key == NULL)
        return;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        snprintf(out, ALGORITHM_SIZE, "RSA%d", EVP_PKEY_get_bits(key));
        break;
    case EVP_PKEY_EC:
        snprintf(out, ALGORITHM_SIZE, "EC%d", EVP_PKEY_get_bits(key));
        break;
    case EVP_PKEY_DSA:
        snprintf(out, ALGORITHM_SIZE, "DSA%d", EVP_PKEY_get_bits(key));
        break;
    default:
        snprintf(out, ALGORITHM_SIZE, "%s", OBJ_nid2sn(EVP_PKEY_get_base_id(key)));
        break;
    }
}

uint8_t *
introduce(unsigned version, const struct proxy_ends *ends, const struct conn *conn, size_t *len)
{
    const struct handshake *handshake = &conn->handshake;
    SSL *ssl = conn->ssl;
    struct cg_span certs[GW_MAX_CHAIN_CERTS] = { { NULL, 0 } };
    char incident[INCIDENT_TEXT_SIZE], key[ALGORITHM_SIZE] = "";
    struct proxy_facts facts = {
        .ends = *ends,
        .authority = handshake->sni_len > 0 ? handshake->sni : NULL,
        .unique_id = incident,
        .tls = ssl != NULL ? SSL_get_version(ssl) : NULL,
        .cipher = ssl != NULL ? SSL_get_cipher_name(ssl) : NULL,
        .full_handshake = !conn->resumed,
    };
    const unsigned char *at;
    X509 *cert = NULL;
    char *cn = NULL;
    uint8_t *out;

    incident_text(handshake->incident, incident);
    chain_certs(&handshake->received, certs);
    at = certs[0].data;
    if (at != NULL)
        cert = d2i_X509(NULL, &at, (long)certs[0].len);
    if (cert != NULL) {
        cn = common_name(cert);
        key_algorithm(cert, key);
        facts.common_name = cn;
        facts.key_algorithm = key[0] != '\0' ? key : NULL;
        facts.signature_algorithm = OBJ_nid2sn(X509_get_signature_nid(cert));
        facts.certificate = certs[0].data;
        facts.certificate_len = certs[0].len;
        facts.verified = conn_admission(conn)->verdict.chain_passed;
    }
    out = proxy_write(version, &facts, len);
    OPENSSL_free(cn);
    X509_free(cert);
    ERR_clear_error();
    return out;
}
