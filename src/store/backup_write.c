#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot.h"
#include "store/backup.h"
#include "store/internal.h"
#include "store/seal.h"
#include "store/transfer.h"

/* The file and the digest of what went into it; a failure sticks. */
struct output {
    FILE *file;
    EVP_MD_CTX *md;
    bool failed;
};

static void
add(struct output *out, const void *bytes, size_t len)
{
    if (!out->failed &&
            (fwrite(bytes, 1, len, out->file) != len || EVP_DigestUpdate(out->md, bytes, len) != 1))
        out->failed = true;
}

static void
put_u32(uint8_t octets[4], uint32_t number)
{
    for (size_t i = 0; i < 4; i++)
        octets[i] = (uint8_t)(number >> (8 * (3 - i)));
}

static void
add_u32(struct output *out, uint32_t number)
{
    uint8_t octets[4];

    put_u32(octets, number);
    add(out, octets, sizeof(octets));
}

static void
add_block(struct output *out, const void *bytes, size_t len)
{
    add_u32(out, (uint32_t)len);
    add(out, bytes, len);
}

/* The digest of everything so far. */
static bool
digest_so_far(const struct output *out, uint8_t digest[SEAL_DIGEST_SIZE])
{
    EVP_MD_CTX *copy = EVP_MD_CTX_new();
    bool ok = copy != NULL && EVP_MD_CTX_copy_ex(copy, out->md) == 1 &&
            EVP_DigestFinal_ex(copy, digest, NULL) == 1;

    EVP_MD_CTX_free(copy);
    return ok;
}

/* ------------------------------------------------------------------ the head */

static bool
append(json_t *array, json_t *one)
{
    return one != NULL && json_array_append_new(array, one) == 0;
}

struct array {
    json_t *json;
    bool failed;
};

static bool
head_identity(void *arg, const struct store_identity *identity)
{
    struct array *array = arg;

    array->failed = !append(array->json,
            json_pack("{s:s, s:s, s:I}", "name", identity->name, "key", identity->key_path,
                    "certificates", (json_int_t)identity->chain_count));
    return !array->failed;
}

static bool
head_pin(void *arg, const struct store_pin *pin)
{
    struct array *array = arg;
    char hex[STORE_HEX_SIZE];

    store_hex(hex, pin->sha256);
    array->failed = !append(array->json,
            json_pack("{s:s, s:s, s:I, s:s, s:s}", "sha256", hex, "interface", pin->interface,
                    "until", (json_int_t)pin->until, "reason", pin->reason, "incident",
                    pin->incident));
    return !array->failed;
}

/* The head as text, to be freed with free(). */
static enum store_status
make_head(const struct store_view *view, int64_t time, char **text, struct cg_error *err)
{
    struct array identities = { .json = json_array() }, pins = { .json = json_array() };
    json_t *settings = NULL, *head = NULL;
    uint64_t count = 0;
    enum store_status status = store_tcs_count(view, &count, err);

    *text = NULL;
    if (status == STORE_OK)
        status = transfer_settings(view, true, &settings, err);
    if (status == STORE_OK)
        status = store_identities(view, head_identity, &identities, err);
    if (status == STORE_OK)
        status = store_pins(view, head_pin, &pins, err);
    if (status == STORE_OK && !identities.failed && !pins.failed)
        head = json_pack("{s:I, s:I, s:I, s:O, s:O, s:O}", "generation",
                (json_int_t)view->generation, "time", (json_int_t)time, "certificates",
                (json_int_t)count, "settings", settings, "identities", identities.json, "pins",
                pins.json);
    if (head != NULL)
        *text = json_dumps(head, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (status == STORE_OK && *text == NULL)
        status = store_fail(err, STORE_NOMEM, "no memory for a backup");
    json_decref(head);
    json_decref(settings);
    json_decref(identities.json);
    json_decref(pins.json);
    return status;
}

/* ------------------------------------------------------------------ the rest */

static bool
add_cert(void *arg, const struct store_cert *cert)
{
    struct output *out = arg;

    add_block(out, cert->der, cert->len);
    return !out->failed;
}

static bool
add_chain(void *arg, const struct store_identity *identity)
{
    struct output *out = arg;

    for (size_t i = 0; i < identity->chain_count; i++)
        add_block(out, identity->chain[i].data, identity->chain[i].len);
    return !out->failed;
}

static void
buf_block(struct cg_buf *buf, const void *bytes, size_t len)
{
    uint8_t octets[4];

    put_u32(octets, (uint32_t)len);
    cg_buf_add_bytes(buf, octets, sizeof(octets));
    cg_buf_add_bytes(buf, bytes, len);
}

/* Room for all of it from the start, so that no copy of a key is left behind by growing. */
static enum store_status
plain_keys(const struct store_key *keys, size_t count, struct cg_buf *plain, struct cg_error *err)
{
    size_t size = 4;
    uint8_t octets[4];

    if (count > STORE_MAX_KEYS)
        return store_fail(err, STORE_INVALID, "more than %d keys", STORE_MAX_KEYS);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].bytes.len == 0 || keys[i].bytes.len > STORE_MAX_KEY_BYTES ||
                strnlen(keys[i].identity, SNAPSHOT_NAME_SIZE) == SNAPSHOT_NAME_SIZE)
            return store_fail(err, STORE_INVALID, "the key of '%.64s' has %zu octets, not 1 to %d",
                    keys[i].identity, keys[i].bytes.len, STORE_MAX_KEY_BYTES);
        size += 8 + strlen(keys[i].identity) + keys[i].bytes.len;
    }
    *plain = (struct cg_buf) { .max = size, .size = size + 1, .data = malloc(size + 1) };
    if (plain->data == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for keys");
    put_u32(octets, (uint32_t)count);
    cg_buf_add_bytes(plain, octets, sizeof(octets));
    for (size_t i = 0; i < count; i++) {
        buf_block(plain, keys[i].identity, strlen(keys[i].identity));
        buf_block(plain, keys[i].bytes.data, keys[i].bytes.len);
    }
    return STORE_OK;
}

