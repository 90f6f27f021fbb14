/* Routes about the node as a whole, and about who asks. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config.h"
#include "control/api/api.h"
#include "control/api/handlers.h"
#include "control/api/server.h"
#include "control/metrics.h"
#include "control/recording.h"
#include "control/sockets.h"

/* ---- status ------------------------------------------------------------------------------------ */

static json_t *
level_json(const struct snapshot_rules *rules)
{
    return json_string(cg_level_name(rules->level));
}

static json_t *
allowances_json(const struct snapshot_rules *rules)
{
    json_t *list = json_array();

    for (size_t i = 0; i < rules->allowance_count; i++)
        (void)json_array_append_new(list,
                json_pack("{s:s,s:o}", "name", cg_allowance_name(rules->allowances[i].allowance),
                        "until", shape_time(rules->allowances[i].until)));
    return list;
}

static json_t *
classes_json(const struct snapshot_interface *it)
{
    json_t *list = json_array();

    for (size_t i = 0; i < it->class_count; i++) {
        const struct snapshot_class *class = &it->classes[i];

        (void)json_array_append_new(list,
                json_pack("{s:s,s:s,s:o,s:b,s:b,s:o}", "name", class->name, "kind",
                        class->kind == SNAPSHOT_CLASS_LINE ? "line" : "trunk", "level",
                        level_json(&class->rules), "latched", class->rules.latched,
                        "require_certificate", class->rules.require_certificate, "allowances",
                        allowances_json(&class->rules)));
    }
    return list;
}

static json_t *
listen_json(const struct snapshot_interface *it)
{
    json_t *list = json_array();
    char where[SOCKETS_TEXT_SIZE];

    for (size_t i = 0; i < it->listen_count; i++) {
        sockets_text(&it->listen[i].at, where, sizeof(where));
        (void)json_array_append_new(
                list, json_sprintf("%s%s", where, it->listen[i].plain ? " (plain)" : ""));
    }
    return list;
}

static void
add_counts(struct control *control, const char *name, json_t *out)
{
    struct metrics_page **pages = calloc(FLEET_MAX_POLLED + 1, sizeof(struct metrics_page *));
    uint64_t accepted = 0, refused = 0, open = 0;
    size_t count = pages == NULL ? 0 : fleet_pages(&control->fleet, pages);

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < METRICS_MAX_INTERFACES; j++) {
            const struct metrics_interface *it = &pages[i]->interfaces[j];

            if (strcmp(it->name, name) != 0)
                continue;
            accepted += it->decisions[CG_REASON_NONE];
            for (size_t reason = 0; reason < CG_REASON_COUNT; reason++)
                refused += reason == CG_REASON_NONE ? 0 : it->decisions[reason];
            open += it->open;
        }
    }
    free(pages);
    (void)json_object_set_new(out, "accepted", json_integer((json_int_t)accepted));
    (void)json_object_set_new(out, "refused", json_integer((json_int_t)refused));
    (void)json_object_set_new(out, "open", json_integer((json_int_t)open));
}

static json_t *
interface_json(struct control *control, const struct snapshot_interface *it)
{
    static const char *const modes[] = { "tcp", "http", "sip" };
    static const char *const lives[] = { "close", "drain", "leave" };
    static const char *const froms[] = { "own", "management", "telephony" };
    json_t *out = json_pack("{s:s,s:s,s:s,s:s,s:o,s:o,s:s,s:b,s:s,s:b,s:b,s:s,s:o,s:I,s:o}", "name",
            it->name, "service", cg_service_name(it->service), "role", cg_role_name(it->role),
            "mode", modes[it->mode], "listen", listen_json(it), "level", level_json(&it->rules),
            "level_from", froms[it->rules.level_from], "latched", it->rules.latched, "security",
            security_info(it->security)->id, "require_certificate", it->rules.require_certificate,
            "phones", it->phones, "live", lives[it->live], "allowances",
            allowances_json(&it->rules), "pins", (json_int_t)it->rules.pin_count, "classes",
            classes_json(it));

    if (out != NULL)
        add_counts(control, it->name, out);
    return out;
}

static json_t *
pending_json(const struct pending *pending)
{
    return pending->generation == 0
            ? json_null()
            : json_pack("{s:I,s:I,s:o}", "generation", (json_int_t)pending->generation, "back_to",
                      (json_int_t)pending->back_to, "reverts_at", shape_time(pending->reverts_at));
}

void
api_status(struct api_request *request)
{
    struct control *control = request->control;
    struct fleet *fleet = &control->fleet;
    json_t *interfaces = json_array(), *answer;

    if (control->candidate == NULL) {
        api_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "internal",
                "no settings are in force yet: see certgated's messages");
        json_decref(interfaces);
        return;
    }
    for (size_t i = 0; i < control->candidate->snapshot.interface_count; i++)
        (void)json_array_append_new(
                interfaces, interface_json(control, &control->candidate->snapshot.interfaces[i]));
    answer = json_pack("{s:s,s:s,s:o,s:I,s:{s:I,s:I,s:I},s:s,s:I,s:b,s:s?,s:{s:I,s:I},s:o,s:o,s:o}",
            "version", CERTGATE_VERSION, "node", control->candidate->snapshot.node, "now",
            shape_time((int64_t)time(NULL)), "generation", (json_int_t)control->generation,
            "workers", "wanted", (json_int_t)fleet->count, "running",
            (json_int_t)fleet_running(fleet), "restarts", (json_int_t)fleet->restarts, "sandbox",
            control->confined, "records_lost", (json_int_t)recording_lost(control), "store",
            control->store != NULL, "problem", control->unusable, "tcs", "count",
            (json_int_t)control->candidate->snapshot.tcs_count, "expiring",
            (json_int_t)control->candidate->tcs_expiring, "started", shape_time(control->started),
            "pending", pending_json(&control->pending), "interfaces", interfaces);
    api_ok(request, answer);
}

