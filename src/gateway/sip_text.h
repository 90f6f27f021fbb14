/*
 * The grammar of RFC 3261 section 25.1 for what we must understand, read strictly from bounded spans.
 * Values may hold folds (CRLF before a blank), which count as blanks.
 */
#ifndef GATEWAY_SIP_TEXT_H
#define GATEWAY_SIP_TEXT_H

#include "base/reader.h"
#include "gateway/limits.h"

typedef bool sip_class(uint8_t c);
sip_class sip_is_token;
sip_class sip_is_blank; /* SP, HTAB, and in a value the CR and LF of a fold */

/* One or more bytes of a class; false, and nothing taken, where there is none. */
bool sip_take(struct cg_reader *reader, sip_class *is, struct cg_span *out);
/* Skips blanks, if any. */
void sip_skip_blanks(struct cg_reader *reader);
/* Takes this byte if it is the next. */
bool sip_accept(struct cg_reader *reader, char c);
/* ASCII letters in either case are the same; text is lower case. */
bool sip_span_is(struct cg_span span, const char *text);

struct sip_uri {
    enum { SIP_URI_SIP, SIP_URI_TEL, SIP_URI_OTHER } kind; /* sip and sips; tel; any other scheme */
    struct cg_span host; /* SIP_URI_SIP: as written, an IPv6 address without its brackets */
    bool ipv6;
};

/* The whole of text is one URI. */
bool sip_uri_read(struct cg_span text, struct sip_uri *uri);

/* The host in the form that struct sip_head promises; false where it is none. */
bool sip_host_name(const struct sip_uri *uri, char out[GW_MAX_SIP_HOST + 1]);

struct sip_address {
    struct cg_span uri;
    bool tagged;
};

/* The whole of value is one (name-addr / addr-spec) *(SEMI param), as From and To are. */
bool sip_address_read(struct cg_span value, struct sip_address *address);

struct sip_via {
    struct cg_span whole; /* this value, up to the comma */
    struct cg_span host; /* of sent-by, without brackets */
    struct cg_span alias; /* from the blanks before its semicolon to the end of its value */
    unsigned alias_count;
    bool more; /* a comma came after it */
};

/* The next of the comma-separated values of a Via. */
bool sip_via_read(struct cg_reader *value, struct sip_via *via);

#endif