static enum store_status
add_keys(struct output *out, const struct store_key *keys, size_t count, const char *passphrase,
        struct cg_error *err)
{
    struct seal seal = { { 0 }, { 0 }, { 0 } };
    uint8_t bound[SEAL_DIGEST_SIZE];
    struct cg_buf plain = { 0 };
    enum store_status status;

    add(out, passphrase == NULL ? "\0" : "\1", 1);
    if (passphrase == NULL)
        return STORE_OK;
    status = plain_keys(keys, count, &plain, err);
    if (status == STORE_OK && !digest_so_far(out, bound))
        status = store_fail(err, STORE_NOMEM, "cannot compute a digest");
    if (status == STORE_OK)
        status = seal_close(&seal, passphrase, bound, (uint8_t *)plain.data, plain.len, err);
    if (status == STORE_OK) {
        add(out, seal.salt, sizeof(seal.salt));
        add(out, seal.nonce, sizeof(seal.nonce));
        add(out, seal.tag, sizeof(seal.tag));
        add_block(out, plain.data, plain.len);
    } else if (plain.data != NULL) {
        OPENSSL_cleanse(plain.data, plain.len);
    }
    cg_buf_release(&plain);
    return status;
}

static enum store_status
write_all(struct output *out, const struct store_view *view, int64_t time,
        const struct store_key *keys, size_t key_count, const char *passphrase,
        struct cg_error *err)
{
    uint8_t digest[SEAL_DIGEST_SIZE];
    char *head = NULL;
    enum store_status status = make_head(view, time, &head, err);

    if (status == STORE_OK && strlen(head) > STORE_MAX_BACKUP_HEAD)
        status = store_fail(err, STORE_INVALID, "the settings are too large for a backup");
    if (status == STORE_OK) {
        add(out, BACKUP_MAGIC, BACKUP_MAGIC_SIZE);
        add_u32(out, BACKUP_VERSION);
        add_block(out, head, strlen(head));
        status = store_tcs(view, NULL, add_cert, out, err);
    }
    if (status == STORE_OK)
        status = store_identities(view, add_chain, out, err);
    if (status == STORE_OK)
        status = add_keys(out, keys, key_count, passphrase, err);
    if (status == STORE_OK && !digest_so_far(out, digest))
        status = store_fail(err, STORE_NOMEM, "cannot compute a digest");
    if (status == STORE_OK)
        add(out, digest, sizeof(digest));
    free(head);
    return status;
}

/* ------------------------------------------------------------------ the file */

static enum store_status
cannot_write(const char *path, struct cg_error *err)
{
    int code = errno;
    enum store_status status = code == ENOSPC || code == EDQUOT ? STORE_FULL
            : code == EROFS || code == EACCES || code == EPERM  ? STORE_READ_ONLY
                                                                : STORE_IO;

    return store_fail(err, status, "%.300s: no backup was made: %s", path, strerror(code));
}

static bool
sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy == NULL ? -1 : open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    free(copy);
    return synced;
}

enum store_status
store_backup(const struct store_view *view, const char *path, int64_t time,
        const struct store_key *keys, size_t key_count, const char *passphrase,
        struct cg_error *err)
{
    struct output out = { .md = EVP_MD_CTX_new() };
    char part[STORE_MAX_PATH];
    enum store_status status = STORE_OK;
    int fd = -1, len = snprintf(part, sizeof(part), "%s.part", path);

    if (len < 0 || (size_t)len >= sizeof(part))
        status = store_fail(err, STORE_INVALID, "the path of the backup is too long");
    else if (key_count != 0 && passphrase == NULL)
        status = store_fail(err, STORE_INVALID, "keys go into a backup only with a passphrase");
    else if (out.md == NULL || EVP_DigestInit_ex(out.md, EVP_sha256(), NULL) != 1)
        status = store_fail(err, STORE_NOMEM, "no memory for a backup");
    if (status != STORE_OK)
        goto done;
    (void)unlink(part); /* of a backup that was cut short */
    fd = open(part, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
    out.file = fd < 0 ? NULL : fdopen(fd, "w");
    if (out.file == NULL) {
        status = cannot_write(path, err);
        if (fd >= 0)
            (void)close(fd);
        goto done;
    }
    status = write_all(&out, view, time, keys, key_count, passphrase, err);
    if (status == STORE_OK && (out.failed || fflush(out.file) != 0 || fsync(fd) != 0))
        status = cannot_write(path, err);
    if (fclose(out.file) != 0 && status == STORE_OK)
        status = cannot_write(path, err);
    if (status == STORE_OK && (rename(part, path) != 0 || !sync_folder(path)))
        status = cannot_write(path, err);
    if (status != STORE_OK)
        (void)unlink(part);
done:
    EVP_MD_CTX_free(out.md);
    return status;
}
