/* What a certificate of our own is to say of us: subject and subjectAltName. */
#ifndef IDENTITY_NAMES_H
#define IDENTITY_NAMES_H

#include <openssl/x509v3.h>

#include <certgate/certgate.h>

/* Names of one certificate: as many as a policy takes. */
#define IDENTITY_MAX_HOSTS 64

struct identity_names {
    X509_NAME *subject;
    GENERAL_NAMES *sans;
};

/*
 * From what the machine is called.
 *
 * hosts     DNS names in A-labels ("*" may be the whole left-most label), addresses, and "sip:DOMAIN"
 * subject   "CN=gw.example.com,O=Example" (RFC 4514: escapes are a backslash and the character, or two
 *           hex digits; no RDN of several attributes), or NULL: the first host that a common name has
 *           room for
 * out       emptied first; to be released
 */
CG_CHECKED enum cg_status identity_names_from_hosts(const char *const *hosts, size_t count,
        const char *subject, struct identity_names *out, struct cg_error *err);
/* The same names as a certificate has, for its renewal. */
CG_CHECKED enum cg_status identity_names_from_cert(
        const struct cg_cert *cert, struct identity_names *out, struct cg_error *err);
void identity_names_release(struct identity_names *names);

/* A list of hosts that owns its texts. */
struct identity_hosts {
    char *items[IDENTITY_MAX_HOSTS];
    size_t count;
};

/* Adds one unless it is in the list; false when there is no room or no memory. */
bool identity_hosts_add(struct identity_hosts *hosts, const char *host);
/*
 * What the machine calls itself: its name, and the name that the resolver gives for it, the longer one
 * first. Asks the resolver, which may take seconds: nothing for a loop that serves.
 */
bool identity_hosts_of_machine(struct identity_hosts *hosts);
void identity_hosts_release(struct identity_hosts *hosts);

#endif
