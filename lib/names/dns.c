/* DNS names: what is one, and when a presented one matches (RFC 9525 section 6.3). */
#include "names/dns.h"

#define MAX_NAME 253
#define MAX_LABEL 63

static char
lower(uint8_t c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool
cg_names_equal_ignoring_case(struct cg_span a, struct cg_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

/*
 * Letters, digits and hyphens, no hyphen at either end (RFC 952, RFC 1123 section 2.1); underscores are
 * not host names but stand in certificates of real equipment, and match only themselves.
 */
static bool
label_is_valid(struct cg_span label)
{
    if (label.len == 0 || label.len > MAX_LABEL)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        char c = lower(label.data[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                    (c == '-' && i != 0 && i != label.len - 1)))
            return false;
    }
    return true;
}

static bool
all_digits(struct cg_span label)
{
    for (size_t i = 0; i < label.len; i++)
        if (label.data[i] < '0' || label.data[i] > '9')
            return false;
    return true;
}

/* Takes the label up to the next dot (or the end) off the front of *rest. */
static struct cg_span
take_label(struct cg_span *rest, bool *more)
{
    const uint8_t *dot = rest->len == 0 ? NULL : memchr(rest->data, '.', rest->len);
    size_t len = dot == NULL ? rest->len : (size_t)(dot - rest->data);
    struct cg_span label = cg_span(rest->data, len);

    *more = dot != NULL;
    *rest = dot == NULL ? cg_span(rest->data + len, 0) : cg_span(dot + 1, rest->len - len - 1);
    return label;
}

bool
cg_dns_name_is_valid(struct cg_span name, bool allow_wildcard)
{
    struct cg_span rest = name, label = { NULL, 0 };
    size_t labels = 0;
    bool more = true, wildcard = false;

    if (name.len == 0 || name.len > MAX_NAME)
        return false;
    while (more) {
        label = take_label(&rest, &more);
        if (labels == 0 && allow_wildcard && CG_SPAN_IS(label, "*"))
            wildcard = true;
        else if (!label_is_valid(label))
            return false;
        labels++;
    }
    /* A last label of digits only would be read as an address (RFC 1123 section 2.1). */
    if (all_digits(label))
        return false;
    return !wildcard || labels >= 3;
}

enum cg_name_result
cg_dns_match(struct cg_span presented, struct cg_span reference, bool allow_wildcard)
{
    struct cg_span rest = presented, reference_rest = reference, label;
    bool more, reference_more;

    if (!cg_dns_name_is_valid(presented, allow_wildcard))
        return CG_NAME_NO_MATCH;
    if (cg_names_equal_ignoring_case(presented, reference))
        return CG_NAME_MATCH;
    label = take_label(&rest, &more);
    if (!CG_SPAN_IS(label, "*") || !more)
        return CG_NAME_NO_MATCH;
    (void)take_label(&reference_rest, &reference_more);
    if (!reference_more || !cg_names_equal_ignoring_case(rest, reference_rest))
        return CG_NAME_NO_MATCH;
    return CG_NAME_MATCH_WILDCARD;
}
