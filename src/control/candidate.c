#include "control/candidate.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "input/input.h"

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
load_tcs(struct candidate *candidate, struct cg_buf *problems)
{
    struct input_list list = { 0 };
    struct cg_error err;

    if (input_load(candidate->settings->tcs, NULL, &list, &err) != CG_OK)
        cg_buf_addf(problems, "trusted certificates: %s\n", err.text);
    else if (!copy_list(&list, &candidate->snapshot.tcs, &candidate->snapshot.tcs_count))
        cg_buf_add(problems, "trusted certificates: no memory\n");
    input_list_release(&list);
}

/* No prompt: a key that needs a passphrase is an error, not a question on a terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *
read_key(const struct settings_identity *it, struct cg_buf *problems)
{
    FILE *file = fopen(it->key, "rbe");
    EVP_PKEY *key;

    if (file == NULL) {
        cg_buf_addf(problems, "identity '%s': key %s cannot be read: %s\n", it->name, it->key,
                strerror(errno));
        return NULL;
    }
    key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
    fclose(file);
    ERR_clear_error();
    if (key == NULL)
        cg_buf_addf(problems,
                "identity '%s': %s holds no private key in PEM without a passphrase\n", it->name,
                it->key);
    return key;
}

static bool
key_matches(const struct cg_cert *cert, EVP_PKEY *key)
{
    const uint8_t *der, *at;
    X509 *x509;
    size_t len;
    bool matches;

    der = at = cg_cert_get0_der(cert, &len);
    x509 = d2i_X509(NULL, &at, (long)len);
    matches = x509 != NULL && X509_check_private_key(x509, key) == 1;
    X509_free(x509);
    ERR_clear_error();
    (void)der;
    return matches;
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

static void
load_identity(struct candidate *candidate, size_t index, int64_t now, struct cg_buf *problems)
{
    const struct settings_identity *it = &candidate->settings->identities[index];
    struct snapshot_identity *out = &candidate->snapshot.identities[index];
    struct input_list list = { 0 };
    EVP_PKEY *key = NULL;
    struct cg_error err;
    char *until;

    (void)snprintf(out->name, sizeof(out->name), "%s", it->name);
    if (input_load(it->certificate, NULL, &list, &err) != CG_OK) {
        cg_buf_addf(problems, "identity '%s': %s\n", it->name, err.text);
        goto done;
    }
    if (list.count > 16) {
        cg_buf_addf(problems, "identity '%s': %s holds %zu certificates, at most 16 are sent\n",
                it->name, it->certificate, list.count);
        goto done;
    }
    if (cg_cert_not_after(list.certs[0]) < now) {
        until = cg_cert_text(list.certs[0], CG_FIELD_NOT_AFTER);
        cg_buf_addf(problems, "identity '%s': the certificate in %s expired %s; renew it\n",
                it->name, it->certificate, until == NULL ? "" : until);
        free(until);
    }
    key = read_key(it, problems);
    if (key == NULL)
        goto done;
    if (!key_matches(list.certs[0], key))
        cg_buf_addf(problems,
                "identity '%s': the key in %s is not the key of the first certificate in %s\n",
                it->name, it->key, it->certificate);
    else if (!encode_key(key, &candidate->keys[index]) ||
            !copy_list(&list, &out->chain, &out->chain_count))
        cg_buf_addf(problems, "identity '%s': no memory\n", it->name);
done:
    EVP_PKEY_free(key);
    input_list_release(&list);
}

/* A worker is never root: what reads hostile bytes needs no right that its descriptors do not give. */
static void
find_user(struct candidate *candidate, struct cg_buf *problems)
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
    candidate->uid = user->pw_uid;
    candidate->gid = user->pw_gid;
}

struct candidate *
candidate_load(const char *path, int64_t now, struct cg_buf *problems)
{
    struct candidate *candidate = calloc(1, sizeof(*candidate));
    struct settings *settings;

    if (candidate == NULL) {
        cg_buf_add(problems, "no memory\n");
        return NULL;
    }
    settings = candidate->settings = settings_load(path, problems);
    if (settings == NULL)
        goto fail;
    (void)snprintf(
            candidate->snapshot.node, sizeof(candidate->snapshot.node), "%s", settings->node);
    candidate->snapshot.interfaces = settings->interfaces;
    candidate->snapshot.interface_count = settings->interface_count;
    candidate->snapshot.identities =
            calloc(settings->identity_count + 1, sizeof(*candidate->snapshot.identities));
    candidate->keys = calloc(settings->identity_count + 1, sizeof(*candidate->keys));
    if (candidate->snapshot.identities == NULL || candidate->keys == NULL) {
        cg_buf_add(problems, "no memory\n");
        goto fail;
    }
    candidate->snapshot.identity_count = settings->identity_count;
    for (size_t i = 0; i < settings->identity_count; i++)
        load_identity(candidate, i, now, problems);
    load_tcs(candidate, problems);
    find_user(candidate, problems);
    if (problems->len != 0 || problems->failed)
        goto fail;
    return candidate;
fail:
    candidate_free(candidate);
    return NULL;
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
    for (size_t i = 0; i < snapshot->identity_count; i++) {
        for (size_t j = 0; j < snapshot->identities[i].chain_count; j++)
            free(snapshot->identities[i].chain[j].data);
        free(snapshot->identities[i].chain);
    }
    free(snapshot->identities);
    for (size_t i = 0; i < snapshot->tcs_count; i++)
        free(snapshot->tcs[i].data);
    free(snapshot->tcs);
    settings_free(candidate->settings); /* the interfaces with it */
    free(candidate);
}
