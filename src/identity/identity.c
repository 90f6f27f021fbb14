#include "identity/identity.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/error.h"
#include "identity/chain.h"
#include "identity/files.h"
#include "input/pkcs12.h"
#include "x509/facts.h"

#define SECONDS_A_DAY 86400

void
identity_release(struct identity *identity)
{
    free(identity->key_path);
    free(identity->request);
    input_list_release(&identity->chain);
    input_list_release(&identity->authorities);
    *identity = (struct identity) { NULL };
}

static enum cg_status
end(enum cg_status status, EVP_PKEY *key, struct identity *out)
{
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (status != CG_OK)
        identity_release(out);
    return status;
}

/* The key's file, written unless it is there: a key is written before anything depends on it. */
static enum cg_status
keep_key(const struct identity_place *place, const EVP_PKEY *key, struct identity *out,
        struct cg_error *err)
{
    enum cg_status status = identity_folder_make(place->folder, err);

    if (status != CG_OK)
        return status;
    out->key_path = identity_key_path(place->folder, place->name, key);
    if (out->key_path == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the path of a key");
    out->key_is_new = access(out->key_path, F_OK) != 0;
    return identity_key_save(key, out->key_path, err);
}

void
identity_withdraw(const struct identity *identity)
{
    if (identity->key_is_new)
        (void)unlink(identity->key_path);
}

/* A certificate that the key signs itself, as the outcome. */
static enum cg_status
self_sign(const struct identity_place *place, const struct identity_names *names, EVP_PKEY *key,
        unsigned days, struct identity *out, struct cg_error *err)
{
    struct cg_cert *cert = NULL;
    enum cg_status status = identity_self_sign(names, key, place->now, days, &cert, err);

    if (status == CG_OK)
        status = identity_list_add(&out->chain, cert, err);
    cg_cert_free(cert);
    return status;
}

static enum cg_status
ask(const struct identity_place *place, const struct identity_names *names, EVP_PKEY *key,
        struct identity *out, struct cg_error *err)
{
    enum cg_status status = identity_request(names, key, &out->request, err);

    if (status == CG_OK)
        status = identity_request_save(place->folder, place->name, out->request, err);
    return status;
}

enum cg_status
identity_create(const struct identity_place *place, const struct identity_wish *wish,
        struct identity *out, struct cg_error *err)
{
    struct identity_names names = { NULL, NULL };
    EVP_PKEY *key = NULL;
    enum cg_status status;

    *out = (struct identity) { NULL };
    status = identity_names_from_hosts(wish->hosts, wish->host_count, wish->subject, &names, err);
    if (status == CG_OK)
        status = identity_key_new(wish->kind, &key, err);
    if (status == CG_OK)
        status = self_sign(place, &names, key, wish->days, out, err);
    if (status == CG_OK)
        status = keep_key(place, key, out, err);
    identity_names_release(&names);
    return end(status, key, out);
}

enum cg_status
identity_ask(const struct identity_place *place, const struct identity_wish *wish,
        const char *key_path, struct identity *out, struct cg_error *err)
{
    struct identity_names names = { NULL, NULL };
    EVP_PKEY *key = NULL;
    enum cg_status status;

    *out = (struct identity) { NULL };
    status = identity_names_from_hosts(wish->hosts, wish->host_count, wish->subject, &names, err);
    if (status == CG_OK)
        status = key_path != NULL ? identity_key_load(key_path, &key, err)
                                  : identity_key_new(wish->kind, &key, err);
    if (status == CG_OK)
        status = keep_key(place, key, out, err);
    if (status == CG_OK)
        status = ask(place, &names, key, out, err);
    identity_names_release(&names);
    return end(status, key, out);
}

/* The file of the key that the waiting request is of; *path is NULL when none waits. */
static enum cg_status
path_of_request(const struct identity_place *place, char **path, struct cg_error *err)
{
    X509_REQ *request = NULL;
    enum cg_status status = identity_request_load(place->folder, place->name, &request, err);

    *path = NULL;
    if (status != CG_OK || request == NULL)
        return status;
    *path = identity_key_path(place->folder, place->name, X509_REQ_get0_pubkey(request));
    if (*path == NULL)
        status = cg_fail(err, CG_E_PARSE, "the request of '%s' has no key", place->name);
    X509_REQ_free(request);
    return status;
}

/* Sorts what came by the key of one file. */
static enum cg_status
sort_by(const struct identity_place *place, const char *key_path, const struct input_list *pool,
        struct identity *out, struct cg_error *err)
{
    EVP_PKEY *key = NULL;
    enum cg_status status = identity_key_load(key_path, &key, err);

