/* SIP messages in a stream, and the answer to a request that was read. */
#include <string.h>

#include "fuzz.h"
#include "gateway/sip.h"

static void
check_head(const uint8_t *data, const struct sip_head *head, size_t len)
{
    struct cg_buf answer;

    FUZZ_CHECK(head->head_len <= len, "%zu of %zu octets", head->head_len, len);
    FUZZ_CHECK(head->alias_len == 0 || head->alias_at + head->alias_len <= head->head_len,
            "an alias outside of the head");
    FUZZ_CHECK(memchr(head->from_domain, 0, sizeof(head->from_domain)) != NULL &&
                    memchr(head->request_domain, 0, sizeof(head->request_domain)) != NULL &&
                    memchr(head->method, 0, sizeof(head->method)) != NULL,
            "text without its end");
    if (!head->request)
        return;
    cg_buf_init(&answer, 64 * 1024);
    if (sip_answer(data, head->head_len, 403, "Forbidden", "0123456789abcdef", &answer))
        FUZZ_CHECK(answer.len > 12 && memcmp(answer.data, "SIP/2.0 403 ", 12) == 0, "no answer");
    cg_buf_release(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *why;
    size_t used;

    while (len != 0) {
        struct sip_head head = { 0 };
        enum sip_result result;

        why = NULL;
        used = 0;
        result = sip_read(data, len, &used, &head, &why);
        FUZZ_CHECK(result != SIP_BAD || why != NULL, "refused without a reason");
        if (result == SIP_BAD || result == SIP_MORE)
            break;
        FUZZ_CHECK(used != 0 && used <= len, "%zu of %zu octets", used, len);
        if (result == SIP_HEAD) {
            check_head(data, &head, len);
            /* What is cut off by one octet is not yet a head. */
            FUZZ_CHECK(sip_read(data, used - 1, &(size_t) { 0 }, &(struct sip_head) { 0 }, &why) !=
                            SIP_HEAD,
                    "a head before its end");
            used += head.body_len < len - used ? head.body_len : len - used;
        }
        data += used;
        len -= used;
    }
    return 0;
}
