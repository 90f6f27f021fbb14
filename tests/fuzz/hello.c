/* The body of a ClientHello's server_name extension. */
#include <string.h>

#include "fuzz.h"
#include "gateway/hello.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char name[GW_MAX_SNI + 1];
    size_t name_len;
    bool found = hello_server_name(data, len, name, &name_len);

    FUZZ_CHECK(found == (name_len != 0), "%zu octets", name_len);
    FUZZ_CHECK(strlen(name) == name_len, "%zu octets", name_len);
    /* Two lengths of two octets and the name's type stand before it, and nothing behind it. */
    FUZZ_CHECK(!found || name_len + 5 == len, "%zu of %zu octets", name_len, len);
    for (size_t i = 0; i < name_len; i++)
        FUZZ_CHECK(name[i] < 'A' || name[i] > 'Z', "upper case at %zu", i);
    return 0;
}