/* ---- who asks ---------------------------------------------------------------------------------- */

void
api_whoami(struct api_request *request)
{
    const struct access *who = &request->who;

    api_ok(request,
            json_pack("{s:s,s:s,s:s,s:s,s:s?}", "user", who->user, "role",
                    access_role_name(who->role), "via", who->via, "csrf", who->csrf, "certificate",
                    who->certificate[0] == '\0' ? NULL : who->certificate));
}

void
api_login(struct api_request *request)
{
    struct control *control = request->control;
    const char *user = api_text(request, "user"), *password = api_text(request, "password");
    static _Thread_local char token[ACCESS_TOKEN_SIZE];
    struct store_view view;
    const bool viewed =
            control->store != NULL && store_now(control->store, &view, NULL) == STORE_OK;

    if (user == NULL || password == NULL) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "user and password are needed");
        return;
    }
    switch (access_login(api_access(request->api), request->way, request->connection,
            viewed ? &view : NULL, user, password, (int64_t)time(NULL), token)) {
    case ACCESS_GOOD:
        request->cookie = token;
        api_ok(request, json_pack("{s:s}", "user", user));
        break;
    case ACCESS_TOO_OFTEN:
        api_error(request, MHD_HTTP_TOO_MANY_REQUESTS, "rate-limited",
                "too many tries: wait a minute");
        break;
    default:
        api_error(request, MHD_HTTP_UNAUTHORIZED, "unauthenticated",
                "the user or the password is wrong ('certgate user list' shows the users)");
    }
}

void
api_logout(struct api_request *request)
{
    access_logout(api_access(request->api), request->connection);
    request->cookie = "";
    api_ok(request, json_object());
}

/* A link that is good once; only who may open the socket asks for one. */
void
api_console_link(struct api_request *request)
{
    const struct snapshot_address *at = api_loopback(request->api);
    char link[ACCESS_TOKEN_SIZE], where[SOCKETS_TEXT_SIZE];
    const int64_t now = (int64_t)time(NULL);

    if (at->len == 0) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "the console has no address on this machine: set 'console = \"127.0.0.1:8480\"' in "
                "%s and restart certgated",
                request->control->options.config);
        return;
    }
    if (!access_link(api_access(request->api), now, link)) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "no randomness for a link");
        return;
    }
    sockets_text(at, where, sizeof(where));
    api_ok(request,
            json_pack("{s:o,s:o}", "url", json_sprintf("http://%s/login?token=%s", where, link),
                    "until", shape_time(now + ACCESS_LINK_S)));
}

/* ---- what is asked of the node ----------------------------------------------------------------- */

void
api_reload(struct api_request *request)
{
    char actor[STORE_MAX_ACTOR];
    json_t *told = json_object();
    struct commit commit = {
        .author = api_author(request, actor), .reread = true, .force = true, .told = told
    };
    struct cg_buf problems;
    enum commit_end end;

    cg_buf_init(&problems, 1024 * 1024);
    end = commit_run(request->control, &commit, &problems);
    api_commit(request, end, &problems, told);
    cg_buf_release(&problems);
    json_decref(told);
}

void
api_upgrade(struct api_request *request)
{
    struct cg_buf problems;

    cg_buf_init(&problems, 64 * 1024);
    if (upgrade_start(request->control, &problems))
        api_ok(request, json_pack("{s:s}", "state", "started"));
    else
        api_error(request, MHD_HTTP_CONFLICT, "busy", "%s", cg_buf_text(&problems));
    cg_buf_release(&problems);
}

void
api_metrics(struct api_request *request)
{
    control_metrics(request->control, &request->text);
    request->type = "text/plain; version=0.0.4; charset=utf-8";
    request->status = MHD_HTTP_OK;
}

void
api_confirm(struct api_request *request)
{
    char actor[STORE_MAX_ACTOR];
    struct store_author author = api_author(request, actor);

    if (commit_confirm(request->control, &author))
        api_ok(request, json_pack("{s:I}", "generation", (json_int_t)request->control->generation));
    else
        api_error(request, MHD_HTTP_NOT_FOUND, "not-found", "no change waits to be confirmed");
}

void
api_revert(struct api_request *request)
{
    char actor[STORE_MAX_ACTOR];
    struct store_author author = api_author(request, actor);
    json_t *told = json_object();
    struct cg_buf problems;
    enum commit_end end;

    cg_buf_init(&problems, 64 * 1024);
    end = commit_revert(request->control, &author, &problems);
    api_commit(request, end, &problems, told);
    cg_buf_release(&problems);
    json_decref(told);
}

void
api_events(struct api_request *request)
{
    request->events = true;
}

void
api_openapi(struct api_request *request)
{
    if (!api_describe(&request->text)) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "no memory");
        return;
    }
    request->type = "application/json";
    request->status = MHD_HTTP_OK;
}
