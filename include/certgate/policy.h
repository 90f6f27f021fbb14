/*
 * What a received certificate is judged by: level or custom checks, role, service, names, allowances.
 */
#ifndef CERTGATE_POLICY_H
#define CERTGATE_POLICY_H

#include <certgate/cert.h>

/* The checks in page order (shared contract, section 4). The order names the first reason. */
enum cg_check {
    CG_CHECK_IN_DATE,
    CG_CHECK_KEY_1024,
    CG_CHECK_CHAIN,
    CG_CHECK_KEY_USAGE,
    CG_CHECK_EXTENDED_KEY_USAGE,
    CG_CHECK_CRITICAL_EXTENSIONS,
    CG_CHECK_KEY_2048,
    CG_CHECK_NOT_SELF_SIGNED,
    CG_CHECK_NOT_REFLECTED,
    CG_CHECK_IN_TCS,
    CG_CHECK_HOST_NAME,
    CG_CHECK_SIP_DOMAIN,
    CG_CHECK_REVOCATION, /* of no level: cg_policy_set_revocation() */
    CG_CHECK_COUNT
};

typedef uint32_t cg_check_set; /* bit i = enum cg_check i */

/* Those that levels are made of: every one of the page. */
#define CG_CHECKS_OF_LEVELS ((1u << CG_CHECK_REVOCATION) - 1)

enum cg_level {
    CG_LEVEL_NONE,
    CG_LEVEL_LOW,
    CG_LEVEL_MEDIUM,
    CG_LEVEL_HIGH,
    CG_LEVEL_MEDIUM_REMOTE,
    CG_LEVEL_HIGH_REMOTE,
    CG_LEVEL_COUNT,
    CG_LEVEL_CUSTOM = CG_LEVEL_COUNT, /* cg_policy_set_checks() */
};

enum cg_role { CG_ROLE_INBOUND, CG_ROLE_OUTBOUND }; /* we are the TLS server / the TLS client */
enum cg_service { CG_SERVICE_HTTPS, CG_SERVICE_SIP, CG_SERVICE_LINE };

enum cg_allowance {
    CG_ALLOW_SERVER_AUTH_CLIENTS, /* inbound peer with serverAuth but not clientAuth */
    CG_ALLOW_SIP_WILDCARD,        /* sip-domain may match "*.example.com", one whole left-most label */
    CG_ALLOW_SHA1_CHAIN,          /* SHA-1 signatures below the root */
    CG_ALLOW_COUNT,               /* of those that cg_policy_allow() takes */
    CG_ALLOW_ADMITTED = CG_ALLOW_COUNT, /* this one certificate: cg_policy_admit() */
    CG_ALLOWANCES                 /* of all that a decision may have needed */
};

/* Whether check `revocation` is made, and what it does with a certificate of which nothing is known. */
enum cg_revocation_mode {
    CG_REVOCATION_OFF,
    CG_REVOCATION_SOFT, /* passes, with a note */
    CG_REVOCATION_HARD, /* fails: revocation-unknown */
};

/* One row of the registry of checks: everything that manuals, help and renderings say of it. */
struct cg_check_info {
    const char *id;      /* "in-date" */
    const char *title;   /* "the certificate is within its validity period" */
    const char *page;    /* the vendor page's wording */
    const char *cites;   /* "RFC 5280 section 4.1.2.5" */
    const char *explain; /* when it passes, for `certgate help checks` */
    bool latchable;      /* skipped while the setting is latched */
    bool binding;        /* refuses a certificate that an administrator admits, too */
};

struct cg_level_info {
    const char *id;    /* "medium+remote" */
    const char *title; /* "Medium + Remote Checks" */
    const char *explain;
    cg_check_set checks;
};

const struct cg_check_info *cg_check_info(enum cg_check check);
const struct cg_level_info *cg_level_info(enum cg_level level); /* below CG_LEVEL_COUNT */
const char *cg_level_name(enum cg_level level);                 /* "custom" too */
const char *cg_role_name(enum cg_role role);
const char *cg_service_name(enum cg_service service);
const char *cg_revocation_mode_name(enum cg_revocation_mode mode);
const char *cg_allowance_name(enum cg_allowance allowance);
const char *cg_allowance_explain(enum cg_allowance allowance);

