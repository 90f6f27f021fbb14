#include "input/input.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "input/pkcs12.h"

#define MAX_PATH_TEXT 4096

void
input_list_release(struct input_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        cg_cert_free(list->certs[i]);
    free(list->certs);
    *list = (struct input_list) { 0 };
}

static void
truncate_list(struct input_list *list, size_t count)
{
    while (list->count > count)
        cg_cert_free(list->certs[--list->count]);
}

/* One certificate's DER; `where` is what stands before the cause in an error. */
static enum cg_status
add_der(struct input_list *list, const uint8_t *der, size_t len, const char *where,
        struct cg_error *err)
{
    struct cg_cert **grown;
    struct cg_error cause = { "" };
    enum cg_status status;

    if (list->count == INPUT_MAX_CERTS)
        return cg_fail(err, CG_E_LIMIT, "%s: more than %d certificates", where, INPUT_MAX_CERTS);
    if (list->count == list->size) {
        size_t size = list->size == 0 ? 16 : list->size * 2;

        grown = realloc(list->certs, size * sizeof(struct cg_cert *));
        if (grown == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for certificates");
        list->certs = grown;
        list->size = size;
    }
    status = cg_cert_from_der(der, len, &list->certs[list->count], &cause);
    if (status != CG_OK)
        return cg_fail(err, status, "%.300s: %.180s", where, cause.text);
    list->count++;
    return CG_OK;
}

enum cg_status
input_add_x509(struct input_list *list, X509 *x509, const char *where, struct cg_error *err)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x509, &der);
    enum cg_status status;

    if (len <= 0)
        return cg_fail(err, CG_E_NOMEM, "no memory for certificates");
    status = add_der(list, der, (size_t)len, where, err);
    OPENSSL_free(der);
    return status;
}

/* A PKCS#7 bag has no order of its own (DER sorts it): the first end entity comes first. */
static void
put_end_entity_first(struct input_list *list, size_t from)
{
    for (size_t i = from; i < list->count; i++) {
        struct cg_cert *cert = list->certs[i];

        if (cg_cert_is_ca(cert))
            continue;
        memmove(&list->certs[from + 1], &list->certs[from], (i - from) * sizeof(cert));
        list->certs[from] = cert;
        return;
    }
}

static enum cg_status
add_pkcs7(struct input_list *list, PKCS7 *p7, const char *name, struct cg_error *err)
{
    const STACK_OF(X509) *certs = NULL;
    enum cg_status status = CG_OK;
    size_t before = list->count;
    char where[MAX_PATH_TEXT];

    if (PKCS7_type_is_signed(p7) && p7->d.sign != NULL)
        certs = p7->d.sign->cert;
    if (certs == NULL || sk_X509_num(certs) == 0)
        return cg_fail(err, CG_E_PARSE, "%s: PKCS#7 without certificates", name);
    for (int i = 0; status == CG_OK && i < sk_X509_num(certs); i++) {
        (void)snprintf(where, sizeof(where), "%s: certificate %d", name, i + 1);
        status = input_add_x509(list, sk_X509_value(certs, i), where, err);
    }
    put_end_entity_first(list, before);
    return status;
}

/* DER: a certificate, a PKCS#7 or a PKCS#12 container, told apart by what parses. */
static enum cg_status
load_der(const char *name, const uint8_t *bytes, size_t len, const char *password,
        struct input_list *list, struct cg_error *err)
{
    const unsigned char *at = bytes;
    struct cg_error cause;
    enum cg_status status = add_der(list, bytes, len, name, &cause);
    PKCS7 *p7;

    if (status == CG_OK || status == CG_E_NOMEM || len > INT32_MAX)
        return status == CG_OK ? status : cg_fail(err, status, "%s", cause.text);
    p7 = d2i_PKCS7(NULL, &at, (long)len);
    if (p7 != NULL && OBJ_obj2nid(p7->type) != NID_undef) {
        status = add_pkcs7(list, p7, name, err);
        PKCS7_free(p7);
        return status;
    }
    PKCS7_free(p7);
    ERR_clear_error();
    if (input_is_pkcs12(bytes, len))
        return input_add_pkcs12(list, bytes, len, password, name, err);
    return cg_fail(err, status, "%s", cause.text);
}

/* Where a file has been read to, with its line: lines are counted once, however many blocks there are. */
struct place {
    const uint8_t *at;
    size_t line;
};

