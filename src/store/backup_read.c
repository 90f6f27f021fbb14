#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/reader.h"
#include "snapshot/snapshot.h"
#include "store/backup.h"
#include "store/internal.h"
#include "store/latch.h"
#include "store/seal.h"
#include "store/transfer.h"

/* A backup that was found whole. */
struct backup {
    void *map;
    size_t size;
    json_t *head;
    struct cg_reader certificates; /* stands before the first */
    uint64_t tcs_count;
    bool sealed;
    struct seal seal;
    struct cg_span keys; /* ciphertext */
    uint8_t bound[SEAL_DIGEST_SIZE]; /* digest of everything before them */
};

static enum store_status
damaged(const char *path, const char *why, struct cg_error *err)
{
    return store_fail(err, STORE_DAMAGED,
            "%.300s: the backup is damaged or cut (%s): nothing was changed, use another one", path,
            why);
}

static bool
read_block(struct cg_reader *reader, size_t max, struct cg_span *out)
{
    uint32_t len;

    return cg_read_u32(reader, &len) && len <= max && cg_read_bytes(reader, len, out);
}

static uint64_t
head_number(const json_t *object, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(object, name));

    return number < 0 ? 0 : (uint64_t)number;
}

/* Number of certificates of the identities; false when the head names none as it should. */
static bool
count_chains(const json_t *identities, uint64_t *count)
{
    *count = 0;
    if (!json_is_array(identities) || json_array_size(identities) > SNAPSHOT_MAX_IDENTITIES)
        return false;
    for (size_t i = 0; i < json_array_size(identities); i++) {
        uint64_t chain = head_number(json_array_get(identities, i), "certificates");

        if (chain == 0 || chain > CG_MAX_CHAIN_CERTS)
            return false;
        *count += chain;
    }
    return true;
}

static bool
take_bytes(struct cg_reader *reader, uint8_t *out, size_t len)
{
    struct cg_span bytes;

    if (!cg_read_bytes(reader, len, &bytes))
        return false;
    memcpy(out, bytes.data, len);
    return true;
}

static bool
read_keys(struct cg_reader *reader, const uint8_t *start, struct backup *out)
{
    uint8_t sealed;

    if (!cg_read_u8(reader, &sealed) || sealed > 1)
        return false;
    out->sealed = sealed == 1;
    if (!out->sealed)
        return true;
    return EVP_Digest(start, (size_t)(reader->at - start), out->bound, NULL, EVP_sha256(), NULL) ==
            1 &&
            take_bytes(reader, out->seal.salt, SEAL_SALT_SIZE) &&
            take_bytes(reader, out->seal.nonce, SEAL_NONCE_SIZE) &&
            take_bytes(reader, out->seal.tag, SEAL_TAG_SIZE) &&
            read_block(reader, BACKUP_MAX_KEYS_BYTES, &out->keys);
}

/* The whole file, after its digest was found right: what is in it may still be a liar's. */
static const char *
parse(struct cg_reader *reader, const uint8_t *start, struct backup *out)
{
    struct cg_span head, skipped;
    uint64_t chains;

    if (!read_block(reader, STORE_MAX_BACKUP_HEAD, &head))
        return "its head is cut";
    out->head = json_loadb((const char *)head.data, head.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(out->head))
        return "its head is no JSON object";
    out->tcs_count = head_number(out->head, "certificates");
    if (out->tcs_count > STORE_MAX_TCS ||
            !count_chains(json_object_get(out->head, "identities"), &chains) ||
            !json_is_array(json_object_get(out->head, "pins")))
        return "its head does not say what it holds";
    out->certificates = *reader;
    for (uint64_t i = 0; i < out->tcs_count + chains; i++)
        if (!read_block(reader, CG_MAX_CERT_BYTES, &skipped))
            return "certificates are missing";
    if (!read_keys(reader, start, out))
        return "its keys are cut";
    return cg_reader_done(reader) ? NULL : "there is more than it says";
}

