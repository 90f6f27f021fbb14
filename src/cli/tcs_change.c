/* certgate tcs add, remove: one commit each, however many certificates. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "cli/change.h"
#include "cli/table.h"
#include "cli/tcs.h"
#include "cli/trusted.h"
#include "input/lint.h"
#include "store/store.h"

/* ---- a body of any number of certificates ------------------------------------------------------ */

/* Octets of DER in a line of PEM (RFC 7468 section 2: 64 characters). */
#define LINE_DER 48
#define PEM_BEGIN "-----BEGIN CERTIFICATE-----\\n"
#define PEM_END "-----END CERTIFICATE-----\\n"
#define ONE_MAX (2 * CG_MAX_CERT_BYTES + 256)

/* The request as JSON text, made while it is sent: {…,"edits":[{"op":…,"data":"PEM"}]}. */
struct stream {
    const struct input_list *list;
    size_t next; /* 0: the head; then a certificate each; then the tail */
    char *head;
    struct cg_buf waiting;
};
static const char stream_tail[] = "\"}]}";

static uint64_t
pem_size(const struct cg_cert *cert)
{
    size_t len;

    (void)cg_cert_get0_der(cert, &len);
    return strlen(PEM_BEGIN) + strlen(PEM_END) + (len + 2) / 3 * 4 +
            2 * ((len + LINE_DER - 1) / LINE_DER);
}

/* PEM inside a JSON string: line ends are two characters. */
static void
add_pem(struct cg_buf *out, const struct cg_cert *cert)
{
    size_t len;
    const uint8_t *der = cg_cert_get0_der(cert, &len);
    unsigned char line[LINE_DER / 3 * 4 + 1];

    cg_buf_add(out, PEM_BEGIN);
    for (size_t at = 0; at < len; at += LINE_DER) {
        int count =
                EVP_EncodeBlock(line, der + at, (int)(len - at < LINE_DER ? len - at : LINE_DER));

        cg_buf_add_bytes(out, line, (size_t)count);
        cg_buf_add(out, "\\n");
    }
    cg_buf_add(out, PEM_END);
}

/* The next piece; false after the last one. */
static bool
refill(struct stream *stream)
{
    const size_t piece = stream->next++;

    if (piece == 0)
        cg_buf_add(&stream->waiting, stream->head);
    else if (piece <= stream->list->count)
        add_pem(&stream->waiting, stream->list->certs[piece - 1]);
    else if (piece == stream->list->count + 1)
        cg_buf_add(&stream->waiting, stream_tail);
    else
        return false;
    return !stream->waiting.failed;
}

static size_t
stream_read(void *arg, char *out, size_t max)
{
    struct stream *stream = arg;
    size_t given = 0, len;

    while (given < max && (stream->waiting.len != 0 || refill(stream))) {
        len = stream->waiting.len < max - given ? stream->waiting.len : max - given;
        memcpy(out + given, stream->waiting.data, len);
        cg_buf_drop(&stream->waiting, len);
        given += len;
    }
    return given;
}

/* Everything before the certificates: the options of the change, and the one edit. */
static char *
stream_head(const struct change *change, const char *op)
{
    json_t *options = change_options(change);
    char *text = options == NULL ? NULL : json_dumps(options, JSON_COMPACT), *head = NULL;

    if (text != NULL) {
        text[strlen(text) - 1] = '\0'; /* its closing brace */
        if (asprintf(&head, "%s,\"edits\":[{\"op\":\"%s\",\"data\":\"", text, op) < 0)
            head = NULL;
    }
    free(text);
    json_decref(options);
    return head;
}

