#include "gateway/sip_osip.h"

#include <sys/time.h>
#include <time.h>

#include <osipparser2/osip_port.h>

#include <osipparser2/osip_message.h>

/* A copy for a parser of C strings, with its folds undone as section 7.3.1 says. */
static bool
copy(struct cg_span text, char out[GW_MAX_SIP_VALUE + 1])
{
    if (text.len == 0 || text.len > GW_MAX_SIP_VALUE || memchr(text.data, '\0', text.len) != NULL)
        return false;
    for (size_t i = 0; i < text.len; i++)
        out[i] = sip_is_blank(text.data[i]) ? ' ' : (char)text.data[i];
    out[text.len] = '\0';
    return true;
}

static bool
same(const char *theirs, struct cg_span ours)
{
    if (theirs == NULL)
        return ours.len == 0;
    return cg_span_equal(cg_span(theirs, strlen(theirs)), ours);
}

bool
sip_osip_agrees_on_uri(struct cg_span text, const struct sip_uri *uri)
{
    char copied[GW_MAX_SIP_VALUE + 1];
    osip_uri_t *theirs = NULL;
    bool ok = copy(text, copied) && osip_uri_init(&theirs) == OSIP_SUCCESS &&
            osip_uri_parse(theirs, copied) == OSIP_SUCCESS && same(theirs->host, uri->host);

    osip_uri_free(theirs);
    return ok;
}

bool
sip_osip_agrees_on_address(struct cg_span value, const struct sip_uri *uri, bool tagged)
{
    char copied[GW_MAX_SIP_VALUE + 1];
    char name[] = "tag";
    osip_from_t *theirs = NULL;
    osip_generic_param_t *tag = NULL;
    bool ok = copy(value, copied) && osip_from_init(&theirs) == OSIP_SUCCESS &&
            osip_from_parse(theirs, copied) == OSIP_SUCCESS && theirs->url != NULL &&
            same(theirs->url->host, uri->host);

    if (ok) {
        (void)osip_generic_param_get_byname(&theirs->gen_params, name, &tag);
        ok = (tag != NULL) == tagged;
    }
    osip_from_free(theirs);
    return ok;
}

bool
sip_osip_agrees_on_via(const struct sip_via *via)
{
    char copied[GW_MAX_SIP_VALUE + 1];
    char name[] = "alias";
    osip_via_t *theirs = NULL;
    osip_generic_param_t *alias = NULL;
    bool ok = copy(via->whole, copied) && osip_via_init(&theirs) == OSIP_SUCCESS &&
            osip_via_parse(theirs, copied) == OSIP_SUCCESS && same(theirs->host, via->host);

    if (ok) {
        (void)osip_generic_param_get_byname(&theirs->via_params, name, &alias);
        ok = (alias != NULL) == (via->alias_count != 0);
    }
    osip_via_free(theirs);
    return ok;
}
