/*
 * Several certificates, a store and a policy into cg_evaluate, and the decision into words:
 *
 *     8 octets of policy · certificates one after the other, the first the received one
 *
 * What the octets choose stands in read_policy().
 */
#include <jansson.h>
#include <string.h>

#include "base/reader.h"
#include "der_mutator.h"
#include "fuzz.h"

#include <certgate/certgate.h>

#define POLICY_OCTETS 8
#define MAX_CERTS 20

const size_t fuzz_prefix = POLICY_OCTETS;

/* The certificates as they stand in the input; not each must parse. */
struct scene {
    struct cg_span certs[MAX_CERTS];
    size_t count;
    struct cg_store *store;
    struct cg_policy *policy;
    struct cg_peer peer;
};

static void
read_policy(struct scene *scene, const uint8_t *octets)
{
    static const char *const names[] = { "gw.example.com", "192.0.2.1", "2001:db8::1", "example" };
    static const char *const froms[] = { NULL, "example.com", "sip.example.com", "" };
    struct cg_policy *policy = scene->policy;

    if (octets[0] % 8 < CG_LEVEL_COUNT)
        cg_policy_set_level(policy, (enum cg_level)(octets[0] % 8));
    else
        cg_policy_set_checks(policy, 1u << CG_CHECK_CHAIN | 1u << CG_CHECK_CRITICAL_EXTENSIONS);
    cg_policy_set_role(policy, (octets[1] & 1) != 0 ? CG_ROLE_OUTBOUND : CG_ROLE_INBOUND);
    cg_policy_set_service(policy, (enum cg_service)((octets[1] >> 1) % 3));
    cg_policy_set_latched(policy, (octets[1] & 8) != 0);
    cg_policy_set_ca_eku(policy, (octets[1] & 16) != 0);
    cg_policy_set_partial_chain(policy, (octets[1] & 32) != 0);
    scene->peer.phone = (octets[1] & 64) != 0;
    scene->peer.trace = (octets[1] & 128) != 0;
    for (int i = 0; i < CG_ALLOW_COUNT; i++)
        if ((octets[2] >> i & 1) != 0)
            cg_policy_allow(policy, (enum cg_allowance)i, FUZZ_NOW + 1);
    FUZZ_CHECK(cg_policy_set_max_depth(policy, octets[3] % 33, NULL) == CG_OK, "depth");
    FUZZ_CHECK(cg_policy_add_name(policy, names[octets[4] % 4], NULL) == CG_OK, "name");
    FUZZ_CHECK(cg_policy_add_sip_domain(policy, "example.com", NULL) == CG_OK, "domain");
    scene->peer.from_domain = froms[octets[4] / 4 % 4];
    scene->peer.address = (octets[4] & 16) != 0 ? "192.0.2.1" : NULL;
    /* Sometimes exactly at a boundary, sometimes far away. */
    scene->peer.now = FUZZ_NOW + ((int8_t)octets[5]) * (int64_t)(octets[6] % 4) * 86400 * 60;
}

static void
read_certs(struct scene *scene, const uint8_t *data, size_t len)
{
    struct cg_reader reader = cg_reader(cg_span(data, len));
    uint8_t tag;

    while (scene->count < MAX_CERTS && !cg_reader_done(&reader)) {
        if (!cg_der_any(&reader, &tag, NULL, &scene->certs[scene->count]))
            (void)cg_read_bytes(&reader, cg_reader_left(&reader), &scene->certs[scene->count]);
        scene->count++;
    }
}

/* The last one is always trusted, and with it every other that the octet names. */
static void
fill_store(struct scene *scene, uint8_t trusted)
{
    for (size_t i = 0; i < scene->count; i++) {
        struct cg_cert *cert;

        if (i + 1 != scene->count && (trusted >> (i % 8) & 1) == 0)
            continue;
        if (cg_cert_from_der(scene->certs[i].data, scene->certs[i].len, &cert, NULL) != CG_OK)
            continue;
        FUZZ_CHECK(cg_store_add(scene->store, cert, NULL) == CG_OK, "store");
        if ((trusted & 128) != 0 && i == 1)
            FUZZ_CHECK(cg_policy_add_identity(scene->policy, cert, NULL) == CG_OK, "identity");
        cg_cert_free(cert);
    }
    FUZZ_CHECK(cg_store_freeze(scene->store, NULL) == CG_OK, "freeze");
}

