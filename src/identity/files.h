/* The files of identities in a folder of their own: keys, and requests that wait for their certificate. */
#ifndef IDENTITY_FILES_H
#define IDENTITY_FILES_H

#include <openssl/x509.h>

#include <certgate/certgate.h>

/*
 * Writes a file for its owner alone (mode 0600), whole or not at all: under another name in the same
 * folder, to the disk, then renamed. The text in err names the file, never what is in it.
 */
CG_CHECKED enum cg_status identity_file_write(
        const char *path, const void *data, size_t len, struct cg_error *err);

/* Makes the folder (mode 0700) where there is none; its parent must exist. */
CG_CHECKED enum cg_status identity_folder_make(const char *folder, struct cg_error *err);

/*
 * FOLDER/NAME-FINGERPRINT.key, the fingerprint being of the public key: another key never takes the
 * place of one that an earlier generation needs. Characters that a file name should not have become %XX.
 * The caller frees it; NULL only without memory, or when the key cannot be encoded.
 */
char *identity_key_path(const char *folder, const char *name, const EVP_PKEY *key);

/* A request (PKCS#10, PEM) that waits for its certificate: FOLDER/NAME.csr. */
CG_CHECKED enum cg_status identity_request_save(
        const char *folder, const char *name, const char *pem, struct cg_error *err);
/* True when one waits. */
bool identity_request_waits(const char *folder, const char *name);
/* *out is NULL when none waits; else the caller frees it. */
CG_CHECKED enum cg_status identity_request_load(
        const char *folder, const char *name, X509_REQ **out, struct cg_error *err);
void identity_request_remove(const char *folder, const char *name);

#endif
