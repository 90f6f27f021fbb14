#include <string.h>

#include "store/internal.h"

bool
digest_number(EVP_MD_CTX *md, uint64_t number)
{
    uint8_t octets[8];

    for (size_t i = 0; i < sizeof(octets); i++)
        octets[i] = (uint8_t)(number >> (8 * (7 - i)));
    return EVP_DigestUpdate(md, octets, sizeof(octets)) == 1;
}

bool
digest_bytes(EVP_MD_CTX *md, struct cg_span bytes)
{
    return digest_number(md, bytes.len) && EVP_DigestUpdate(md, bytes.data, bytes.len) == 1;
}

bool
digest_text(EVP_MD_CTX *md, const char *text)
{
    return digest_bytes(md, cg_span(text, strlen(text)));
}

/*
 * The parts of a state, each a query whose columns are hashed in their order: texts and octets with their
 * lengths, numbers as eight octets, and at the end the number of rows. The state's digest is over the parts'.
 */
enum part { PART_SETTINGS, PART_TCS, PART_IDENTITIES, PART_PINS, PARTS };

static const char *const queries[PARTS] = {
    [PART_SETTINGS] =
            "SELECT name, value, latched FROM setting WHERE " STORE_ALIVE " ORDER BY name",
    /* From the index of fingerprints alone: a certificate is its fingerprint. */
    [PART_TCS] = "SELECT c.sha256 FROM certificate c CROSS JOIN tcs t ON t.certificate = c.id"
                 " WHERE " STORE_ALIVE " ORDER BY c.sha256",
    [PART_IDENTITIES] =
            "SELECT name, key_path, chain FROM identity WHERE " STORE_ALIVE " ORDER BY name",
    [PART_PINS] = "SELECT sha256, interface, until, reason, incident FROM pin WHERE " STORE_ALIVE
                  " ORDER BY sha256, interface",
};

static bool
hash_row(EVP_MD_CTX *md, sqlite3_stmt *stmt)
{
    bool ok = true;

    for (int i = 0; ok && i < sqlite3_column_count(stmt); i++) {
        if (sqlite3_column_type(stmt, i) == SQLITE_INTEGER)
            ok = digest_number(md, sql_u64(stmt, i));
        else
            ok = digest_bytes(md, sql_span(stmt, i));
    }
    return ok;
}

static enum store_status
hash_part(const struct store_view *view, enum part part, uint8_t out[CG_SHA256_SIZE],
        struct cg_error *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool row = true, hashed = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
    sqlite3_stmt *stmt;
    uint64_t count = 0;
    enum store_status status =
            sql_rows(view->sql, &stmt, err, queries[part], "i", view->generation);

    while (status == STORE_OK && hashed) {
        status = sql_next(view->sql, stmt, &row, err);
        if (status != STORE_OK || !row)
            break;
        hashed = hash_row(md, stmt);
        count++;
    }
    (void)sqlite3_finalize(stmt);
    hashed = hashed && digest_number(md, count) && EVP_DigestFinal_ex(md, out, NULL) == 1;
    EVP_MD_CTX_free(md);
    if (status == STORE_OK && !hashed)
        status = store_fail(err, STORE_NOMEM, "cannot compute a digest");
    return status;
}

enum store_status
state_digest(
        const struct store_view *view, bool tcs_known, struct digests *out, struct cg_error *err)
{
    uint8_t parts[PARTS][CG_SHA256_SIZE] = { { 0 } };
    enum store_status status = STORE_OK;

    for (unsigned i = 0; status == STORE_OK && i < PARTS; i++) {
        if (i == PART_TCS && tcs_known)
            memcpy(parts[i], out->tcs, CG_SHA256_SIZE);
        else
            status = hash_part(view, (enum part)i, parts[i], err);
    }
    memcpy(out->tcs, parts[PART_TCS], CG_SHA256_SIZE);
    if (status == STORE_OK &&
            EVP_Digest(parts, sizeof(parts), out->state, NULL, EVP_sha256(), NULL) != 1)
        status = store_fail(err, STORE_NOMEM, "cannot compute a digest");
    return status;
}
