/* Routes about certificates of our own. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/limits.h"
#include "control/api/handlers.h"
#include "control/api/view.h"
#include "control/edits.h"
#include "control/keeping.h"
#include "identity/files.h"
#include "identity/identity.h"

/* ---- listing ----------------------------------------------------------------------------------- */

struct listing {
    json_t *list;
    const struct control *control;
    const char *folder;
    int64_t now;
};

static json_t *
interfaces_json(const struct snapshot *snapshot, const char *identity)
{
    json_t *list = json_array();

    for (size_t i = 0; i < snapshot->interface_count; i++) {
        const struct snapshot_interface *it = &snapshot->interfaces[i];

        for (size_t j = 0; j < it->presented_count; j++)
            if (strcmp(snapshot->identities[it->presented[j]].name, identity) == 0)
                (void)json_array_append_new(list, json_string(it->name));
    }
    return list;
}

static bool
load_chain(const struct store_identity *it, struct input_list *chain)
{
    for (size_t i = 0; i < it->chain_count; i++)
        if (input_load_bytes(it->name, it->chain[i].data, it->chain[i].len, NULL, chain, NULL) !=
                CG_OK)
            return false;
    return true;
}

static bool
add_identity(void *arg, const struct store_identity *it)
{
    struct listing *listing = arg;
    struct input_list chain = { 0 };
    json_t *one = load_chain(it, &chain) ? identity_json(&chain, listing->now) : NULL;
    const bool ours = keeping_is_ours(listing->folder, it->key_path);

    if (one != NULL) {
        (void)json_object_set_new(one, "name", json_string(it->name));
        (void)json_object_set_new(one, "key_path", json_string(it->key_path));
        (void)json_object_set_new(one, "from", json_string(ours ? "store" : "file"));
        (void)json_object_set_new(
                one, "csr", json_boolean(identity_request_waits(listing->folder, it->name)));
        (void)json_object_set_new(one, "interfaces",
                interfaces_json(&listing->control->candidate->snapshot, it->name));
    }
    input_list_release(&chain);
    return json_array_append_new(listing->list, one) == 0;
}

void
api_identities(struct api_request *request)
{
    struct listing listing = { json_array(), request->control, NULL, (int64_t)time(NULL) };
    struct cg_error err = { "" };
    struct store_view view;
    enum store_status status;
    char *folder = NULL;

    if (!api_view(request, &view))
        goto done;
    listing.folder = folder = keeping_keys(request->control->candidate->settings);
    status = folder == NULL ? STORE_NOMEM : store_identities(&view, add_identity, &listing, &err);
    if (status == STORE_OK)
        api_ok(request, json_pack("{s:O}", "identities", listing.list));
    else
        api_store_error(request, status, &err);
done:
    free(folder);
    json_decref(listing.list);
}

/* ---- what is done with one --------------------------------------------------------------------- */

struct work {
    struct api_request *request;
    struct identity_place place;
    char *folder;
    const char *hosts[IDENTITY_MAX_HOSTS];
    struct identity_wish wish;
    char *key_path; /* of the one in force, or NULL */
    struct input_list chain; /* … */
    struct identity made;
    bool put; /* it is to be put in force */
    uint64_t added;
};

static bool
take_current(void *arg, const struct store_identity *it)
{
    struct work *work = arg;

    if (strcmp(it->name, work->place.name) != 0)
        return true;
    work->key_path = strdup(it->key_path);
    (void)load_chain(it, &work->chain);
    return false;
}

/* Hosts, key and days of the body. */
static bool
take_wish(struct work *work, struct cg_error *err)
{
    const json_t *hosts = json_object_get(work->request->body, "hosts"), *host;
    const char *kind = api_text(work->request, "key");
    size_t i;

    work->wish = (struct identity_wish) { .hosts = work->hosts,
        .subject = api_text(work->request, "subject"),
        .kind = IDENTITY_P256,
        .days = (unsigned)api_number(work->request, "days", IDENTITY_DEFAULT_DAYS) };
    json_array_foreach((json_t *)(uintptr_t)hosts, i, host)
    {
        if (!json_is_string(host) || work->wish.host_count == IDENTITY_MAX_HOSTS) {
            (void)snprintf(err->text, sizeof(err->text),
                    "'hosts' has to be a list of 1 to %d names", IDENTITY_MAX_HOSTS);
            return false;
        }
        work->hosts[work->wish.host_count++] = json_string_value(host);
    }
    if (kind != NULL && !identity_kind_from_name(kind, &work->wish.kind)) {
        (void)snprintf(err->text, sizeof(err->text), "'%.40s' is no kind of key", kind);
        return false;
    }
    return true;
}

static enum cg_status
do_create(struct work *work, struct cg_error *err)
{
    work->put = true;
    return take_wish(work, err) ? identity_create(&work->place, &work->wish, &work->made, err)
                                : CG_E_USAGE;
}

static enum cg_status
do_csr(struct work *work, struct cg_error *err)
{
    return take_wish(work, err)
            ? identity_ask(&work->place, &work->wish,
                      api_flag(work->request, "new_key") ? NULL : work->key_path, &work->made, err)
            : CG_E_USAGE;
}

static enum cg_status
do_install(struct work *work, struct cg_error *err)
{
    const char *certificate = api_text(work->request, "certificate");

    work->put = true;
    if (certificate == NULL)
        return cg_fail(err, CG_E_USAGE, "'certificate' is missing");
    return identity_install(&work->place, work->key_path, (const uint8_t *)certificate,
            strlen(certificate), &work->made, err);
}

