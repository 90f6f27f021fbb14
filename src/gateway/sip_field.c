#include "gateway/sip_field.h"

#include "gateway/sip_text.h"

static const struct {
    const char *name;
    const char *compact; /* NULL: none is defined */
    enum sip_name id;
} names[] = {
    { "call-id", "i", SIP_CALL_ID },
    { "content-length", "l", SIP_CONTENT_LENGTH },
    { "cseq", NULL, SIP_CSEQ },
    { "from", "f", SIP_FROM },
    { "to", "t", SIP_TO },
    { "via", "v", SIP_VIA },
};

/* Content_Length is one to Kamailio; other readers skip or mask other marks. */
static bool
spells_content_length(struct cg_span name)
{
    static const char letters[] = "contentlength";
    size_t at = 0;

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i] | 0x20;

        if (c < 'a' || c > 'z')
            continue;
        if (at == sizeof(letters) - 1 || c != (uint8_t)letters[at++])
            return false;
    }
    return at == sizeof(letters) - 1;
}

static enum sip_name
name_of(struct cg_span name)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (sip_span_is(name, names[i].name) ||
                (names[i].compact != NULL && sip_span_is(name, names[i].compact)))
            return names[i].id;
    return spells_content_length(name) ? SIP_LOOKALIKE : SIP_OTHER;
}

/* header-name HCOLON, without a fold before the colon: there it would end the line of a name alone. */
static bool
read_name(struct cg_reader *reader, enum sip_name *name)
{
    struct cg_span text;

    if (!sip_take(reader, sip_is_token, &text))
        return false;
    while (sip_accept(reader, ' ') || sip_accept(reader, '\t'))
        continue;
    *name = name_of(text);
    return sip_accept(reader, ':');
}

bool
sip_line(struct cg_reader *reader, struct cg_span *line)
{
    const uint8_t *lf =
            cg_reader_done(reader) ? NULL : memchr(reader->at, '\n', cg_reader_left(reader));

    if (lf == NULL || lf == reader->at || lf[-1] != '\r' ||
            !cg_read_bytes(reader, (size_t)(lf - reader->at) + 1, line))
        return false;
    line->len -= 2;
    return true;
}

static struct cg_span
trimmed(struct cg_span text)
{
    while (text.len != 0 && sip_is_blank(text.data[0]))
        text = cg_span(text.data + 1, text.len - 1);
    while (text.len != 0 && sip_is_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

bool
sip_field_read(struct cg_reader *fields, struct sip_field *field)
{
    struct cg_reader at = *fields, inside;
    struct cg_span line, whole;

    *field = (struct sip_field) { .folded = false };
    if (!sip_line(&at, &line))
        return false;
    while (!cg_reader_done(&at) && (at.at[0] == ' ' || at.at[0] == '\t')) {
        field->folded = true;
        if (!sip_line(&at, &line))
            return false;
    }
    if (!cg_read_bytes(fields, cg_reader_left(fields) - cg_reader_left(&at), &whole))
        return false;
    inside = cg_reader(whole);
    if (!read_name(&inside, &field->name))
        return false;
    field->value = trimmed(cg_span(inside.at, cg_reader_left(&inside)));
    return true;
}

bool
sip_continuation_misleads(struct cg_span line)
{
    struct cg_reader reader = cg_reader(line);
    enum sip_name name;

    sip_skip_blanks(&reader);
    return read_name(&reader, &name) && name != SIP_OTHER;
}
