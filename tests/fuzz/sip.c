/* SIP domains against the identities that a certificate presents (RFC 5922). */
#include "base/buf.h"
#include "fuzz.h"
#include "presented.h"

static bool
is_match(enum cg_name_result result)
{
    return result == CG_NAME_MATCH || result == CG_NAME_MATCH_WILDCARD;
}

/* Written out somewhere in the value, in either case: a match of anything else is none. */
static bool
holds(struct cg_span value, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i + len <= value.len; i++)
        if (strncasecmp((const char *)value.data + i, text, len) == 0)
            return true;
    return false;
}

static bool
presents(const struct presented *presented, const char *text)
{
    for (size_t i = 0; i < presented->cert.san_count; i++)
        if (holds(presented->san[i].value, text))
            return true;
    return !presented->cert.has_san && holds(presented->cert.subject, text);
}

static void
check_match(const struct presented *presented, enum cg_name_result strict, enum cg_name_result wild)
{
    struct cg_reference domain;

    FUZZ_CHECK(strict != CG_NAME_MATCH_WILDCARD, "a wildcard without its allowance");
    FUZZ_CHECK(!is_match(strict) || is_match(wild), "an allowance that refuses");
    FUZZ_CHECK((strict == CG_NAME_NONE) == (wild == CG_NAME_NONE), "other identities");
    if (strict != CG_NAME_MATCH)
        return;
    FUZZ_CHECK(cg_reference_parse(presented->reference, &domain), "matched what is no domain");
    FUZZ_CHECK(domain.kind == CG_REFERENCE_IP || presents(presented, domain.text),
            "'%s' is not presented", domain.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct presented presented;
    enum cg_name_result strict, wild;
    struct cg_buf text;

    presented_read(&presented, data, len);
    strict = cg_sip_match(&presented.cert, presented.reference, false);
    wild = cg_sip_match(&presented.cert, presented.reference, true);
    check_match(&presented, strict, wild);
    cg_buf_init(&text, 4096);
    cg_sip_identities_text(&text, &presented.cert);
    FUZZ_CHECK(text.failed || strlen(cg_buf_text(&text)) == text.len, "a NUL in the text");
    cg_buf_release(&text);
    presented_release(&presented);
    return 0;
}
