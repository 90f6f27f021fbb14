/*
 * What must not change by accident: the checks of each level, code and alert of each reason, the algorithms
 * of each service security, and what may admit a peer although a check fails.
 *
 *   run_golden FOLDER            compares with the files there; TAP on stdout
 *   run_golden FOLDER --accept   writes them anew: the diff is then for a person to judge
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <certgate/certgate.h>

#include "security.h"

#define FILES (CG_LEVEL_COUNT + 2 + SECURITY_COUNT)

static void
write_level(FILE *out, enum cg_level level)
{
    const struct cg_level_info *info = cg_level_info(level);

    fprintf(out, "%s (%s)\n\n", info->id, info->title);
    for (unsigned check = 0; check < CG_CHECK_COUNT; check++)
        if ((info->checks & 1u << check) != 0)
            fprintf(out, "%s%s\n", cg_check_info((enum cg_check)check)->id,
                    cg_check_info((enum cg_check)check)->latchable ? "   skipped while latched"
                                                                   : "");
}

static void
write_reasons(FILE *out)
{
    for (unsigned reason = CG_REASON_NONE + 1; reason < CG_REASON_COUNT; reason++) {
        const struct cg_reason_info *info = cg_reason_info((enum cg_reason)reason);

        fprintf(out, "%-32s alert %3d\n", info->code, info->alert);
    }
}

static void
write_allowances(FILE *out)
{
    enum cg_allowance settable;

    for (unsigned i = 0; i < CG_ALLOWANCES; i++)
        fprintf(out, "%-28s%s\n", cg_allowance_name((enum cg_allowance)i),
                cg_allowance_from_name(cg_allowance_name((enum cg_allowance)i), &settable)
                        ? "by an interface's setting 'allow'"
                        : "for one certificate");
    fprintf(out, "\nChecks that refuse a certificate which an administrator admits, too:\n");
    for (unsigned check = 0; check < CG_CHECK_COUNT; check++)
        if (cg_check_info((enum cg_check)check)->binding)
            fprintf(out, "%s\n", cg_check_info((enum cg_check)check)->id);
}

static void
name_of(int which, char name[64])
{
    if (which < CG_LEVEL_COUNT)
        snprintf(name, 64, "%s", cg_level_name((enum cg_level)which));
    else if (which == CG_LEVEL_COUNT)
        snprintf(name, 64, "reasons");
    else if (which == CG_LEVEL_COUNT + 1)
        snprintf(name, 64, "allowances");
    else
        snprintf(name, 64, "security-%s",
                security_info((enum security)(which - CG_LEVEL_COUNT - 2))->id);
}

static char *
rendered(int which, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    bool ok = true;

    if (out == NULL)
        return NULL;
    if (which < CG_LEVEL_COUNT)
        write_level(out, (enum cg_level)which);
    else if (which == CG_LEVEL_COUNT)
        write_reasons(out);
    else if (which == CG_LEVEL_COUNT + 1)
        write_allowances(out);
    else
        ok = write_security(out, (enum security)(which - CG_LEVEL_COUNT - 2));
    fclose(out);
    if (ok)
        return text;
    free(text);
    return NULL;
}

static bool
same(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "r");
    char *golden = malloc(len + 2);
    size_t got = 0;

    if (file != NULL && golden != NULL)
        got = fread(golden, 1, len + 1, file);
    if (file != NULL)
        fclose(file);
    if (golden != NULL && got == len && memcmp(golden, text, len) == 0) {
        free(golden);
        return true;
    }
    free(golden);
    printf("# %s differs from what the tables say now; after a change that is meant: run_golden "
           "FOLDER --accept\n",
            path);
    return false;
}

int
main(int argc, char **argv)
{
    bool accept = argc == 3 && strcmp(argv[2], "--accept") == 0;
    int failed = 0;

    if (argc < 2 || (argc == 3 && !accept)) {
        fprintf(stderr, "usage: run_golden FOLDER [--accept]\n");
        return 2;
    }
    printf("1..%d\n", FILES);
    for (int i = 0; i < FILES; i++) {
        char name[64], path[4096];
        size_t len = 0;
        char *text = rendered(i, &len);
        bool ok = text != NULL;

        name_of(i, name);
        snprintf(path, sizeof(path), "%s/%s.txt", argv[1], name);
        if (accept && ok) {
            FILE *file = fopen(path, "w");

            ok = file != NULL && fwrite(text, 1, len, file) == len && fclose(file) == 0;
        } else if (ok) {
            ok = same(path, text, len);
        }
        printf("%sok %d - %s\n", ok ? "" : "not ", i + 1, name);
        failed += !ok;
        free(text);
    }
    return failed != 0;
}
