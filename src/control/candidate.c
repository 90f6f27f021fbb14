#include "control/candidate.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "identity/certify.h"
#include "identity/chain.h"
#include "identity/key.h"
#include "input/input.h"
#include "input/lint.h"
#include "settings/text.h"

static bool
copy_blob(const struct cg_cert *cert, struct snapshot_blob *out)
{
    const uint8_t *der = cg_cert_get0_der(cert, &out->len);

    out->data = malloc(out->len);
    if (out->data == NULL)
        return false;
    memcpy(out->data, der, out->len);
    return true;
}

static bool
copy_list(const struct input_list *list, struct snapshot_blob **out, size_t *count)
{
    *out = calloc(list->count + 1, sizeof(**out));
    if (*out == NULL)
        return false;
    for (size_t i = 0; i < list->count; i++, (*count)++)
        if (!copy_blob(list->certs[i], &(*out)[i]))
            return false;
    return true;
}

static void
load_tcs_folder(struct candidate *candidate, struct cg_buf *problems)
{
    struct input_list list = { 0 };
    struct cg_error err;

    if (candidate->settings->tcs == NULL)
        return;
    if (input_load(candidate->settings->tcs, NULL, &list, &err) != CG_OK)
        cg_buf_addf(problems, "trusted certificates: %s\n", err.text);
    else if (!copy_list(&list, &candidate->snapshot.tcs, &candidate->snapshot.tcs_count))
        cg_buf_add(problems, "trusted certificates: no memory\n");
    input_list_release(&list);
}

struct trusting {
    struct candidate *candidate;
    int64_t warn_until; /* what ends before is to be renewed */
};

static bool
take_trusted(void *arg, const struct store_cert *cert)
{
    struct trusting *trusting = arg;
    struct snapshot *snapshot = &trusting->candidate->snapshot;
    struct snapshot_blob *blob = &snapshot->tcs[snapshot->tcs_count];

    blob->data = malloc(cert->len);
    if (blob->data == NULL)
        return false;
    memcpy(blob->data, cert->der, cert->len);
    blob->len = cert->len;
    snapshot->tcs_count++;
    trusting->candidate->tcs_expiring += cert->not_after <= trusting->warn_until;
    return true;
}

static int64_t
warn_until(const struct store_view *view, int64_t now)
{
    struct store_setting days;

    if (store_get(view, "expiry.warning-days", &days, NULL) != STORE_OK)
        return now;
    return now + strtoll(days.value, NULL, 10) * 86400;
}

static void
load_tcs(struct candidate *candidate, const struct store_view *view, int64_t now,
        struct cg_buf *problems)
{
    struct trusting trusting = { .candidate = candidate };
    struct snapshot *snapshot = &candidate->snapshot;
    struct cg_error err;
    uint64_t count;

    if (view == NULL) {
        load_tcs_folder(candidate, problems);
        return;
    }
    if (store_tcs_count(view, &count, &err) != STORE_OK)
        goto fail;
    trusting.warn_until = warn_until(view, now);
    snapshot->tcs = calloc(count + 1, sizeof(*snapshot->tcs));
    (void)snprintf(err.text, sizeof(err.text), "no memory");
    if (snapshot->tcs == NULL || store_tcs(view, NULL, take_trusted, &trusting, &err) != STORE_OK ||
            snapshot->tcs_count != count)
        goto fail;
    return;
fail:
    cg_buf_addf(problems, "trusted certificates: %s\n", err.text);
}

static bool
encode_key(EVP_PKEY *key, struct snapshot_blob *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    unsigned char *der = NULL;
    int len = info == NULL ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info, &der);

    PKCS8_PRIV_KEY_INFO_free(info);
    if (len <= 0)
        return false;
    out->data = malloc((size_t)len);
    if (out->data != NULL) {
        memcpy(out->data, der, (size_t)len);
        out->len = (size_t)len;
    }
    OPENSSL_clear_free(der, (size_t)len);
    return out->data != NULL;
}

bool
candidate_take_key(
        struct candidate *candidate, size_t index, const char *path, struct cg_buf *problems)
{
    const struct snapshot_identity *identity = &candidate->snapshot.identities[index];
    struct cg_error err = { "no memory" };
    struct cg_cert *own = NULL;
    EVP_PKEY *key = NULL;
    bool ok = false;

