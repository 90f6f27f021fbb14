/*
 * Certificates from a recipe: the input's octets choose among keys, names, dates and extensions, and the
 * certificates are then signed for real, so that a fuzzer gets behind the signatures to the rules. All
 * octets 0 give an ordinary chain of three: root, intermediate, end entity.
 *
 *     RECIPE_HEADER octets for the scene · RECIPE_RECORD octets for each certificate, received one first
 *
 * What is missing at the end counts as 0. A record of fixed size keeps one certificate's change from moving
 * the others.
 */
#ifndef TESTS_FUZZ_RECIPE_H
#define TESTS_FUZZ_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECIPE_HEADER 8
#define RECIPE_RECORD 40
#define RECIPE_MAX_CERTS 8

struct recipe_cert {
    uint8_t *der;
    size_t len;
    bool trusted;
    bool sent;
};

struct recipe {
    struct recipe_cert certs[RECIPE_MAX_CERTS];
    size_t count;
    int64_t now;
    bool partial_chain;
    bool allow_sha1;
    bool ca_eku;
    bool outbound;
    unsigned max_depth;
};

void recipe_make(struct recipe *recipe, const uint8_t *data, size_t len);
void recipe_release(struct recipe *recipe);

/* The octets of a record; the generator of the corpus has the same list. */
enum recipe_field {
    RECIPE_ISSUER = 0, /* which certificate issued it: the next one, and so many further */
    RECIPE_SUBJECT = 1, /* low three bits: whose name; see put_name() */
    RECIPE_ISSUER_NAME = 2, /* changes to the issuer's subject octet */
    RECIPE_KEY = 3, /* low three bits: whose key; above: its type */
    RECIPE_SIGNER = 4, /* whose key signs, how, and what is spoiled */
    RECIPE_NOT_BEFORE = 5,
    RECIPE_NOT_AFTER = 6,
    RECIPE_VERSION = 7, /* and the serial number */
    RECIPE_BASIC = 8,
    RECIPE_KEY_USAGE = 9,
    RECIPE_EXT_KEY_USAGE = 10,
    RECIPE_KEY_IDS = 11,
    RECIPE_CONSTRAINTS = 12, /* a count, then two octets for each of three subtrees */
    RECIPE_NAMES = 19, /* the same for subjectAltName */
    RECIPE_POLICIES = 26, /* a count, then an octet for each of three */
    RECIPE_MAPPINGS = 30, /* a count, then an octet for each of two */
    RECIPE_POLICY_LIMITS = 33, /* policyConstraints: require, inhibit */
    RECIPE_INHIBIT_ANY = 34,
    RECIPE_EXTRA = 35, /* an extension more */
    RECIPE_PLACE = 36, /* in the store, in the chain sent */
};

#endif
