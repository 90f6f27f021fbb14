/*
 * Mutation of recipes: a few fields of a few certificates get other values, mostly small ones; whole groups of
 * policies or constraints along the path at once, since one alone seldom changes a verdict.
 */
#include <string.h>

#include "der_mutator.h"
#include "recipe.h"

static const uint8_t groups[][4] = {
    { RECIPE_POLICIES, RECIPE_POLICIES + 1, RECIPE_POLICIES + 2, RECIPE_POLICY_LIMITS },
    { RECIPE_POLICIES, RECIPE_POLICIES + 1, RECIPE_MAPPINGS, RECIPE_MAPPINGS + 1 },
    { RECIPE_POLICIES, RECIPE_POLICIES + 1, RECIPE_INHIBIT_ANY, RECIPE_POLICY_LIMITS },
    { RECIPE_CONSTRAINTS, RECIPE_CONSTRAINTS + 1, RECIPE_CONSTRAINTS + 2, RECIPE_SUBJECT },
    { RECIPE_NAMES, RECIPE_NAMES + 1, RECIPE_NAMES + 2, RECIPE_CONSTRAINTS },
    { RECIPE_ISSUER, RECIPE_SUBJECT, RECIPE_KEY, RECIPE_PLACE },
    { RECIPE_NOT_BEFORE, RECIPE_NOT_AFTER, RECIPE_BASIC, RECIPE_KEY_IDS },
};

static unsigned state;

static size_t
choose(size_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
    const size_t whole = RECIPE_HEADER + RECIPE_MAX_CERTS * RECIPE_RECORD;
    const uint8_t *group;
    size_t certs;

    state = seed;
    if (max < whole || choose(3) == 0)
        return LLVMFuzzerMutate(data, len, max);
    if (len < whole)
        memset(data + len, 0, whole - len);
    group = groups[choose(sizeof(groups) / sizeof(groups[0]))];
    certs = data[0] == 0 ? 3 : 1u + data[0] % RECIPE_MAX_CERTS;
    for (size_t i = 0; i < certs; i++) {
        uint8_t *record = data + RECIPE_HEADER + i * RECIPE_RECORD;

        for (size_t field = 0; field < 4; field++)
            if (choose(2) == 0)
                record[group[field]] = (uint8_t)choose(choose(4) == 0 ? 256 : 4);
    }
    if (choose(4) == 0)
        data[choose(3)] = (uint8_t)choose(8);
    return whole;
}
