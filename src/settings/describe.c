/* `certgate help config`: the settings of certgate.conf in words. */
#include <string.h>

#include "settings/rows.h"

#define WIDTH 100

/* Words behind a margin, no line longer than WIDTH where a word does not need it; *at is the column. */
static void
add_words(struct cg_buf *out, const char *text, size_t margin, size_t *at)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");

        if (*at > margin && *at + 1 + len > WIDTH) {
            cg_buf_addf(out, "\n%*s", (int)margin, "");
            *at = margin;
        }
        if (*at > margin) {
            cg_buf_add(out, " ");
            (*at)++;
        }
        cg_buf_add_bytes(out, text, len);
        *at += len;
        text += len + (text[len] == ' ');
    }
}

static void
describe_node(struct cg_buf *out)
{
    const size_t margin = 24;

    for (size_t i = 0; i < node_row_count; i++) {
        const struct node_row *row = &node_rows[i];
        size_t before = out->len, at;

        cg_buf_addf(out, "  %s%s%s", row->name, node_row_is_block(row) ? " " : " = ", row->value);
        at = out->len - before;
        cg_buf_addf(
                out, at < margin ? "%*s" : "\n%*s", (int)(at < margin ? margin - at : margin), "");
        at = margin;
        add_words(out, row->help, margin, &at);
        if (row->initial[0] != '\0') {
            add_words(out, "(default", margin, &at);
            add_words(out, row->initial, margin, &at);
            cg_buf_add(out, ")");
        }
        cg_buf_add(out, "\n");
    }
}

void
settings_describe(struct cg_buf *out)
{
    cg_buf_add(
            out, "certgate.conf: names and values, strings in double quotes, lists in braces.\n\n");
    describe_node(out);
    cg_buf_add(out, "\nIn these blocks:\n\n");
    for (size_t i = 0; i < row_count; i++) {
        cg_buf_addf(out, "  %-20s %s\n", rows[i].name, rows[i].help);
        cg_buf_addf(out, "  %-20s %s%s%s%s;", "", rows[i].list ? "list; each " : "", rows[i].wanted,
                rows[i].initial[0] == '\0' ? "" : "; default ", rows[i].initial);
        for (unsigned kind = BLOCK_INTERFACE; kind <= BLOCK_LINE; kind <<= 1)
            if ((rows[i].blocks & kind) != 0)
                cg_buf_addf(out, " %s%s", block_kind_name(kind),
                        (rows[i].required & kind) != 0 ? " (required)" : "");
        cg_buf_add(out, "\n");
    }
}
