#include "gateway/hello.h"

#include "base/reader.h"

#define NAME_TYPE_HOST_NAME 0

static bool
read_vector16(struct cg_reader *reader, struct cg_span *out)
{
    uint16_t len;

    return cg_read_u16(reader, &len) && cg_read_bytes(reader, len, out);
}

bool
hello_server_name(const uint8_t *data, size_t len, char name[GW_MAX_SNI + 1], size_t *name_len)
{
    struct cg_reader reader = cg_reader(cg_span(data, len));
    struct cg_span list, host;
    uint8_t type;

    name[0] = '\0';
    *name_len = 0;
    if (!read_vector16(&reader, &list) || !cg_reader_done(&reader))
        return false;
    reader = cg_reader(list);
    /* One name of each type at most, and host_name is the only type there is. */
    if (!cg_read_u8(&reader, &type) || type != NAME_TYPE_HOST_NAME ||
            !read_vector16(&reader, &host) || !cg_reader_done(&reader))
        return false;
    if (host.len == 0 || host.len > GW_MAX_SNI || memchr(host.data, 0, host.len) != NULL)
        return false;
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];

        name[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    name[host.len] = '\0';
    *name_len = host.len;
    return true;
}
