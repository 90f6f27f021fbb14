#include "input/evidence.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static bool
is_pem(const uint8_t *bytes, size_t len)
{
    static const char mark[] = "-----BEGIN ";

    return memmem(bytes, len < 4096 ? len : 4096, mark, sizeof(mark) - 1) != NULL;
}

static enum cg_status
from_der(const char *name, enum cg_evidence_kind kind, const uint8_t *der, size_t len,
        struct cg_evidence **out, struct cg_error *err)
{
    struct cg_error cause = { "" };
    enum cg_status status = cg_evidence_from_der(kind, der, len, name, out, &cause);

    return status == CG_OK ? CG_OK : cg_fail(err, status, "%.300s: %.180s", name, cause.text);
}

static enum cg_status
from_pem(const char *name, const uint8_t *bytes, size_t len, struct cg_evidence **out,
        struct cg_error *err)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)len);
    unsigned char *der = NULL;
    long der_len = 0;
    enum cg_status status;

    if (bio == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for %s", name);
    if (PEM_bytes_read_bio(&der, &der_len, NULL, PEM_STRING_X509_CRL, bio, NULL, NULL) == 1)
        status = from_der(name, CG_EVIDENCE_CRL, der, (size_t)der_len, out, err);
    else
        status = cg_fail(err, CG_E_PARSE, "%.300s: no CRL in this PEM", name);
    ERR_clear_error();
    OPENSSL_free(der);
    BIO_free(bio);
    return status;
}

enum cg_status
input_evidence_bytes(const char *name, enum cg_evidence_kind kind, const uint8_t *bytes, size_t len,
        struct cg_evidence **out, struct cg_error *err)
{
    *out = NULL;
    if (len > INPUT_MAX_EVIDENCE_BYTES)
        return cg_fail(
                err, CG_E_LIMIT, "%.300s: larger than %zu bytes", name, INPUT_MAX_EVIDENCE_BYTES);
    if (kind == CG_EVIDENCE_CRL && is_pem(bytes, len))
        return from_pem(name, bytes, len, out, err);
    return from_der(name, kind, bytes, len, out, err);
}

enum cg_status
input_evidence_load(const char *path, enum cg_evidence_kind kind, struct cg_evidence **out,
        struct cg_error *err)
{
    FILE *file = fopen(path, "re");
    uint8_t *bytes = malloc(INPUT_MAX_EVIDENCE_BYTES + 1);
    enum cg_status status;
    size_t len;

    *out = NULL;
    if (file == NULL) {
        status = cg_fail(err, CG_E_USAGE, "%.300s: cannot be opened: %s", path, strerror(errno));
        goto done;
    }
    if (bytes == NULL) {
        status = cg_fail(err, CG_E_NOMEM, "no memory for %s", path);
        goto done;
    }
    len = fread(bytes, 1, INPUT_MAX_EVIDENCE_BYTES + 1, file);
    if (ferror(file))
        status = cg_fail(err, CG_E_USAGE, "%.300s: cannot be read: %s", path, strerror(errno));
    else
        status = input_evidence_bytes(path, kind, bytes, len, out, err);
done:
    if (file != NULL)
        fclose(file);
    free(bytes);
    return status;
}
