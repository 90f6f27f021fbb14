/*
 * POST /check: what each check and level would say of a certificate, given or shown by a TLS server. Nothing is
 * changed or recorded.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "control/api/handlers.h"
#include "control/edits.h"
#include "control/say.h"
#include "settings/values.h"
#include "snapshot/policy.h"

/* What is judged, and by what. */
struct work {
    struct input_list given; /* where certificates came in the body */
    const uint8_t *certs[PROBED_MAX_CERTS]; /* the received one, then what came with it; borrowed */
    size_t lens[PROBED_MAX_CERTS];
    size_t count;
    char host[SNAPSHOT_HOST_SIZE]; /* the server that showed them; "" none */
    struct cg_store *store;
    struct cg_policy *policy;
    struct cg_engine *engine;
    struct cg_decision *decision;
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
                &work->given, &err) != STORE_OK ||
            (chain != NULL && chain[0] != '\0' &&
                    edits_read_certificates(chain, NULL, &work->given, &err) != STORE_OK) ||
            work->given.count > PROBED_MAX_CERTS) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s",
                err.text[0] != '\0' ? err.text
                                    : "there are more certificates than a peer may send");
        return false;
    }
    for (; work->count < work->given.count; work->count++)
        work->certs[work->count] =
                cg_cert_get0_der(work->given.certs[work->count], &work->lens[work->count]);
    return true;
}

/* ---- the policy -------------------------------------------------------------------------------- */

/* A host, an address, or on SIP a domain. */
static bool
add_name(struct cg_policy *policy, enum cg_service service, const char *text, struct cg_error *err)
{
    struct snapshot_address address;

    if (text == NULL) {
        (void)snprintf(err->text, sizeof(err->text), "'names' has to be a list of names");
        return false;
    }
    return cg_policy_add_name(policy, text, err) == CG_OK &&
            (service != CG_SERVICE_SIP || value_numeric(text, 0, &address) ||
                    cg_policy_add_sip_domain(policy, text, err) == CG_OK);
}

/* The interface as it is, or one with nothing of its own. False where there is none of the name. */
static bool
find_interface(struct api_request *request, struct snapshot_interface *out, struct cg_error *err)
{
    const struct snapshot *snapshot = &request->control->candidate->snapshot;
    const char *name = api_text(request, "interface");

    *out = (struct snapshot_interface) { .rules = { .max_depth = CG_DEFAULT_PATH_DEPTH,
                                                 .require_certificate = true } };
    if (name == NULL || name[0] == '\0')
        return true;
    for (size_t i = 0; i < snapshot->interface_count; i++) {
        if (strcmp(snapshot->interfaces[i].name, name) != 0)
            continue;
        *out = snapshot->interfaces[i]; /* what it points to stays there */
        return true;
    }
    (void)snprintf(err->text, sizeof(err->text), "there is no interface '%.64s'", name);
    return false;
}

/* What the body says goes before the interface; a server that was called is one, and has the name it was called by. */
static bool
choose(struct api_request *request, const struct work *work, struct snapshot_interface *it,
        struct cg_error *err)
{
    const char *role = api_text(request, "role"), *service = api_text(request, "service");

    if (!find_interface(request, it, err))
        return false;
    if (work->host[0] != '\0')
        it->role = CG_ROLE_OUTBOUND;
    if ((role == NULL || cg_role_from_name(role, &it->role)) &&
            (service == NULL || cg_service_from_name(service, &it->service)))
        return true;
    (void)snprintf(err->text, sizeof(err->text),
            "'role' has to be inbound or outbound, 'service' https, sip or line");
    return false;
}

static bool
make_policy(struct api_request *request, struct work *work, struct cg_error *err)
{
    const json_t *names = json_object_get(request->body, "names");
    struct snapshot_interface it;
    size_t i;
    json_t *name;

    if (!choose(request, work, &it, err))
        return false;
    /* All checks of levels; what is revoked is known to workers alone. */
    it.rules.level = CG_LEVEL_HIGH_REMOTE;
    it.rules.revocation = CG_REVOCATION_OFF;
    if (work->host[0] != '\0' || json_array_size(names) != 0)
        it.rules.name_count = it.rules.sip_domain_count = 0;
    if (snapshot_policy(&request->control->candidate->snapshot, &it, &it.rules, &work->policy,
                err) != CG_OK)
        return false;
    json_array_foreach(names, i, name)
    {
        if (!add_name(work->policy, it.service, json_string_value(name), err))
            return false;
    }
    return json_array_size(names) != 0 || work->host[0] == '\0' ||
            add_name(work->policy, it.service, work->host, err);
}

/* ---- the answer -------------------------------------------------------------------------------- */

