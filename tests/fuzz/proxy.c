/* A balancer's PROXY header. What was understood is written in both versions and understood again. */
#include <string.h>

#include "fuzz.h"
#include "gateway/limits.h"
#include "gateway/proxy.h"

static void
write_again(unsigned version, const struct proxy_ends *ends)
{
    struct proxy_facts facts = { .ends = *ends, .authority = "gw.example.test", .tls = "TLSv1.3" };
    struct proxy_ends back;
    const char *why = "";
    size_t len = 0, used = 0;
    uint8_t *header = proxy_write(version, &facts, &len);

    FUZZ_CHECK(header != NULL, "version %u cannot be written", version);
    FUZZ_CHECK(proxy_read(header, len, &used, &back, &why) == PROXY_DONE && used == len,
            "version %u is not read: %s", version, why);
    /* An IPv4 address that came as IPv6 goes on as IPv4: only the others come back byte by byte. */
    if (ends->from.ss_family == back.from.ss_family)
        FUZZ_CHECK(memcmp(ends, &back, sizeof(back)) == 0, "version %u: other ends", version);
    free(header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct proxy_ends ends, shorter;
    const char *why = NULL;
    size_t used = 0, part_used;
    enum proxy_result result = proxy_read(data, len, &used, &ends, &why);

    FUZZ_CHECK(used <= len, "%zu of %zu octets", used, len);
    FUZZ_CHECK(result != PROXY_BAD || why != NULL, "refused without a reason");
    FUZZ_CHECK(result != PROXY_MORE || len < GW_MAX_PROXY_HEADER, "%zu octets and more", len);
    if (result != PROXY_DONE)
        return 0;
    FUZZ_CHECK(used != 0, "a header of nothing");
    /* What is cut off by one octet is not yet a header. */
    FUZZ_CHECK(proxy_read(data, used - 1, &part_used, &shorter, &why) == PROXY_MORE,
            "done before its end");
    if (ends.from.ss_family != AF_UNSPEC) {
        write_again(1, &ends);
        write_again(2, &ends);
    }
    return 0;
}