static enum store_status
check_file(const char *path, struct backup *out, struct cg_error *err)
{
    const uint8_t *start = out->map;
    struct cg_reader reader;
    struct cg_span magic;
    uint8_t digest[SEAL_DIGEST_SIZE];
    uint32_t version;
    const char *why;

    if (out->size < BACKUP_MAGIC_SIZE + 4 + SEAL_DIGEST_SIZE)
        return damaged(path, "it is too short", err);
    reader = cg_reader(cg_span(start, out->size - SEAL_DIGEST_SIZE));
    if (!cg_read_bytes(&reader, BACKUP_MAGIC_SIZE, &magic) ||
            memcmp(magic.data, BACKUP_MAGIC, BACKUP_MAGIC_SIZE) != 0)
        return store_fail(err, STORE_FOREIGN, "%.300s: this is no backup of certgate", path);
    if (EVP_Digest(start, out->size - SEAL_DIGEST_SIZE, digest, NULL, EVP_sha256(), NULL) != 1)
        return store_fail(err, STORE_NOMEM, "cannot compute a digest");
    if (memcmp(digest, start + out->size - SEAL_DIGEST_SIZE, SEAL_DIGEST_SIZE) != 0)
        return damaged(path, "its digest does not fit", err);
    if (!cg_read_u32(&reader, &version) || version != BACKUP_VERSION)
        return store_fail(err, STORE_NEWER, "%.300s: a newer certgate wrote this backup", path);
    why = parse(&reader, start, out);
    return why == NULL ? STORE_OK : damaged(path, why, err);
}

static void
backup_release(struct backup *backup)
{
    if (backup->map != NULL)
        (void)munmap(backup->map, backup->size);
    json_decref(backup->head);
    *backup = (struct backup) { 0 };
}

/* Maps a file and checks all of it. */
static enum store_status
backup_load(const char *path, struct backup *out, struct cg_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st = { 0 };
    enum store_status status = STORE_OK;

    *out = (struct backup) { 0 };
    if (fd < 0 || fstat(fd, &st) != 0)
        status = store_fail(err, errno == ENOENT ? STORE_MISSING : STORE_IO, "%.300s: %s", path,
                strerror(errno));
    else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > STORE_MAX_BACKUP_BYTES)
        status = store_fail(err, STORE_FOREIGN, "%.300s: this is no backup of certgate", path);
    else if (st.st_size == 0)
        status = damaged(path, "it is empty", err);
    if (status == STORE_OK) {
        out->size = (size_t)st.st_size;
        out->map = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (out->map == MAP_FAILED) {
            out->map = NULL;
            status = store_fail(err, STORE_NOMEM, "%.300s: %s", path, strerror(errno));
        }
    }
    if (fd >= 0)
        (void)close(fd);
    if (status == STORE_OK)
        status = check_file(path, out, err);
    if (status != STORE_OK)
        backup_release(out);
    return status;
}

enum store_status
store_backup_inspect(const char *path, struct store_backup_info *out, struct cg_error *err)
{
    struct backup backup;
    enum store_status status = backup_load(path, &backup, err);

    *out = (struct store_backup_info) { 0 };
    if (status != STORE_OK)
        return status;
    out->generation = head_number(backup.head, "generation");
    out->time = (int64_t)head_number(backup.head, "time");
    out->certificates = backup.tcs_count;
    out->encrypted = backup.sealed;
    backup_release(&backup);
    return STORE_OK;
}

/* ------------------------------------------------------------------ restoring */

static enum store_status
restore_tcs(struct store_change *change, struct backup *backup, struct cg_error *err)
{
    enum store_status status = STORE_OK;
    struct cg_span der;

    for (uint64_t i = 0; status == STORE_OK && i < backup->tcs_count; i++) {
        if (!read_block(&backup->certificates, CG_MAX_CERT_BYTES, &der))
            return store_fail(err, STORE_DAMAGED, "certificates are missing");
        status = store_tcs_add(change, der.data, der.len, NULL, err);
    }
    return status;
}

static const char *
head_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static enum store_status
restore_identities(struct store_change *change, struct backup *backup, struct cg_error *err)
{
    const json_t *identities = json_object_get(backup->head, "identities");
    struct cg_span chain[CG_MAX_CHAIN_CERTS];
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < json_array_size(identities); i++) {
        const json_t *one = json_array_get(identities, i);
        struct store_identity identity = {
            .name = head_text(one, "name"),
            .key_path = head_text(one, "key"),
            .chain = chain,
            .chain_count = (size_t)head_number(one, "certificates"), /* checked in parse() */
        };

        for (size_t j = 0; j < identity.chain_count; j++)
            if (!read_block(&backup->certificates, CG_MAX_CERT_BYTES, &chain[j]))
                return store_fail(err, STORE_DAMAGED, "certificates are missing");
        status = store_identity_put(change, &identity, err);
    }
    return status;
}