    if (path == NULL || identity_key_load(path, &key, &err) != CG_OK ||
            cg_cert_from_der(identity->chain[0].data, identity->chain[0].len, &own, &err) != CG_OK)
        cg_buf_addf(problems, "identity '%s': %s\n", identity->name, err.text);
    else if (!identity_key_fits(own, key))
        cg_buf_addf(problems, "identity '%s': the key in %s is not the key of its certificate\n",
                identity->name, path);
    else if (!encode_key(key, &candidate->keys[index]) ||
            (candidate->key_paths[index] = strdup(path)) == NULL)
        cg_buf_addf(problems, "identity '%s': no memory\n", identity->name);
    else
        ok = true;
    cg_cert_free(own);
    EVP_PKEY_free(key);
    return ok;
}

struct wanted_identity {
    const char *name;
    struct input_list chain;
    char *key;
};

static bool
take_identity(void *arg, const struct store_identity *identity)
{
    struct wanted_identity *wanted = arg;

    if (strcmp(identity->name, wanted->name) != 0)
        return true;
    wanted->key = strdup(identity->key_path);
    for (size_t i = 0; i < identity->chain_count; i++)
        if (input_load_bytes(identity->name, identity->chain[i].data, identity->chain[i].len, NULL,
                    &wanted->chain, NULL) != CG_OK)
            return false;
    return false;
}

/* The chain and the key's path: from the files that the settings name, or from the store. */
static bool
find_identity(const struct settings_identity *it, const struct store_view *view,
        struct wanted_identity *wanted, struct cg_buf *problems)
{
    struct cg_error err = { "it is not in the store" };

    wanted->name = it->name;
    if (it->certificate != NULL) {
        wanted->key = strdup(it->key);
        if (wanted->key != NULL && input_load(it->certificate, NULL, &wanted->chain, &err) == CG_OK)
            return true;
    } else if (store_identities(view, take_identity, wanted, &err) == STORE_OK &&
            wanted->chain.count != 0 && wanted->key != NULL) {
        return true;
    }
    cg_buf_addf(problems, "identity '%s': %s\n", it->name, err.text);
    return false;
}

static void
load_identity(struct candidate *candidate, size_t index, const struct store_view *view, int64_t now,
        struct cg_buf *problems)
{
    const struct settings_identity *it = &candidate->settings->identities[index];
    struct snapshot_identity *out = &candidate->snapshot.identities[index];
    const char *where = it->certificate == NULL ? "the store" : it->certificate;
    struct wanted_identity wanted = { .key = NULL };
    const struct input_list *list = &wanted.chain;
    char *until;

    (void)snprintf(out->name, sizeof(out->name), "%s", it->name);
    if (!find_identity(it, view, &wanted, problems))
        goto done;
    if (list->count > 16) {
        cg_buf_addf(problems, "identity '%s': %s holds %zu certificates, at most 16 are sent\n",
                it->name, where, list->count);
        goto done;
    }
    /* One of the store is renewed by the running certgated, which must not be kept from starting. */
    if (it->certificate != NULL && cg_cert_not_after(list->certs[0]) < now) {
        until = cg_cert_text(list->certs[0], CG_FIELD_NOT_AFTER);
        cg_buf_addf(problems, "identity '%s': the certificate in %s expired %s; renew it\n",
                it->name, where, until == NULL ? "" : until);
        free(until);
    }
    if (!copy_list(list, &out->chain, &out->chain_count))
        cg_buf_addf(problems, "identity '%s': no memory\n", it->name);
    else
        (void)candidate_take_key(candidate, index, wanted.key, problems);
done:
    input_list_release(&wanted.chain);
    free(wanted.key);
}

/* A worker is never root: what reads hostile bytes needs no right that its descriptors do not give. */
void
candidate_find_user(struct candidate *candidate, struct cg_buf *problems)
{
    const char *name = candidate->settings->user == NULL ? "nobody" : candidate->settings->user;
    const struct passwd *user = getpwnam(name);

    if (user == NULL) {
        if (candidate->settings->user != NULL || geteuid() == 0)
            cg_buf_addf(problems, "user: there is no user '%s' for the workers\n", name);
        return;
    }
    if (user->pw_uid == 0)
        cg_buf_addf(problems, "user: '%s' is root, which workers never are\n", name);
    candidate->give_up_root = geteuid() == 0;
    /* What comes from the workers' user there is believed, and any program may run as nobody. */
    if (candidate->give_up_root && candidate->settings->console_socket != NULL &&
            strcmp(name, "nobody") == 0)
        cg_buf_add(problems,
                "console-socket needs 'user', and not nobody: programs of that user can say there "
                "who a peer is\n");
    candidate->uid = user->pw_uid;
    candidate->gid = user->pw_gid;
}

