/* What comes before the run: arguments, identities, requests. */
#include "load.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "gateway/algorithms.h"

/* The narrow context reads no PEM by itself: the worker's way takes the DER inside. */
static void
use_key(SSL_CTX *ctx, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    char *name = NULL, *head = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    long len;

    while (key == NULL && file != NULL && PEM_read_bio(file, &name, &head, &der, &len) == 1) {
        if (strstr(name, "PRIVATE KEY") != NULL)
            key = algorithms_private_key(der, (size_t)len);
        OPENSSL_free(name);
        OPENSSL_free(head);
        OPENSSL_free(der);
    }
    BIO_free(file);
    if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1)
        die("cannot use the key %s", path);
    EVP_PKEY_free(key);
}

static SSL_CTX *
make_ctx(const char *cert, const char *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (ctx == NULL)
        die("SSL_CTX_new");
    SSL_CTX_set_min_proto_version(ctx, opt.min_version);
    SSL_CTX_set_max_proto_version(ctx, opt.max_version);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_read_ahead(ctx, opt.mode != MODE_IDLE);
    if (opt.mode == MODE_BULK)
        SSL_CTX_set_default_read_buffer_len(ctx, IO_CHUNK);
    if (opt.mode == MODE_IDLE)
        SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_new_session);
    if (opt.groups != NULL && SSL_CTX_set1_groups_list(ctx, opt.groups) != 1)
        die("bad --groups '%s'", opt.groups);
    if (opt.sigalgs != NULL && SSL_CTX_set1_sigalgs_list(ctx, opt.sigalgs) != 1)
        die("bad --sigalgs '%s'", opt.sigalgs);
    if (opt.ciphers != NULL && SSL_CTX_set_ciphersuites(ctx, opt.ciphers) != 1 &&
            SSL_CTX_set_cipher_list(ctx, opt.ciphers) != 1)
        die("bad --ciphers '%s'", opt.ciphers);
    ERR_clear_error();
    if (cert != NULL && SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        die("cannot read the certificate %s", cert);
    if (key != NULL)
        use_key(ctx, key);
    if (opt.ca != NULL) {
        if (SSL_CTX_load_verify_locations(ctx, opt.ca, NULL) != 1)
            die("cannot read the trusted certificates %s", opt.ca);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    }
    return ctx;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int
only_pem(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".pem") == 0;
}

void
load_identities(void)
{
    if (opt.identities == NULL) {
        load.ctxs = calloc(1, sizeof *load.ctxs);
        if (load.ctxs == NULL)
            die("out of memory");
        load.ctxs[0] = make_ctx(opt.cert, opt.key != NULL ? opt.key : opt.cert);
        load.nctxs = 1;
        return;
    }
    struct dirent **names;
    int n = scandir(opt.identities, &names, only_pem, by_name);
    if (n <= 0)
        die("no *.pem in %s", opt.identities);
    load.ctxs = calloc((size_t)n, sizeof *load.ctxs);
    if (load.ctxs == NULL)
        die("out of memory");
    for (int i = 0; i < n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", opt.identities, names[i]->d_name);
        load.ctxs[load.nctxs++] = make_ctx(path, path);
        free(names[i]);
    }
    free(names);
}

