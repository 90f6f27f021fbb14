#include "gateway/classify.h"

#include <string.h>
#include <strings.h>

static const struct gw_class *
class_from(const struct gw_interface *iface, const struct sockaddr *from)
{
    for (size_t i = 1; i < iface->class_count; i++) {
        const struct snapshot_class *settings = iface->classes[i].settings;

        if (snapshot_networks_hold(settings->from, settings->from_count, from))
            return &iface->classes[i];
    }
    return NULL;
}

/* Whether a request could bring a peer into this class. */
static bool
by_request(const struct gw_class *class)
{
    return class->settings->kind == SNAPSHOT_CLASS_LINE || class->rules->sip_domain_count != 0;
}

struct class_guess
classify_source(const struct gw_interface *iface, const struct sockaddr *from)
{
    struct class_guess guess = { .by = CLASS_BY_INTERFACE, .certificate_required = true };
    const struct gw_class *other = gw_other(iface);
    bool several = false;

    guess.known = class_from(iface, from);
    if (guess.known != NULL) {
        guess.by = CLASS_BY_SOURCE;
        guess.by_source = true;
        guess.possible = true;
        guess.certificate_required = guess.known->rules->require_certificate;
        return guess;
    }
    if (iface->settings->others) {
        guess.possible = true;
        guess.certificate_required = other->rules->require_certificate;
    }
    for (size_t i = 1; gw_reads_requests(iface) && i < iface->class_count; i++) {
        if (!by_request(&iface->classes[i]))
            continue;
        several = guess.possible = true;
        guess.certificate_required =
                guess.certificate_required && iface->classes[i].rules->require_certificate;
    }
    if (!several && guess.possible)
        guess.known = other;
    return guess;
}

const struct gw_class *
classify_path(
        const struct gw_interface *iface, struct cg_span path, bool websocket, const char **by)
{
    for (size_t i = 1; websocket && i < iface->class_count; i++) {
        const char *wanted = iface->classes[i].settings->path;

        if (wanted[0] != '\0' && cg_span_equal(path, cg_span(wanted, strlen(wanted)))) {
            *by = CLASS_BY_PATH;
            return &iface->classes[i];
        }
    }
    *by = iface->class_count > 1 ? CLASS_BY_DEFAULT : CLASS_BY_INTERFACE;
    return gw_other(iface);
}

/* Path as a lenient server reads it: letters in lower case, without parameters and slashes at its end. */
static size_t
lenient(struct cg_span path, char out[SNAPSHOT_PATH_SIZE])
{
    bool parameter = false;
    size_t len = 0;

    for (size_t i = 0; i < path.len && len < SNAPSHOT_PATH_SIZE; i++) {
        uint8_t c = path.data[i];

        parameter = c == ';' || (parameter && c != '/');
        if (!parameter)
            out[len++] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    while (len > 0 && out[len - 1] == '/')
        len--;
    return len;
}

bool
classify_path_near(const struct gw_interface *iface, struct cg_span path)
{
    char asked[SNAPSHOT_PATH_SIZE], own[SNAPSHOT_PATH_SIZE];
    size_t asked_len = lenient(path, asked);

    for (size_t i = 1; i < iface->class_count; i++) {
        const char *wanted = iface->classes[i].settings->path;
        size_t own_len = lenient(cg_span(wanted, strlen(wanted)), own);

        if (own_len != 0 && own_len == asked_len && memcmp(asked, own, own_len) == 0)
            return true;
    }
    return false;
}

static bool
has_domain(const struct gw_class *class, const char *domain)
{
    for (size_t i = 0; i < class->rules->sip_domain_count; i++)
        if (strcasecmp(class->rules->sip_domains[i], domain) == 0)
            return true;
    return false;
}

const struct gw_class *
classify_from_domain(const struct gw_interface *iface, const char *domain,
        const struct gw_class *by_source, const char **by)
{
    for (size_t i = 1; domain[0] != '\0' && i < iface->class_count; i++) {
        if (has_domain(&iface->classes[i], domain)) {
            *by = CLASS_BY_DOMAIN;
            return &iface->classes[i];
        }
    }
    if (by_source != NULL) {
        *by = CLASS_BY_SOURCE;
        return by_source;
    }
    *by = iface->class_count > 1 ? CLASS_BY_DEFAULT : CLASS_BY_INTERFACE;
    return iface->settings->others ? gw_other(iface) : NULL;
}
