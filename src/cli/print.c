/* A decision as a table that a person reads at a glance. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

struct style {
    const char *good, *bad, *dim, *bold, *off;
    const char *marks[4]; /* by outcome */
};

static struct style
choose_style(FILE *out)
{
    static const char *const words[] = { "ok", "NO", "--", "??" };
    static const char *const signs[] = { "\xe2\x9c\x93", "\xe2\x9c\x97", "\xe2\x80\x93", "?" };
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool color = isatty(fileno(out)) && (no_color == NULL || *no_color == '\0') &&
            (term == NULL || strcmp(term, "dumb") != 0);
    bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    struct style style = { "", "", "", "", "", { "", "", "", "" } };

    if (color)
        style = (struct style) { "\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m",
            { "", "", "", "" } };
    memcpy(style.marks, utf8 ? signs : words, sizeof(style.marks));
    return style;
}

/* Columns of the widest title. */
static int
title_width(void)
{
    size_t width = 0;

    for (int check = 0; check < CG_CHECK_COUNT; check++)
        if (strlen(cg_check_info((enum cg_check)check)->title) > width)
            width = strlen(cg_check_info((enum cg_check)check)->title);
    return (int)width;
}

static void
print_finding(FILE *out, const struct style *style, const struct cg_finding *finding)
{
    const char *color = finding->outcome == CG_PASS ? style->good
            : finding->outcome == CG_NOT_APPLICABLE ? style->dim
                                                    : style->bad;
    int width = title_width();

    fprintf(out, "  %s%s%s %-*s  %s", color, style->marks[finding->outcome], style->off, width,
            cg_check_info(finding->check)->title, finding->found);
    if (finding->outcome != CG_PASS && finding->wanted[0] != '\0')
        fprintf(out, "%swanted: %s", finding->found[0] == '\0' ? "" : "; ", finding->wanted);
    fputc('\n', out);
    if (finding->outcome == CG_FAIL && strcmp(finding->certificate, "received") != 0)
        fprintf(out, "    %*s  %son: %s%s\n", width, "", style->dim, finding->certificate,
                style->off);
    if (finding->note[0] != '\0')
        fprintf(out, "    %*s  %snote: %s%s\n", width, "", style->dim, finding->note, style->off);
}

static void
print_levels(FILE *out, const struct style *style, const struct cg_decision *decision)
{
    enum cg_reason reason;

    for (int level = 0; level < CG_LEVEL_COUNT; level++) {
        bool accept = cg_decision_at_level(decision, (enum cg_level)level, &reason) == CG_ACCEPT;

        fprintf(out, "  %s%s%s  %s%s%s\n", accept ? style->good : style->bad,
                accept ? "accept" : "reject", style->off,
                cg_level_info((enum cg_level)level)->title, accept ? "" : ": ",
                accept ? "" : cg_reason_info(reason)->code);
    }
}

static void
print_verdict(FILE *out, const struct style *style, const struct cg_decision *decision)
{
    const struct cg_reason_info *reason = cg_reason_info(cg_decision_reason(decision));
    bool accept = cg_decision_verdict(decision) == CG_ACCEPT;
    bool custom = cg_decision_level(decision) == CG_LEVEL_CUSTOM;

    fprintf(out, "%s%s%s%s%s at %s%s%s", style->bold, accept ? style->good : style->bad,
            accept ? "ACCEPT" : "REJECT",
            accept && cg_decision_by_allowance(decision) ? ", with allowance," : "", style->off,
            custom ? "" : "level ",
            custom ? "the given checks" : cg_level_name(cg_decision_level(decision)),
            cg_decision_latched(decision) ? ", latched" : "");
    if (!accept)
        fprintf(out, ": %s, %s", reason->code, reason->explain);
    fputc('\n', out);
}

/* What to do about each check that refuses; the same thing is said once. */
static void
print_remedies(FILE *out, const struct cg_decision *decision, bool all_levels)
{
    const char *texts[CG_CHECK_COUNT];
    size_t count = 0;

    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);
        size_t same = 0;

        if (finding->remedy[0] == '\0' || !(all_levels || finding->enforced))
            continue;
        while (same < count && strcmp(texts[same], finding->remedy) != 0)
            same++;
        if (same == count)
            texts[count++] = finding->remedy;
    }
    if (count == 0 && cg_decision_verdict(decision) == CG_REJECT)
        texts[count++] = cg_reason_info(cg_decision_reason(decision))->remedy;
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s\n", i == 0 ? "\nTo fix: " : "        ", texts[i]);
}

void
cli_print_decision(FILE *out, const struct cg_decision *decision, bool all_levels)
{
    struct style style = choose_style(out);
    const struct cg_cert *cert = cg_decision_get0_cert(decision);
    char *subject = cert == NULL ? NULL : cg_cert_text(cert, CG_FIELD_SUBJECT);

    if (all_levels)
        print_levels(out, &style, decision);
    else
        print_verdict(out, &style, decision);
    if (subject != NULL)
        fprintf(out, "%s  %s\n", all_levels ? "\n" : "", subject);
    if (cg_decision_detail(decision)[0] != '\0')
        fprintf(out, "  %s\n", cg_decision_detail(decision));
    fputc('\n', out);
    for (size_t i = 0; i < cg_decision_count(decision); i++) {
        const struct cg_finding *finding = cg_decision_get0(decision, i);

        if (all_levels || finding->enforced)
            print_finding(out, &style, finding);
    }
    print_remedies(out, decision, all_levels);
    free(subject);
}
