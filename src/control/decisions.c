#include "control/decisions.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "journal/query.h"

const char *
decisions_log(const struct control *control, struct cg_error *err)
{
    const char *path = control->candidate->settings->log;

    if (strcmp(path, "stdout") != 0)
        return path;
    (void)cg_fail(err, CG_E_USAGE,
            "the decision log goes to standard output, where it cannot be read back: name a file "
            "by 'log' in %s",
            control->options.config);
    return NULL;
}

bool
decisions_certificate(const struct control *control, const char *incident,
        char out[2 * CG_SHA256_SIZE + 1], struct cg_error *err)
{
    const char *path = decisions_log(control, err);
    struct journal_incident *found = NULL;
    bool ok = false;

    if (path == NULL || journal_incident_find(path, incident, &found, err) != CG_OK)
        return false;
    for (size_t i = 0; i < found->count && !ok; i++) {
        if (strlen(found->entries[i].sha256) != 2 * CG_SHA256_SIZE)
            continue;
        (void)snprintf(out, 2 * CG_SHA256_SIZE + 1, "%s", found->entries[i].sha256);
        ok = true;
    }
    if (!ok)
        (void)cg_fail(
                err, CG_E_USAGE, "the log holds no incident %.64s with a certificate", incident);
    journal_incident_free(found);
    return ok;
}