static bool
sends_ca_names(const struct snapshot *snapshot)
{
    bool any = false;

    for (size_t i = 0; i < snapshot->interface_count; i++)
        any = any || snapshot->interfaces[i].ca_names;
    return any;
}

static bool
add_ca_name(struct snapshot *snapshot, const struct cg_cert *cert)
{
    struct snapshot_blob *blob = &snapshot->ca_names[snapshot->ca_name_count];
    struct cg_span name = lint_ca_name(cert);

    for (size_t i = 0; i < snapshot->ca_name_count; i++)
        if (snapshot->ca_names[i].len == name.len &&
                memcmp(snapshot->ca_names[i].data, name.data, name.len) == 0)
            return true;
    blob->data = malloc(name.len);
    if (blob->data == NULL)
        return false;
    memcpy(blob->data, name.data, name.len);
    blob->len = name.len;
    snapshot->ca_name_count++;
    return true;
}

/* The subjects of all trusted CAs, once each, where some interface sends them. */
static void
load_ca_names(struct candidate *candidate, struct cg_buf *problems)
{
    struct snapshot *snapshot = &candidate->snapshot;
    size_t size = 0;

    if (!sends_ca_names(snapshot))
        return;
    snapshot->ca_names = calloc(SNAPSHOT_MAX_CA_NAMES / 2 + 1, sizeof(*snapshot->ca_names));
    for (size_t i = 0; snapshot->ca_names != NULL && i < snapshot->tcs_count; i++) {
        const size_t before = snapshot->ca_name_count;
        struct cg_cert *cert = NULL;
        bool ok = cg_cert_from_der(snapshot->tcs[i].data, snapshot->tcs[i].len, &cert, NULL) ==
                        CG_OK &&
                (lint_ca_name_size(cert) == 0 || add_ca_name(snapshot, cert));

        if (snapshot->ca_name_count != before)
            size += 2 + snapshot->ca_names[before].len;
        cg_cert_free(cert);
        if (!ok || size > SNAPSHOT_MAX_CA_NAMES) {
            cg_buf_addf(problems,
                    "ca-names: the names of the trusted CAs are longer than the %d octets that a "
                    "handshake takes: set ca-names = false\n",
                    SNAPSHOT_MAX_CA_NAMES);
            return;
        }
    }
    if (snapshot->ca_names == NULL)
        cg_buf_add(problems, "ca-names: no memory\n");
}

struct pinning {
    struct settings *settings;
    int64_t now;
};

/* One whose interface is no more, or whose time is over, admits nobody; it stays in the store to be seen. */
static bool
take_pin(void *arg, const struct store_pin *it)
{
    struct pinning *pinning = arg;
    struct snapshot_pin pin = { .until = it->until, .reason = (char *)(uintptr_t)it->reason };

    memcpy(pin.sha256, it->sha256, sizeof(pin.sha256));
    if (it->until < pinning->now)
        return true;
    switch (snapshot_pin_add(pinning->settings->interfaces, pinning->settings->interface_count,
            it->interface, &pin, NULL)) {
    case CG_OK:
    case CG_E_USAGE:
        return true;
    default:
        return false;
    }
}

static void
load_pins(struct candidate *candidate, const struct store_view *view, int64_t now,
        struct cg_buf *problems)
{
    struct pinning pinning = { candidate->settings, now };
    struct cg_error err = { "no memory" };

    if (view != NULL && store_pins(view, take_pin, &pinning, &err) != STORE_OK)
        cg_buf_addf(problems, "admitted certificates: %s\n", err.text);
}

/* ---- the store in place of the file ------------------------------------------------------------ */

static bool
stored_value(void *arg, const char *name, char *value, size_t size, bool *latched)
{
    struct store_setting setting;

    if (store_get(arg, name, &setting, NULL) != STORE_OK || !setting.is_set ||
            strlen(setting.value) >= size)
        return false;
    (void)snprintf(value, size, "%s", setting.value);
    *latched = setting.latched;
    return true;
}

struct names {
    char text[SNAPSHOT_MAX_IDENTITIES][SNAPSHOT_NAME_SIZE];
    const char *list[SNAPSHOT_MAX_IDENTITIES];
    size_t count;
};

static bool
take_name(void *arg, const struct store_identity *identity)
{
    struct names *names = arg;

    if (names->count == SNAPSHOT_MAX_IDENTITIES)
        return false;
    (void)snprintf(names->text[names->count], SNAPSHOT_NAME_SIZE, "%s", identity->name);
    names->list[names->count] = names->text[names->count];
    names->count++;
    return true;
}

