#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

#define TIMEOUT_S 10

struct target {
    struct input_list certs;
    char host[256]; /* of a live server; "" for a file */
    char tls[128];
};

static int
connect_to(const char *host, const char *port)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    struct timeval limit = { .tv_sec = TIMEOUT_S };
    int result = getaddrinfo(host, port, &hints, &list), fd = -1;

    if (result != 0) {
        (void)cli_fail("%s: %s", host, gai_strerror(result));
        return -1;
    }
    for (struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd < 0)
            continue;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        (void)cli_fail("cannot connect to %s port %s: %s", host, port, strerror(errno));
    return fd;
}

static bool
take_chain(SSL *ssl, struct target *target)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
    struct cg_error err;

    for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++) {
        unsigned char *der = NULL;
        int len = i2d_X509(sk_X509_value(chain, i), &der);
        bool ok = len > 0 &&
                input_load_bytes(target->host, der, (size_t)len, NULL, &target->certs, &err) ==
                        CG_OK;

        OPENSSL_free(der);
        if (!ok) {
            (void)cli_fail("%s", len > 0 ? err.text : "no memory");
            return false;
        }
    }
    return target->certs.count != 0;
}

/* Takes any certificate in the handshake: judging is what comes after. */
static bool
fetch(const char *host, const char *port, struct target *target)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = NULL;
    int fd = connect_to(host, port);
    unsigned long error;
    bool ok = false;

    if (fd < 0 || ctx == NULL)
        goto done;
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    ssl = SSL_new(ctx);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, host) != 1)
        goto done;
    (void)SSL_connect(
            ssl); /* a server that wants a certificate of ours fails it after it has sent its own */
    error = ERR_peek_error();
    ok = take_chain(ssl, target);
    if (ok)
        (void)snprintf(target->tls, sizeof(target->tls), "%s, %s", SSL_get_version(ssl),
                SSL_get_cipher_name(ssl));
    else
        (void)cli_fail("%s port %s sent no certificate: %s", host, port,
                error == 0 ? "the connection ended" : ERR_reason_error_string(error));
done:
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void
print_field(const char *label, char *text)
{
    if (text != NULL && text[0] != '\0')
        printf("  %-12s %s\n", label, text);
    free(text);
}

static void
print_certificate(const struct cg_cert *cert, size_t number, int64_t now)
{
    long long days = (long long)((cg_cert_not_after(cert) - now) / 86400);
    char *kind = cg_cert_text(cert, CG_FIELD_KIND), *until = cg_cert_text(cert, CG_FIELD_NOT_AFTER);

    printf("Certificate %zu: %s\n", number, kind == NULL ? "" : kind);
    print_field("subject", cg_cert_text(cert, CG_FIELD_SUBJECT));
    print_field("issuer", cg_cert_text(cert, CG_FIELD_ISSUER));
    print_field("names", cg_cert_text(cert, CG_FIELD_SAN));
    print_field("valid from", cg_cert_text(cert, CG_FIELD_NOT_BEFORE));
    if (cg_cert_not_after(cert) < now)
        printf("  %-12s %s (expired)\n", "valid until", until == NULL ? "" : until);
    else
        printf("  %-12s %s (%lld days left)\n", "valid until", until == NULL ? "" : until, days);
    print_field("key", cg_cert_text(cert, CG_FIELD_KEY));
    print_field("key usage", cg_cert_text(cert, CG_FIELD_KEY_USAGE));
    print_field("purposes", cg_cert_text(cert, CG_FIELD_EXT_KEY_USAGE));
    print_field("signed with", cg_cert_text(cert, CG_FIELD_SIGNATURE));
    print_field("serial", cg_cert_text(cert, CG_FIELD_SERIAL));
    print_field("SHA-256", cg_cert_text(cert, CG_FIELD_SHA256));
    putchar('\n');
    free(kind);
    free(until);
}

/* The levels that the first certificate would pass with the others sent along. */
static struct cg_decision *
judge(const struct target *target, const struct input_list *tcs, enum cg_role role, int64_t now)
{
    const uint8_t *chain[128];
    size_t chain_len[128];
    struct cg_peer peer = { .now = now, .chain = chain, .chain_len = chain_len };
    struct cg_engine *engine = cg_engine_new();
    struct cg_policy *policy = cg_policy_new();
    struct cg_store *store = cg_store_new();
    struct cg_decision *decision = NULL;
    struct cg_error err = { "no memory" };
    bool ok = engine != NULL && policy != NULL && store != NULL;

    for (size_t i = 0; ok && i < tcs->count; i++)
        ok = cg_store_add(store, tcs->certs[i], &err) == CG_OK;
    if (!ok || cg_store_freeze(store, &err) != CG_OK)
        goto done;
    cg_policy_set_role(policy, role);
    if (target->host[0] != '\0')
        (void)!cg_policy_add_name(policy, target->host, &err);
    peer.leaf = cg_cert_get0_der(target->certs.certs[0], &peer.leaf_len);
    for (size_t i = 1; i < target->certs.count && peer.chain_count < 128; i++, peer.chain_count++)
        chain[peer.chain_count] =
                cg_cert_get0_der(target->certs.certs[i], &chain_len[peer.chain_count]);
    if (cg_evaluate(engine, store, policy, &peer, &decision, &err) != CG_OK)
        decision = NULL;
done:
    if (decision == NULL)
        (void)cli_fail("%s", err.text);
    cg_store_free(store);
    cg_policy_free(policy);
    cg_engine_free(engine);
    return decision;
}