static int
send_list(const struct change *change, const char *op, const struct input_list *list)
{
    struct client *client = client_open(change->node.state);
    struct stream stream = { .list = list, .head = stream_head(change, op) };
    char doing[64];
    struct client_body body = {
        .type = "application/json", .read = stream_read, .arg = &stream, .doing = doing
    };
    int result = CLI_USAGE;

    (void)snprintf(doing, sizeof(doing), "sending %zu certificate%s", list->count,
            list->count == 1 ? "" : "s");
    cg_buf_init(&stream.waiting, ONE_MAX);
    if (client != NULL && stream.head != NULL) {
        body.size = strlen(stream.head) + strlen(stream_tail);
        for (size_t i = 0; i < list->count; i++)
            body.size += pem_size(list->certs[i]);
        result = change_send(change, client,
                &(struct client_request) { .method = "POST", .path = "/changes", .large = &body });
    }
    cg_buf_release(&stream.waiting);
    free(stream.head);
    client_close(client);
    return result;
}

/* ---- what the files hold ----------------------------------------------------------------------- */

/* As many certificates are shown one by one. */
#define MAX_LISTED 20

static void
add_problems(struct table *table, const struct cg_cert *cert, int64_t now)
{
    struct cg_buf text;

    cg_buf_init(&text, 4096);
    for (size_t i = 0; i < lint_rule_count; i++)
        if (lint_rules[i].holds(cert, now))
            cg_buf_addf(&text, "%s%s", text.len == 0 ? "" : ", ", lint_rules[i].id);
    table_add(table, cg_buf_text(&text));
    cg_buf_release(&text);
}

static bool
print_each(const struct input_list *list, int64_t now)
{
    static const struct table_column columns[] = { { "SHA-256", false }, { "Kind", false },
        { "Until", false }, { "Problems", false }, { "Subject", false }, { NULL, false } };
    struct table table;
    bool ok;

    table_init(&table, columns, 2);
    for (size_t i = 0; i < list->count; i++) {
        const struct cg_cert *cert = list->certs[i];
        char *sha256 = cg_cert_text(cert, CG_FIELD_SHA256);
        char *subject = cg_cert_text(cert, CG_FIELD_SUBJECT), until[32];

        table_addf(&table, "%.16s", sha256 == NULL ? "" : sha256);
        table_add(&table, store_cert_kind_name(store_cert_kind_of(cert)));
        table_add(&table, cli_when(cg_cert_not_after(cert), true, until));
        add_problems(&table, cert, now);
        table_add(&table, subject);
        free(sha256);
        free(subject);
    }
    ok = table_print(&table);
    table_release(&table);
    return ok;
}

static void
print_sums(const struct input_list *list, int64_t now)
{
    size_t kinds[STORE_CERT_KINDS] = { 0 }, count;

    for (size_t i = 0; i < list->count; i++)
        kinds[store_cert_kind_of(list->certs[i])]++;
    printf("%zu certificate%s: %zu root%s, %zu intermediate%s, %zu end entit%s\n", list->count,
            list->count == 1 ? "" : "s", kinds[STORE_ROOT], kinds[STORE_ROOT] == 1 ? "" : "s",
            kinds[STORE_INTERMEDIATE], kinds[STORE_INTERMEDIATE] == 1 ? "" : "s",
            kinds[STORE_END_ENTITY], kinds[STORE_END_ENTITY] == 1 ? "y" : "ies");
    for (size_t i = 0; i < lint_rule_count; i++) {
        count = 0;
        for (size_t j = 0; j < list->count; j++)
            count += lint_rules[i].holds(list->certs[j], now);
        if (count != 0)
            printf("  %zu %s: %s\n", count, lint_rules[i].id, lint_rules[i].says);
    }
}

static int
report(const struct input_list *list)
{
    const int64_t now = (int64_t)time(NULL);
    bool ok = true;

    print_sums(list, now);
    if (list->count <= MAX_LISTED)
        ok = print_each(list, now);
    putchar('\n');
    return ok ? CLI_ACCEPT : cli_fail("no memory");
}

/* ---- add --------------------------------------------------------------------------------------- */

