/* Ticket data: whatever is read is written back as it was, and judging it reads nothing outside. */
#include <string.h>

#include "fuzz.h"
#include "gateway/ticket.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ticket ticket;
    struct ticket_scene scene = { .now = FUZZ_NOW, .lifetime = 7200 };
    uint8_t again[GW_MAX_TICKET_DATA];
    size_t written;

    if (!ticket_decode(data, len, &ticket))
        return 0;
    written = ticket_encode(&ticket, again, sizeof(again));
    FUZZ_CHECK(written == len && memcmp(again, data, len) == 0, "%zu of %zu octets", written, len);
    scene.generation = ticket.generation;
    scene.interface = ticket.interface;
    scene.policy = ticket.policy;
    scene.tls_version = ticket.tls_version;
    scene.address = ticket.address;
    scene.sni = ticket.sni;
    scene.sni_len = ticket.sni_len;
    if (ticket_holds(&ticket, &scene))
        FUZZ_CHECK(ticket.good_from <= scene.now && scene.now <= ticket.good_until &&
                        scene.now - ticket.decided <= scene.lifetime,
                "outside of its time");
    scene.generation++;
    FUZZ_CHECK(!ticket_holds(&ticket, &scene), "held in another generation");
    return 0;
}