static enum cg_status
do_import(struct work *work, struct cg_error *err)
{
    const char *data = api_text(work->request, "data");
    uint8_t *bytes = NULL;
    enum cg_status status;
    size_t len = 0;

    work->put = true;
    if (data == NULL || !edits_decode(data, &bytes, &len))
        return cg_fail(err, CG_E_USAGE, "'data' has to be a PKCS#12 container in base64");
    status = identity_import(
            &work->place, bytes, len, api_text(work->request, "passphrase"), &work->made, err);
    free(bytes);
    return status;
}

static enum cg_status
do_renew(struct work *work, struct cg_error *err)
{
    enum cg_status status;

    if (work->chain.count == 0)
        return cg_fail(err, CG_E_USAGE, "there is no identity '%s'", work->place.name);
    status = identity_renew(&work->place, work->chain.certs[0], work->key_path,
            api_flag(work->request, "new_key"), &work->made, err);
    work->put = work->made.chain.count != 0; /* or it is a request to a CA */
    return status;
}

static const struct operation {
    const char *op;
    enum cg_status (*run)(struct work *work, struct cg_error *err);
} operations[] = { { "create", do_create }, { "csr", do_csr }, { "install", do_install },
    { "import", do_import }, { "renew", do_renew } };

/* A commit_edit: what was made is put in force, and what came along is trusted. */
static enum store_status
put_in_force(void *arg, struct store_change *change, struct cg_error *err)
{
    struct work *work = arg;
    struct cg_span chain[CG_MAX_CHAIN_CERTS];
    struct store_identity identity = {
        .name = work->place.name, .key_path = work->made.key_path, .chain = chain
    };
    enum store_status status;

    for (size_t i = 0; i < work->made.chain.count && i < CG_MAX_CHAIN_CERTS; i++) {
        chain[i].data = cg_cert_get0_der(work->made.chain.certs[i], &chain[i].len);
        identity.chain_count++;
    }
    status = store_identity_put(change, &identity, err);
    if (status == STORE_OK)
        status = edits_add_list(change, &work->made.authorities, &work->added, err);
    return status;
}

static void
commit_identity(struct work *work)
{
    char actor[STORE_MAX_ACTOR];
    json_t *told = json_object();
    struct commit commit = { .author = api_author(work->request, actor),
        .edit = put_in_force,
        .arg = work,
        .force = api_flag(work->request, "force"),
        .preview = api_flag(work->request, "preview"),
        .administrator = work->request->who.certificate,
        .told = told };
    struct cg_buf problems;
    enum commit_end end;

    cg_buf_init(&problems, 1024 * 1024);
    end = commit_run(work->request->control, &commit, &problems);
    if (end == COMMIT_MADE)
        identity_answered(&work->place, &work->made);
    else if (end != COMMIT_FAILED) /* then nobody knows what the disk has */
        identity_withdraw(&work->made);
    (void)json_object_set_new(told, "identity", identity_json(&work->made.chain, work->place.now));
    (void)json_object_set_new(told, "authorities_added", json_integer((json_int_t)work->added));
    api_commit(work->request, end, &problems, told);
    cg_buf_release(&problems);
    json_decref(told);
}

/* Identities that certgate.conf names are of their files: what is made here would be undone by them. */
static bool
is_of_file(const struct control *control, const char *name)
{
    const struct settings *settings = control->candidate->settings;

    for (size_t i = 0; i < settings->identity_count; i++)
        if (strcmp(settings->identities[i].name, name) == 0)
            return settings->identities[i].certificate != NULL;
    return false;
}

static bool
name_is_fine(const char *name)
{
    static const char letters[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return name != NULL && name[0] != '\0' && name[0] != '.' && strlen(name) < SNAPSHOT_NAME_SIZE &&
            strspn(name, letters) == strlen(name);
}

static const struct operation *
find_operation(struct api_request *request)
{
    const char *op = api_text(request, "op"), *name = api_text(request, "name");
    const struct operation *found = NULL;

    for (size_t i = 0; op != NULL && i < sizeof(operations) / sizeof(operations[0]); i++)
        if (strcmp(operations[i].op, op) == 0)
            found = &operations[i];
    if (found == NULL)
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "'op' has to be one of create, csr, install, import, renew");
    else if (!name_is_fine(name))
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "'name' has to be 1 to %d letters, digits, '-', '_' or '.'",
                SNAPSHOT_NAME_SIZE - 1);
    else if (is_of_file(request->control, name) && strcmp(op, "csr") != 0)
        api_error(request, MHD_HTTP_CONFLICT, "invalid",
                "identity '%s' is of the files that %s names: renew them there, they are loaded by "
                "themselves",
                name, request->control->options.config);
    else
        return found;
    return NULL;
}

void
api_identities_do(struct api_request *request)
{
    const struct operation *operation = find_operation(request);
    struct work work = { .request = request };
    struct cg_error err = { "no memory" };
    struct store_view view;
    enum cg_status status;

    if (operation == NULL || !api_view(request, &view))
        return;
    work.folder = keeping_keys(request->control->candidate->settings);
    work.place =
            (struct identity_place) { work.folder, api_text(request, "name"), (int64_t)time(NULL) };
    if (work.folder == NULL || store_identities(&view, take_current, &work, &err) != STORE_OK) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err.text);
        goto done;
    }
    status = operation->run(&work, &err);
    if (status != CG_OK)
        api_error(request,
                status == CG_E_NOMEM || status == CG_E_CRYPTO ? MHD_HTTP_INTERNAL_SERVER_ERROR
                                                              : MHD_HTTP_BAD_REQUEST,
                status == CG_E_NOMEM || status == CG_E_CRYPTO ? "internal" : "invalid", "%s",
                err.text);
    else if (work.put)
        commit_identity(&work);
    else
        api_ok(request, json_pack("{s:s}", "csr", work.made.request));
done:
    free(work.folder);
    free(work.key_path);
    input_list_release(&work.chain);
    identity_release(&work.made);
}
