#include "inventory/expiring.h"

#include <stdio.h>

#define SECONDS_A_DAY INT64_C(86400)

const struct expiring_span expiring_spans[EXPIRING_SPANS] = {
    { -1, "expired", "Expired:" },
    { 7, "7-days", "Within 7 days:" },
    { 30, "30-days", "Within 30 days:" },
    { 60, "60-days", "Within 60 days:" },
    { INT64_MAX, "later", "Later:" },
};

static const struct {
    const char *label, *one, *more;
} kinds[EXPIRING_KINDS] = {
    [EXPIRING_TCS] = { "tcs", "trusted certificate", "trusted certificates" },
    [EXPIRING_IDENTITY] = { "identity", "identity", "identities" },
    [EXPIRING_PEER] = { "peer", "peer", "peers" },
};

int64_t
expiring_days_left(int64_t until, int64_t now)
{
    int64_t left = until - now;

    return left >= 0 ? left / SECONDS_A_DAY : -((-left + SECONDS_A_DAY - 1) / SECONDS_A_DAY);
}

unsigned
expiring_span_of(int64_t days_left)
{
    unsigned i = 0;

    while (days_left > expiring_spans[i].days)
        i++;
    return i;
}

void
expiring_add(struct expiring_report *report, enum expiring_kind kind, const char *name,
        int64_t not_after, int64_t now)
{
    const unsigned span = expiring_span_of(expiring_days_left(not_after, now));
    uint64_t before = 0;

    for (unsigned i = 0; i < EXPIRING_KINDS; i++)
        before += report->counts[span][i];
    report->counts[span][kind]++;
    if (before != 0 && report->first[span] <= not_after)
        return;
    report->first[span] = not_after;
    (void)snprintf(report->name[span], sizeof(report->name[span]), "%s", name);
}

bool
expiring_words(const struct expiring_report *report, unsigned span, struct cg_buf *out)
{
    const char *comma = "";
    struct cg_buf day;

    for (unsigned i = 0; i < EXPIRING_KINDS; i++) {
        uint64_t count = report->counts[span][i];

        if (count == 0)
            continue;
        if (comma[0] == '\0' && span == 0)
            cg_buf_add(out, "have expired: ");
        else if (comma[0] == '\0')
            cg_buf_addf(out, "expire within %lld days: ", (long long)expiring_spans[span].days);
        cg_buf_addf(out, "%s%llu %s", comma, (unsigned long long)count,
                count == 1 ? kinds[i].one : kinds[i].more);
        comma = ", ";
    }
    if (comma[0] == '\0')
        return false;
    cg_buf_init(&day, 64);
    cg_buf_add_time(&day, report->first[span]);
    cg_buf_addf(out, "; first %s on %.10s", report->name[span], cg_buf_text(&day));
    cg_buf_release(&day);
    return true;
}

const char *
expiring_kind_name(enum expiring_kind kind)
{
    return kinds[kind].label;
}
