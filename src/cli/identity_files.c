/* certgate identity create --out: an identity in two files, for a machine on which no certgated runs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/identity.h"
#include "control/api/certificates.h"
#include "identity/chain.h"
#include "identity/files.h"
#include "identity/identity.h"

#define MAX_PEM (64 * 1024)

struct made {
    char certificate[PATH_MAX];
    char key[PATH_MAX];
    struct input_list chain;
};

/* The name becomes a file's: nothing that leads elsewhere. */
static bool
name_is_fine(const char *name)
{
    static const char letters[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    return name[0] != '\0' && name[0] != '.' && strlen(name) < SNAPSHOT_NAME_SIZE &&
            strspn(name, letters) == strlen(name);
}

/* Absolute paths of the two files, neither of which may be there: a key that is written over is lost. */
static enum cg_status
choose_paths(const char *folder, const char *name, struct made *made, struct cg_error *err)
{
    char whole[PATH_MAX];
    enum cg_status status = identity_folder_make(folder, err);

    if (status != CG_OK)
        return status;
    if (realpath(folder, whole) == NULL)
        return cg_fail(err, CG_E_USAGE, "%.300s: %s", folder, strerror(errno));
    if (snprintf(made->certificate, sizeof(made->certificate), "%s/%s.pem", whole, name) >=
                    (int)sizeof(made->certificate) ||
            snprintf(made->key, sizeof(made->key), "%s/%s.key", whole, name) >=
                    (int)sizeof(made->key))
        return cg_fail(err, CG_E_LIMIT, "%.300s: the path is too long", folder);
    if (access(made->certificate, F_OK) == 0 || access(made->key, F_OK) == 0)
        return cg_fail(err, CG_E_USAGE,
                "%.400s is there already: move it away first, or choose another name",
                access(made->key, F_OK) == 0 ? made->key : made->certificate);
    return CG_OK;
}

/* The key first: a certificate without its key is good for nothing. */
static enum cg_status
write_both(const struct made *made, const EVP_PKEY *key, struct cg_error *err)
{
    enum cg_status status = identity_key_save(key, made->key, err);
    struct cg_buf pem;
    const uint8_t *der;
    size_t len;

    if (status != CG_OK)
        return status;
    cg_buf_init(&pem, MAX_PEM);
    der = cg_cert_get0_der(made->chain.certs[0], &len);
    certificates_add_pem(&pem, der, len);
    status = pem.failed ? cg_fail(err, CG_E_NOMEM, "no memory for a certificate")
                        : identity_file_write(made->certificate, pem.data, pem.len, err);
    cg_buf_release(&pem);
    return status;
}

static enum cg_status
make(const struct identity_wish *wish, struct made *made, struct cg_error *err)
{
    struct identity_names names = { NULL, NULL };
    struct cg_cert *cert = NULL;
    EVP_PKEY *key = NULL;
    enum cg_status status =
            identity_names_from_hosts(wish->hosts, wish->host_count, wish->subject, &names, err);

    if (status == CG_OK)
        status = identity_key_new(wish->kind, &key, err);
    if (status == CG_OK)
        status = identity_self_sign(&names, key, (int64_t)time(NULL), wish->days, &cert, err);
    if (status == CG_OK)
        status = identity_list_add(&made->chain, cert, err);
    if (status == CG_OK)
        status = write_both(made, key, err);
    cg_cert_free(cert);
    EVP_PKEY_free(key);
    identity_names_release(&names);
    return status;
}

static int
tell(const char *name, const struct made *made, enum cli_output output)
{
    json_t *facts;

    if (output == CLI_TEXT) {
        printf("identity \"%s\" {\n  certificate = \"%s\"\n  key = \"%s\"\n}\n", name,
                made->certificate, made->key);
        return CLI_ACCEPT;
    }
    facts = identity_json(&made->chain, (int64_t)time(NULL));
    if (facts != NULL) {
        (void)json_object_set_new(facts, "name", json_string(name));
        (void)json_object_set_new(facts, "certificate_path", json_string(made->certificate));
        (void)json_object_set_new(facts, "key_path", json_string(made->key));
    }
    return cli_put_json(facts);
}

int
cli_identity_files(const char *folder, const char *name, const struct identity_wish *wanted,
        enum cli_output output)
{
    struct identity_hosts machine = { .count = 0 };
    struct identity_wish wish = *wanted;
    struct made made = { .chain = { 0 } };
    struct cg_error err = { "" };
    int result = CLI_USAGE;

    if (!name_is_fine(name))
        return cli_fail("the name has to be 1 to %d letters, digits, '-', '_' or '.'",
                SNAPSHOT_NAME_SIZE - 1);
    if (wish.host_count == 0 && identity_hosts_of_machine(&machine)) {
        wish.hosts = (const char *const *)machine.items;
        wish.host_count = machine.count;
    }
    if (wish.host_count == 0)
        result = cli_fail("this machine has no name that a certificate could hold: give --host");
    else if (choose_paths(folder, name, &made, &err) != CG_OK || make(&wish, &made, &err) != CG_OK)
        result = cli_fail("%s", err.text);
    else
        result = tell(name, &made, output);
    input_list_release(&made.chain);
    identity_hosts_release(&machine);
    return result;
}
