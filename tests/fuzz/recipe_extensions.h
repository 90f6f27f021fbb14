/* Extensions of a recipe's record, each written or left out as its octets say. */
#ifndef TESTS_FUZZ_RECIPE_EXTENSIONS_H
#define TESTS_FUZZ_RECIPE_EXTENSIONS_H

#include "der_writer.h"
#include "recipe.h"

/* What key identifiers are made of. */
struct recipe_ids {
    uint8_t subject_key; /* a number for the key; the identifier is twenty of it */
    uint8_t issuer_key;
    uint8_t issuer_serial;
    uint8_t issuer_issuer; /* the RECIPE_SUBJECT octet of the issuer's own issuer */
};

/* [3] EXPLICIT Extensions, or nothing where the record asks for none. */
void recipe_put_extensions(
        struct der_writer *out, const uint8_t *record, bool leaf, const struct recipe_ids *ids);

/* A Name as the RECIPE_SUBJECT octet says. */
void recipe_put_name(struct der_writer *out, uint8_t octet);

#endif
