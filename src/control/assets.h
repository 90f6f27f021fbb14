/* The console's files, which certgated serves from memory. The table is made of console/dist by scripts/assets. */
#ifndef CERTGATE_CONTROL_ASSETS_H
#define CERTGATE_CONTROL_ASSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct asset {
    const char *path; /* as in the request; the page itself is "/" */
    const char *type; /* Content-Type */
    const char *etag; /* quoted, as the field has it (RFC 9110 section 8.8.3) */
    const uint8_t *gzip; /* the content, to be sent with Content-Encoding: gzip */
    size_t len;
};

extern const struct asset assets[];
extern const size_t asset_count;

/*
 * What the page needs and no more: scripts and styles of our own files, requests to where it came from. To be sent
 * with every file as Content-Security-Policy.
 */
extern const char asset_policy[];

/* The file of a path (without its query), or NULL. */
const struct asset *asset_find(const char *path);

/*
 * Whether an If-None-Match field, which may be NULL, names this content, so that the answer is 304 (RFC 9110 section
 * 13.1.2): a list of entity tags, each strong or weak, or "*".
 */
bool asset_is_known(const struct asset *asset, const char *if_none_match);

#endif
