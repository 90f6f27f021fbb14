#include "control/expiry.h"

#include <stdlib.h>

#include "control/metrics.h"
#include "control/say.h"

#define SETTING "expiry.warning-days"
/* Its default, for a node without a store. */
#define USUAL_DAYS 60
#define SECONDS_A_DAY 86400

/* Our own of an identity's certificates; NULL without memory. */
static struct cg_cert *
own_of(const struct snapshot_identity *identity)
{
    struct cg_cert *cert;

    return identity->chain_count != 0 &&
                    cg_cert_from_der(
                            identity->chain[0].data, identity->chain[0].len, &cert, NULL) == CG_OK
            ? cert
            : NULL;
}

static int64_t
warning_days(const struct control *control)
{
    struct store_setting setting;
    struct store_view view;

    if (control->store == NULL || store_now(control->store, &view, NULL) != STORE_OK ||
            store_get(&view, SETTING, &setting, NULL) != STORE_OK)
        return USUAL_DAYS;
    return strtoll(setting.value, NULL, 10);
}

void
expiry_say(const struct control *control, int64_t now)
{
    const struct snapshot *snapshot = &control->candidate->snapshot;
    const int64_t days = warning_days(control);

    for (size_t i = 0; i < snapshot->identity_count; i++) {
        struct cg_cert *cert = own_of(&snapshot->identities[i]);
        int64_t left = cert == NULL ? INT64_MAX : cg_cert_not_after(cert) - now;
        char *until = cert == NULL ? NULL : cg_cert_text(cert, CG_FIELD_NOT_AFTER);

        if (left < 0)
            say("warning: the certificate of identity '%s' expired %s: renew it",
                    snapshot->identities[i].name, until == NULL ? "" : until);
        else if (left / SECONDS_A_DAY < days)
            say("warning: the certificate of identity '%s' expires %s, in %lld day%s: renew it",
                    snapshot->identities[i].name, until == NULL ? "" : until,
                    (long long)(left / SECONDS_A_DAY), left / SECONDS_A_DAY == 1 ? "" : "s");
        free(until);
        cg_cert_free(cert);
    }
}

void
expiry_metrics(const struct candidate *candidate, struct cg_buf *out)
{
    static const char metric[] = "certgate_identity_not_after_timestamp_seconds";

    if (candidate == NULL || candidate->snapshot.identity_count == 0)
        return;
    cg_buf_addf(
            out, "# HELP %s when our own certificate expires\n# TYPE %s gauge\n", metric, metric);
    for (size_t i = 0; i < candidate->snapshot.identity_count; i++) {
        const struct snapshot_identity *identity = &candidate->snapshot.identities[i];
        struct cg_cert *cert = own_of(identity);

        if (cert == NULL)
            continue;
        cg_buf_addf(out, "%s{", metric);
        metrics_label(out, "identity", identity->name);
        cg_buf_addf(out, "} %lld\n", (long long)cg_cert_not_after(cert));
        cg_cert_free(cert);
    }
}
