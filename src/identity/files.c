#include "identity/files.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/buf.h"
#include "base/error.h"

#define MAX_PATH_TEXT 4096
/* Octets of the public key's digest in a file's name: 64 bits tell the keys of one identity apart. */
#define FINGERPRINT_SIZE 8

static bool
write_whole(int fd, const char *data, size_t len)
{
    while (len != 0) {
        ssize_t wrote = write(fd, data, len);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        data += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* A rename is on the disk only when its folder is. */
static bool
sync_folder_of(const char *path)
{
    char copy[MAX_PATH_TEXT];
    bool ok;
    int fd;

    (void)snprintf(copy, sizeof(copy), "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

enum cg_status
identity_file_write(const char *path, const void *data, size_t len, struct cg_error *err)
{
    char temporary[MAX_PATH_TEXT];
    bool ok;
    int fd;

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
        return cg_fail(err, CG_E_LIMIT, "%.200s…: path too long", path);
    fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return cg_fail(err, CG_E_USAGE, "%.400s: cannot be written: %s", path, strerror(errno));
    ok = write_whole(fd, data, len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(temporary, path) == 0 && sync_folder_of(path);
    if (ok)
        return CG_OK;
    (void)cg_fail(err, CG_E_USAGE, "%.400s: cannot be written: %s", path, strerror(errno));
    (void)unlink(temporary);
    return CG_E_USAGE;
}

enum cg_status
identity_folder_make(const char *folder, struct cg_error *err)
{
    if (mkdir(folder, S_IRWXU) == 0 || errno == EEXIST)
        return CG_OK;
    return cg_fail(err, CG_E_USAGE, "%.400s: cannot be made: %s", folder, strerror(errno));
}

/* The name of an identity may be any text, that of a file not: "../x" must stay in its folder. */
static void
add_file_name(struct cg_buf *path, const char *folder, const char *name)
{
    cg_buf_addf(path, "%s/", folder);
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;

        if (c < 0x80 && (isalnum(c) != 0 || c == '_' || c == '-' || (c == '.' && at != name)))
            cg_buf_addf(path, "%c", c);
        else
            cg_buf_addf(path, "%%%02X", c);
    }
}

char *
identity_key_path(const char *folder, const char *name, const EVP_PKEY *key)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned char *der = NULL;
    struct cg_buf path;
    int len = i2d_PUBKEY(key, &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    ERR_clear_error();
    if (!ok)
        return NULL;
    cg_buf_init(&path, MAX_PATH_TEXT);
    add_file_name(&path, folder, name);
    cg_buf_add(&path, "-");
    cg_buf_add_hex(&path, cg_span(digest, FINGERPRINT_SIZE), false);
    cg_buf_add(&path, ".key");
    return cg_buf_take(&path);
}

static char *
request_path(const char *folder, const char *name)
{
    struct cg_buf path;

    cg_buf_init(&path, MAX_PATH_TEXT);
    add_file_name(&path, folder, name);
    cg_buf_add(&path, ".csr");
    return cg_buf_take(&path);
}

enum cg_status
identity_request_save(const char *folder, const char *name, const char *pem, struct cg_error *err)
{
    char *path = request_path(folder, name);
    enum cg_status status = path == NULL
            ? cg_fail(err, CG_E_NOMEM, "no memory for the path of a request")
            : identity_file_write(path, pem, strlen(pem), err);

    free(path);
    return status;
}

bool
identity_request_waits(const char *folder, const char *name)
{
    char *path = request_path(folder, name);
    bool waits = path != NULL && access(path, F_OK) == 0;

    free(path);
    return waits;
}

enum cg_status
identity_request_load(const char *folder, const char *name, X509_REQ **out, struct cg_error *err)
{
    char *path = request_path(folder, name);
    enum cg_status status = CG_OK;
    BIO *bio = NULL;

    *out = NULL;
    if (path == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the path of a request");
    if (access(path, F_OK) == 0) {
        bio = BIO_new_file(path, "r");
        if (bio != NULL)
            *out = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
        if (*out == NULL)
            status = cg_fail(err, CG_E_PARSE, "%.400s: no certificate request in PEM", path);
    }
    BIO_free(bio);
    free(path);
    ERR_clear_error();
    return status;
}

void
identity_request_remove(const char *folder, const char *name)
{
    char *path = request_path(folder, name);

    if (path != NULL)
        (void)unlink(path);
    free(path);
}
