/*
 * What is done with an identity: each operation leaves the private key in a file of the folder and gives
 * back what a commit puts in force (store_identity_put). Nothing that was there before is changed: an
 * identity in force goes on until the commit, and earlier generations keep their keys.
 *
 * There is no clock in here. Private keys appear in no text and no log.
 */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include <jansson.h>

#include "identity/certify.h"
#include "identity/key.h"
#include "input/input.h"

/* The outcome of an operation; to be released. */
struct identity {
    char *key_path; /* absolute where the folder was */
    bool key_is_new; /* the file was not there before */
    struct input_list chain; /* our own certificate first; empty where only a request was made */
    struct input_list authorities; /* CA certificates out of a container: for the TCS */
    char *request; /* PKCS#10 in PEM, or NULL */
};

void identity_release(struct identity *identity);
/* It is not put in force after all: a key that was made for it goes, one that was there stays. */
void identity_withdraw(const struct identity *identity);

/* Where an operation happens; borrowed. */
struct identity_place {
    const char *folder; /* made where it is missing */
    const char *name; /* of the identity */
    int64_t now; /* seconds since 1970 */
};

struct identity_wish {
    const char *const *hosts; /* see identity_names_from_hosts() */
    size_t host_count;
    const char *subject; /* NULL: of the first host */
    enum identity_kind kind;
    unsigned days; /* of a self-signed certificate */
};

/* A new key and a certificate that it signs itself. */
CG_CHECKED enum cg_status identity_create(const struct identity_place *place,
        const struct identity_wish *wish, struct identity *out, struct cg_error *err);

/*
 * A request to a CA, which waits in the folder until it is answered by identity_install(); a newer one
 * takes its place.
 *
 * key_path   of the key to use, or NULL for a new one
 */
CG_CHECKED enum cg_status identity_ask(const struct identity_place *place,
        const struct identity_wish *wish, const char *key_path, struct identity *out,
        struct cg_error *err);

/*
 * What the CA answered: PEM, DER or PKCS#7, our certificate and its chain in any order. The certificate
 * must be of the key of the request that waits, or of the key in force. The chain is sent, not trusted:
 * whoever else the CA has issued a certificate to would be let in.
 *
 * key_path   of the key in force, or NULL
 */
CG_CHECKED enum cg_status identity_install(const struct identity_place *place, const char *key_path,
        const uint8_t *bytes, size_t len, struct identity *out, struct cg_error *err);
/* What was installed is in force: the request that it answers waits no longer. */
void identity_answered(const struct identity_place *place, const struct identity *installed);

/* A PKCS#12 container: one private key, its certificate and whatever chain is with it. */
CG_CHECKED enum cg_status identity_import(const struct identity_place *place, const uint8_t *bytes,
        size_t len, const char *passphrase, struct identity *out, struct cg_error *err);

/*
 * The same names for another term, as long as the last one: a new certificate where ours signed itself,
 * else a request to the CA.
 *
 * own        the certificate in force
 * key_path   its key
 * new_key    take a new key of the same kind
 */
CG_CHECKED enum cg_status identity_renew(const struct identity_place *place,
        const struct cg_cert *own, const char *key_path, bool new_key, struct identity *out,
        struct cg_error *err);

/*
 * What there is to show of an identity: {"subject", "issuer", "sans": [], "sha256", "not_before",
 * "not_after", "days_left", "key", "self_signed", "chain": [{"sha256", "subject"}]}. days_left is
 * negative once it has expired. NULL only without memory.
 */
json_t *identity_json(const struct input_list *chain, int64_t now);
/* The certificate's own key signed it. */
bool identity_is_self_signed(const struct cg_cert *cert);

#endif