/* The line of a byte at or behind the place, which moves there. */
static size_t
line_of(struct place *place, const uint8_t *at)
{
    for (; place->at < at; place->at++)
        place->line += *place->at == '\n';
    return place->line;
}

static bool
is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
            c == '/' || c == '=';
}

/* Decodes the body of a PEM block; NULL with the place of the first bad character, or no memory. */
static uint8_t *
decode_body(const uint8_t *at, const uint8_t *end, size_t *len, const uint8_t **bad)
{
    uint8_t *clean = malloc((size_t)(end - at) + 1), *out = NULL;
    size_t count = 0, padding = 0;
    int decoded;

    *bad = NULL;
    if (clean == NULL)
        return NULL;
    for (; at < end; at++) {
        if (*at == '\n' || *at == '\r' || *at == ' ' || *at == '\t')
            continue;
        if (!is_base64(*at) || (padding != 0 && *at != '=')) {
            *bad = at;
            goto done;
        }
        padding += *at == '=';
        clean[count++] = *at;
    }
    if (count == 0 || count % 4 != 0 || padding > 2 || count > INT32_MAX) {
        *bad = at;
        goto done;
    }
    out = malloc(count / 4 * 3 + 1);
    if (out == NULL)
        goto done;
    decoded = EVP_DecodeBlock(out, clean, (int)count);
    if (decoded < 0) {
        *bad = at;
        free(out);
        out = NULL;
    } else {
        *len = (size_t)decoded - padding;
    }
done:
    free(clean);
    return out;
}

static const uint8_t *
find(const uint8_t *at, const uint8_t *end, const char *text)
{
    return memmem(at, (size_t)(end - at), text, strlen(text));
}

/* One block between its BEGIN and END lines; blocks that hold no certificates are passed over. */
static enum cg_status
load_block(const char *name, struct place *place, const uint8_t *begin, const uint8_t *body,
        const uint8_t *end, const char *label, struct input_list *list, struct cg_error *err)
{
    const unsigned char *der_at;
    const uint8_t *bad;
    uint8_t *der;
    size_t len = 0;
    enum cg_status status;
    char where[MAX_PATH_TEXT];
    PKCS7 *p7;

    if (strcmp(label, "CERTIFICATE") != 0 && strcmp(label, "X509 CERTIFICATE") != 0 &&
            strcmp(label, "TRUSTED CERTIFICATE") != 0 && strcmp(label, "PKCS7") != 0)
        return CG_OK;
    if (strcmp(label, "TRUSTED CERTIFICATE") == 0)
        return cg_fail(err, CG_E_PARSE,
                "%s line %zu: 'TRUSTED CERTIFICATE' is OpenSSL's own format; convert it with "
                "'openssl x509'",
                name, line_of(place, begin));
    (void)snprintf(where, sizeof(where), "%s line %zu", name, line_of(place, begin));
    der = decode_body(body, end, &len, &bad);
    if (der == NULL)
        return bad == NULL
                ? cg_fail(err, CG_E_NOMEM, "no memory for certificates")
                : cg_fail(err, CG_E_PARSE, "%s line %zu: not base64", name, line_of(place, bad));
    if (strcmp(label, "PKCS7") == 0) {
        der_at = der;
        p7 = d2i_PKCS7(NULL, &der_at, (long)len);
        status = p7 == NULL ? cg_fail(err, CG_E_PARSE, "%s: PKCS#7 does not parse", where)
                            : add_pkcs7(list, p7, where, err);
        PKCS7_free(p7);
        ERR_clear_error();
    } else {
        status = add_der(list, der, len, where, err);
    }
    free(der);
    return status;
}

static enum cg_status
load_pem(const char *name, const uint8_t *bytes, size_t len, struct input_list *list,
        struct cg_error *err)
{
    static const char begin_mark[] = "-----BEGIN ", end_mark[] = "-----END ", dashes[] = "-----";
    const uint8_t *end = bytes + len, *at = bytes, *begin, *label_end, *body, *stop;
    struct place place = { bytes, 1 };
    size_t before = list->count;
    enum cg_status status;
    char label[64];

