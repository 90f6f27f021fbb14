/*
 * Certificates from files, folders and standard input: PEM (one or many), DER, PKCS#7 and PKCS#12,
 * told apart by their contents.
 */
#ifndef INPUT_INPUT_H
#define INPUT_INPUT_H

#include <certgate/certgate.h>

/* Largest file that is read: 100,000 certificates as PEM are 70 MB. */
#define INPUT_MAX_FILE_BYTES ((size_t)256 * 1024 * 1024)
/* Most certificates of one list. */
#define INPUT_MAX_CERTS 2000000

struct input_list {
    struct cg_cert **certs; /* a reference each */
    size_t count;
    size_t size;
};

/*
 * Appends the certificates of a file, of each regular file of a folder (by name; hidden ones are left
 * out), or of standard input for "-".
 *
 * password  of PKCS#12 containers; NULL for none. Their private keys are not read.
 *
 * Returns CG_OK, CG_E_PARSE (the text names file, line or byte and cause), CG_E_LIMIT, CG_E_USAGE (the
 * file cannot be read) or CG_E_NOMEM. On failure the list keeps what it held before the call.
 */
CG_CHECKED enum cg_status input_load(
        const char *path, const char *password, struct input_list *list, struct cg_error *err);

/* The same from memory; `name` stands for the file in error texts. */
CG_CHECKED enum cg_status input_load_bytes(const char *name, const uint8_t *bytes, size_t len,
        const char *password, struct input_list *list, struct cg_error *err);

void input_list_release(struct input_list *list);

#endif
