#include "gateway/sip.h"

#include "gateway/sip_field.h"
#include "gateway/sip_text.h"

/* Taken over from the request as they are, and in its order (RFC 3261 section 8.2.6.2). */
static const char *const copied[SIP_NAMES] = {
    [SIP_CALL_ID] = "Call-ID",
    [SIP_CSEQ] = "CSeq",
    [SIP_FROM] = "From",
    [SIP_TO] = "To",
    [SIP_VIA] = "Via",
};

/* False for a response, which is not answered, and for ACK, which never is (section 17). */
static bool
may_be_answered(struct cg_span start)
{
    struct cg_reader reader = cg_reader(start);
    struct cg_span method;

    return sip_take(&reader, sip_is_token, &method) && sip_accept(&reader, ' ') &&
            !CG_SPAN_IS(method, "ACK");
}

/* Whether the To has a tag already; false where there is no To that can be given one. */
static bool
read_to(struct cg_reader fields, bool *tagged)
{
    struct sip_address to;
    struct sip_field field;

    while (sip_field_read(&fields, &field)) {
        if (field.name == SIP_TO && sip_address_read(field.value, &to)) {
            *tagged = to.tagged;
            return true;
        }
    }
    return false;
}

bool
sip_answer(const uint8_t *head, size_t head_len, unsigned status, const char *phrase,
        const char *incident, struct cg_buf *out)
{
    struct cg_reader reader = cg_reader(cg_span(head, head_len));
    struct sip_field field;
    struct cg_span line;
    bool tagged;

    if (!sip_line(&reader, &line) || !may_be_answered(line) || !read_to(reader, &tagged))
        return false;
    cg_buf_addf(out, "SIP/2.0 %u %s\r\n", status, phrase);
    while (sip_field_read(&reader, &field)) {
        if (copied[field.name] == NULL)
            continue;
        cg_buf_addf(out, "%s: ", copied[field.name]);
        cg_buf_add_bytes(out, field.value.data, field.value.len);
        /* The incident id is as random as a tag must be (section 19.3). */
        if (field.name == SIP_TO && !tagged)
            cg_buf_addf(out, ";tag=%s", incident);
        cg_buf_add(out, "\r\n");
    }
    cg_buf_addf(out, "Certgate-Incident: %s\r\nContent-Length: 0\r\n\r\n", incident);
    return !out->failed;
}
