#include "control/expiry.h"

#include <stdlib.h>
#include <syslog.h>

#include "control/metrics.h"
#include "control/peers.h"
#include "control/recorder.h"
#include "control/say.h"
#include "inventory/inventory.h"

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

/* ---- once a day -------------------------------------------------------------------------------- */

/* Peers that were not seen for longer are gone, and the last span that is told. */
#define SEEN_DAYS 30
#define TOLD_DAYS 60

struct look {
    struct expiring_report *report;
    int64_t now;
};

static bool
add_trusted(void *arg, const struct store_cert *cert)
{
    const struct look *look = arg;

    expiring_add(look->report, EXPIRING_TCS, cert->subject, cert->not_after, look->now);
    return true;
}

/* One that was never admitted is not missed, and one that shows its next certificate already is fine. */
static bool
add_peer(void *arg, const struct inventory_peer *peer)
{
    const struct look *look = arg;

    if (peer->ever_accepted && peer->successor != INVENTORY_BY_NAME)
        expiring_add(look->report, EXPIRING_PEER,
                peer->subject[0] == '\0' ? peer->sha256 : peer->subject, peer->not_after,
                look->now);
    return true;
}

static void
look_around(struct control *control, struct look *look)
{
    const struct snapshot *snapshot = &control->candidate->snapshot;
    const int64_t until = look->now + (TOLD_DAYS + 1) * SECONDS_A_DAY;
    const struct inventory_query query = { .since = look->now - SEEN_DAYS * SECONDS_A_DAY,
        .expires_by = until };
    struct inventory *inventory = peers_inventory(control->peers);
    struct cg_error err = { "" };
    struct store_view view;

    for (size_t i = 0; i < snapshot->identity_count; i++) {
        struct cg_cert *cert = own_of(&snapshot->identities[i]);

        if (cert != NULL)
            expiring_add(look->report, EXPIRING_IDENTITY, snapshot->identities[i].name,
                    cg_cert_not_after(cert), look->now);
        cg_cert_free(cert);
    }
    if (control->store != NULL &&
            (store_now(control->store, &view, &err) != STORE_OK ||
                    store_tcs_expiring(&view, until, add_trusted, look, &err) != STORE_OK))
        say("trusted certificates that expire: %s", err.text);
    if (inventory != NULL && inventory_each(inventory, &query, add_peer, look, &err) != CG_OK)
        say("peers' certificates that expire: %s", err.text);
}

void
expiry_step(struct control *control, int64_t now)
{
    struct look look = { &control->expiring, now };
    struct cg_buf text;

    /* A clock that was set back is no reason to wait for more than a day. */
    if (control->candidate == NULL ||
            (now < control->expiry_due && control->expiry_due - now <= SECONDS_A_DAY))
        return;
    control->expiry_due = now + SECONDS_A_DAY;
    control->expiring = (struct expiring_report) { .counts = { { 0 } } };
    look_around(control, &look);
    for (unsigned i = 0; i < EXPIRING_SPANS && expiring_spans[i].days <= TOLD_DAYS; i++) {
        cg_buf_init(&text, 4096);
        cg_buf_add(&text, "certificates ");
        if (expiring_words(&control->expiring, i, &text))
            recorder_tell(control->recorder, expiring_spans[i].days <= 7 ? LOG_WARNING : LOG_NOTICE,
                    now, "expiry", cg_buf_text(&text));
        cg_buf_release(&text);
    }
}

void
expiry_count(const struct control *control, struct cg_buf *out)
{
    static const char metric[] = "certgate_expiring";

    cg_buf_addf(out,
            "# HELP %s certificates by when they expire, as of the daily look\n# TYPE %s gauge\n",
            metric, metric);
    for (unsigned i = 0; i < EXPIRING_SPANS && expiring_spans[i].days <= TOLD_DAYS; i++)
        for (unsigned kind = 0; kind < EXPIRING_KINDS; kind++)
            cg_buf_addf(out, "%s{kind=\"%s\",within=\"%s\"} %llu\n", metric,
                    expiring_kind_name((enum expiring_kind)kind), expiring_spans[i].id,
                    (unsigned long long)control->expiring.counts[i][kind]);
}
