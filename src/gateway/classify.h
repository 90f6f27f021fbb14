/*
 * Which class a peer is of: by its source address before a byte is read, by a request later (shared
 * contract, section 5, "One port, two rules").
 */
#ifndef GATEWAY_CLASSIFY_H
#define GATEWAY_CLASSIFY_H

#include <sys/socket.h>

#include "base/span.h"
#include "gateway/generation.h"

/* What made a peer the class it is: words of the decision record. */
#define CLASS_BY_INTERFACE "interface" /* it has no other class */
#define CLASS_BY_SOURCE "source-address"
#define CLASS_BY_PATH "upgrade-path"
#define CLASS_BY_DOMAIN "from-domain"
#define CLASS_BY_DEFAULT "no-other-class"

/* What is known of a peer's class before its first request. */
struct class_guess {
    const struct gw_class
            *known; /* the class it is judged by in the handshake, or NULL: not yet known */
    const char *by;
    bool by_source; /* the source address alone makes it that class */
    bool possible; /* false: no request could make it a class of this interface */
    bool certificate_required; /* by every class that it could be */
};

/* The class that the source address makes a peer, or NULL. */
static inline const struct gw_class *
class_by_source(const struct class_guess *guess)
{
    return guess->by_source ? guess->known : NULL;
}

/* from may be AF_UNSPEC or another family than IP: then no class is known by it. */
struct class_guess classify_source(const struct gw_interface *iface, const struct sockaddr *from);

/*
 * The class of an HTTP request: a line where it is the WebSocket upgrade of the line's path, else the
 * class without a name, whose rules are the interface's.
 */
const struct gw_class *classify_path(
        const struct gw_interface *iface, struct cg_span path, bool websocket, const char **by);

/*
 * Whether a backend could take the path for a line's although it is none: in other letters, with a slash
 * at its end, or with parameters (RFC 3986 section 3.3), which some servers cut off.
 */
bool classify_path_near(const struct gw_interface *iface, struct cg_span path);

/*
 * The class of a SIP request by the host of its From URI ("" where it has none): the trunk that has this
 * domain, else the one that the source address made it, else a phone; NULL where there are no phones.
 */
const struct gw_class *classify_from_domain(const struct gw_interface *iface, const char *domain,
        const struct gw_class *by_source, const char **by);

#endif
