/* The reasons are in docs/decisions/0004-security-level.md. */
#include "gateway/tls_policy.h"

#include <openssl/err.h>

#include "base/error.h"

/*
 * In TLS 1.2 the list is also the list of curves that a client's key may lie on (RFC 8422 section 5.1),
 * and in ours the list of those that a server's may lie on, so it goes on with curves on which keys are
 * judged and no key is agreed: security_has_group().
 */
#define GROUPS                                                                                     \
    "X25519:P-256:P-384:P-521:X448:P-224:P-192:secp256k1:"                                         \
    "brainpoolP256r1:brainpoolP384r1:brainpoolP512r1"

/*
 * What a client may sign its CertificateVerify with (RFC 5246 section 7.4.4, RFC 8446 section 4.3.2), and
 * on outbound interfaces a server its handshake (RFC 8446 section 4.2.3).
 * RSASSA-PSS with SHA-256 does not fit into an RSA key of 512 bits, and GnuTLS takes the first that
 * the list names: so PKCS#1 stands before it. TLS 1.3 leaves that out by itself.
 */
#define PEER_SIGNATURES                                                                            \
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:RSA+SHA256:"                             \
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"                                 \
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"                                    \
    "RSA+SHA384:RSA+SHA512:DSA+SHA256"

#define SECURITY_LEVEL 2

/*
 * In a ServerKeyExchange libssl asks for the curve to agree on first, and once it has that key, for the
 * curve of the key that signed it.
 */
static bool
is_agreeing(const SSL *ssl)
{
    EVP_PKEY *key = NULL;

    if (SSL_get_state(ssl) != TLS_ST_CR_KEY_EXCH)
        return false;
    if (SSL_get_peer_tmp_key((SSL *)(uintptr_t)ssl, &key) != 1)
        return true;
    EVP_PKEY_free(key);
    return false;
}

/*
 * libssl asks here before it uses anything. Operations that concern the peer's certificate, key and
 * proof of possession are let through, because `key-1024`, `key-2048` and `chain` judge them exactly and
 * with a reason; everything else stays at the level.
 */
static int
on_security(const SSL *ssl, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *arg)
{
    const struct gw_interface *iface = arg;
    bool client = ssl != NULL && SSL_is_server(ssl) == 0;

    switch (op) {
    case SSL_SECOP_PEER_EE_KEY:
    case SSL_SECOP_PEER_CA_KEY:
    case SSL_SECOP_PEER_CA_MD:
        return 1;
    case SSL_SECOP_CURVE_CHECK: /* the curve of the peer's key, and the one that a server wants to agree on */
        return !client || !is_agreeing(ssl) ||
                security_has_group(security_info(iface->settings->security), nid);
    case SSL_SECOP_SIGALG_SUPPORTED: /* a server's list goes into the CertificateRequest only */
    case SSL_SECOP_SIGALG_MASK: /* its certificate types, TLS 1.2 */
    case SSL_SECOP_SIGALG_CHECK: /* the client's CertificateVerify */
        return 1;
    case SSL_SECOP_CURVE_SUPPORTED:
        if (client)
            return 1;
        return security_has_group(security_info(iface->settings->security), nid) &&
                iface->default_security(ssl, ctx, op, bits, nid, other, arg) != 0;
    case SSL_SECOP_CURVE_SHARED:
        if (!security_has_group(security_info(iface->settings->security), nid))
            return 0;
        break;
    default:
        break;
    }
    return iface->default_security(ssl, ctx, op, bits, nid, other, arg);
}

bool
tls_policy_apply(SSL_CTX *ctx, struct gw_interface *iface, struct cg_error *err)
{
    const struct security_info *security = security_info(iface->settings->security);
    bool outbound = iface->settings->role == CG_ROLE_OUTBOUND;

    iface->default_security = SSL_CTX_get_security_callback(ctx);
    if (!security->tls)
        return true; /* no port with TLS is open */
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    if (SSL_CTX_set_ciphersuites(ctx, security->suites) != 1 ||
            SSL_CTX_set_cipher_list(ctx, security->ciphers) != 1 ||
            SSL_CTX_set1_groups_list(ctx, GROUPS) != 1 ||
            SSL_CTX_set1_client_sigalgs_list(ctx, PEER_SIGNATURES) != 1 ||
            (outbound && SSL_CTX_set1_sigalgs_list(ctx, PEER_SIGNATURES) != 1)) {
        ERR_clear_error();
        (void)cg_fail(err, CG_E_CRYPTO, "libssl lacks an algorithm of the TLS policy");
        return false;
    }
    SSL_CTX_set_security_callback(ctx, on_security);
    SSL_CTX_set0_security_ex_data(ctx, iface);
    return true;
}
