/*
 * A TLS client that presents a certificate which does not parse: its notBefore is an OCTET STRING. In TLS
 * 1.3 the certificate is encrypted, so nobody between can damage it: the client has to.
 *
 *   unparsable PORT CERT.pem KEY.pem 1.2|1.3      prints the alert that came back, or "none"
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

static int alert = -1;

static void
note_alert(const SSL *ssl, int where, int value)
{
    (void)ssl;
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY)
        alert = value & 0xff;
}

/* libcrypto writes a time with whatever type it says it has, and reads only the two that there are. */
static X509 *
damaged(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *cert = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);
    ASN1_TIME *time = cert == NULL ? NULL : ASN1_STRING_dup(X509_get0_notBefore(cert));

    if (file != NULL)
        fclose(file);
    if (time == NULL)
        return NULL;
    time->type = V_ASN1_OCTET_STRING;
    if (X509_set1_notBefore(cert, time) != 1 || i2d_re_X509_tbs(cert, NULL) <= 0) {
        X509_free(cert);
        cert = NULL;
    }
    ASN1_STRING_free(time);
    return cert;
}

static int
dial(const char *port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int
main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    X509 *cert = argc == 5 ? damaged(argv[2]) : NULL;
    int version = argc == 5 && strcmp(argv[4], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL *ssl = NULL;
    char answer[256];
    int fd = argc == 5 ? dial(argv[1]) : -1;

    if (ctx == NULL || cert == NULL || fd < 0 || SSL_CTX_use_certificate(ctx, cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, argv[3], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, version) != 1 || (ssl = SSL_new(ctx)) == NULL ||
            SSL_set_fd(ssl, fd) != 1) {
        fputs("unparsable PORT CERT.pem KEY.pem 1.2|1.3\n", stderr);
        ERR_print_errors_fp(stderr);
        return 2;
    }
    SSL_set_info_callback(ssl, note_alert);
    if (SSL_connect(ssl) == 1)
        (void)SSL_read(ssl, answer, sizeof(answer));
    if (alert < 0)
        puts("none");
    else
        printf("%d\n", alert);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    X509_free(cert);
    close(fd);
    return 0;
}
