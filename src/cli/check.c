#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/trusted.h"
#include "config.h"
#include "input/evidence.h"
#include "settings/values.h"

enum {
    OPT_LEVEL = 256,
    OPT_ALL,
    OPT_ROLE,
    OPT_SERVICE,
    OPT_TCS,
    OPT_IDENTITY,
    OPT_CHAIN,
    OPT_AT,
    OPT_NAME,
    OPT_PEER,
    OPT_DOMAIN,
    OPT_FROM,
    OPT_LATCHED,
    OPT_ALLOW,
    OPT_ADMIT,
    OPT_CA_EKU,
    OPT_PARTIAL,
    OPT_DEPTH,
    OPT_CHECKS,
    OPT_REVOCATION,
    OPT_CRL,
    OPT_OCSP,
    OPT_FORMAT,
    OPT_BATCH,
    OPT_TRACE,
    OPT_PASSWORD,
    OPT_STATE,
    OPT_HELP,
};

static const struct option long_options[] = {
    { "level", required_argument, NULL, OPT_LEVEL },
    { "all-levels", no_argument, NULL, OPT_ALL },
    { "role", required_argument, NULL, OPT_ROLE },
    { "service", required_argument, NULL, OPT_SERVICE },
    { "tcs", required_argument, NULL, OPT_TCS },
    { "identity", required_argument, NULL, OPT_IDENTITY },
    { "chain", required_argument, NULL, OPT_CHAIN },
    { "at", required_argument, NULL, OPT_AT },
    { "name", required_argument, NULL, OPT_NAME },
    { "peer-address", required_argument, NULL, OPT_PEER },
    { "sip-domain", required_argument, NULL, OPT_DOMAIN },
    { "from-domain", required_argument, NULL, OPT_FROM },
    { "latched", no_argument, NULL, OPT_LATCHED },
    { "allow", required_argument, NULL, OPT_ALLOW },
    { "admit", required_argument, NULL, OPT_ADMIT },
    { "ca-eku", no_argument, NULL, OPT_CA_EKU },
    { "partial-chain", no_argument, NULL, OPT_PARTIAL },
    { "max-depth", required_argument, NULL, OPT_DEPTH },
    { "checks", required_argument, NULL, OPT_CHECKS },
    { "revocation", required_argument, NULL, OPT_REVOCATION },
    { "crl", required_argument, NULL, OPT_CRL },
    { "ocsp", required_argument, NULL, OPT_OCSP },
    { "format", required_argument, NULL, OPT_FORMAT },
    { "batch", no_argument, NULL, OPT_BATCH },
    { "trace", no_argument, NULL, OPT_TRACE },
    { "password-file", required_argument, NULL, OPT_PASSWORD },
    { "state", required_argument, NULL, OPT_STATE },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

static int
load(const struct cli_check_options *o, const char *path, struct input_list *list)
{
    struct cg_error err;

    return input_load(path, o->password, list, &err) == CG_OK ? CLI_ACCEPT
                                                              : cli_fail("%s", err.text);
}

static int
take_level(const char *text, struct cli_check_options *o)
{
    const char *names[CG_LEVEL_COUNT + 1] = { NULL }, *nearest;

    o->has_level = true;
    if (cg_level_from_name(text, &o->level))
        return CLI_ACCEPT;
    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        names[level] = cg_level_name((enum cg_level)level);
    nearest = value_nearest(text, names);
    return cli_fail("unknown level '%s'%s%s%s", text,
            nearest == NULL ? "; see certgate help levels" : "; did you mean '",
            nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
}

static int
take_depth(const char *text, struct cli_check_options *o)
{
    unsigned long depth = strtoul(text, NULL, 10);

    o->max_depth = (unsigned)depth;
    return *text != '\0' && strspn(text, "0123456789") == strlen(text) && depth <= 32
            ? CLI_ACCEPT
            : cli_fail("--max-depth is a number from 0 to 32, not '%s'", text);
}

static int
add_reference(const char *what, const char *text, char *list[64], size_t *count)
{
    char *reference = *count == 64 ? NULL : cli_reference(text);

    if (reference == NULL)
        return cli_fail("%s '%s' is no name, or there are more than 64", what, text);
    list[(*count)++] = reference;
    return CLI_ACCEPT;
}

static int
add_evidence(struct cli_check_options *o, const char *path, enum cg_evidence_kind kind)
{
    struct cg_evidence *evidence = NULL;
    struct cg_error err = { "no memory" };
    int result = CLI_ACCEPT;

    if (o->known == NULL)
        o->known = cg_revocation_new();
    if (o->known == NULL || input_evidence_load(path, kind, &evidence, &err) != CG_OK ||
            cg_revocation_add(o->known, evidence, &err) != CG_OK)
        result = cli_fail("%s", err.text);
    cg_evidence_free(evidence);
    return result;
}

static int
take_option(int option, char **argv, struct cli_check_options *o)
{
    char unknown[64];

    switch (option) {
    case OPT_LEVEL:
        return take_level(optarg, o);
    case OPT_ALL:
        o->all_levels = true;
        return CLI_ACCEPT;
    case OPT_ROLE:
        return cg_role_from_name(optarg, &o->role)
                ? CLI_ACCEPT
                : cli_fail("--role is inbound or outbound, not '%s'", optarg);
    case OPT_SERVICE:
        return cg_service_from_name(optarg, &o->service)
                ? CLI_ACCEPT
                : cli_fail("--service is https, sip or line, not '%s'", optarg);
    case OPT_TCS:
        o->has_tcs = true;
        return load(o, optarg, &o->tcs);
    case OPT_IDENTITY:
        return load(o, optarg, &o->identities);
    case OPT_CHAIN:
        return load(o, optarg, &o->chain);
    case OPT_AT:
        o->has_time = true;
        return cli_time(optarg, &o->time)
                ? CLI_ACCEPT
                : cli_fail("--at '%s' is neither RFC 3339 (2026-11-24T12:00:00Z) nor seconds since "
                           "1970",
                          optarg);
    case OPT_NAME:
        return add_reference("--name", optarg, o->names, &o->name_count);
    case OPT_DOMAIN:
        return add_reference("--sip-domain", optarg, o->domains, &o->domain_count);
    case OPT_PEER:
        o->peer_address = optarg;
        return cli_address(optarg) ? CLI_ACCEPT
                                   : cli_fail("--peer-address '%s' is no IP address", optarg);
    case OPT_FROM:
        o->from_domain = optarg;
        return CLI_ACCEPT;
    case OPT_LATCHED:
        o->latched = true;
        return CLI_ACCEPT;
    case OPT_ALLOW:
        return cli_allowance(optarg, o)
                ? CLI_ACCEPT
                : cli_fail("--allow '%s' is no allowance (certgate help levels lists them), or its "
                           "end is no date like 2027-06-30",
                          optarg);
    case OPT_ADMIT:
        return cli_admit(optarg, o)
                ? CLI_ACCEPT
                : cli_fail("--admit '%s' is no SHA-256 of a certificate (64 hexadecimal digits), "
                           "its end is no date like 2027-06-30, or there are more than 64",
                          optarg);
    case OPT_CA_EKU:
        o->ca_eku = true;
        return CLI_ACCEPT;
    case OPT_PARTIAL:
        o->partial_chain = true;
        return CLI_ACCEPT;
    case OPT_DEPTH:
        return take_depth(optarg, o);
    case OPT_CHECKS:
        o->custom = true;
        return cli_checks(optarg, &o->checks, unknown)
                ? CLI_ACCEPT
                : cli_fail("unknown check '%s'; see certgate help checks", unknown);
    case OPT_REVOCATION:
        return cg_revocation_mode_from_name(optarg, &o->revocation)
                ? CLI_ACCEPT
                : cli_fail("--revocation is off, soft or hard, not '%s'", optarg);
    case OPT_CRL:
        return add_evidence(o, optarg, CG_EVIDENCE_CRL);
    case OPT_OCSP:
        return add_evidence(o, optarg, CG_EVIDENCE_OCSP);
    case OPT_FORMAT:
        o->json = strcmp(optarg, "json") == 0;
        return o->json || strcmp(optarg, "text") == 0
                ? CLI_ACCEPT
                : cli_fail("--format is text or json, not '%s'", optarg);
    case OPT_BATCH:
        o->batch = true;
        return CLI_ACCEPT;
    case OPT_TRACE:
        o->trace = true;
        return CLI_ACCEPT;
    case OPT_STATE:
        o->state = optarg;
        return CLI_ACCEPT;
    case OPT_PASSWORD:
        return CLI_ACCEPT; /* read before everything else */
    default:
        return cli_unknown_option(option, argv, long_options, "check");
    }
}

/* Checks that cannot be made without the Trusted Certificate Store. */
static bool
needs_tcs(const struct cli_check_options *o)
{
    cg_check_set checks = o->custom ? o->checks : cg_level_info(o->level)->checks;

    return o->all_levels || o->revocation != CG_REVOCATION_OFF ||
            (checks & (1u << CG_CHECK_CHAIN | 1u << CG_CHECK_IN_TCS | 1u << CG_CHECK_REVOCATION)) !=
            0;
}

static int
report(const struct cli_check_options *o, const struct cg_decision *decision)
{
    char *members;

    if (o->json) {
        members = o->all_levels ? cg_decision_json_all_members(decision)
                                : cg_decision_json_members(decision);
        if (members == NULL)
            return cli_fail("no memory");
        printf("{%s}\n", members);
        free(members);
    } else {
        cli_print_decision(stdout, decision, o->all_levels);
        if (o->trace)
            printf("\nPath search (signatures verified: %u, candidate issuers tried: %u):\n%s",
                    cg_decision_signatures(decision), cg_decision_edges(decision),
                    cg_decision_trace(decision));
    }
    return cg_decision_verdict(decision) == CG_ACCEPT ? CLI_ACCEPT : CLI_REJECT;
}

/* The first certificate of the file is the received one; the others, and --chain's, came with it. */
static int
judge(struct cli_check_options *o, struct input_list *received)
{
    const uint8_t *chain[256];
    size_t chain_len[256];
    struct cg_peer peer = { .now = o->has_time ? o->time : (int64_t)time(NULL),
        .clock_floor = o->has_time ? 0 : CERTGATE_RELEASE_TIME,
        .address = o->peer_address,
        .from_domain = o->from_domain,
        .chain = chain,
        .chain_len = chain_len,
        .trace = o->trace,
        .revocation = o->known };
    struct cg_engine *engine = cg_engine_new();
    struct cg_error err = { "no memory" };
    struct cg_policy *policy = cli_policy(o, &err);
    struct cg_store *store = policy == NULL ? NULL : cli_store(&o->tcs, &err);
    struct cg_decision *decision = NULL;
    int result = CLI_USAGE;

    if (received->count - 1 + o->chain.count > 128) {
        result = cli_fail("%zu certificates beside the received one, at most 128 are read",
                received->count - 1 + o->chain.count);
        goto done;
    }
    peer.leaf = cg_cert_get0_der(received->certs[0], &peer.leaf_len);
    for (size_t i = 1; i < received->count; i++, peer.chain_count++)
        chain[peer.chain_count] =
                cg_cert_get0_der(received->certs[i], &chain_len[peer.chain_count]);
    for (size_t i = 0; i < o->chain.count; i++, peer.chain_count++)
        chain[peer.chain_count] = cg_cert_get0_der(o->chain.certs[i], &chain_len[peer.chain_count]);
    if (engine == NULL || store == NULL ||
            cg_evaluate(engine, store, policy, &peer, &decision, &err) != CG_OK)
        result = cli_fail("%s", err.text);
    else
        result = report(o, decision);
done:
    cg_decision_free(decision);
    cg_store_free(store);
    cg_policy_free(policy);
    cg_engine_free(engine);
    return result;
}

static void
release(struct cli_check_options *o)
{
    for (size_t i = 0; i < o->name_count; i++)
        free(o->names[i]);
    for (size_t i = 0; i < o->domain_count; i++)
        free(o->domains[i]);
    input_list_release(&o->tcs);
    input_list_release(&o->identities);
    input_list_release(&o->chain);
    cg_revocation_free(o->known);
    if (o->password != NULL)
        OPENSSL_cleanse(o->password, strlen(o->password));
    free(o->password);
}

/* Files are opened as their options come, so the password must be known before the first of them. */
static int
find_password(int argc, char **argv, struct cli_check_options *o)
{
    int option, result = CLI_ACCEPT;

    optind = 0;
    while (result == CLI_ACCEPT &&
            (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1)
        if (option == OPT_PASSWORD)
            result = cli_password(optarg, &o->password);
    return result;
}

/* What does not go together, before any file is judged. */
static int
check_options(const struct cli_check_options *o, int arguments, const char *first)
{
    if (o->custom && (o->all_levels || o->has_level))
        return cli_fail("--checks stands in place of a level: leave out --%s",
                o->all_levels ? "all-levels" : "level");
    if (o->known != NULL && o->revocation == CG_REVOCATION_OFF &&
            (!o->custom || (o->checks >> CG_CHECK_REVOCATION & 1u) == 0))
        return cli_fail("--crl and --ocsp are read with --revocation soft or hard only");
    if (o->batch)
        return arguments == 0 ? CLI_ACCEPT
                              : cli_fail("--batch reads standard input; '%s' is too much", first);
    if (arguments != 1)
        return cli_fail(
                "name one CERTIFICATE file, or - for standard input; see certgate check --help");
    return CLI_ACCEPT;
}

/* Without --tcs it is judged by what the running certgated trusts. */
static int
take_store(struct cli_check_options *o)
{
    int result = CLI_ACCEPT;

    if (o->has_tcs || !needs_tcs(o))
        return CLI_ACCEPT;
    result = trusted_fetch(o->state, &o->tcs);
    if (result != CLI_ACCEPT)
        (void)cli_fail("give --tcs FILE or FOLDER to judge by files alone");
    return result == CLI_ACCEPT ? CLI_ACCEPT : CLI_USAGE;
}

static int
run(int argc, char **argv)
{
    struct cli_check_options o = {
        .level = CG_LEVEL_MEDIUM, .max_depth = 10, .state = CLI_DEFAULT_STATE
    };
    struct input_list received = { 0 };
    struct cg_error err;
    int option, result;

    opterr = 0;
    result = find_password(argc, argv, &o);
    optind = 0; /* from the start again, and arguments may have been moved */
    while (result == CLI_ACCEPT &&
            (option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(cli_check.help, stdout);
            goto done;
        }
        result = take_option(option, argv, &o);
    }
    if (result == CLI_ACCEPT)
        result = check_options(&o, argc - optind, argv[optind]);
    if (result == CLI_ACCEPT && o.known != NULL && cg_revocation_freeze(o.known, &err) != CG_OK)
        result = cli_fail("%s", err.text);
    if (result == CLI_ACCEPT && o.batch) {
        result = cli_batch(&o, stdin, stdout);
    } else if (result == CLI_ACCEPT) {
        result = load(&o, argv[optind], &received);
        if (result == CLI_ACCEPT)
            result = take_store(&o);
        if (result == CLI_ACCEPT)
            result = judge(&o, &received);
    }
done:
    input_list_release(&received);
    release(&o);
    return result;
}

const struct cli_command cli_check = {
    .name = "check",
    .summary = "judge a certificate",
    .run = run,
    .help = "usage: certgate check [OPTIONS] CERTIFICATE      (a file, or - for standard input)\n"
            "       certgate check --batch [OPTIONS] < cases.jsonl > verdicts.jsonl\n"
            "\n"
            "Judges the first certificate of the file; the others count as sent along with it. "
            "Files are\n"
            "PEM, DER, PKCS#7 or PKCS#12, told apart by what they hold.\n"
            "Exit status: 0 accept, 1 reject, 2 wrong usage or unreadable input.\n"
            "\n"
            "  --level L             none, low, medium (default), high, medium+remote, "
            "high+remote\n"
            "  --all-levels          every check once, and the verdict at all six levels; the exit "
            "status\n"
            "                        is that of --level\n"
            "  --checks A,B,...      exactly these checks in place of a level\n"
            "  --role R              inbound (the peer is a client, default) or outbound (a "
            "server)\n"
            "  --service S           https (default), sip or line\n"
            "  --tcs FILE|FOLDER     trusted certificates; may be repeated; without it, those that "
            "the\n"
            "                        running certgated trusts\n"
            "  --state FOLDER        its state directory, default " CLI_DEFAULT_STATE "\n"
            "  --identity FILE       our own certificates, for 'not reflected'; may be repeated\n"
            "  --chain FILE          more certificates that came along\n"
            "  --at TIME             judge at this time: RFC 3339 or seconds since 1970\n"
            "  --name NAME           DNS name or address that the peer is known by; may be "
            "repeated\n"
            "  --peer-address IP     where the peer connects from\n"
            "  --sip-domain NAME     SIP domain of the line; may be repeated\n"
            "  --from-domain NAME    From domain of the first SIP request\n"
            "  --latched             skip key usage, extended key usage, critical extensions\n"
            "  --allow NAME[=DATE]   an allowance, up to the end of DATE; may be repeated\n"
            "  --admit SHA256[@DATE] admit this certificate although checks fail, up to the end of "
            "DATE; may\n"
            "                        be repeated\n"
            "  --ca-eku              every CA of the path must allow the purpose\n"
            "  --partial-chain       a trusted intermediate may end the path\n"
            "  --max-depth N         most intermediates, 0 to 32 (default 10)\n"
            "  --revocation MODE     off (default), soft (unknown passes, with a note) or hard, at "
            "every level\n"
            "  --crl FILE            a CRL, PEM or DER; may be repeated\n"
            "  --ocsp FILE           an OCSP response, DER; may be repeated\n"
            "  --trace               print the path search as a tree\n"
            "  --password-file FILE  its first line opens PKCS#12 containers\n"
            "  --format F            text (default) or json\n"
            "\n"
            "examples:\n"
            "  certgate check --tcs /etc/certgate/tcs --level high peer.pem\n"
            "  certgate check --tcs roots.pem --all-levels --role outbound --name sip.example.com "
            "server.pem\n"
            "  openssl s_client -connect host:443 -showcerts </dev/null | certgate check --tcs "
            "roots.pem -\n",
};
