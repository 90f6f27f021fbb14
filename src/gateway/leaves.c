#include "gateway/leaves.h"

#include <stdlib.h>
#include <string.h>

struct leaves {
    struct leaf places[LEAVES_PLACES];
};

struct leaves *
leaves_new(void)
{
    return calloc(1, sizeof(struct leaves));
}

static void
release(struct leaf *leaf)
{
    cg_cert_free(leaf->cert);
    free(leaf->json);
    *leaf = (struct leaf) { .cert = NULL };
}

void
leaves_free(struct leaves *leaves)
{
    for (size_t i = 0; leaves != NULL && i < LEAVES_PLACES; i++)
        release(&leaves->places[i]);
    free(leaves);
}

const struct leaf *
leaves_get(struct leaves *leaves, const uint8_t sha256[CG_SHA256_SIZE], struct cg_span der)
{
    struct leaf *leaf;
    uint32_t hash;

    memcpy(&hash, sha256, sizeof(hash));
    leaf = &leaves->places[hash % LEAVES_PLACES];
    if (leaf->cert != NULL && memcmp(leaf->sha256, sha256, CG_SHA256_SIZE) == 0)
        return leaf;
    release(leaf);
    if (cg_cert_from_der(der.data, der.len, &leaf->cert, NULL) != CG_OK)
        leaf->cert = NULL;
    leaf->json = leaf->cert != NULL ? cg_cert_json(leaf->cert) : NULL;
    if (leaf->json == NULL) {
        release(leaf);
        return NULL;
    }
    memcpy(leaf->sha256, sha256, CG_SHA256_SIZE);
    return leaf;
}
