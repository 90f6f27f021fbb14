/* What certgate-fetch tells of a server: what is read is within the limits, and is written back as it was read. */
#include "snapshot/probed.h"
#include "fuzz.h"
#include "snapshot/ipc.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct probed probed, again;
    size_t total = 0;
    struct cg_buf buf;

    if (!probed_read(cg_span(data, len), &probed))
        return 0;
    FUZZ_CHECK((probed.outcome == PROBED_CHAIN) == (probed.count != 0), "%zu certificates",
            probed.count);
    for (size_t i = 0; i < probed.count; i++)
        total += probed.certs[i].len;
    FUZZ_CHECK(total <= CG_MAX_CHAIN_BYTES, "%zu octets", total);
    cg_buf_init(&buf, IPC_MAX_PAYLOAD);
    probed_write(&probed, &buf);
    FUZZ_CHECK(!buf.failed && buf.len == len, "%zu of %zu octets", buf.len, len);
    FUZZ_CHECK(probed_read(cg_span(buf.data, buf.len), &again) && again.count == probed.count &&
                    strcmp(again.why, probed.why) == 0,
            "not the same");
    cg_buf_release(&buf);
    return 0;
}
