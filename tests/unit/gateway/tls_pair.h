/* Two ends of TLS over a socket pair, with a self-signed identity, for tests that need real records. */
#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

struct identity {
    EVP_PKEY *key;
    X509 *cert;
};

/* Takes the key over. */
static inline struct identity
identity_of(EVP_PKEY *key)
{
    struct identity identity = { key, X509_new() };
    X509_NAME *name = X509_get_subject_name(identity.cert);

    X509_set_version(identity.cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(identity.cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(identity.cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(identity.cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(identity.cert, name);
    X509_set_pubkey(identity.cert, key);
    X509_sign(identity.cert, key,
            EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256());
    return identity;
}

static inline void
identity_release(struct identity *identity)
{
    EVP_PKEY_free(identity->key);
    X509_free(identity->cert);
}

struct tls_pair {
    SSL *client;
    SSL *server;
    int client_fd;
    int server_fd;
};

/* Takes neither context over. */
static inline void
tls_pair_open(struct tls_pair *pair, SSL_CTX *client, SSL_CTX *server)
{
    int fds[2] = { -1, -1 };

    (void)!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
    pair->client_fd = fds[0];
    pair->server_fd = fds[1];
    pair->client = SSL_new(client);
    pair->server = SSL_new(server);
    SSL_set_fd(pair->client, fds[0]);
    SSL_set_fd(pair->server, fds[1]);
    SSL_set_connect_state(pair->client);
    SSL_set_accept_state(pair->server);
}

/* True when both ends finish the handshake. */
static inline bool
tls_pair_shake(struct tls_pair *pair)
{
    int client = 0, server = 0;

    for (int round = 0; round < 20 && (client != 1 || server != 1); round++) {
        if (client != 1)
            client = SSL_do_handshake(pair->client);
        if (client != 1 && SSL_get_error(pair->client, client) != SSL_ERROR_WANT_READ)
            return false;
        if (server != 1)
            server = SSL_do_handshake(pair->server);
        if (server != 1 && SSL_get_error(pair->server, server) != SSL_ERROR_WANT_READ)
            return false;
    }
    return client == 1 && server == 1;
}

static inline void
tls_pair_close(struct tls_pair *pair)
{
    SSL_free(pair->client);
    SSL_free(pair->server);
    close(pair->client_fd);
    close(pair->server_fd);
}

#endif