struct settings *
candidate_settings(
        const char *path, const char *text, const struct store_view *view, struct cg_buf *problems)
{
    struct names names = { .count = 0 };
    struct store_view copy;
    struct settings_overlay overlay = { .get = stored_value, .arg = &copy };
    struct cg_error err;

    if (view == NULL)
        return settings_load_text(path, text, NULL, problems);
    copy = *view;
    if (store_identities(view, take_name, &names, &err) != STORE_OK) {
        cg_buf_addf(problems, "%s\n", err.text);
        return NULL;
    }
    overlay.identities = names.list;
    overlay.identity_count = names.count;
    return settings_load_text(path, text, &overlay, problems);
}

/*
 * Who only looks, before there is a store, sees an identity of the moment where the first start will make
 * one that stays.
 */
static void
stand_in(struct candidate *candidate, int64_t now, struct cg_buf *problems)
{
    static const char *const hosts[] = { "localhost" };
    struct snapshot *snapshot = &candidate->snapshot;
    struct snapshot_identity *out = &snapshot->identities[snapshot->identity_count];
    struct identity_names names = { NULL };
    struct input_list list = { 0 };
    struct cg_cert *cert = NULL;
    EVP_PKEY *key = NULL;
    struct cg_error err = { "no memory" };

    if (identity_names_from_hosts(hosts, 1, NULL, &names, &err) != CG_OK ||
            identity_key_new(IDENTITY_P256, &key, &err) != CG_OK ||
            identity_self_sign(&names, key, now, IDENTITY_DEFAULT_DAYS, &cert, &err) != CG_OK ||
            identity_list_add(&list, cert, &err) != CG_OK ||
            !encode_key(key, &candidate->keys[snapshot->identity_count]) ||
            !copy_list(&list, &out->chain, &out->chain_count)) {
        cg_buf_addf(problems, "an identity cannot be made: %s\n", err.text);
    } else {
        (void)snprintf(out->name, sizeof(out->name), "%s", SETTINGS_DEFAULT_IDENTITY);
        for (size_t i = 0; i < snapshot->interface_count; i++)
            if (snapshot->interfaces[i].role == CG_ROLE_INBOUND &&
                    snapshot->interfaces[i].presented_count == 0)
                snapshot->interfaces[i].presented[snapshot->interfaces[i].presented_count++] =
                        (uint32_t)snapshot->identity_count;
        snapshot->identity_count++;
    }
    EVP_PKEY_free(key);
    cg_cert_free(cert);
    input_list_release(&list);
    identity_names_release(&names);
}

struct candidate *
candidate_load(const char *path, const char *text, const struct store_view *view, int64_t now,
        struct cg_buf *problems)
{
    struct candidate *candidate = calloc(1, sizeof(*candidate));
    struct settings *settings;

    if (candidate == NULL) {
        cg_buf_add(problems, "no memory\n");
        return NULL;
    }
    settings = candidate->settings = candidate_settings(path, text, view, problems);
    if (settings == NULL)
        goto fail;
    (void)snprintf(
            candidate->snapshot.node, sizeof(candidate->snapshot.node), "%s", settings->node);
    candidate->snapshot.interfaces = settings->interfaces;
    candidate->snapshot.interface_count = settings->interface_count;
    candidate->snapshot.identities =
            calloc(settings->identity_count + 1, sizeof(*candidate->snapshot.identities));
    candidate->keys = calloc(settings->identity_count + 1, sizeof(*candidate->keys));
    candidate->key_paths = calloc(settings->identity_count + 1, sizeof(*candidate->key_paths));
    if (candidate->snapshot.identities == NULL || candidate->keys == NULL ||
            candidate->key_paths == NULL) {
        cg_buf_add(problems, "no memory\n");
        goto fail;
    }
    candidate->snapshot.identity_count = settings->identity_count;
    for (size_t i = 0; i < settings->identity_count; i++)
        load_identity(candidate, i, view, now, problems);
    if (settings->wants_default)
        stand_in(candidate, now, problems);
    load_tcs(candidate, view, now, problems);
    load_ca_names(candidate, problems);
    load_pins(candidate, view, now, problems);
    candidate_find_user(candidate, problems);
    if (problems->len != 0 || problems->failed)
        goto fail;
    return candidate;
fail:
    candidate_free(candidate);
    return NULL;
}

