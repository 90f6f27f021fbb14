/* The lines of a SIP message head, and which header field each begins (RFC 3261 section 7.3). */
#ifndef GATEWAY_SIP_FIELD_H
#define GATEWAY_SIP_FIELD_H

#include "base/reader.h"

/* What a field is to us; its compact form is the same (section 7.3.3). */
enum sip_name {
    SIP_OTHER,
    SIP_CALL_ID,
    SIP_CONTENT_LENGTH,
    SIP_CSEQ,
    SIP_FROM,
    SIP_TO,
    SIP_VIA,
    SIP_LOOKALIKE, /* spells Content-Length for a liberal reader */
    SIP_NAMES,
};

struct sip_field {
    enum sip_name name;
    struct cg_span value; /* without the blanks at its ends */
    bool folded;
};

/* Takes a line off the front, without its CRLF; false where it ends otherwise or not at all. */
bool sip_line(struct cg_reader *reader, struct cg_span *line);

/*
 * Takes a field with its continuation lines off the front of fields: what stands between the start-line
 * and the empty line of a head. False where it is none, and at the end.
 */
bool sip_field_read(struct cg_reader *fields, struct sip_field *field);

/*
 * True for a continuation line that would be one of the named fields if it began a line. Kamailio's
 * reader of streams takes a Content-Length from such a line.
 */
bool sip_continuation_misleads(struct cg_span line);

#endif