void
make_requests(void)
{
    const char *host = opt.host != NULL ? opt.host : opt.sni != NULL ? opt.sni : "localhost";
    char path[512];
    snprintf(path, sizeof path, "%s", opt.path);
    if (opt.mode == MODE_BULK && !opt.upload)
        snprintf(path, sizeof path, "/bytes/%llu", (unsigned long long)opt.bytes);
    int r = 0;
    switch (opt.proto) {
    case PROTO_HTTP:
        if (opt.mode == MODE_BULK && opt.upload) {
            r = asprintf(&load.request_keep,
                    "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %llu\r\n\r\n", path, host,
                    (unsigned long long)opt.bytes);
        } else {
            r = asprintf(&load.request_keep, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host);
        }
        if (r >= 0)
            r = asprintf(&load.request_close,
                    "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, host);
        break;
    case PROTO_SIP:
        r = asprintf(&load.request_keep,
                "OPTIONS sip:%s SIP/2.0\r\nVia: SIP/2.0/TLS "
                "%s;branch=z9hG4bKtlsload\r\nMax-Forwards: 70\r\n"
                "From: <sip:load@%s>;tag=1\r\nTo: <sip:%s>\r\nCall-ID: tlsload@%s\r\nCSeq: 1 "
                "OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n",
                host, host, host, host, host);
        break;
    case PROTO_WS:
        r = asprintf(&load.request_keep,
                "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                path, host);
        if (opt.bytes > 65535 || opt.bytes + 8 > sizeof load.ws_frame)
            die("--bytes is at most %zu with WebSocket", sizeof load.ws_frame - 8);
        load.ws_frame[0] = (char)0x82; /* final, binary; mask key 0 leaves the payload as it is */
        if (opt.bytes < 126) {
            load.ws_frame[1] = (char)(0x80 | opt.bytes);
            load.ws_frame_len = 6 + opt.bytes;
        } else {
            load.ws_frame[1] = (char)(0x80 | 126);
            load.ws_frame[2] = (char)(opt.bytes >> 8);
            load.ws_frame[3] = (char)(opt.bytes & 255);
            load.ws_frame_len = 8 + opt.bytes;
        }
        break;
    }
    if (r < 0)
        die("out of memory");
}

static void
usage(FILE *f)
{
    fputs("usage: tlsload [options] ADDRESS:PORT        (an IPv4 loopback address)\n"
          "  -m, --mode M         handshake | resume | request | bulk | idle   [handshake]\n"
          "  -c, --connections N  connections at once                          [16]\n"
          "  -t, --time S         seconds measured (idle: seconds load.held)        [5]\n"
          "  -w, --warmup S       seconds before that, not counted             [1]\n"
          "  -n, --max N          stop after N operations (no warm-up then)\n"
          "  -r, --rate R         offered operations a second (open loop); latency counts from the "
          "due time\n"
          "      --tls V          1.2 | 1.3 | any                              [1.3]\n"
          "      --cert FILE --key FILE     the client's chain and key (PEM)\n"
          "      --identities DIR           many clients: every *.pem in DIR holds chain and key\n"
          "      --ca FILE        verify the server against these (default: not verified)\n"
          "      --sni NAME --host NAME --path P\n"
          "      --groups L --sigalgs L --ciphers L\n"
          "      --confirm W      handshake, resume: request | ticket | none   [request]\n"
          "      --proto P        request: http | sip | ws                     [http]\n"
          "      --bytes N        bulk: bytes a transfer; ws: bytes a message  [1048576; ws 64]\n"
          "      --upload         bulk: send instead of fetch\n"
          "      --sources N      bind to N loopback addresses in turn\n"
          "      --opening N      idle: connections being opened at once       [64]\n"
          "      --pid P[,P...]   also report CPU time and memory of these processes and their "
          "children\n"
          "      --timeout S      per operation                                [10]\n"
          "      --rst            close with a reset (leaves no TIME_WAIT)\n"
          "      --plain          no TLS: measure a plaintext server\n"
          "  -j, --json           one line of JSON\n",
            f);
}

static double
number(const char *s, const char *what)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end != '\0' || v < 0)
        die("bad %s '%s'", what, s);
    return v;
}

static int
choice(const char *s, const char *what, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(s, names[i]) == 0)
            return i;
    die("bad %s '%s'", what, s);
}