static bool
judge(struct work *work, struct cg_error *err)
{
    const struct cg_peer peer = { .leaf = work->certs[0],
        .leaf_len = work->lens[0],
        .chain = work->certs + 1,
        .chain_len = work->lens + 1,
        .chain_count = work->count - 1,
        .now = (int64_t)time(NULL) };

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

/* server: of the answer, or NULL; taken over. */
static void
answer(struct api_request *request, struct work *work, json_t *server)
{
    struct cg_error err = { "no memory" };
    json_t *told;

    if (!make_policy(request, work, &err)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err.text);
    } else if (snapshot_store(&request->control->candidate->snapshot, &work->store, &err) !=
                    CG_OK ||
            !judge(work, &err)) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err.text);
    } else {
        told = answer_json(work->decision);
        if (told != NULL && server != NULL)
            (void)json_object_set(told, "server", server);
        api_ok(request, told);
    }
    json_decref(server);
}

/* ---- a server ---------------------------------------------------------------------------------- */

/* What went wrong on the way to a server's certificates, and what can be done. */
static const struct {
    unsigned status;
    const char *code;
    const char *before; /* after the server's name … */
    const char *after; /* … and, in parentheses, what was noticed */
} outcomes[PROBED_OUTCOMES] = {
    [PROBED_UNRESOLVED] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "unresolved", "has no address",
            "check how the name is written, and the name servers of this machine" },
    [PROBED_ADDRESS] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "address-refused",
            "is on this machine itself, or at an address that is not for servers",
            "'certgate inspect' on the machine looks at those too" },
    [PROBED_REFUSED] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "refused", "cannot be connected to",
            "check the port, whether the server runs, and firewalls on the way" },
    [PROBED_TIMEOUT] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "timed-out", "did not answer in time",
            "check the address and port, and firewalls on the way" },
    [PROBED_NO_TLS] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "no-tls", "answers, but not with TLS",
            "check the port: HTTPS is mostly at 443, SIP over TLS at 5061" },
    [PROBED_HANDSHAKE] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "handshake-failed",
            "speaks TLS, but ended the handshake before it showed a certificate",
            "check the name: some servers answer to those they know only" },
    [PROBED_NO_CERTIFICATE] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "no-certificate",
            "speaks TLS without a certificate", "give it one" },
    [PROBED_TOO_LARGE] = { MHD_HTTP_UNPROCESSABLE_CONTENT, "too-large",
            "shows more certificates than a peer may send", "let it send its own chain only" },
    [PROBED_FAILED] = { MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "could not be looked at",
            "try again" },
};

static void
refuse(struct api_request *request, const char *where, const struct probed *probed)
{
    api_error(request, outcomes[probed->outcome].status, outcomes[probed->outcome].code,
            "%s %s%s%s%s: %s", where, outcomes[probed->outcome].before,
            probed->why[0] == '\0' ? "" : " (", probed->why, probed->why[0] == '\0' ? "" : ")",
            outcomes[probed->outcome].after);
}

static void
on_probed(void *arg, const struct probed *probed)
{
    struct api_request *request = arg;
    const char *where = api_text(request, "connect");
    struct work work = { .count = probed->count };
    uint16_t port = 0;

    if (!value_host_port(where, work.host, &port) || probed->outcome != PROBED_CHAIN) {
        refuse(request, where, probed);
        goto done;
    }
    for (size_t i = 0; i < probed->count; i++) {
        work.certs[i] = probed->certs[i].data;
        work.lens[i] = probed->certs[i].len;
    }
    answer(request, &work,
            json_pack("{s:s,s:i,s:s,s:s,s:i,s:s}", "host", work.host, "port", (int)port, "address",
                    probed->address, "tls", probed->tls, "certificates", (int)probed->count,
                    "ended", probed->why));
done:
    work_release(&work);
    api_resume(request);
}

/* The answer comes when the server has shown something, or has not. */
static void
ask_server(struct api_request *request, const char *where)
{
    struct work work = { .count = 0 };
    struct cg_error err = { "no memory" };
    uint16_t port;
    const char *why = "";

    if (!value_host_port(where, work.host, &port)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "'connect' has to be HOST:PORT, like pbx.example.com:443 or [2001:db8::1]:5061");
    } else if (!make_policy(request, &work, &err)) { /* told before anybody is called */
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err.text);
    } else {
        request->probe = probes_begin(request->control->probes, request->control->candidate,
                work.host, port, api_client(request), on_probed, request, &why);
        if (request->probe == NULL)
            api_error(request, MHD_HTTP_TOO_MANY_REQUESTS, "busy", "%s", why);
        else
            say("%s looks at the certificate of %s", request->who.user, where);
    }
    work_release(&work);
}

void
api_check(struct api_request *request)
{
    const char *certificate = api_text(request, "certificate");
    const char *where = api_text(request, "connect");
    struct work work = { .count = 0 };

    if ((certificate == NULL) == (where == NULL)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "either 'certificate' has to be one, as PEM or as DER in base64, or 'connect' a "
                "server's HOST:PORT");
    } else if (where != NULL) {
        ask_server(request, where);
    } else {
        if (take_certificates(request, &work))
            answer(request, &work, NULL);
        work_release(&work);
    }
}
