#include "identity/names.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/error.h"
#include "names/names.h"

#define SIP_SCHEME "sip:"
/* ub-common-name, RFC 5280 appendix A.1. */
#define MAX_COMMON_NAME 64
#define MAX_HOST 255
/* Where no host fits into a common name: an issuer's name must not be empty (RFC 5280 section 4.1.2.4). */
#define NAME_OF_LAST_RESORT "certgate"
#define MAX_SUBJECT 1024

void
identity_names_release(struct identity_names *names)
{
    X509_NAME_free(names->subject);
    GENERAL_NAMES_free(names->sans);
    *names = (struct identity_names) { NULL, NULL };
}

/* ---- hosts ------------------------------------------------------------------------------------- */

static bool
push_string(GENERAL_NAMES *sans, int type, int string_type, const void *data, size_t len)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *string = ASN1_STRING_type_new(string_type);

    if (name == NULL || string == NULL || ASN1_STRING_set(string, data, (int)len) != 1) {
        ASN1_STRING_free(string);
        GENERAL_NAME_free(name);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, string);
    if (sk_GENERAL_NAME_push(sans, name) <= 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

static enum cg_status
add_host(GENERAL_NAMES *sans, const char *host, struct cg_error *err)
{
    bool sip = strncasecmp(host, SIP_SCHEME, strlen(SIP_SCHEME)) == 0, ok;
    const char *bare = sip ? host + strlen(SIP_SCHEME) : host;
    struct cg_reference reference;
    size_t len = strlen(bare);

    if (len > MAX_HOST)
        return cg_fail(err, CG_E_USAGE, "'%.64s…' is too long for a name", host);
    if (!sip && cg_dns_name_is_valid(cg_span(bare, len), true) &&
            strncmp(bare, "*.", strlen("*.")) == 0)
        ok = push_string(sans, GEN_DNS, V_ASN1_IA5STRING, bare, len);
    else if (!cg_reference_parse(bare, &reference) || (sip && reference.kind != CG_REFERENCE_DNS))
        return cg_fail(err, CG_E_USAGE,
                "'%.255s' is neither a DNS name in A-labels nor an address nor sip:DOMAIN", host);
    else if (sip)
        /* RFC 5922 section 7.1: the domain as a URI, scheme sip, without a user part. */
        ok = push_string(sans, GEN_URI, V_ASN1_IA5STRING, host, strlen(host));
    else if (reference.kind == CG_REFERENCE_IP)
        ok = push_string(
                sans, GEN_IPADD, V_ASN1_OCTET_STRING, reference.address, reference.address_len);
    else
        ok = push_string(sans, GEN_DNS, V_ASN1_IA5STRING, reference.text, strlen(reference.text));
    return ok ? CG_OK : cg_fail(err, CG_E_NOMEM, "no memory for a name");
}

/* ---- subject ----------------------------------------------------------------------------------- */

static bool
hex_digit(char c, unsigned *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c == '\0' ? NULL : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

    *out = at == NULL ? 0 : (unsigned)(at - digits);
    return at != NULL;
}

/* One value up to an unescaped comma or the end, which *at then is; false when it is malformed. */
static bool
read_value(const char **at, char *value, size_t size, size_t *len)
{
    *len = 0;
    while (**at != '\0' && **at != ',') {
        unsigned high, low;
        char c = *(*at)++;

        if (c == '+' || *len == size)
            return false;
        if (c == '\\' && hex_digit((*at)[0], &high) && hex_digit((*at)[1], &low)) {
            c = (char)(high << 4 | low);
            *at += 2;
        } else if (c == '\\') {
            c = *(*at)++;
            if (c == '\0')
                return false;
        }
        value[(*len)++] = c;
    }
    return *len != 0;
}

/* The text has the last RDN first, so each goes in front of what is there. */
static enum cg_status
parse_subject(const char *text, X509_NAME *out, struct cg_error *err)
{
    static const char *const types[] = { "CN", "O", "OU", "C", "ST", "L", "DC", "serialNumber",
        NULL };
    const char *at = text;

    do {
        char value[MAX_SUBJECT];
        size_t len, type = 0;

        while (*at == ' ')
            at++;
        while (types[type] != NULL &&
                (strncasecmp(at, types[type], strlen(types[type])) != 0 ||
                        at[strlen(types[type])] != '='))
            type++;
        if (types[type] == NULL)
            return cg_fail(err, CG_E_USAGE,
                    "subject '%.200s': each part must be CN, O, OU, C, ST, L, DC or serialNumber, "
                    "an equals sign and a value",
                    text);
        at += strlen(types[type]) + 1;
        if (!read_value(&at, value, sizeof(value), &len) ||
                X509_NAME_add_entry_by_txt(out, types[type], MBSTRING_UTF8,
                        (const unsigned char *)value, (int)len, 0, 0) != 1) {
            ERR_clear_error();
            return cg_fail(err, CG_E_USAGE, "subject '%.200s': the value of %s cannot be so", text,
                    types[type]);
        }
    } while (*at == ',' && *++at != '\0');
    return CG_OK;
}

static enum cg_status
subject_of_hosts(const char *const *hosts, size_t count, X509_NAME *out, struct cg_error *err)
{
    const char *name = NAME_OF_LAST_RESORT;

    for (size_t i = count; i-- != 0;)
        if (strlen(hosts[i]) <= MAX_COMMON_NAME &&
                strncasecmp(hosts[i], SIP_SCHEME, strlen(SIP_SCHEME)) != 0)
            name = hosts[i];
    if (X509_NAME_add_entry_by_txt(
                out, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1)
        return CG_OK;
    ERR_clear_error();
    return cg_fail(err, CG_E_CRYPTO, "cannot make a subject of '%s'", name);
}

enum cg_status
identity_names_from_hosts(const char *const *hosts, size_t count, const char *subject,
        struct identity_names *out, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    *out = (struct identity_names) { X509_NAME_new(), sk_GENERAL_NAME_new_null() };
    if (out->subject == NULL || out->sans == NULL)
        status = cg_fail(err, CG_E_NOMEM, "no memory for names");
    else if (count == 0 || count > IDENTITY_MAX_HOSTS)
        status = cg_fail(err, CG_E_USAGE,
                "%zu host names, and a certificate of ours needs 1 to %d: peers look at nothing "
                "else",
                count, IDENTITY_MAX_HOSTS);
    for (size_t i = 0; status == CG_OK && i < count; i++)
        status = add_host(out->sans, hosts[i], err);
    if (status == CG_OK)
        status = subject != NULL && subject[0] != '\0'
                ? parse_subject(subject, out->subject, err)
                : subject_of_hosts(hosts, count, out->subject, err);
    if (status != CG_OK)
        identity_names_release(out);
    return status;
}

enum cg_status
identity_names_from_cert(
        const struct cg_cert *cert, struct identity_names *out, struct cg_error *err)
{
    const uint8_t *at;
    size_t len;
    X509 *x509;

    at = cg_cert_get0_der(cert, &len);
    x509 = d2i_X509(NULL, &at, (long)len);
    *out = (struct identity_names) { NULL, NULL };
    if (x509 != NULL) {
        out->subject = X509_NAME_dup(X509_get_subject_name(x509));
        out->sans = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    }
    X509_free(x509);
    ERR_clear_error();
    if (out->subject != NULL && out->sans != NULL)
        return CG_OK;
    identity_names_release(out);
    return cg_fail(err, CG_E_USAGE,
            "the certificate has no subjectAltName that could be kept: create a new one");
}

/* ---- the machine ------------------------------------------------------------------------------- */

bool
identity_hosts_add(struct identity_hosts *hosts, const char *host)
{
    for (size_t i = 0; i < hosts->count; i++)
        if (strcasecmp(hosts->items[i], host) == 0)
            return true;
    if (hosts->count == IDENTITY_MAX_HOSTS || (hosts->items[hosts->count] = strdup(host)) == NULL)
        return false;
    hosts->count++;
    return true;
}

bool
identity_hosts_of_machine(struct identity_hosts *hosts)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME
    };
    struct addrinfo *found = NULL;
    struct cg_reference reference;
    char name[MAX_HOST + 1];
    bool ok = true;

    if (gethostname(name, sizeof(name)) != 0)
        return false;
    name[MAX_HOST] = '\0';
    if (strchr(name, '.') == NULL && getaddrinfo(name, NULL, &hints, &found) == 0 &&
            found->ai_canonname != NULL && strchr(found->ai_canonname, '.') != NULL &&
            cg_reference_parse(found->ai_canonname, &reference) &&
            reference.kind == CG_REFERENCE_DNS)
        ok = identity_hosts_add(hosts, reference.text);
    if (found != NULL)
        freeaddrinfo(found);
    if (cg_reference_parse(name, &reference) && reference.kind == CG_REFERENCE_DNS)
        ok = ok && identity_hosts_add(hosts, reference.text);
    return ok;
}

void
identity_hosts_release(struct identity_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++)
        free(hosts->items[i]);
    hosts->count = 0;
}
