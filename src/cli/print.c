/* A decision as a table that a person reads at a glance. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define NARROW 34 /* columns of a check's title */

struct style {
    const char *good, *bad, *dim, *bold, *off;
    const char *marks[4]; /* by outcome */
};

static struct style
choose_style(FILE *out)
{
    static const char *const words[] = { "ok", "NO", "--", "??" };
    static const char *const signs[] = { "\xe2\x9c\x93", "\xe2\x9c\x97", "\xe2\x80\x93", "?" };
    const char *no_color = getenv("NO_COLOR");
    bool color = isatty(fileno(out)) && (no_color == NULL || *no_color == '\0');
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    struct style style = { "", "", "", "", "", { "", "", "", "" } };

    if (color)
        style = (struct style) { "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m",
            { "", "", "", "" } };
    memcpy(style.marks, utf8 ? signs : words, sizeof(style.marks));
    return style;
}

static void
print_finding(FILE *out, const struct style *style, const struct cg_finding *finding)
{
    const char *color = finding->outcome == CG_PASS ? style->good
            : finding->outcome == CG_NOT_APPLICABLE ? style->dim
                                                    : style->bad;

    fprintf(out, "  %s%s%s %-*s %s", color, style->marks[finding->outcome], style->off, NARROW,
            cg_check_info(finding->check)->title, finding->found);
    if (finding->outcome != CG_PASS && finding->wanted[0] != '\0')
        fprintf(out, "%swanted: %s", finding->found[0] == '\0' ? "" : "; ", finding->wanted);
    fputc('\n', out);
    if (finding->outcome == CG_FAIL && strcmp(finding->certificate, "received") != 0)
        fprintf(out, "    %*s %son: %s%s\n", NARROW, "", style->dim, finding->certificate,
                style->off);
    if (finding->note[0] != '\0')
        fprintf(out, "    %*s %snote: %s%s\n", NARROW, "", style->dim, finding->note, style->off);
}

static void
print_levels(FILE *out, const struct style *style, const struct cg_decision *decision)
{
    enum cg_reason reason;

    fputc('\n', out);
    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        bool accept = cg_decision_at_level(decision, (enum cg_level)level, &reason) == CG_ACCEPT;

        fprintf(out, "  %s%-6s%s  %-24s %s\n", accept ? style->good : style->bad,
                accept ? "accept" : "reject", style->off,
                cg_level_info((enum cg_level)level)->title,
                accept ? "" : cg_reason_info(reason)->code);
    }
}

void
cli_print_decision(FILE *out, const struct cg_decision *decision, bool all_levels)
{
    struct style style = choose_style(out);
    const struct cg_cert *cert = cg_decision_get0_cert(decision);
    const struct cg_reason_info *reason = cg_reason_info(cg_decision_reason(decision));
    bool accept = cg_decision_verdict(decision) == CG_ACCEPT;
    char *subject = cert == NULL ? NULL : cg_cert_text(cert, CG_FIELD_SUBJECT);

    if (!all_levels) {
        fprintf(out, "%s%s%s%s", style.bold, accept ? style.good : style.bad,
                accept ? (cg_decision_by_allowance(decision) ? "ACCEPT, with allowance" : "ACCEPT")
                       : "REJECT",
                style.off);
        if (!accept)
            fprintf(out, " %s: %s", reason->code, reason->explain);
        fputc('\n', out);
    }
    if (subject != NULL)
        fprintf(out, "  %s\n", subject);
    if (cg_decision_detail(decision)[0] != '\0')
        fprintf(out, "  %s\n", cg_decision_detail(decision));
    fputc('\n', out);
    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);

        if (all_levels || finding->enforced)
            print_finding(out, &style, finding);
    }
    if (all_levels)
        print_levels(out, &style, decision);
    if (!accept && !all_levels)
        fprintf(out, "\nTo fix: %s\n", reason->remedy);
    free(subject);
}
