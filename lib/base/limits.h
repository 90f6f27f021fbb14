/*
 * Every bound of the engine, each with its reason. The gateway's own are in src/gateway/limits.h.
 */
#ifndef CG_BASE_LIMITS_H
#define CG_BASE_LIMITS_H

/* Largest certificate: real ones stay under 8 KiB; 500 names need 20 KiB. */
#define CG_MAX_CERT_BYTES (32 * 1024)
/* Chain a peer may send in a handshake: libssl itself stops at 100 KiB by default. */
#define CG_MAX_CHAIN_CERTS 16
#define CG_MAX_CHAIN_BYTES (64 * 1024)
/* Candidates that `certgate check` reads beside the received certificate; the engine's own bound. */
#define CG_MAX_CANDIDATES 128
/* Intermediates between received certificate and anchor: default and bounds of max-path-depth. */
#define CG_DEFAULT_PATH_DEPTH 10
#define CG_MAX_PATH_DEPTH 32
/* Received certificate + intermediates + anchor. */
#define CG_MAX_PATH_CERTS (CG_MAX_PATH_DEPTH + 2)
/*
 * Signature verifications per decision: at 45 us for P-256 about 3 ms. RSA above 4,096 bits counts as as
 * many as it costs, so that no key makes the limit a longer time than another.
 */
#define CG_MAX_SIGNATURES 64
/* Candidate edges (issuer, subject) considered per decision. */
#define CG_MAX_EDGES 512
/* SAN entries that are looked at by names and constraints. */
#define CG_MAX_SAN_ENTRIES 1024
/* Name comparisons against name constraints per search: 1,024 SANs against 1,024 subtrees, 10 ms. */
#define CG_MAX_CONSTRAINT_COMPARISONS (1024 * 1024)
/* Nodes of the policy tree (RFC 5280 section 6.1.2): doubling per level must stay bounded. */
#define CG_MAX_POLICY_NODES 512
/* Extensions of one certificate: the widest real ones have 15. */
#define CG_MAX_EXTENSIONS 64
/* Extended key usages, policies, subtrees kept per certificate. */
#define CG_MAX_EKUS 64
#define CG_MAX_POLICIES 64
/* Attributes of one RDN, and RDNs of a name: real ones have a dozen, a certificate has room for 2,700. */
#define CG_MAX_NAME_ATTRIBUTES 64
#define CG_MAX_NAME_RDNS 2048
/* Nesting of DER that the reader follows. */
#define CG_MAX_DER_DEPTH 16
/* RSA moduli that are worked with: larger ones cost the verifier, not the signer. */
#define CG_MAX_RSA_BITS 16384
/* Public exponents: a longer one makes a signature's check a hundred times dearer. OpenSSL's own bound. */
#define CG_MAX_RSA_EXPONENT_BITS 64
/* Reference names, SIP domains and identities of one policy. */
#define CG_MAX_POLICY_NAMES 64
#define CG_MAX_IDENTITIES 32
/* Certificates that a policy admits although checks fail: exceptions, not a trust store of their own. */
#define CG_MAX_ADMITTED 4096
/* Decisions that an engine remembers, in sets of two: 4,096 acceptances at some 5 KiB, 512 refusals. */
#define CG_DECISION_SETS 2048
#define CG_REFUSAL_SETS 256
/* Certificates that one of them may keep in memory: real paths need 3 to 7 KiB. */
#define CG_MAX_REMEMBERED_BYTES (16 * 1024)
/* Digest of the longest kind, SHA-512. */
#define CG_MAX_DIGEST 64
/* Largest CRL: the largest in public use have 10 MiB, and 300,000 entries. */
#define CG_MAX_CRL_BYTES (16 * 1024 * 1024)
#define CG_MAX_CRL_ENTRIES (512 * 1024)
/* One entry behind its serial number: a date and a reason have 40 octets. */
#define CG_MAX_CRL_ENTRY_BYTES 4096
/* Distribution points of a certificate or CRL, and responders of a certificate: real ones have two. */
#define CG_MAX_REVOCATION_POINTS 16
/* Largest OCSP response, its answers and the certificates that come with it: real ones have 4 KiB, 1 and 3. */
#define CG_MAX_OCSP_BYTES (64 * 1024)
#define CG_MAX_OCSP_ANSWERS 64
#define CG_MAX_OCSP_CERTS 8
/* CRLs and responses of one set. */
#define CG_MAX_EVIDENCE 4096
/* Of them looked at for one certificate: those that name its issuer, or it. */
#define CG_MAX_EVIDENCE_TRIED 8
/* Where thisUpdate may lie ahead of our clock, and how long evidence without a nextUpdate is fresh. */
#define CG_REVOCATION_SKEW 300
#define CG_REVOCATION_UNDATED (24 * 60 * 60)
/* Where evidence came from: a URL or a file's path. */
#define CG_MAX_EVIDENCE_SOURCE 1024
/* Text of one finding's value. */
#define CG_MAX_NOTE 512
/* Moments that are judged, before and after 1970: every date a certificate can hold, and room to add to it. */
#define CG_MAX_SECONDS (INT64_C(1) << 40)
/* Trace of a path search. */
#define CG_MAX_TRACE_BYTES (256 * 1024)

#endif
