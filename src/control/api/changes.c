/* POST /changes: edits of everything that the store holds, made as one commit. */
#include <string.h>

#include "control/api/handlers.h"
#include "control/edits.h"

#define MAX_EDITS 100000
#define MAX_CONFIRM_S (24 * 3600)

/* Operators admit certificates, and nothing else. */
static bool
may_edit(struct api_request *request, const json_t *edits)
{
    size_t i;
    json_t *edit;

    json_array_foreach(edits, i, edit)
    {
        const char *op = json_string_value(json_object_get(edit, "op"));

        if (op != NULL && edits_is_for_operators(op))
            continue;
        if (request->who.role >= ACCESS_ADMINISTRATOR)
            continue;
        api_error(request, MHD_HTTP_FORBIDDEN, "forbidden",
                "%s is %s; the edit '%s' needs the role administrator", request->who.user,
                access_role_name(request->who.role), op == NULL ? "" : op);
        return false;
    }
    return true;
}

/* only_ask: a preview, for those who may read but not change. */
static void
change(struct api_request *request, bool only_ask)
{
    const json_t *list = json_object_get(request->body, "edits");
    const json_t *backup = json_object_get(request->body, "backup");
    const int64_t confirm = api_number(request, "confirm_within", 0);
    struct edits edits = { .control = request->control, .list = list, .notes = json_array() };
    char actor[STORE_MAX_ACTOR];
    json_t *told = json_object();
    struct commit commit = { .author = api_author(request, actor),
        .edit = edits_make,
        .arg = &edits,
        .preview = only_ask || api_flag(request, "preview"),
        .force = api_flag(request, "force"),
        .no_backup = json_is_false(backup),
        .confirm_s = (uint32_t)confirm,
        .administrator = request->who.certificate,
        .told = told };
    struct cg_buf problems;
    enum commit_end end;

    cg_buf_init(&problems, 1024 * 1024);
    edits.now = commit.author.time;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > MAX_EDITS) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "edits has to be a list of 1 to %d edits", MAX_EDITS);
        goto done;
    }
    if (confirm < 0 || confirm > MAX_CONFIRM_S) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "confirm_within has to be 0 to %d seconds", MAX_CONFIRM_S);
        goto done;
    }
    if (!only_ask && !may_edit(request, list))
        goto done;
    (void)json_object_set(told, "notes", edits.notes);
    end = commit_run(request->control, &commit, &problems);
    (void)json_object_set_new(told, "confirm",
            request->control->pending.generation == 0 || end != COMMIT_MADE
                    ? json_null()
                    : json_pack("{s:o}", "reverts_at",
                              shape_time(request->control->pending.reverts_at)));
    api_commit(request, end, &problems, told);
done:
    cg_buf_release(&problems);
    json_decref(edits.notes);
    json_decref(told);
}

void
api_changes(struct api_request *request)
{
    change(request, false);
}

void
api_what_if(struct api_request *request)
{
    change(request, true);
}
