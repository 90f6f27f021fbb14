/*
 * Makes TLS connections one after the other, each with a full handshake, a certificate of ours, one
 * request and its answer, and prints how many were answered. For watching a gateway's memory, not its
 * speed: handshakes.py.
 *
 *   handshakes PORT COUNT CHAIN.pem KEY.pem [1.2|1.3]
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

static int
dial(unsigned port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* One connection; 1 when an answer with status 200 came. */
static int
one(SSL_CTX *ctx, unsigned port)
{
    char answer[4096] = "";
    int fd = dial(port), served = 0, got;
    SSL *ssl = SSL_new(ctx);

    if (fd >= 0 && ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1 &&
            SSL_write(ssl, request, sizeof(request) - 1) > 0) {
        got = SSL_read(ssl, answer, sizeof(answer) - 1);
        served = got > 12 && strncmp(answer + 9, "200", 3) == 0;
        while (got > 0)
            got = SSL_read(ssl, answer, sizeof(answer) - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    if (fd >= 0)
        close(fd);
    ERR_clear_error();
    return served;
}

int
main(int argc, char **argv)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    int version = argc > 5 && strcmp(argv[5], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    unsigned long count, served = 0;

    if (argc < 5) {
        fputs("handshakes PORT COUNT CHAIN.pem KEY.pem [1.2|1.3]\n", stderr);
        return 2;
    }
    count = strtoul(argv[2], NULL, 10);
    if (SSL_CTX_use_certificate_chain_file(ctx, argv[3]) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, argv[4], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
            SSL_CTX_set_max_proto_version(ctx, version) != 1) {
        ERR_print_errors_fp(stderr);
        return 2;
    }
    for (unsigned long i = 0; i < count; i++)
        served += (unsigned long)one(ctx, (unsigned)strtoul(argv[1], NULL, 10));
    printf("%lu\n", served);
    SSL_CTX_free(ctx);
    return served == count ? 0 : 1;
}
