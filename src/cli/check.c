#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "config.h"

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
    OPT_CA_EKU,
    OPT_PARTIAL,
    OPT_DEPTH,
    OPT_CHECKS,
    OPT_FORMAT,
    OPT_BATCH,
    OPT_TRACE,
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
    { "ca-eku", no_argument, NULL, OPT_CA_EKU },
    { "partial-chain", no_argument, NULL, OPT_PARTIAL },
    { "max-depth", required_argument, NULL, OPT_DEPTH },
    { "checks", required_argument, NULL, OPT_CHECKS },
    { "format", required_argument, NULL, OPT_FORMAT },
    { "batch", no_argument, NULL, OPT_BATCH },
    { "trace", no_argument, NULL, OPT_TRACE },
    { "help", no_argument, NULL, OPT_HELP },
    { NULL, 0, NULL, 0 },
};

static int
load(const char *path, struct input_list *list)
{
    struct cg_error err;

    return input_load(path, NULL, list, &err) == CG_OK ? CLI_ACCEPT : cli_fail("%s", err.text);
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
take_option(int option, struct cli_check_options *o)
{
    char unknown[64];

    switch (option) {
    case OPT_LEVEL:
        return cg_level_from_name(optarg, &o->level)
                ? CLI_ACCEPT
                : cli_fail("unknown level '%s'; see certgate help levels", optarg);
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
        return load(optarg, &o->tcs);
    case OPT_IDENTITY:
        return load(optarg, &o->identities);
    case OPT_CHAIN:
        return load(optarg, &o->chain);
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
        return CLI_ACCEPT;
    case OPT_FROM:
        o->from_domain = optarg;
        return CLI_ACCEPT;
    case OPT_LATCHED:
        o->latched = true;
        return CLI_ACCEPT;
    case OPT_ALLOW:
        return cli_allowance(optarg, o)
                ? CLI_ACCEPT
                : cli_fail("unknown allowance '%s'; see certgate help levels", optarg);
    case OPT_CA_EKU:
        o->ca_eku = true;
        return CLI_ACCEPT;
    case OPT_PARTIAL:
        o->partial_chain = true;
        return CLI_ACCEPT;
    case OPT_DEPTH:
        o->max_depth = (unsigned)strtoul(optarg, NULL, 10);
        return strspn(optarg, "0123456789") == strlen(optarg) && o->max_depth <= 32 &&
                        *optarg != '\0'
                ? CLI_ACCEPT
                : cli_fail("--max-depth is a number from 0 to 32, not '%s'", optarg);
    case OPT_CHECKS:
        o->custom = true;
        return cli_checks(optarg, &o->checks, unknown)
                ? CLI_ACCEPT
                : cli_fail("unknown check '%s'; see certgate help checks", unknown);
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
    default:
        return CLI_USAGE;
    }
}

/* Checks that cannot be made without the Trusted Certificate Store. */
static bool
needs_tcs(const struct cli_check_options *o)
{
    cg_check_set checks = o->custom ? o->checks : cg_level_info(o->level)->checks;

    return o->all_levels || (checks & (1u << CG_CHECK_CHAIN | 1u << CG_CHECK_IN_TCS)) != 0;
}

static struct cg_store *
build_store(const struct input_list *list, struct cg_error *err)
{
    struct cg_store *store = cg_store_new();
    enum cg_status status = store == NULL ? CG_E_NOMEM : CG_OK;

    for (size_t i = 0; status == CG_OK && i < list->count; i++)
        status = cg_store_add(store, list->certs[i], err);
    if (status == CG_OK)
        status = cg_store_freeze(store, err);
    if (status != CG_OK) {
        cg_store_free(store);
        return NULL;
    }
    return store;
}

static int
report(const struct cli_check_options *o, const struct cg_decision *decision)
{
    char *members;

    if (o->json) {
        members = cg_decision_json_members(decision);
        if (members == NULL)
            return cli_fail("no memory");
        printf("{%s}\n", members);
        free(members);
    } else {
        cli_print_decision(stdout, decision, o->all_levels);
        if (o->trace)
            printf("\nPath search:\n%s", cg_decision_trace(decision));
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
        .trace = o->trace };
    struct cg_engine *engine = cg_engine_new();
    struct cg_error err = { "no memory" };
    struct cg_policy *policy = cli_policy(o, &err);
    struct cg_store *store = policy == NULL ? NULL : build_store(&o->tcs, &err);
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
}

static int
run(int argc, char **argv)
{
    struct cli_check_options o = { .level = CG_LEVEL_MEDIUM, .max_depth = 10 };
    struct input_list received = { 0 };
    int option, result = CLI_ACCEPT;

    optind = 1;
    while (result == CLI_ACCEPT &&
            (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option == OPT_HELP) {
            fputs(cli_check.help, stdout);
            release(&o);
            return CLI_ACCEPT;
        }
        result = take_option(option, &o);
    }
    if (result == CLI_ACCEPT && o.batch) {
        result = optind == argc
                ? cli_batch(&o, stdin, stdout)
                : cli_fail("--batch reads standard input; '%s' is too much", argv[optind]);
    } else if (result == CLI_ACCEPT && optind + 1 != argc) {
        result = cli_fail(
                "name one CERTIFICATE file, or - for standard input; see certgate check --help");
    } else if (result == CLI_ACCEPT && !o.has_tcs && needs_tcs(&o)) {
        result = cli_fail(
                "give --tcs FILE or FOLDER: this level looks for a chain to a trusted root");
    } else if (result == CLI_ACCEPT) {
        result = load(argv[optind], &received);
        if (result == CLI_ACCEPT)
            result = judge(&o, &received);
    }
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
            "Judges the first certificate of the file; the others count as sent along with it.\n"
            "Exit status: 0 accept, 1 reject, 2 wrong usage or unreadable input.\n"
            "\n"
            "  --level L             none, low, medium (default), high, medium+remote, "
            "high+remote\n"
            "  --all-levels          every check once, and the verdict at all six levels\n"
            "  --checks A,B,...      exactly these checks in place of a level\n"
            "  --role R              inbound (the peer is a client, default) or outbound (a "
            "server)\n"
            "  --service S           https (default), sip or line\n"
            "  --tcs FILE|FOLDER     trusted certificates; may be repeated\n"
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
            "  --ca-eku              every CA of the path must allow the purpose\n"
            "  --partial-chain       a trusted intermediate may end the path\n"
            "  --max-depth N         most intermediates, 0 to 32 (default 10)\n"
            "  --trace               print the path search as a tree\n"
            "  --format F            text (default) or json\n"
            "\n"
            "examples:\n"
            "  certgate check --tcs /etc/certgate/tcs --level high peer.pem\n"
            "  certgate check --tcs roots.pem --all-levels --role outbound --name sip.example.com "
            "server.pem\n"
            "  openssl s_client -connect host:443 -showcerts </dev/null | certgate check --tcs "
            "roots.pem -\n",
};