/* The inverse of the names above; false when the name is unknown. */
bool cg_check_from_name(const char *name, enum cg_check *out);
bool cg_level_from_name(const char *name, enum cg_level *out);
bool cg_role_from_name(const char *name, enum cg_role *out);
bool cg_service_from_name(const char *name, enum cg_service *out);
bool cg_revocation_mode_from_name(const char *name, enum cg_revocation_mode *out);
/* Of those that cg_policy_allow() takes. */
bool cg_allowance_from_name(const char *name, enum cg_allowance *out);

/*
 * A policy is built with the setters, then only read; it may then be shared by threads. Defaults:
 * level medium, inbound, https, no allowance, depth 10, certificate required, revocation off.
 */
struct cg_policy;

struct cg_policy *cg_policy_new(void);
void cg_policy_free(struct cg_policy *policy);

void cg_policy_set_level(struct cg_policy *policy, enum cg_level level);
void cg_policy_set_checks(struct cg_policy *policy, cg_check_set checks); /* makes the level custom */
/*
 * Adds check revocation to those of the level, or takes it away again. A custom set that names the check
 * makes the mode hard, unless it was set before.
 */
void cg_policy_set_revocation(struct cg_policy *policy, enum cg_revocation_mode mode);
void cg_policy_set_role(struct cg_policy *policy, enum cg_role role);
void cg_policy_set_service(struct cg_policy *policy, enum cg_service service);
void cg_policy_set_latched(struct cg_policy *policy, bool latched);
void cg_policy_set_ca_eku(struct cg_policy *policy, bool enforce);
void cg_policy_set_partial_chain(struct cg_policy *policy, bool allowed);
void cg_policy_set_require_certificate(struct cg_policy *policy, bool required);
/* Number of intermediates between the received certificate and the anchor, 0..32. */
CG_CHECKED enum cg_status cg_policy_set_max_depth(
        struct cg_policy *policy, unsigned depth, struct cg_error *err);
/* until: last second at which the allowance holds, INT64_MAX for no end. */
void cg_policy_allow(struct cg_policy *policy, enum cg_allowance allowance, int64_t until);
/*
 * Admits one certificate although checks fail on it, whatever came with it. All checks are made and their
 * findings stay what they are; the verdict is accept, by the allowance CG_ALLOW_ADMITTED. Never overridden
 * are binding checks, a revocation, what could not be evaluated, and refusals that no check makes; and a system clock
 * that is not believed admits nobody. What at_level says of the six levels leaves it out.
 *
 * until    last second at which it holds, INT64_MAX for no end
 * reason   told with each finding that it overrides; at most CG_MAX_NOTE octets are
 *
 * The same certificate again replaces the end and the reason. CG_E_LIMIT beyond 4,096 certificates.
 */
CG_CHECKED enum cg_status cg_policy_admit(struct cg_policy *policy,
        const uint8_t sha256[CG_SHA256_SIZE], int64_t until, const char *reason,
        struct cg_error *err);
/*
 * A reference identifier (RFC 9525): DNS name in A-labels or IP address in text form; any one of
 * several may match. CG_E_PARSE when it is neither.
 */
CG_CHECKED enum cg_status cg_policy_add_name(
        struct cg_policy *policy, const char *name, struct cg_error *err);
/* A SIP domain of the line (RFC 5922), in A-labels; any one of several may match. */
CG_CHECKED enum cg_status cg_policy_add_sip_domain(
        struct cg_policy *policy, const char *domain, struct cg_error *err);
/* A certificate that we present ourselves (check not-reflected); takes its own reference. */
CG_CHECKED enum cg_status cg_policy_add_identity(
        struct cg_policy *policy, const struct cg_cert *identity, struct cg_error *err);

enum cg_level cg_policy_level(const struct cg_policy *policy);
cg_check_set cg_policy_checks(const struct cg_policy *policy);
enum cg_revocation_mode cg_policy_revocation(const struct cg_policy *policy);
bool cg_policy_latched(const struct cg_policy *policy);

#endif