/* Says what stands in the file and no longer counts, because the store has another value. */
static void
note_differences(const struct settings *file, const struct store_view *view, struct cg_buf *notes)
{
    for (size_t i = 0; notes != NULL && i < file->given_count; i++) {
        const struct settings_given *given = &file->given[i];
        const struct registry_row *row;
        struct store_setting setting;
        struct cg_buf value;

        cg_buf_init(&value, STORE_VALUE_SIZE);
        if (store_get(view, given->name, &setting, NULL) == STORE_OK && setting.is_set &&
                registry_find(given->name, &row, NULL) == STORE_OK &&
                registry_canonical(row, given->name, given->value, &value, NULL) == STORE_OK &&
                strcmp(cg_buf_text(&value), setting.value) != 0)
            cg_buf_addf(notes,
                    "%s: the file says '%s', in force is '%s' of the store; the file's value "
                    "only seeds it\n",
                    given->name, cg_buf_text(&value), setting.value);
        cg_buf_release(&value);
    }
}

struct candidate *
candidate_look(const char *path, int64_t now, struct cg_buf *notes, struct cg_buf *problems)
{
    struct candidate *candidate = NULL;
    char *text = settings_text(path, problems);
    struct settings *file = text == NULL ? NULL : settings_load_text(path, text, NULL, problems);
    struct store *store = NULL;
    struct store_view view;
    struct cg_error err;
    char *where = NULL;
    enum store_status status = STORE_MISSING;

    if (file == NULL)
        goto done;
    if (file->store && asprintf(&where, "%s/" CANDIDATE_STORE, file->state) > 0)
        status = store_open(
                &(struct store_options) { .path = where, .read_only = true }, &store, &err);
    if (status == STORE_OK)
        status = store_now(store, &view, &err);
    if (status == STORE_OK) {
        note_differences(file, &view, notes);
        candidate = candidate_load(path, text, &view, now, problems);
    } else if (status == STORE_MISSING || (status == STORE_IO && geteuid() != 0)) {
        candidate = candidate_load(path, text, NULL, now, problems);
    } else {
        cg_buf_addf(problems, "%s\n", err.text);
    }
done:
    store_close(store);
    settings_free(file);
    free(where);
    free(text);
    return candidate;
}

enum cg_status
candidate_digest(struct candidate *candidate, uint64_t generation, uint8_t out[CG_SHA256_SIZE],
        struct cg_error *err)
{
    uint64_t number = candidate->snapshot.generation;
    enum cg_status status;
    void *map = MAP_FAILED;
    off_t size = 0;
    int fd;

    candidate->snapshot.generation = generation;
    status = snapshot_write(&candidate->snapshot, &fd, err);
    candidate->snapshot.generation = number;
    if (status != CG_OK)
        return status;
    size = lseek(fd, 0, SEEK_END);
    map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED || EVP_Digest(map, (size_t)size, out, NULL, EVP_sha256(), NULL) != 1) {
        ERR_clear_error();
        status = cg_fail(err, CG_E_CRYPTO, "cannot digest the snapshot");
    }
    if (map != MAP_FAILED)
        munmap(map, (size_t)size);
    close(fd);
    return status;
}

void
candidate_free(struct candidate *candidate)
{
    struct snapshot *snapshot;

    if (candidate == NULL)
        return;
    snapshot = &candidate->snapshot;
    for (size_t i = 0; candidate->keys != NULL && i < snapshot->identity_count; i++)
        OPENSSL_cleanse(candidate->keys[i].data, candidate->keys[i].len);
    for (size_t i = 0; candidate->keys != NULL && i < snapshot->identity_count; i++)
        free(candidate->keys[i].data);
    free(candidate->keys);
    for (size_t i = 0; candidate->key_paths != NULL && i < snapshot->identity_count; i++)
        free(candidate->key_paths[i]);
    free(candidate->key_paths);
    for (size_t i = 0; i < snapshot->identity_count; i++) {
        for (size_t j = 0; j < snapshot->identities[i].chain_count; j++)
            free(snapshot->identities[i].chain[j].data);
        free(snapshot->identities[i].chain);
    }
    free(snapshot->identities);
    for (size_t i = 0; i < snapshot->tcs_count; i++)
        free(snapshot->tcs[i].data);
    free(snapshot->tcs);
    for (size_t i = 0; i < snapshot->ca_name_count; i++)
        free(snapshot->ca_names[i].data);
    free(snapshot->ca_names);
    settings_free(candidate->settings); /* the interfaces with it */
    free(candidate);
}
