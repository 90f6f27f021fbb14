#include "store/latch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

#define MAX_RELEASE_PARTS 6

static const unsigned long checks_since[] = { 11, 1, 3 };

cg_check_set
latch_checks(void)
{
    cg_check_set set = 0;

    for (unsigned i = 0; i < CG_CHECK_COUNT; i++)
        if (cg_check_info((enum cg_check)i)->latchable)
            set |= 1u << i;
    return set;
}

cg_check_set
latch_covers(const struct registry_row *row, const char *value)
{
    enum cg_level level;

    if (!row->latchable || value == NULL || !cg_level_from_name(value, &level))
        return 0;
    return cg_level_info(level)->checks & latch_checks();
}

enum store_status
latch_is_older(const char *release, bool *older, struct cg_error *err)
{
    unsigned long parts[MAX_RELEASE_PARTS] = { 0 };
    const char *at = release;
    size_t count = 0;
    char *end;
    char shown[4 * 32];

    *older = false;
    if (release == NULL)
        return STORE_OK;
    if (*at == 'R' || *at == 'r')
        at++;
    for (;;) {
        if (count == MAX_RELEASE_PARTS || *at < '0' || *at > '9')
            break;
        parts[count] = strtoul(at, &end, 10);
        if (end - at > 6)
            break;
        count++;
        at = end;
        if (*at != '.')
            break;
        at++;
    }
    if (count == 0 || *at != '\0' || at[-1] == '.') {
        store_show(shown, sizeof(shown), release);
        return store_fail(err, STORE_INVALID, "'%s' is not a release like 11.1.2", shown);
    }
    for (size_t i = 0; i < sizeof(checks_since) / sizeof(checks_since[0]); i++) {
        if (parts[i] != checks_since[i]) {
            *older = parts[i] < checks_since[i];
            break;
        }
    }
    return STORE_OK;
}

struct preview {
    store_cleared_fn *fn;
    void *arg;
};

static bool
preview_one(void *arg, const struct store_difference *difference)
{
    const struct preview *preview = arg;
    const struct registry_row *row;
    struct store_cleared cleared = { .name = difference->name, .before = difference->before };

    if (difference->part != STORE_PART_SETTING || !difference->latched_before ||
            difference->latched_after || registry_find(difference->name, &row, NULL) != STORE_OK)
        return true;
    cleared.after = difference->after != NULL ? difference->after
            : row->initial != NULL            ? row->initial
                                              : "";
    cleared.begin = latch_covers(row, cleared.after);
    return preview->fn(preview->arg, &cleared);
}

enum store_status
store_preview_latches(
        const struct store_change *change, store_cleared_fn *fn, void *arg, struct cg_error *err)
{
    struct store_view base = { change->sql, change->base }, next = store_pending(change);
    struct preview preview = { fn, arg };

    return store_diff(&base, &next, preview_one, &preview, err);
}

static bool
preview_line(void *arg, const struct store_cleared *cleared)
{
    struct cg_buf *out = arg;
    bool first = true;

    cg_buf_addf(out, "%s: ", cleared->name);
    if (strcmp(cleared->before, cleared->after) != 0)
        cg_buf_addf(out, "from '%s' to '%s' ", cleared->before, cleared->after);
    cg_buf_add(out, "clears the latch for good");
    for (unsigned i = 0; i < CG_CHECK_COUNT; i++) {
        if ((latch_checks() & 1u << i) == 0)
            continue;
        cg_buf_add(out,
                !first                        ? ", "
                        : cleared->begin != 0 ? "; now these checks apply: "
                                              : "; from medium on these checks will apply: ");
        cg_buf_add(out, cg_check_info((enum cg_check)i)->id);
        first = false;
    }
    cg_buf_add(out, "\n");
    return true;
}

enum store_status
store_preview(const struct store_change *change, struct cg_buf *out, struct cg_error *err)
{
    enum store_status status = store_preview_latches(change, preview_line, out, err);

    if (status == STORE_OK && out->failed)
        status = store_fail(err, STORE_NOMEM, "no memory for a preview");
    return status;
}