    if (status == CG_OK)
        status = identity_chain_sort(pool, key, place->now, &out->chain, NULL, err);
    if (status == CG_OK)
        status = keep_key(place, key, out, err);
    EVP_PKEY_free(key);
    return status;
}

enum cg_status
identity_install(const struct identity_place *place, const char *key_path, const uint8_t *bytes,
        size_t len, struct identity *out, struct cg_error *err)
{
    struct input_list pool = { NULL };
    char *waiting = NULL;
    enum cg_status status;

    *out = (struct identity) { NULL };
    status = input_load_bytes("certificate", bytes, len, NULL, &pool, err);
    if (status == CG_OK)
        status = path_of_request(place, &waiting, err);
    if (status != CG_OK)
        goto done;
    if (waiting == NULL && key_path == NULL)
        status = cg_fail(err, CG_E_USAGE,
                "identity '%s' has neither a key nor a request that waits for its certificate",
                place->name);
    if (waiting != NULL)
        status = sort_by(place, waiting, &pool, out, err);
    /* What is wrong with an answer to the request is worth more than that it does not fit the old key. */
    if (key_path != NULL && waiting == NULL)
        status = sort_by(place, key_path, &pool, out, err);
    else if (key_path != NULL && status != CG_OK &&
            sort_by(place, key_path, &pool, out, NULL) == CG_OK)
        status = CG_OK;
done:
    free(waiting);
    input_list_release(&pool);
    return end(status, NULL, out);
}

void
identity_answered(const struct identity_place *place, const struct identity *installed)
{
    char *waiting = NULL;

    if (path_of_request(place, &waiting, NULL) == CG_OK && waiting != NULL &&
            strcmp(waiting, installed->key_path) == 0)
        identity_request_remove(place->folder, place->name);
    free(waiting);
}

enum cg_status
identity_import(const struct identity_place *place, const uint8_t *bytes, size_t len,
        const char *passphrase, struct identity *out, struct cg_error *err)
{
    struct input_list pool = { NULL };
    EVP_PKEY *key = NULL;
    enum cg_status status;

    *out = (struct identity) { NULL };
    if (!input_is_pkcs12(bytes, len))
        return cg_fail(err, CG_E_PARSE, "what is to be imported is no PKCS#12 container");
    status = input_pkcs12_key(bytes, len, passphrase, "container", &key, err);
    if (status == CG_OK)
        status = input_load_bytes("container", bytes, len, passphrase, &pool, err);
    if (status == CG_OK)
        status = identity_chain_sort(&pool, key, place->now, &out->chain, &out->authorities, err);
    if (status == CG_OK)
        status = keep_key(place, key, out, err);
    input_list_release(&pool);
    return end(status, key, out);
}

/* As long as the last term; both its ends are in it. */
static unsigned
days_of(const struct cg_cert *cert)
{
    int64_t days = (cert->not_after - cert->not_before + 1) / SECONDS_A_DAY;

    return days < 1 ? 1 : days > IDENTITY_MAX_DAYS ? IDENTITY_MAX_DAYS : (unsigned)days;
}

static enum cg_status
key_for_renewal(const char *key_path, bool new_key, EVP_PKEY **out, struct cg_error *err)
{
    enum identity_kind kind;
    EVP_PKEY *old = NULL;
    enum cg_status status = identity_key_load(key_path, &old, err);

    *out = old;
    if (status != CG_OK || !new_key)
        return status;
    *out = NULL;
    status = identity_kind_of(old, &kind) ? identity_key_new(kind, out, err)
                                          : cg_fail(err, CG_E_USAGE,
                                                    "keys of the kind in %s are not made here: "
                                                    "create an identity of another kind",
                                                    key_path);
    EVP_PKEY_free(old);
    return status;
}

enum cg_status
identity_renew(const struct identity_place *place, const struct cg_cert *own, const char *key_path,
        bool new_key, struct identity *out, struct cg_error *err)
{
    struct identity_names names = { NULL, NULL };
    EVP_PKEY *key = NULL;
    enum cg_status status;

    *out = (struct identity) { NULL };
    status = identity_names_from_cert(own, &names, err);
    if (status == CG_OK)
        status = key_for_renewal(key_path, new_key, &key, err);
    if (status == CG_OK && identity_is_self_signed(own))
        status = self_sign(place, &names, key, days_of(own), out, err);
    if (status == CG_OK)
        status = keep_key(place, key, out, err);
    if (status == CG_OK && out->chain.count == 0)
        status = ask(place, &names, key, out, err);
    identity_names_release(&names);
    return end(status, key, out);
}
