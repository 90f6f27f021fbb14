#include "x509/constraint_match.h"

#include <stdlib.h>

/* Longest mailbox: 64 octets before the @, 255 after it (RFC 5321 section 4.5.3.1). */
#define MAX_MAILBOX 320

static uint8_t
lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static bool
equal_fold(struct cg_span a, struct cg_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

/* The last n bytes. */
static struct cg_span
tail(struct cg_span span, size_t n)
{
    return cg_span(span.data + (span.len - n), n);
}

static struct cg_span
skip(struct cg_span span, size_t n)
{
    return cg_span(span.data + n, span.len - n);
}

static bool
is_label_byte(uint8_t byte)
{
    byte = lower(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
            byte == '_';
}

bool
cg_constraint_host_valid(struct cg_span host, unsigned labels)
{
    unsigned count = 1;
    size_t label = 0;

    if (host.len == 0 || host.len > 253)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        if (host.data[i] == '.') {
            if (label == 0 || host.data[i - 1] == '-')
                return false;
            count++;
            label = 0;
        } else {
            if (!is_label_byte(host.data[i]) || (label == 0 && host.data[i] == '-') || ++label > 63)
                return false;
        }
    }
    return label != 0 && host.data[host.len - 1] != '-' && count >= labels;
}

/* host ends in ".domain" */
static bool
is_below(struct cg_span host, struct cg_span domain)
{
    return host.len > domain.len + 1 && host.data[host.len - domain.len - 1] == '.' &&
            equal_fold(tail(host, domain.len), domain);
}

static bool
is_only_label(struct cg_span host, struct cg_span domain)
{
    return memchr(host.data, '.', host.len - domain.len - 1) == NULL;
}

/*
 * dNSName: the domain and all below it. A leading dot, which RFC 5280 gives to URIs only but which is
 * in use, means below it only.
 */
static enum cg_subtree_relation
relate_dns(struct cg_span base, struct cg_span name)
{
    bool below_only = base.len != 0 && base.data[0] == '.';
    bool wildcard = name.data[0] == '*';
    struct cg_span domain = below_only ? skip(base, 1) : base;
    struct cg_span host = wildcard ? skip(name, 2) : name;

    if (domain.len == 0)
        return CG_SUBTREE_INSIDE;
    if (lower(domain.data[domain.len - 1]) != lower(host.data[host.len - 1]))
        return CG_SUBTREE_OUTSIDE;
    if (is_below(host, domain))
        return CG_SUBTREE_INSIDE;
    if (equal_fold(host, domain))
        return wildcard || !below_only ? CG_SUBTREE_INSIDE : CG_SUBTREE_OUTSIDE;
    /* "*.example.com" stands for "a.example.com": one label, so only that very domain can overlap. */
    if (wildcard && !below_only && is_below(domain, host) && is_only_label(domain, host))
        return CG_SUBTREE_OVERLAPS;
    return CG_SUBTREE_OUTSIDE;
}

/* A host name, or a wildcard that is the whole left-most label (RFC 9525 section 6.3). */
static bool
dns_name_valid(struct cg_span name)
{
    if (name.len > 2 && name.data[0] == '*' && name.data[1] == '.')
        name = skip(name, 2);
    return cg_constraint_host_valid(name, 1);
}

static bool
dns_base_valid(struct cg_span base)
{
    if (base.len != 0 && base.data[0] == '.')
        base = skip(base, 1);
    else if (base.len == 0)
        return true;
    return cg_constraint_host_valid(base, 1);
}

/* Address and mask; the mask is a prefix (RFC 4632), anything else is a slip that widens or narrows. */
static bool
ip_base_valid(struct cg_span base)
{
    size_t half = base.len / 2;
    bool ended = false;

    if (base.len != 8 && base.len != 32)
        return false;
    for (size_t i = 0; i < half * 8; i++) {
        bool one = (base.data[half + i / 8] & (0x80u >> (i % 8))) != 0;

        if (one && ended)
            return false;
        ended = ended || !one;
    }
    return true;
}

static enum cg_subtree_relation
relate_ip(struct cg_span base, struct cg_span name)
{
    size_t half = base.len / 2;

    if (name.len != half)
        return CG_SUBTREE_OUTSIDE;
    for (size_t i = 0; i < half; i++)
        if (((base.data[i] ^ name.data[i]) & base.data[half + i]) != 0)
            return CG_SUBTREE_OUTSIDE;
    return CG_SUBTREE_INSIDE;
}

static bool
ip_name_valid(struct cg_span name)
{
    return name.len == 4 || name.len == 16;
}

/* URI and rfc822Name: exactly that host, or with a leading dot those below it, or any when empty. */
static bool
host_base_valid(struct cg_span base)
{
    if (base.len != 0 && base.data[0] == '.')
        return cg_constraint_host_valid(skip(base, 1), 1);
    return base.len == 0 || cg_constraint_host_valid(base, 1);
}

static enum cg_subtree_relation
relate_host(struct cg_span base, struct cg_span host)
{
    bool inside;

    if (base.len == 0)
        return CG_SUBTREE_INSIDE;
    inside = base.data[0] == '.' ? is_below(host, skip(base, 1)) : equal_fold(base, host);
    return inside ? CG_SUBTREE_INSIDE : CG_SUBTREE_OUTSIDE;
}

static size_t
index_of_any(struct cg_span span, const char *bytes)
{
    size_t i = 0;

    while (i < span.len && (span.data[i] == 0 || strchr(bytes, span.data[i]) == NULL))
        i++;
    return i;
}

static bool
looks_like_ipv4(struct cg_span host)
{
    for (size_t i = 0; i < host.len; i++)
        if (host.data[i] != '.' && (host.data[i] < '0' || host.data[i] > '9'))
            return false;
    return true;
}

/*
 * The host of a URI with an authority (RFC 3986 section 3.2); false for any other and for addresses:
 * RFC 5280 wants a certificate with such a URI refused wherever URIs are constrained.
 */
static bool
uri_host(struct cg_span uri, struct cg_span *host)
{
    size_t colon = index_of_any(uri, ":/?#");
    struct cg_span authority;
    size_t at;

    if (colon == 0 || uri.len < colon + 3 || memcmp(uri.data + colon, "://", 3) != 0)
        return false;
    authority = skip(uri, colon + 3);
    authority.len = index_of_any(authority, "/?#");
    while ((at = index_of_any(authority, "@")) != authority.len)
        authority = skip(authority, at + 1);
    authority.len = index_of_any(authority, ":");
    *host = authority;
    return cg_constraint_host_valid(authority, 1) && !looks_like_ipv4(authority);
}

static enum cg_subtree_relation
relate_uri(struct cg_span base, struct cg_span uri)
{
    struct cg_span host;

    return uri_host(uri, &host) ? relate_host(base, host) : CG_SUBTREE_UNCLEAR;
}

struct mailbox {
    uint8_t local[MAX_MAILBOX];
    size_t local_len;
    struct cg_span host;
};

static bool
is_atom_byte(uint8_t byte)
{
    byte = lower(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
            (byte != 0 && strchr("!#$%&'*+-/=?^_`{|}~", byte) != NULL);
}

/* Quoted-string of RFC 5321 section 4.1.2, its escapes taken out; the cursor ends behind the quote. */
static bool
read_quoted(struct cg_span text, size_t *at, struct mailbox *out)
{
    size_t i = *at + 1;

    for (; i < text.len && text.data[i] != '"'; i++) {
        if (text.data[i] == '\\' && ++i == text.len)
            return false;
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
        out->local[out->local_len++] = text.data[i];
    }
    *at = i + 1;
    return i < text.len;
}

static bool
read_atoms(struct cg_span text, size_t *at, struct mailbox *out)
{
    bool dot = true; /* none at the start, at the end or twice */
    size_t i = *at;

    for (; i < text.len && text.data[i] != '@'; i++) {
        if (text.data[i] == '.' ? dot : !is_atom_byte(text.data[i]))
            return false;
        dot = text.data[i] == '.';
        out->local[out->local_len++] = text.data[i];
    }
    *at = i;
    return !dot;
}

/* Mailbox of RFC 5321 section 4.1.2 with a host name, not an address literal. */
static bool
read_mailbox(struct cg_span text, struct mailbox *out)
{
    size_t at = 0;

    out->local_len = 0;
    if (text.len == 0 || text.len > MAX_MAILBOX)
        return false;
    if (!(text.data[0] == '"' ? read_quoted(text, &at, out) : read_atoms(text, &at, out)))
        return false;
    if (at >= text.len || text.data[at] != '@')
        return false;
    out->host = skip(text, at + 1);
    return cg_constraint_host_valid(out->host, 1);
}

static bool
email_name_valid(struct cg_span name)
{
    struct mailbox mailbox;

    return read_mailbox(name, &mailbox);
}

static bool
email_base_valid(struct cg_span base)
{
    struct mailbox mailbox;

    return memchr(base.len == 0 ? "" : (const char *)base.data, '@', base.len) != NULL
            ? read_mailbox(base, &mailbox)
            : host_base_valid(base);
}

/* A base with an @ is one mailbox; its part before the @ is compared exactly (section 7.5). */
static enum cg_subtree_relation
relate_email(struct cg_span base, struct cg_span name)
{
    struct mailbox mine, theirs;

    if (!read_mailbox(name, &theirs))
        return CG_SUBTREE_UNCLEAR;
    if (base.len == 0 || memchr(base.data, '@', base.len) == NULL)
        return relate_host(base, theirs.host);
    if (!read_mailbox(base, &mine))
        return CG_SUBTREE_UNCLEAR;
    return cg_span_equal(
                   cg_span(mine.local, mine.local_len), cg_span(theirs.local, theirs.local_len)) &&
                    equal_fold(mine.host, theirs.host)
            ? CG_SUBTREE_INSIDE
            : CG_SUBTREE_OUTSIDE;
}

static bool
directory_base_valid(struct cg_span base)
{
    struct cg_canonical_name canonical = { 0 };
    bool bad_string = false, valid;

    valid = cg_canonical_name_build(base, &canonical, &bad_string);
    free(canonical.data);
    return valid;
}

/* Inside when the base's RDNs are the first RDNs of the name (section 7.1 comparison). */
static enum cg_subtree_relation
relate_directory(struct cg_span base, struct cg_span name)
{
    struct cg_canonical_name mine = { 0 }, theirs = { 0 };
    enum cg_subtree_relation relation = CG_SUBTREE_UNCLEAR;
    bool bad_string = false;

    if (cg_canonical_name_build(base, &mine, &bad_string) &&
            cg_canonical_name_build(name, &theirs, &bad_string)) {
        bool inside = mine.len <= theirs.len &&
                (mine.len == 0 || memcmp(mine.data, theirs.data, mine.len) == 0);

        relation = inside ? CG_SUBTREE_INSIDE : CG_SUBTREE_OUTSIDE;
    }
    free(mine.data);
    free(theirs.data);
    return relation;
}

/* Whether a URI has a host matters only where URIs are constrained (section 4.2.1.10). */
static bool
any_name_valid(struct cg_span name)
{
    (void)name;
    return true;
}

/* clang-format off */
static const struct row {
    enum cg_name_type type;
    unsigned cost;
    bool (*base_valid)(struct cg_span base);
    bool (*name_valid)(struct cg_span name);
    enum cg_subtree_relation (*relate)(struct cg_span base, struct cg_span name);
} rows[] = {
    { CG_NAME_DNS,       1,  dns_base_valid,       dns_name_valid,   relate_dns },
    { CG_NAME_IP,        1,  ip_base_valid,        ip_name_valid,    relate_ip },
    { CG_NAME_URI,       4,  host_base_valid,      any_name_valid,   relate_uri },
    { CG_NAME_EMAIL,     8,  email_base_valid,     email_name_valid, relate_email },
    { CG_NAME_DIRECTORY, 64, directory_base_valid, any_name_valid,   relate_directory },
};
/* clang-format on */

static const struct row *
find_row(enum cg_name_type type)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].type == type)
            return &rows[i];
    return NULL;
}

bool
cg_subtree_base_valid(const struct cg_general_name *base)
{
    const struct row *row = find_row(base->type);

    return row == NULL || row->base_valid(base->value);
}

bool
cg_subtree_name_valid(const struct cg_general_name *name)
{
    const struct row *row = find_row(name->type);

    return row == NULL || row->name_valid(name->value);
}

enum cg_subtree_relation
cg_subtree_relate(const struct cg_general_name *base, const struct cg_general_name *name)
{
    const struct row *row = find_row(base->type);

    return row == NULL ? CG_SUBTREE_UNCLEAR : row->relate(base->value, name->value);
}

unsigned
cg_subtree_cost(enum cg_name_type type)
{
    const struct row *row = find_row(type);

    return row == NULL ? 0 : row->cost;
}
