#include <errno.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config.h"

#define TIMEOUT_S 10

/* What is looked at, and how it is judged. */
struct target {
    struct input_list certs, tcs;
    char host[256]; /* of a live server; "" for a file */
    char tls[128];
    char *names[64]; /* --name */
    size_t name_count;
    char *password;
    enum cg_role role;
    int64_t now;
    bool has_tcs, has_role, has_time, json;
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

    if (fd < 0)
        goto done;
    if (ctx == NULL) {
        (void)cli_fail("no memory");
        goto done;
    }
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    ssl = SSL_new(ctx);
    /* RFC 6066 section 3: an address is no server name. */
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
            (!cli_address(host) && SSL_set_tlsext_host_name(ssl, host) != 1)) {
        (void)cli_fail("%s: cannot be asked by TLS", host);
        goto done;
    }
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

/* Whole days; below 0 once it has expired. */
static long long
days_left(const struct cg_cert *cert, int64_t now)
{
    int64_t seconds = cg_cert_not_after(cert) - now;

    return (long long)(seconds < 0 ? (seconds - 86399) / 86400 : seconds / 86400);
}

static void
print_certificate(const struct cg_cert *cert, size_t number, int64_t now)
{
    long long days = days_left(cert, now);
    char *kind = cg_cert_text(cert, CG_FIELD_KIND);
    char *from = cg_cert_text(cert, CG_FIELD_NOT_BEFORE);
    char *until = cg_cert_text(cert, CG_FIELD_NOT_AFTER);

    printf("Certificate %zu: %s\n", number, kind == NULL ? "" : kind);
    print_field("subject", cg_cert_text(cert, CG_FIELD_SUBJECT));
    print_field("issuer", cg_cert_text(cert, CG_FIELD_ISSUER));
    print_field("names", cg_cert_text(cert, CG_FIELD_SAN));
    printf("  %-12s %s%s\n", "valid from", from == NULL ? "" : from,
            cg_cert_not_before(cert) > now ? " (not yet)" : "");
    if (cg_cert_not_after(cert) < now)
        printf("  %-12s %s (expired)\n", "valid until", until == NULL ? "" : until);
    else
        printf("  %-12s %s (%lld day%s left)\n", "valid until", until == NULL ? "" : until, days,
                days == 1 ? "" : "s");
    print_field("key", cg_cert_text(cert, CG_FIELD_KEY));
    print_field("key usage", cg_cert_text(cert, CG_FIELD_KEY_USAGE));
    print_field("purposes", cg_cert_text(cert, CG_FIELD_EXT_KEY_USAGE));
    print_field("signed with", cg_cert_text(cert, CG_FIELD_SIGNATURE));
    print_field("serial", cg_cert_text(cert, CG_FIELD_SERIAL));
    print_field("SHA-256", cg_cert_text(cert, CG_FIELD_SHA256));
    putchar('\n');
    free(kind);
    free(from);
    free(until);
}

/* The levels that the first certificate would pass with the others sent along. */
static struct cg_decision *
judge(const struct target *target)
{
    const uint8_t *chain[128];
    size_t chain_len[128];
    struct cg_peer peer = { .now = target->now,
        .clock_floor = target->has_time ? 0 : CERTGATE_RELEASE_TIME,
        .chain = chain,
        .chain_len = chain_len };
    struct cg_error err = { "no memory" };
    struct cg_engine *engine = cg_engine_new();
    struct cg_policy *policy = cg_policy_new();
    struct cg_store *store = cli_store(&target->tcs, &err);
    struct cg_decision *decision = NULL;
    bool ok = engine != NULL && policy != NULL && store != NULL;

    if (ok)
        cg_policy_set_role(policy, target->role);
    for (size_t i = 0; ok && i < target->name_count; i++)
        ok = cg_policy_add_name(policy, target->names[i], &err) == CG_OK;
    peer.leaf = cg_cert_get0_der(target->certs.certs[0], &peer.leaf_len);
    for (size_t i = 1; i < target->certs.count && peer.chain_count < 128; i++, peer.chain_count++)
        chain[peer.chain_count] =
                cg_cert_get0_der(target->certs.certs[i], &chain_len[peer.chain_count]);
    if (!ok || cg_evaluate(engine, store, policy, &peer, &decision, &err) != CG_OK)
        (void)cli_fail("%s", err.text);
    cg_store_free(store);
    cg_policy_free(policy);
    cg_engine_free(engine);
    return decision;
}

/* All facts of one, with the days that are left. */
static void
json_certificate(const struct cg_cert *cert, int64_t now)
{
    char *text = cg_cert_json(cert);
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0)
        fputs("null", stdout);
    else
        printf("%.*s,\"days_left\":%lld}", (int)(len - 1), text, days_left(cert, now));
    free(text);
}

static void
report_json(const struct target *target, const struct cg_decision *decision)
{
    char *members = decision == NULL ? NULL : cg_decision_json_all_members(decision);

    printf("{\"tls\":%s%s%s,\"certificates\":[", target->tls[0] == '\0' ? "null" : "\"",
            target->tls, target->tls[0] == '\0' ? "" : "\"");
    for (size_t i = 0; i < target->certs.count; i++) {
        fputs(i == 0 ? "" : ",", stdout);
        json_certificate(target->certs.certs[i], target->now);
    }
    putchar(']');
    if (members != NULL)
        printf(",\"role\":\"%s\",\"decision\":{%s}", cg_role_name(target->role), members);
    puts("}");
    free(members);
}

