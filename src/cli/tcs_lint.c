/* certgate tcs lint: what each trusted certificate is, and what is wrong with it. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/received.h"
#include "cli/tcs.h"
#include "cli/trusted.h"
#include "input/lint.h"

/* Path of a file in a folder. */
#define MAX_PATH_TEXT 4096

/* One certificate and where it was found. */
struct seen {
    struct cg_cert *cert;
    char *file;
    const struct seen *twin; /* the first of the same */
};

struct lint {
    struct seen *list;
    size_t count, size;
    enum cli_output output;
    int64_t now;
    unsigned unreadable;
};

/* ---- problems ---------------------------------------------------------------------------------- */

#define DUPLICATE "duplicate"

static bool
is_self_issued_root(const struct cg_cert *cert)
{
    return cg_cert_is_self_issued(cert) && cg_cert_is_ca(cert);
}

/* The problem of that number, of which there are so many and one for twins; NULL where it has not this one. */
static const char *
problem(const struct lint *lint, const struct seen *seen, size_t i, const char **says)
{
    if (i == lint_rule_count) {
        *says = "the same certificate is there already: counts once";
        return seen->twin != NULL ? DUPLICATE : NULL;
    }
    *says = lint_rules[i].says;
    return lint_rules[i].holds(seen->cert, lint->now) ? lint_rules[i].id : NULL;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool
keep(struct lint *lint, struct cg_cert *cert, const char *file)
{
    struct seen *grown;

    if (lint->count == lint->size) {
        grown = realloc(lint->list, (lint->size * 2 + 16) * sizeof(*grown));
        if (grown == NULL)
            return false;
        lint->list = grown;
        lint->size = lint->size * 2 + 16;
    }
    lint->list[lint->count] = (struct seen) { .cert = cg_cert_ref(cert), .file = strdup(file) };
    return lint->list[lint->count++].file != NULL;
}

static bool
read_file(struct lint *lint, const char *path)
{
    struct input_list list = { NULL };
    struct cg_error err;
    bool ok = true;

    if (input_load(path, NULL, &list, &err) != CG_OK) {
        (void)cli_fail("%s", err.text);
        lint->unreadable++;
    }
    for (size_t i = 0; ok && i < list.count; i++)
        ok = keep(lint, list.certs[i], path);
    input_list_release(&list);
    return ok;
}

static int
visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* File by file, so that each certificate can be told where it stands. */
static bool
read_folder(struct lint *lint, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, visible, alphasort);
    char file[MAX_PATH_TEXT];
    struct stat facts;
    bool ok = true;

    for (int i = 0; i < count; i++) {
        int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);

        if (ok && len < (int)sizeof(file) && (stat(file, &facts) != 0 || S_ISREG(facts.st_mode)))
            ok = read_file(lint, file);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static int
by_digest(const void *a, const void *b)
{
    const struct seen *const *x = a, *const *y = b;
    int order = memcmp(
            cg_cert_get0_sha256((*x)->cert), cg_cert_get0_sha256((*y)->cert), CG_SHA256_SIZE);

    return order != 0 ? order : (*x > *y) - (*x < *y);
}

static bool
mark_twins(struct lint *lint)
{
    struct seen **sorted = calloc(lint->count + 1, sizeof(*sorted));

    if (sorted == NULL)
        return false;
    for (size_t i = 0; i < lint->count; i++)
        sorted[i] = &lint->list[i];
    qsort(sorted, lint->count, sizeof(struct seen *), by_digest);
    for (size_t i = 1; i < lint->count; i++)
        if (memcmp(cg_cert_get0_sha256(sorted[i]->cert), cg_cert_get0_sha256(sorted[i - 1]->cert),
                    CG_SHA256_SIZE) == 0)
            sorted[i]->twin = sorted[i - 1]->twin != NULL ? sorted[i - 1]->twin : sorted[i - 1];
    free(sorted);
    return true;
}

/* ---- output ------------------------------------------------------------------------------------ */

/* Octets of the CA names of a CertificateRequest: each with its length (RFC 5246 section 7.4.4). */
static size_t
ca_names_size(const struct lint *lint)
{
    size_t size = 0;

    for (size_t i = 0; i < lint->count; i++)
        if (lint->list[i].twin == NULL)
            size += lint_ca_name_size(lint->list[i].cert);
    return size;
}

static json_t *
certificate_json(const struct lint *lint, const struct seen *seen)
{
    char *facts = cg_cert_json(seen->cert);
    json_t *json = facts == NULL ? NULL : json_loads(facts, 0, NULL), *problems = json_array();
    const char *id, *says;

    for (size_t i = 0; i <= lint_rule_count; i++)
        if ((id = problem(lint, seen, i, &says)) != NULL)
            (void)json_array_append_new(problems, json_string(id));
    (void)json_object_set_new(json, "file", json_string(seen->file));
    (void)json_object_set_new(json, "days_left",
            json_integer(cli_days_left(cg_cert_not_after(seen->cert), lint->now)));
    (void)json_object_set_new(json, "problems", problems);
    free(facts);
    return json;
}

static void
print_certificate(const struct lint *lint, const struct seen *seen)
{
    const struct cli_style style = cli_style();
    char *subject = cg_cert_text(seen->cert, CG_FIELD_SUBJECT);
    char *kind = cg_cert_text(seen->cert, CG_FIELD_KIND);
    char *sha256 = cg_cert_text(seen->cert, CG_FIELD_SHA256);
    char *key = cg_cert_text(seen->cert, CG_FIELD_KEY);
    const char *id, *says;
    char until[32];

    if (subject != NULL && kind != NULL && sha256 != NULL && key != NULL)
        printf("%-22s %.16s  until %s  %-14s %s\n", kind, sha256,
                cli_when(cg_cert_not_after(seen->cert), true, until), key,
                subject[0] == '\0' ? "(no subject)" : subject);
    for (size_t i = 0; i <= lint_rule_count; i++)
        if ((id = problem(lint, seen, i, &says)) != NULL)
            printf("    %s%s%s: %s\n", style.bad, id, style.off, says);
    if (seen->twin != NULL)
        printf("    first in %s\n", seen->twin->file);
    printf("    %s%s%s\n", style.dim, seen->file, style.off);
    free(subject);
    free(kind);
    free(sha256);
    free(key);
}

struct sums {
    size_t roots, intermediates, ends, duplicates, problems;
};

static struct sums
add_up(const struct lint *lint)
{
    struct sums sums = { 0 };

    for (size_t i = 0; i < lint->count; i++) {
        const struct seen *seen = &lint->list[i];

        if (seen->twin != NULL)
            sums.duplicates++;
        else if (is_self_issued_root(seen->cert))
            sums.roots++;
        else if (cg_cert_is_ca(seen->cert))
            sums.intermediates++;
        else
            sums.ends++;
        for (size_t j = 0; j <= lint_rule_count; j++) {
            const char *says;

            if (problem(lint, seen, j, &says) != NULL) {
                sums.problems++;
                break;
            }
        }
    }
    return sums;
}

static int
report(const struct lint *lint)
{
    const struct sums sums = add_up(lint);
    const size_t names = ca_names_size(lint);
    json_t *list = json_array();
    int result = CLI_ACCEPT;

    if (lint->output == CLI_JSON) {
        for (size_t i = 0; i < lint->count; i++)
            (void)json_array_append_new(list, certificate_json(lint, &lint->list[i]));
        result = cli_put_json(json_pack("{s:O,s:I,s:I,s:I,s:I,s:I,s:I,s:b}", "certificates", list,
                "roots", (json_int_t)sums.roots, "intermediates", (json_int_t)sums.intermediates,
                "end_entities", (json_int_t)sums.ends, "duplicates", (json_int_t)sums.duplicates,
                "with_problems", (json_int_t)sums.problems, "ca_names_bytes", (json_int_t)names,
                "ca_names_fit", (int)(names <= LINT_MAX_CA_NAMES)));
    } else {
        for (size_t i = 0; i < lint->count; i++)
            print_certificate(lint, &lint->list[i]);
        printf("\n%zu root%s, %zu intermediate%s, %zu end entit%s, %zu duplicate%s; %zu with "
               "problems\n",
                sums.roots, sums.roots == 1 ? "" : "s", sums.intermediates,
                sums.intermediates == 1 ? "" : "s", sums.ends, sums.ends == 1 ? "y" : "ies",
                sums.duplicates, sums.duplicates == 1 ? "" : "s", sums.problems);
        printf("Names of all CAs, if a handshake sent them: %zu octets%s.\n", names,
                names <= LINT_MAX_CA_NAMES
                        ? ""
                        : ", which is more than the 64 KiB that are sent at most");
    }
    json_decref(list);
    if (result != CLI_ACCEPT || lint->unreadable != 0)
        return CLI_USAGE;
    return sums.problems == 0 && names <= LINT_MAX_CA_NAMES ? CLI_ACCEPT : CLI_REJECT;
}

static bool
read_paths(struct lint *lint, char **paths, int count)
{
    struct stat facts;
    bool ok = true;

    for (int i = 0; ok && i < count; i++)
        ok = stat(paths[i], &facts) == 0 && S_ISDIR(facts.st_mode) ? read_folder(lint, paths[i])
                                                                   : read_file(lint, paths[i]);
    return ok;
}

/* What is trusted now. */
static int
read_store(struct lint *lint, const char *state)
{
    struct input_list list = { NULL };
    int result = trusted_fetch(state, &list);

    for (size_t i = 0; result == CLI_ACCEPT && i < list.count; i++)
        if (!keep(lint, list.certs[i], "in the store"))
            result = cli_fail("no memory");
    input_list_release(&list);
    return result;
}

static int
look(struct lint *lint, const char *state, char **paths, int count)
{
    int result = CLI_ACCEPT;

    if (count == 0)
        result = read_store(lint, state);
    else if (!read_paths(lint, paths, count))
        result = cli_fail("no memory");
    if (result == CLI_ACCEPT)
        result = mark_twins(lint) ? report(lint) : cli_fail("no memory");
    for (size_t i = 0; i < lint->count; i++) {
        cg_cert_free(lint->list[i].cert);
        free(lint->list[i].file);
    }
    free(lint->list);
    return result;
}

static int
run(int argc, char **argv)
{
    static const struct option known[] = { { "format", required_argument, NULL, 'o' },
        { "at", required_argument, NULL, 'a' }, { "state", required_argument, NULL, 's' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    struct lint lint = { .now = (int64_t)time(NULL) };
    const char *state = CLI_DEFAULT_STATE;
    int option, result = CLI_ACCEPT;

    opterr = 0;
    optind = 0;
    while (result == CLI_ACCEPT && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(cli_tcs_lint.help, stdout);
            return CLI_ACCEPT;
        }
        if (option == 'o')
            result = cli_output(optarg, false, &lint.output);
        else if (option == 's')
            state = optarg;
        else if (option == 'a')
            result = cli_time(optarg, &lint.now)
                    ? CLI_ACCEPT
                    : cli_fail("--at '%s' is neither RFC 3339 nor seconds since 1970", optarg);
        else
            result = cli_unknown_option(option, argv, known, "tcs lint");
    }
    if (result != CLI_ACCEPT)
        return result;
    return look(&lint, state, argv + optind, argc - optind);
}

const struct cli_command cli_tcs_lint = {
    .name = "lint",
    .summary = "what each certificate is, and what is wrong with it",
    .run = run,
    .help = "usage: certgate tcs lint [OPTIONS] [FOLDER|FILE...]\n"
            "\n"
            "Prints of each certificate whether it is a root, an intermediate or an end entity, "
            "and its\n"
            "problems: duplicates, expired ones, weak keys and signatures, CAs that may not sign. "
            "Says\n"
            "how large the list of CA names would be if a handshake sent all of them. Without "
            "files: of\n"
            "the certificates that the running certgated trusts.\n"
            "\n"
            "  --format F   text (default) or json\n"
            "  --at TIME    judge at this time: RFC 3339 or seconds since 1970\n"
            "  --state F    certgated's state directory, default " CLI_DEFAULT_STATE "\n"
            "\n"
            "Exit status: 0 no problems, 1 problems, 2 something could not be read.\n",
};