static int
report_json(const struct target *target, const struct cg_decision *decision)
{
    char *text;

    printf("{\"tls\":%s%s%s,\"certificates\":[", target->tls[0] == '\0' ? "null" : "\"",
            target->tls, target->tls[0] == '\0' ? "" : "\"");
    for (size_t i = 0; i < target->certs.count; i++) {
        text = cg_cert_json(target->certs.certs[i]);
        printf("%s%s", i == 0 ? "" : ",", text == NULL ? "null" : text);
        free(text);
    }
    text = decision == NULL ? NULL : cg_decision_json_members(decision);
    printf("]%s%s%s}\n", text == NULL ? "" : ",\"decision\":{", text == NULL ? "" : text,
            text == NULL ? "" : "}");
    free(text);
    return CLI_ACCEPT;
}

static int
report(const struct target *target, const struct input_list *tcs, bool has_tcs, enum cg_role role,
        int64_t now, bool json)
{
    struct cg_decision *decision = has_tcs ? judge(target, tcs, role, now) : NULL;

    if (has_tcs && decision == NULL)
        return CLI_USAGE;
    if (json) {
        (void)report_json(target, decision);
    } else {
        if (target->tls[0] != '\0')
            printf("%s: %s\n\n", target->host, target->tls);
        for (size_t i = 0; i < target->certs.count; i++)
            print_certificate(target->certs.certs[i], i + 1, now);
        if (decision != NULL) {
            printf("Judged %s:\n", cg_role_name(role));
            cli_print_decision(stdout, decision, true);
        } else {
            puts("Give --tcs to see at which levels it would pass.");
        }
    }
    cg_decision_free(decision);
    return CLI_ACCEPT;
}

/* "host:443", "[::1]:443"; a name of an existing file is a file. */
static bool
split_host(const char *text, char host[256], const char **port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);

    if (colon == NULL || len == 0 || len >= 256 || access(text, F_OK) == 0 ||
            strspn(colon + 1, "0123456789") != strlen(colon + 1) || colon[1] == '\0')
        return false;
    if (text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

static int
run(int argc, char **argv)
{
    static const struct option options[] = { { "tcs", required_argument, NULL, 't' },
        { "at", required_argument, NULL, 'a' }, { "role", required_argument, NULL, 'r' },
        { "format", required_argument, NULL, 'f' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 } };
    struct target target = { .host = "" };
    struct input_list tcs = { 0 };
    struct cg_error err;
    int64_t now = (int64_t)time(NULL);
    enum cg_role role = CG_ROLE_INBOUND;
    bool has_tcs = false, json = false, has_role = false;
    const char *port;
    int option, result = CLI_ACCEPT;

    optind = 1;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            has_tcs = true;
            if (input_load(optarg, NULL, &tcs, &err) != CG_OK)
                result = cli_fail("%s", err.text);
            break;
        case 'a':
            if (!cli_time(optarg, &now))
                result = cli_fail("--at '%s' is neither RFC 3339 nor seconds since 1970", optarg);
            break;
        case 'r':
            has_role = true;
            if (!cg_role_from_name(optarg, &role))
                result = cli_fail("--role is inbound or outbound, not '%s'", optarg);
            break;
        case 'f':
            json = strcmp(optarg, "json") == 0;
            if (!json && strcmp(optarg, "text") != 0)
                result = cli_fail("--format is text or json, not '%s'", optarg);
            break;
        case 'h':
            fputs(cli_inspect.help, stdout);
            goto done;
        default:
            result = CLI_USAGE;
            break;
        }
    }
    if (result != CLI_ACCEPT)
        goto done;
    if (optind + 1 != argc) {
        result = cli_fail("name one FILE or HOST:PORT; see certgate inspect --help");
    } else if (split_host(argv[optind], target.host, &port)) {
        if (!has_role)
            role = CG_ROLE_OUTBOUND;
        result = fetch(target.host, port, &target) ? report(&target, &tcs, has_tcs, role, now, json)
                                                   : CLI_USAGE;
    } else if (input_load(argv[optind], NULL, &target.certs, &err) != CG_OK) {
        result = cli_fail("%s", err.text);
    } else if (target.certs.count == 0) {
        result = cli_fail("%s holds no certificate", argv[optind]);
    } else {
        result = report(&target, &tcs, has_tcs, role, now, json);
    }
done:
    input_list_release(&target.certs);
    input_list_release(&tcs);
    return result;
}

const struct cli_command cli_inspect = {
    .name = "inspect",
    .summary = "what a certificate, or a live TLS server's chain, is",
    .run = run,
    .help = "usage: certgate inspect [OPTIONS] FILE|HOST:PORT\n"
            "\n"
            "Prints every certificate: subject, issuer, names, validity with days left, key, "
            "usages,\n"
            "fingerprint. With --tcs also at which levels the first one would pass.\n"
            "\n"
            "  --tcs FILE|FOLDER   trusted certificates; may be repeated\n"
            "  --role R            inbound (default for a file) or outbound (default for a "
            "server)\n"
            "  --at TIME           judge at this time: RFC 3339 or seconds since 1970\n"
            "  --format F          text (default) or json\n"
            "\n"
            "examples:\n"
            "  certgate inspect peer.p12\n"
            "  certgate inspect --tcs roots.pem sip.example.com:5061\n",
};