static int
report(const struct target *target)
{
    struct cg_decision *decision = target->has_tcs ? judge(target) : NULL;

    if (target->has_tcs && decision == NULL)
        return CLI_USAGE;
    if (target->json) {
        report_json(target, decision);
    } else {
        if (target->tls[0] != '\0')
            printf("%s: %s\n\n", target->host, target->tls);
        for (size_t i = 0; i < target->certs.count; i++)
            print_certificate(target->certs.certs[i], i + 1, target->now);
        if (decision != NULL) {
            printf("As the certificate of a %s (%s), it would pass:\n\n",
                    target->role == CG_ROLE_INBOUND ? "client" : "server",
                    cg_role_name(target->role));
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
    unsigned long number;
    char *end;

    if (colon == NULL || len == 0 || len >= 256 || access(text, F_OK) == 0 || colon[1] < '0' ||
            colon[1] > '9')
        return false;
    number = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || number == 0 || number > 65535)
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
add_name(struct target *target, const char *text)
{
    char *name = target->name_count == 64 ? NULL : cli_reference(text);

    if (name == NULL)
        return cli_fail("'%s' is no name, or there are more than 64", text);
    target->names[target->name_count++] = name;
    return CLI_ACCEPT;
}

static int
take_option(int option, char **argv, const struct option *options, struct target *target)
{
    struct cg_error err;

    switch (option) {
    case 't':
        target->has_tcs = true;
        return input_load(optarg, target->password, &target->tcs, &err) == CG_OK
                ? CLI_ACCEPT
                : cli_fail("%s", err.text);
    case 'n':
        return add_name(target, optarg);
    case 'a':
        target->has_time = true;
        return cli_time(optarg, &target->now)
                ? CLI_ACCEPT
                : cli_fail("--at '%s' is neither RFC 3339 nor seconds since 1970", optarg);
    case 'r':
        target->has_role = true;
        return cg_role_from_name(optarg, &target->role)
                ? CLI_ACCEPT
                : cli_fail("--role is inbound or outbound, not '%s'", optarg);
    case 'f':
        target->json = strcmp(optarg, "json") == 0;
        return target->json || strcmp(optarg, "text") == 0
                ? CLI_ACCEPT
                : cli_fail("--format is text or json, not '%s'", optarg);
    case 'p':
        return cli_password(optarg, &target->password);
    default:
        return cli_unknown_option(option, argv, options, "inspect");
    }
}

/* From a live server, which was to have the name that it was dialled by unless told otherwise. */
static int
inspect_server(const char *port, struct target *target)
{
    char *name;

    if (!target->has_role)
        target->role = CG_ROLE_OUTBOUND;
    name = cli_reference(target->host);
    if (name == NULL || strlen(name) >= sizeof(target->host)) {
        free(name);
        return cli_fail("'%s' is no host name", target->host);
    }
    (void)snprintf(target->host, sizeof(target->host), "%s", name);
    free(name);
    if (target->name_count == 0 && add_name(target, target->host) != CLI_ACCEPT)
        return CLI_USAGE;
    return fetch(target->host, port, target) ? report(target) : CLI_USAGE;
}

static int
inspect_file(const char *path, struct target *target)
{
    struct cg_error err;

    if (input_load(path, target->password, &target->certs, &err) != CG_OK)
        return cli_fail("%s", err.text);
    return report(target);
}

static int
run(int argc, char **argv)
{
    static const struct option options[] = { { "tcs", required_argument, NULL, 't' },
        { "name", required_argument, NULL, 'n' }, { "at", required_argument, NULL, 'a' },
        { "role", required_argument, NULL, 'r' }, { "format", required_argument, NULL, 'f' },
        { "password-file", required_argument, NULL, 'p' }, { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 } };
    struct target target = { .now = (int64_t)time(NULL), .role = CG_ROLE_INBOUND };
    const char *port;
    int option, result = CLI_ACCEPT;

    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_inspect.help, stdout);
            goto done;
        }
        result = take_option(option, argv, options, &target);
    }
    if (result == CLI_ACCEPT && optind + 1 != argc)
        result = cli_fail("name one FILE or HOST:PORT; see certgate inspect --help");
    else if (result == CLI_ACCEPT && split_host(argv[optind], target.host, &port))
        result = inspect_server(port, &target);
    else if (result == CLI_ACCEPT)
        result = inspect_file(argv[optind], &target);
done:
    input_list_release(&target.certs);
    input_list_release(&target.tcs);
    for (size_t i = 0; i < target.name_count; i++)
        free(target.names[i]);
    if (target.password != NULL)
        OPENSSL_cleanse(target.password, strlen(target.password));
    free(target.password);
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
            "  --name NAME         name or address that the peer is known by (default: the HOST)\n"
            "  --at TIME           judge at this time: RFC 3339 or seconds since 1970\n"
            "  --format F          text (default) or json\n"
            "  --password-file FILE  its first line opens PKCS#12 containers named after it\n"
            "\n"
            "examples:\n"
            "  certgate inspect peer.p12\n"
            "  certgate inspect --tcs roots.pem sip.example.com:5061\n",
};
