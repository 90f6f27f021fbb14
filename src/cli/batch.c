/* One JSON object a line in, one out (shared contract, section 10). */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "cli/batch_case.h"
#include "config.h"

/*
 * One name or domain to look for, and it is neither a DNS name nor an address: no certificate can hold
 * it (RFC 9525 section 6.3), so the case has a verdict. NULL when something else is wrong.
 */
static struct cg_decision *
refuse_name(const struct cli_check_options *options, const struct cg_error *why)
{
    struct cli_check_options others = *options;
    struct cg_error unused;
    struct cg_policy *policy;
    struct cg_decision *decision = NULL;
    cg_check_set checks;
    enum cg_check asked = options->name_count != 0 ? CG_CHECK_HOST_NAME : CG_CHECK_SIP_DOMAIN;

    if (options->name_count + options->domain_count != 1)
        return NULL;
    others.name_count = others.domain_count = 0;
    policy = cli_policy(&others, &unused);
    checks = policy == NULL ? 0 : cg_policy_checks(policy);
    if ((checks >> asked & 1u) != 0)
        decision = cg_decision_refuse(policy,
                asked == CG_CHECK_HOST_NAME ? CG_REASON_NAME_MISMATCH
                                            : CG_REASON_SIP_DOMAIN_MISMATCH,
                why->text);
    cg_policy_free(policy);
    return decision;
}

/* The decision's JSON members, or NULL with c->error. */
static char *
judge(struct batch_case *c, struct cg_engine *engine, const struct cg_store *common)
{
    struct cg_peer peer = { .leaf = c->leaf,
        .leaf_len = c->leaf_len,
        .chain = (const uint8_t *const *)c->sent,
        .chain_len = c->sent_len,
        .chain_count = c->sent_count,
        .now = c->options.has_time ? c->options.time : (int64_t)time(NULL),
        .clock_floor = c->options.has_time ? 0 : CERTGATE_RELEASE_TIME,
        .address = c->options.peer_address,
        .from_domain = c->options.from_domain,
        .revocation = c->options.known };
    struct cg_error err = { "no memory" };
    struct cg_policy *policy = cli_policy(&c->options, &err);
    struct cg_store *store = policy == NULL ? NULL
            : c->own_anchors                ? cli_store(&c->anchors, &err)
                                            : cg_store_ref(common);
    struct cg_decision *decision = policy == NULL ? refuse_name(&c->options, &err) : NULL;
    char *members = NULL;

    if (decision == NULL &&
            (store == NULL || cg_evaluate(engine, store, policy, &peer, &decision, &err) != CG_OK))
        (void)batch_fail(c, "%s", err.text);
    else if ((members = c->options.all_levels ? cg_decision_json_all_members(decision)
                                              : cg_decision_json_members(decision)) == NULL)
        (void)batch_fail(c, "no memory for '%s'", "the answer");
    cg_decision_free(decision);
    cg_store_free(store);
    cg_policy_free(policy);
    return members;
}

static void
answer(FILE *out, const json_t *id, const char *members, const char *error)
{
    char *id_text = id == NULL ? NULL : json_dumps(id, JSON_ENCODE_ANY | JSON_COMPACT);
    struct cg_buf quoted;

    fprintf(out, "{\"id\":%s,", id_text == NULL ? "null" : id_text);
    if (members != NULL) {
        fprintf(out, "%s}\n", members);
    } else {
        cg_buf_init(&quoted, 4096);
        cg_buf_add_json(&quoted, error);
        fprintf(out, "\"verdict\":\"error\",\"error\":%s}\n", cg_buf_text(&quoted));
        cg_buf_release(&quoted);
    }
    free(id_text);
    fflush(out);
}

void
cli_batch_line(const struct cli_check_options *options, struct cg_engine *engine,
        const struct cg_store *store, const char *line, size_t len, FILE *out)
{
    struct batch_case *c = calloc(1, sizeof(*c));
    json_error_t where;
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    char *members = NULL;

    if (c == NULL) {
        answer(out, NULL, NULL, "no memory");
        json_decref(object);
        return;
    }
    if (object == NULL)
        (void)batch_fail(c, "not a JSON object: %s", where.text);
    else if (batch_case_read(c, options, object))
        members = judge(c, engine, store);
    answer(out, json_object_get(object, "id"), members, c->error);
    batch_case_release(c);
    free(members);
    json_decref(object);
    free(c);
}

/* Reads one line of at most BATCH_MAX_LINE; *cut when it was longer (the rest is passed over). */
static bool
read_line(FILE *in, char *line, size_t *len, bool *cut)
{
    int c;

    *len = 0;
    *cut = false;
    while ((c = getc_unlocked(in)) != EOF && c != '\n') {
        if (*len == BATCH_MAX_LINE)
            *cut = true;
        else
            line[(*len)++] = (char)c;
    }
    return c != EOF || *len != 0;
}

int
cli_batch(const struct cli_check_options *options, FILE *in, FILE *out)
{
    struct cg_engine *engine = cg_engine_new();
    struct cg_error err = { "no memory" };
    struct cg_store *store = cli_store(&options->tcs, &err);
    char *line = malloc(BATCH_MAX_LINE);
    int result = CLI_ACCEPT;
    size_t len;
    bool cut;

    if (engine == NULL || store == NULL || line == NULL) {
        result = cli_fail("%s", err.text);
    } else {
        while (read_line(in, line, &len, &cut)) {
            if (cut)
                answer(out, NULL, NULL, "line too long");
            else if (len != 0)
                cli_batch_line(options, engine, store, line, len, out);
        }
        if (ferror(in) || ferror(out))
            result = cli_fail("standard input or output failed");
    }
    free(line);
    cg_store_free(store);
    cg_engine_free(engine);
    return result;
}