static enum store_status
restore_pins(struct store_change *change, const struct backup *backup, struct cg_error *err)
{
    const json_t *pins = json_object_get(backup->head, "pins");
    enum store_status status = STORE_OK;

    for (size_t i = 0; status == STORE_OK && i < json_array_size(pins); i++) {
        const json_t *one = json_array_get(pins, i);
        struct store_pin pin = {
            .interface = head_text(one, "interface"),
            .until = (int64_t)head_number(one, "until"),
            .reason = head_text(one, "reason"),
            .incident = head_text(one, "incident"),
        };

        if (!store_unhex(head_text(one, "sha256"), pin.sha256))
            return store_fail(err, STORE_INVALID, "pin %zu has no fingerprint", i + 1);
        status = pin_put(change, &pin, err);
    }
    return status;
}

static enum store_status
restore_state(struct store_change *change, struct backup *backup, bool older, struct cg_error *err)
{
    enum store_status status = change_clear(change, err);

    if (status == STORE_OK)
        status = transfer_carry(
                change, json_object_get(backup->head, "settings"), older, SETTING_RESTORED, err);
    if (status == STORE_OK && older)
        status = settings_carry_defaults(change, err);
    if (status == STORE_OK)
        status = restore_tcs(change, backup, err);
    if (status == STORE_OK)
        status = restore_identities(change, backup, err);
    if (status == STORE_OK)
        status = restore_pins(change, backup, err);
    return status;
}

/* Hands out the keys of a decrypted list. */
static enum store_status
give_keys(struct cg_span plain, store_key_fn *fn, void *arg, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(plain);
    enum store_status status = STORE_OK;
    char name[SNAPSHOT_NAME_SIZE];
    struct cg_span title;
    struct store_key key = { .identity = name };
    uint32_t count;

    if (!cg_read_u32(&reader, &count) || count > STORE_MAX_KEYS)
        return store_fail(err, STORE_DAMAGED, "the keys of the backup do not parse");
    for (uint32_t i = 0; status == STORE_OK && i < count; i++) {
        if (!read_block(&reader, sizeof(name) - 1, &title) ||
                !read_block(&reader, STORE_MAX_KEY_BYTES, &key.bytes))
            return store_fail(err, STORE_DAMAGED, "the keys of the backup do not parse");
        memcpy(name, title.data, title.len);
        name[title.len] = '\0';
        status = fn(arg, &key, err);
    }
    return status;
}

/* Decrypts before anything is changed, so that a wrong passphrase changes nothing. */
static enum store_status
open_keys(const struct backup *backup, const char *passphrase, struct cg_span *plain,
        struct cg_error *err)
{
    uint8_t *copy = malloc(backup->keys.len + 1);
    enum store_status status;

    if (copy == NULL)
        return store_fail(err, STORE_NOMEM, "no memory for keys");
    memcpy(copy, backup->keys.data, backup->keys.len);
    *plain = cg_span(copy, backup->keys.len); /* ownership moves to the caller, whatever follows */
    status = seal_open(&backup->seal, passphrase, backup->bound, copy, backup->keys.len, err);
    return status;
}

enum store_status
store_restore(struct store_change *change, const char *path, const char *from_release,
        const char *passphrase, store_key_fn *keys, void *arg, struct cg_error *err)
{
    struct cg_span plain = { NULL, 0 };
    struct backup backup = { 0 };
    bool older;
    enum store_status status = latch_is_older(from_release, &older, err);

    if (status == STORE_OK)
        status = backup_load(path, &backup, err);
    if (status == STORE_OK && backup.sealed && passphrase != NULL)
        status = open_keys(&backup, passphrase, &plain, err);
    if (status == STORE_OK)
        status = restore_state(change, &backup, older, err);
    if (status == STORE_OK && plain.data != NULL && keys != NULL)
        status = give_keys(plain, keys, arg, err);
    change->kind = "restore";
    change->source = backup.head == NULL ? 0 : head_number(backup.head, "generation");
    if (plain.data != NULL)
        OPENSSL_cleanse((void *)(uintptr_t)plain.data, plain.len);
    free((void *)(uintptr_t)plain.data);
    backup_release(&backup);
    return change_did(change, status);
}