    while ((begin = find(at, end, begin_mark)) != NULL) {
        const uint8_t *label_start = begin + strlen(begin_mark);

        label_end = find(label_start, end, dashes);
        if (label_end == NULL || (size_t)(label_end - label_start) >= sizeof(label))
            return cg_fail(err, CG_E_PARSE, "%s line %zu: broken BEGIN line", name,
                    line_of(&place, begin));
        memcpy(label, label_start, (size_t)(label_end - label_start));
        label[label_end - label_start] = '\0';
        body = label_end + strlen(dashes);
        stop = find(body, end, end_mark);
        if (stop == NULL)
            return cg_fail(err, CG_E_PARSE, "%s line %zu: BEGIN without END", name,
                    line_of(&place, begin));
        at = stop + strlen(end_mark);
        if ((size_t)(end - at) < strlen(label) + strlen(dashes) ||
                memcmp(at, label, strlen(label)) != 0 ||
                memcmp(at + strlen(label), dashes, strlen(dashes)) != 0)
            return cg_fail(err, CG_E_PARSE, "%s line %zu: this END line does not end '%s'", name,
                    line_of(&place, stop), label);
        status = load_block(name, &place, begin, body, stop, label, list, err);
        if (status != CG_OK)
            return status;
    }
    if (list->count == before)
        return cg_fail(err, CG_E_PARSE, "%s: no certificate in this PEM file", name);
    return CG_OK;
}

enum cg_status
input_load_bytes(const char *name, const uint8_t *bytes, size_t len, const char *password,
        struct input_list *list, struct cg_error *err)
{
    size_t before = list->count;
    enum cg_status status;
    bool is_der, is_pem;

    if (len == 0)
        return cg_fail(err, CG_E_PARSE, "%s: empty", name);
    is_pem = find(bytes, bytes + len, "-----BEGIN ") != NULL;
    /* A SEQUENCE; but "0" may also be the first letter of a text with PEM in it. */
    is_der = bytes[0] == 0x30 && (!is_pem || (len > 1 && bytes[1] >= 0x80));
    if (!is_der && !is_pem)
        return cg_fail(err, CG_E_PARSE, "%s byte 0: neither PEM nor DER", name);
    status = is_der ? load_der(name, bytes, len, password, list, err)
                    : load_pem(name, bytes, len, list, err);
    if (status != CG_OK)
        truncate_list(list, before);
    return status;
}

static enum cg_status
read_stream(FILE *file, const char *name, uint8_t **out, size_t *len, struct cg_error *err)
{
    size_t size = 64 * 1024, used = 0, got;
    uint8_t *data = malloc(size), *grown;

    while (data != NULL && (got = fread(data + used, 1, size - used, file)) != 0) {
        used += got;
        if (used > INPUT_MAX_FILE_BYTES) {
            free(data);
            return cg_fail(
                    err, CG_E_LIMIT, "%s: larger than %zu bytes", name, INPUT_MAX_FILE_BYTES);
        }
        if (used < size)
            continue;
        size *= 2;
        grown = realloc(data, size);
        if (grown == NULL)
            free(data);
        data = grown;
    }
    if (data == NULL)
        return cg_fail(err, CG_E_NOMEM, "%s: no memory", name);
    if (ferror(file)) {
        free(data);
        return cg_fail(err, CG_E_USAGE, "%s: cannot be read: %s", name, strerror(errno));
    }
    *out = data;
    *len = used;
    return CG_OK;
}

static enum cg_status
load_file(const char *path, const char *password, struct input_list *list, struct cg_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    FILE *file = standard ? stdin : fopen(path, "rbe");
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum cg_status status;

    if (file == NULL)
        return cg_fail(err, CG_E_USAGE, "%s: cannot be read: %s", name, strerror(errno));
    status = read_stream(file, name, &bytes, &len, err);
    if (!standard)
        fclose(file);
    if (status == CG_OK)
        status = input_load_bytes(name, bytes, len, password, list, err);
    free(bytes);
    return status;
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum cg_status
load_folder(const char *path, const char *password, struct input_list *list, struct cg_error *err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible, alphasort);
    enum cg_status status = CG_OK;
    char file[MAX_PATH_TEXT];
    struct stat facts;

    if (count < 0)
        return cg_fail(err, CG_E_USAGE, "%s: cannot be read: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (status == CG_OK) {
            if (snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) >=
                    (int)sizeof(file))
                status = cg_fail(err, CG_E_LIMIT, "%s: path too long", path);
            else if (stat(file, &facts) != 0 || S_ISREG(facts.st_mode))
                status = load_file(file, password, list, err);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum cg_status
input_load(const char *path, const char *password, struct input_list *list, struct cg_error *err)
{
    size_t before = list->count;
    enum cg_status status;
    struct stat facts;

    if (strcmp(path, "-") != 0 && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
        status = load_folder(path, password, list, err);
    else
        status = load_file(path, password, list, err);
    if (status != CG_OK)
        truncate_list(list, before);
    return status;
}