void
parse_args(int argc, char **argv)
{
    enum {
        OPT_TLS = 256,
        OPT_CERT,
        OPT_KEY,
        OPT_IDS,
        OPT_CA,
        OPT_SNI,
        OPT_HOST,
        OPT_PATH,
        OPT_GROUPS,
        OPT_SIGALGS,
        OPT_CIPHERS,
        OPT_CONFIRM,
        OPT_PROTO,
        OPT_BYTES,
        OPT_UPLOAD,
        OPT_SOURCES,
        OPT_OPENING,
        OPT_PID,
        OPT_TIMEOUT,
        OPT_RST,
        OPT_PLAIN
    };
    static const struct option longs[] = { { "mode", 1, 0, 'm' }, { "connections", 1, 0, 'c' },
        { "time", 1, 0, 't' }, { "warmup", 1, 0, 'w' }, { "max", 1, 0, 'n' }, { "rate", 1, 0, 'r' },
        { "tls", 1, 0, OPT_TLS }, { "cert", 1, 0, OPT_CERT }, { "key", 1, 0, OPT_KEY },
        { "identities", 1, 0, OPT_IDS }, { "ca", 1, 0, OPT_CA }, { "sni", 1, 0, OPT_SNI },
        { "host", 1, 0, OPT_HOST }, { "path", 1, 0, OPT_PATH }, { "groups", 1, 0, OPT_GROUPS },
        { "sigalgs", 1, 0, OPT_SIGALGS }, { "ciphers", 1, 0, OPT_CIPHERS },
        { "confirm", 1, 0, OPT_CONFIRM }, { "proto", 1, 0, OPT_PROTO },
        { "bytes", 1, 0, OPT_BYTES }, { "upload", 0, 0, OPT_UPLOAD },
        { "sources", 1, 0, OPT_SOURCES }, { "opening", 1, 0, OPT_OPENING },
        { "pid", 1, 0, OPT_PID }, { "timeout", 1, 0, OPT_TIMEOUT }, { "rst", 0, 0, OPT_RST },
        { "plain", 0, 0, OPT_PLAIN }, { "json", 0, 0, 'j' }, { "help", 0, 0, 'h' },
        { 0, 0, 0, 0 } };
    static const char *const confirms[] = { "request", "ticket", "none" };
    static const char *const protos[] = { "http", "sip", "ws" };
    bool bytes_given = false;
    int o;
    while ((o = getopt_long(argc, argv, "m:c:t:w:n:r:jh", longs, NULL)) != -1) {
        switch (o) {
        case 'm':
            opt.mode = (enum mode)choice(optarg, "mode", mode_names, 5);
            break;
        case 'c':
            opt.connections = (int)number(optarg, "--connections");
            break;
        case 't':
            opt.seconds = number(optarg, "--time");
            break;
        case 'w':
            opt.warmup = number(optarg, "--warmup");
            break;
        case 'n':
            opt.max_ops = (uint64_t)number(optarg, "--max");
            opt.warmup = 0;
            break;
        case 'r':
            opt.rate = number(optarg, "--rate");
            break;
        case OPT_TLS:
            if (strcmp(optarg, "any") == 0) {
                opt.min_version = TLS1_2_VERSION;
                opt.max_version = TLS1_3_VERSION;
            } else if (strcmp(optarg, "1.2") == 0 || strcmp(optarg, "1.3") == 0) {
                opt.min_version = opt.max_version =
                        optarg[2] == '2' ? TLS1_2_VERSION : TLS1_3_VERSION;
            } else {
                die("bad --tls '%s'", optarg);
            }
            break;
        case OPT_CERT:
            opt.cert = optarg;
            break;
        case OPT_KEY:
            opt.key = optarg;
            break;
        case OPT_IDS:
            opt.identities = optarg;
            break;
        case OPT_CA:
            opt.ca = optarg;
            break;
        case OPT_SNI:
            opt.sni = optarg;
            break;
        case OPT_HOST:
            opt.host = optarg;
            break;
        case OPT_PATH:
            opt.path = optarg;
            break;
        case OPT_GROUPS:
            opt.groups = optarg;
            break;
        case OPT_SIGALGS:
            opt.sigalgs = optarg;
            break;
        case OPT_CIPHERS:
            opt.ciphers = optarg;
            break;
        case OPT_CONFIRM:
            opt.confirm = (enum confirm)choice(optarg, "--confirm", confirms, 3);
            break;
        case OPT_PROTO:
            opt.proto = (enum proto)choice(optarg, "--proto", protos, 3);
            break;
        case OPT_BYTES:
            opt.bytes = (uint64_t)number(optarg, "--bytes");
            bytes_given = true;
            break;
        case OPT_UPLOAD:
            opt.upload = true;
            break;
        case OPT_SOURCES:
            opt.sources = (int)number(optarg, "--sources");
            break;
        case OPT_OPENING:
            opt.opening = (int)number(optarg, "--opening");
            break;
        case OPT_PID:
            for (char *p = strtok(optarg, ","); p != NULL; p = strtok(NULL, ",")) {
                if (opt.npids == PROCSTAT_MAX_ROOTS)
                    die("at most %d processes in --pid", PROCSTAT_MAX_ROOTS);
                opt.pids[opt.npids++] = (pid_t)number(p, "--pid");
            }
            break;
        case OPT_TIMEOUT:
            opt.timeout = number(optarg, "--timeout");
            break;
        case OPT_RST:
            opt.rst = true;
            break;
        case OPT_PLAIN:
            opt.plain = true;
            break;
        case 'j':
            opt.json = true;
            break;
        case 'h':
            usage(stdout);
            exit(0);
        default:
            usage(stderr);
            exit(2);
        }
    }
    if (optind + 1 != argc) {
        usage(stderr);
        exit(2);
    }
    char *colon = strrchr(argv[optind], ':');
    if (colon == NULL)
        die("bad target '%s'", argv[optind]);
    *colon = '\0';
    opt.peer.sin_family = AF_INET;
    opt.peer.sin_port = htons((uint16_t)number(colon + 1, "port"));
    if (inet_pton(AF_INET, argv[optind], &opt.peer.sin_addr) != 1)
        die("bad address '%s'", argv[optind]);
    if ((ntohl(opt.peer.sin_addr.s_addr) >> 24) != 127)
        die("only loopback addresses are allowed");
    if (opt.connections < 1)
        die("--connections is at least 1");
    if (!bytes_given && opt.proto == PROTO_WS)
        opt.bytes = 64;
    if (opt.proto == PROTO_WS && opt.mode != MODE_REQUEST)
        die("--proto ws goes with --mode request");
    if (opt.mode == MODE_RESUME && opt.confirm == CONFIRM_NONE && opt.min_version == TLS1_3_VERSION)
        die("--confirm none would miss the TLS 1.3 tickets: use request or ticket");
    if (opt.plain && (opt.mode == MODE_RESUME || opt.confirm == CONFIRM_TICKET))
        die("--plain has no sessions");
}
