#include "snapshot/snapshot.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "snapshot/mapping.h"

static bool
same_bits(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;

    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool
snapshot_networks_overlap(const struct snapshot_network *a, const struct snapshot_network *b)
{
    return same_bits(a->prefix, b->prefix, a->bits < b->bits ? a->bits : b->bits);
}

static bool
octets_of(const struct sockaddr *address, uint8_t out[16])
{
    static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

    memcpy(out, mapped, sizeof(mapped));
    if (address->sa_family == AF_INET)
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    return true;
}

bool
snapshot_networks_hold(
        const struct snapshot_network *networks, size_t count, const struct sockaddr *address)
{
    uint8_t wanted[16];

    if (!octets_of(address, wanted))
        return false;
    for (size_t i = 0; i < count; i++)
        if (same_bits(networks[i].prefix, wanted, networks[i].bits))
            return true;
    return false;
}

bool
snapshot_wants_name(const struct snapshot_interface *it)
{
    return it->role == CG_ROLE_OUTBOUND && it->connect_count == 0;
}

bool
snapshot_address_octets(const struct snapshot_address *address, uint8_t out[16])
{
    return octets_of((const struct sockaddr *)&address->addr, out);
}

struct snapshot_address
snapshot_address_from(const uint8_t octets[16], uint16_t port)
{
    struct snapshot_address address = { .len = sizeof(struct sockaddr_in6) };
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.addr;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.addr;

    v6->sin6_family = AF_INET6;
    memcpy(&v6->sin6_addr, octets, sizeof(v6->sin6_addr));
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        address = (struct snapshot_address) { .len = sizeof(*v4) };
        v4->sin_family = AF_INET;
        memcpy(&v4->sin_addr, octets + 12, sizeof(v4->sin_addr));
        v4->sin_port = htons(port);
    } else {
        v6->sin6_port = htons(port);
    }
    return address;
}

static void
free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static void
free_blobs(struct snapshot_blob *blobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(blobs[i].data);
    free(blobs);
}

void
snapshot_drop_tcs(struct snapshot *snapshot)
{
    free_blobs(snapshot->tcs, snapshot->mapping == NULL ? snapshot->tcs_count : 0);
    snapshot_mapping_unref(snapshot->mapping);
    snapshot->tcs = NULL;
    snapshot->tcs_count = 0;
    snapshot->mapping = NULL;
}

void
snapshot_rules_release(struct snapshot_rules *rules)
{
    free_strings(rules->names, rules->name_count);
    free_strings(rules->sip_domains, rules->sip_domain_count);
    for (size_t i = 0; i < rules->pin_count; i++)
        free(rules->pins[i].reason);
    free(rules->pins);
    *rules = (struct snapshot_rules) { .level = CG_LEVEL_NONE };
}

enum cg_status
snapshot_rules_pin(
        struct snapshot_rules *rules, const struct snapshot_pin *pin, struct cg_error *err)
{
    struct snapshot_pin *grown = rules->pins;
    char *reason = strdup(pin->reason);
    size_t at = 0;

    while (at < rules->pin_count && memcmp(grown[at].sha256, pin->sha256, CG_SHA256_SIZE) != 0)
        at++;
    if (at == SNAPSHOT_MAX_PINS) {
        free(reason);
        return cg_fail(err, CG_E_LIMIT, "more than %d admitted certificates", SNAPSHOT_MAX_PINS);
    }
    if (at == rules->pin_count)
        grown = realloc(grown, (at + 1) * sizeof(*grown));
    if (grown != NULL)
        rules->pins = grown;
    if (grown == NULL || reason == NULL) {
        free(reason);
        return cg_fail(err, CG_E_NOMEM, "no memory for an admitted certificate");
    }
    if (at == rules->pin_count)
        rules->pin_count++;
    else
        free(grown[at].reason);
    grown[at] = *pin;
    grown[at].reason = reason;
    return CG_OK;
}

enum cg_status
snapshot_pin_add(struct snapshot_interface *interfaces, size_t count, const char *place,
        const struct snapshot_pin *pin, struct cg_error *err)
{
    enum cg_status status = CG_OK;
    bool found = false;

    for (size_t i = 0; i < count; i++)
        if (strcmp(interfaces[i].name, place) == 0)
            return snapshot_rules_pin(&interfaces[i].rules, pin, err);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < interfaces[i].class_count && status == CG_OK; j++) {
            struct snapshot_class *class = &interfaces[i].classes[j];

            if (strcmp(class->name, place) != 0)
                continue;
            found = true;
            status = snapshot_rules_pin(&class->rules, pin, err);
        }
    }
    if (!found)
        return cg_fail(err, CG_E_USAGE, "there is no interface, trunk or line '%.64s'", place);
    return status;
}

void
snapshot_interface_release(struct snapshot_interface *it)
{
    snapshot_rules_release(&it->rules);
    for (size_t i = 0; i < it->class_count; i++)
        snapshot_rules_release(&it->classes[i].rules);
    free(it->classes);
    it->classes = NULL;
    it->class_count = 0;
}

void
snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    for (size_t i = 0; i < snapshot->interface_count; i++)
        snapshot_interface_release(&snapshot->interfaces[i]);
    free(snapshot->interfaces);
    for (size_t i = 0; i < snapshot->identity_count; i++)
        free_blobs(snapshot->identities[i].chain, snapshot->identities[i].chain_count);
    free(snapshot->identities);
    snapshot_drop_tcs(snapshot);
    free_blobs(snapshot->ca_names, snapshot->ca_name_count);
    free(snapshot);
}
