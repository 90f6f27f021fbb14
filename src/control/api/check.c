/* POST /check: what each check and level would say of a certificate. Nothing is changed or recorded. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "control/api/handlers.h"
#include "control/edits.h"

struct work {
    struct input_list given; /* the received certificate, then what came with it */
    struct cg_store *store;
    struct cg_policy *policy;
    struct cg_engine *engine;
    struct cg_decision *decision;
    const uint8_t *chain[CG_MAX_CHAIN_CERTS];
    size_t chain_len[CG_MAX_CHAIN_CERTS];
};

static void
work_release(struct work *work)
{
    cg_decision_free(work->decision);
    cg_engine_free(work->engine);
    cg_policy_free(work->policy);
    cg_store_free(work->store);
    input_list_release(&work->given);
}

/* The certificates of the body; the first is the one that is judged. */
static bool
take_certificates(struct api_request *request, struct work *work)
{
    const char *chain = api_text(request, "chain");
    struct cg_error err = { "" };

    if (edits_read_certificates(api_text(request, "certificate"), api_text(request, "passphrase"),
                &work->given, &err) == STORE_OK &&
            (chain == NULL || chain[0] == '\0' ||
                    edits_read_certificates(chain, NULL, &work->given, &err) == STORE_OK) &&
            work->given.count - 1 <= CG_MAX_CHAIN_CERTS)
        return true;
    api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s",
            err.text[0] != '\0' ? err.text : "there are more certificates than a peer may send");
    return false;
}

static bool
fill_store(const struct snapshot *snapshot, struct work *work, struct cg_error *err)
{
    struct cg_cert *cert = NULL;
    enum cg_status status = CG_OK;

    work->store = cg_store_new();
    for (size_t i = 0; work->store != NULL && status == CG_OK && i < snapshot->tcs_count; i++) {
        status = cg_cert_from_der(snapshot->tcs[i].data, snapshot->tcs[i].len, &cert, err);
        if (status == CG_OK)
            status = cg_store_add(work->store, cert, err);
        cg_cert_free(cert);
        cert = NULL;
    }
    return work->store != NULL && status == CG_OK && cg_store_freeze(work->store, err) == CG_OK;
}

/* Names that a peer is expected to have: a host, an address, or on SIP a domain. */
static bool
add_names(struct api_request *request, struct cg_policy *policy, enum cg_service service,
        struct cg_error *err)
{
    const json_t *names = json_object_get(request->body, "names");
    size_t i;
    json_t *name;

    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);

        if (text == NULL || cg_policy_add_name(policy, text, err) != CG_OK ||
                (service == CG_SERVICE_SIP && cg_policy_add_sip_domain(policy, text, err) != CG_OK))
            return false;
    }
    return true;
}

/* Our own certificates, which nobody may show us back. */
static bool
add_identities(const struct snapshot *snapshot, struct cg_policy *policy, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (size_t i = 0; status == CG_OK && i < snapshot->identity_count; i++) {
        const struct snapshot_blob *own = &snapshot->identities[i].chain[0];
        struct cg_cert *cert = NULL;

        status = cg_cert_from_der(own->data, own->len, &cert, err);
        if (status == CG_OK)
            status = cg_policy_add_identity(policy, cert, err);
        cg_cert_free(cert);
    }
    return status == CG_OK;
}

static bool
make_policy(struct api_request *request, struct work *work, struct cg_error *err)
{
    const char *role_name = api_text(request, "role"), *service_name = api_text(request, "service");
    const struct snapshot *snapshot = &request->control->candidate->snapshot;
    enum cg_role role = CG_ROLE_INBOUND;
    enum cg_service service = CG_SERVICE_HTTPS;

    if ((role_name != NULL && !cg_role_from_name(role_name, &role)) ||
            (service_name != NULL && !cg_service_from_name(service_name, &service))) {
        (void)snprintf(err->text, sizeof(err->text),
                "'role' has to be inbound or outbound, 'service' https, sip or line");
        return false;
    }
    work->policy = cg_policy_new();
    if (work->policy == NULL)
        return false;
    cg_policy_set_level(work->policy, CG_LEVEL_HIGH_REMOTE);
    cg_policy_set_role(work->policy, role);
    cg_policy_set_service(work->policy, service);
    return add_identities(snapshot, work->policy, err) &&
            add_names(request, work->policy, service, err);
}

static bool
judge(struct work *work, struct cg_error *err)
{
    struct cg_peer peer = {
        .chain = work->chain, .chain_len = work->chain_len, .now = (int64_t)time(NULL)
    };

    peer.leaf = cg_cert_get0_der(work->given.certs[0], &peer.leaf_len);
    for (size_t i = 1; i < work->given.count; i++)
        work->chain[i - 1] = cg_cert_get0_der(work->given.certs[i], &work->chain_len[i - 1]);
    peer.chain_count = work->given.count - 1;
    work->engine = cg_engine_new();
    return work->engine != NULL &&
            cg_evaluate(work->engine, work->store, work->policy, &peer, &work->decision, err) ==
            CG_OK;
}

static json_t *
answer_json(const struct cg_decision *decision)
{
    char *members = cg_decision_json_all_members(decision), *whole = NULL;
    json_t *checks = json_array(), *levels = json_array(), *matrix = json_object(), *record = NULL;

    for (unsigned i = 0; i < CG_CHECK_COUNT; i++)
        (void)json_array_append_new(checks, json_string(cg_check_info((enum cg_check)i)->id));
    for (unsigned i = 0; i < CG_LEVEL_COUNT; i++) {
        const char *name = cg_level_name((enum cg_level)i);
        enum cg_reason reason;
        enum cg_verdict verdict = cg_decision_at_level(decision, (enum cg_level)i, &reason);

        (void)json_array_append_new(levels, json_string(name));
        (void)json_object_set_new(matrix, name,
                json_pack("{s:s,s:s}", "verdict", verdict == CG_ACCEPT ? "accept" : "reject",
                        "reason", reason == CG_REASON_NONE ? "" : cg_reason_info(reason)->code));
    }
    if (members != NULL && asprintf(&whole, "{%s}", members) > 0)
        record = json_loads(whole, 0, NULL);
    free(members);
    free(whole);
    if (record == NULL) {
        json_decref(checks);
        json_decref(levels);
        json_decref(matrix);
        return NULL;
    }
    return json_pack("{s:o,s:o,s:o,s:O,s:o}", "checks", checks, "levels", levels, "matrix", matrix,
            "findings", json_object_get(record, "findings"), "decision", record);
}

void
api_check(struct api_request *request)
{
    struct work work = { .store = NULL };
    struct cg_error err = { "no memory" };

    if (api_text(request, "certificate") == NULL) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "'certificate' has to be a certificate, as PEM or as DER in base64");
        return;
    }
    if (!take_certificates(request, &work))
        goto done;
    if (!make_policy(request, &work, &err))
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err.text);
    else if (!fill_store(&request->control->candidate->snapshot, &work, &err) ||
            !judge(&work, &err))
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err.text);
    else
        api_ok(request, answer_json(work.decision));
done:
    work_release(&work);
}