static int
run_add(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const char *password_file = NULL;
    const struct option_row rows[] = { { "password-file", OPTION_TEXT, &password_file },
        CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    struct input_list list = { 0 };
    char *password = NULL;
    int result;

    if (!options_read("tcs add", cli_tcs_add.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("tcs add", argc, 1, INT32_MAX, &result))
        return result;
    if (password_file != NULL)
        result = cli_password(password_file, &password);
    if (result == CLI_ACCEPT)
        result = trusted_load(argv + optind, argc - optind, password, &list);
    if (result == CLI_ACCEPT && change.node.output == CLI_TEXT)
        result = report(&list);
    if (result == CLI_ACCEPT)
        result = send_list(&change, "tcs-add", &list);
    if (password != NULL)
        OPENSSL_cleanse(password, strlen(password));
    free(password);
    input_list_release(&list);
    return result;
}

/* ---- remove ------------------------------------------------------------------------------------ */

/* An argument is a file or folder, or the fingerprint of an entry. NULL after saying what is wrong. */
static json_t *
remove_edits(const struct change *change, char *const *words, int count, int *result)
{
    struct client *client = client_open(change->node.state);
    json_t *edits = json_array();
    char sha256[65];

    *result = client == NULL ? CLI_USAGE : CLI_ACCEPT;
    for (int i = 0; i < count && *result == CLI_ACCEPT; i++) {
        *result = tcs_fingerprint(client, words[i], sha256);
        if (*result == CLI_ACCEPT)
            (void)json_array_append_new(
                    edits, json_pack("{s:s,s:s}", "op", "tcs-remove", "sha256", sha256));
    }
    client_close(client);
    if (*result == CLI_ACCEPT)
        return edits;
    json_decref(edits);
    return NULL;
}

static int
run_remove(int argc, char **argv)
{
    struct change change = CHANGE_NEW;
    const struct option_row rows[] = { CHANGE_OPTIONS(&change), { NULL, OPTION_FLAG, NULL } };
    struct input_list list = { 0 };
    json_t *edits;
    int result, files = 0;

    if (!options_read("tcs remove", cli_tcs_remove.help, rows, &change.node, argc, argv, &result) ||
            !options_arguments("tcs remove", argc, 1, INT32_MAX, &result))
        return result;
    for (int i = optind; i < argc; i++)
        files += access(argv[i], F_OK) == 0;
    if (files != 0 && files != argc - optind)
        return cli_fail("name either files or fingerprints");
    if (files == 0) {
        edits = remove_edits(&change, argv + optind, argc - optind, &result);
        return edits == NULL ? result : change_make(&change, edits);
    }
    result = trusted_load(argv + optind, argc - optind, NULL, &list);
    if (result == CLI_ACCEPT)
        result = send_list(&change, "tcs-remove", &list);
    input_list_release(&list);
    return result;
}

const struct cli_command cli_tcs_add = {
    .name = "add",
    .summary = "trust more certificates, as one commit",
    .run = run_add,
    .help = "usage: certgate tcs add [OPTIONS] FILE|FOLDER...      (- for standard input)\n"
            "\n"
            "PEM (one or many), DER, PKCS#7 or PKCS#12, told apart by what they hold; of a "
            "container only\n"
            "its certificates, never its key. Says what each one is and what is wrong with it. "
            "All are\n"
            "added or none; adding twice changes nothing.\n"
            "\n"
            "  --password-file F    its first line opens PKCS#12 containers\n" CHANGE_HELP
            "\n" CHANGE_STATUS "\n"
            "examples:\n"
            "  certgate tcs add /usr/share/ca-certificates/mozilla\n"
            "  certgate tcs add --preview partner-ca.pem\n",
};

const struct cli_command cli_tcs_remove = {
    .name = "remove",
    .summary = "trust certificates no longer",
    .run = run_remove,
    .help = "usage: certgate tcs remove [OPTIONS] SHA256...      (or its first 8 digits and "
            "more)\n"
            "       certgate tcs remove [OPTIONS] FILE|FOLDER...  (what these hold)\n"
            "\n"
            "Says who of the peers seen in the last 30 days would be refused without them.\n"
            "\n" CHANGE_HELP "\n" CHANGE_STATUS "\n"
            "example:\n"
            "  certgate tcs remove 4348a0e9 --preview\n",
};