/* The received certificate, by an administrator. */
static void
admit(struct scene *scene)
{
    struct cg_cert *cert;

    if (scene->count == 0 ||
            cg_cert_from_der(scene->certs[0].data, scene->certs[0].len, &cert, NULL) != CG_OK)
        return;
    FUZZ_CHECK(cg_policy_admit(scene->policy, cg_cert_get0_sha256(cert), FUZZ_NOW + 86400,
                       "a reason", NULL) == CG_OK,
            "admit");
    cg_cert_free(cert);
}

/* Who comes in passes every check, or those that fail are overridden by an administrator and may be. */
static void
check_findings(const struct cg_decision *decision)
{
    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);

        if (!finding->enforced || finding->outcome == CG_PASS ||
                finding->outcome == CG_NOT_APPLICABLE)
            continue;
        FUZZ_CHECK(finding->outcome == CG_FAIL && finding->allowed &&
                        finding->allowance == CG_ALLOW_ADMITTED &&
                        !cg_check_info(finding->check)->binding &&
                        cg_decision_by_allowance(decision),
                "accepted though %s is %d", cg_check_info(finding->check)->id,
                (int)finding->outcome);
    }
}

static void
check_words(const struct cg_decision *decision)
{
    char *members = cg_decision_json_members(decision), *text = NULL;
    json_error_t where;
    json_t *object;

    FUZZ_CHECK(members != NULL && asprintf(&text, "{%s}", members) > 0, "no memory");
    object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    FUZZ_CHECK(json_is_object(object), "not JSON: %s: %s", where.text, text);
    json_decref(object);
    free(text);
    free(members);
}

static void
check_decision(const struct scene *scene, const struct cg_decision *decision)
{
    enum cg_reason reason = cg_decision_reason(decision);
    enum cg_reason at_level;

    FUZZ_CHECK((cg_decision_verdict(decision) == CG_ACCEPT) == (reason == CG_REASON_NONE),
            "verdict %d, reason %d", (int)cg_decision_verdict(decision), (int)reason);
    FUZZ_CHECK(cg_decision_signatures(decision) <= 64 && cg_decision_edges(decision) <= 640,
            "%u signatures, %u edges", cg_decision_signatures(decision),
            cg_decision_edges(decision));
    for (int level = 0; level < CG_LEVEL_COUNT; level++)
        (void)cg_decision_at_level(decision, (enum cg_level)level, &at_level);
    if (cg_decision_get0_cert(decision) != NULL)
        FUZZ_CHECK(cg_decision_good_from(decision) <= scene->peer.now &&
                        scene->peer.now <= cg_decision_good_until(decision),
                "outside of its own window");
    if (cg_decision_verdict(decision) == CG_ACCEPT)
        check_findings(decision);
    check_words(decision);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct cg_engine *engine;
    const uint8_t *chain[MAX_CERTS];
    size_t chain_len[MAX_CERTS];
    struct scene scene = { .peer = { .chain = chain, .chain_len = chain_len } };
    struct cg_decision *decision = NULL;

    if (len < POLICY_OCTETS)
        return 0;
    if (engine == NULL)
        engine = cg_engine_new();
    scene.store = cg_store_new();
    scene.policy = cg_policy_new();
    FUZZ_CHECK(engine != NULL && scene.store != NULL && scene.policy != NULL, "no memory");
    read_policy(&scene, data);
    read_certs(&scene, data + POLICY_OCTETS, len - POLICY_OCTETS);
    fill_store(&scene, data[7]);
    if ((data[4] & 32) != 0)
        admit(&scene);
    if (scene.count != 0) {
        scene.peer.leaf = scene.certs[0].data;
        scene.peer.leaf_len = scene.certs[0].len;
    }
    for (size_t i = 1; i < scene.count; i++) {
        chain[i - 1] = scene.certs[i].data;
        chain_len[i - 1] = scene.certs[i].len;
        scene.peer.chain_count++;
    }
    FUZZ_CHECK(
            cg_evaluate(engine, scene.store, scene.policy, &scene.peer, &decision, NULL) == CG_OK,
            "no decision");
    check_decision(&scene, decision);
    cg_decision_free(decision);
    cg_policy_free(scene.policy);
    cg_store_free(scene.store);
    return 0;
}
