#include "control/assets.h"

#include <string.h>

const char asset_policy[] =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'";

const struct asset *
asset_find(const char *path)
{
    for (size_t i = 0; i < asset_count; i++)
        if (strcmp(assets[i].path, path) == 0)
            return &assets[i];
    return NULL;
}

bool
asset_is_known(const struct asset *asset, const char *if_none_match)
{
    const size_t len = strlen(asset->etag);
    const char *at = if_none_match == NULL ? "" : if_none_match;

    if (strcmp(at, "*") == 0)
        return true;
    while (*at != '\0') {
        at += strspn(at, " \t,");
        if (strncmp(at, "W/", 2) == 0) /* weak comparison is asked for: section 8.8.3.2 */
            at += 2;
        if (strncmp(at, asset->etag, len) == 0 && strchr(" \t,", at[len]) != NULL)
            return true; /* the end of the text counts as found too */
        at += strcspn(at, ",");
    }
    return false;
}
