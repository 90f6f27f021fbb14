#include "gateway/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/reader.h"
#include "gateway/limits.h"

/* Longest line of version 1 with its CRLF. */
#define V1_MAX 107
#define V2_FIXED 16
#define V2_MAX_LENGTH 65535

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T',
    '\n' };

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };
enum { FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21 };

enum tlv {
    TLV_AUTHORITY = 0x02,
    TLV_CRC32C = 0x03,
    TLV_UNIQUE_ID = 0x05,
    TLV_SSL = 0x20,
    TLV_SSL_VERSION = 0x21,
    TLV_SSL_CN = 0x22,
    TLV_SSL_CIPHER = 0x23,
    TLV_SSL_SIGNATURE = 0x24,
    TLV_SSL_KEY = 0x25,
    TLV_SSL_CERTIFICATE = 0x28,
};

enum { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };

static enum proxy_result
bad(const char **why, const char *what)
{
    *why = what;
    return PROXY_BAD;
}

/* ---- version 1, from a balancer ---------------------------------------------------------------- */

static bool
read_port(const char *text, in_port_t *out)
{
    unsigned value = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0') || strlen(text) > 5)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (unsigned)(*text - '0');
    }
    *out = htons((in_port_t)value);
    return value <= 65535;
}

static bool
read_end(const char *address, const char *port, bool v6, struct sockaddr_storage *out)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;

    if (v6) {
        in6->sin6_family = AF_INET6;
        return inet_pton(AF_INET6, address, &in6->sin6_addr) == 1 &&
                read_port(port, &in6->sin6_port);
    }
    in4->sin_family = AF_INET;
    return inet_pton(AF_INET, address, &in4->sin_addr) == 1 && read_port(port, &in4->sin_port);
}

/* line: what stands between "PROXY " and CRLF, ended by NUL. */
static enum proxy_result
read_line(char *line, struct proxy_ends *ends, const char **why)
{
    char *words[5] = { NULL };
    char *word = line;
    size_t count = 0;

    if (strcmp(line, "UNKNOWN") == 0 || strncmp(line, "UNKNOWN ", 8) == 0)
        return PROXY_DONE;
    for (; word != NULL && count < 5; count++)
        words[count] = strsep(&word, " ");
    if (count != 5 || word != NULL)
        return bad(why, "a version 1 header without protocol, two addresses and two ports");
    if (strcmp(words[0], "TCP4") != 0 && strcmp(words[0], "TCP6") != 0)
        return bad(why, "a version 1 header of an unknown protocol");
    if (!read_end(words[1], words[3], words[0][3] == '6', &ends->from) ||
            !read_end(words[2], words[4], words[0][3] == '6', &ends->to))
        return bad(why, "a version 1 header with a malformed address or port");
    return PROXY_DONE;
}

static enum proxy_result
read_v1(const uint8_t *data, size_t len, size_t *used, struct proxy_ends *ends, const char **why)
{
    static const char word[] = "PROXY ";
    const size_t word_len = sizeof(word) - 1;
    char line[V1_MAX];
    const uint8_t *end;

    if (memcmp(data, word, len < word_len ? len : word_len) != 0)
        return bad(why, "no PROXY header");
    end = memchr(data, '\n', len < V1_MAX ? len : V1_MAX);
    if (end == NULL)
        return len < V1_MAX ? PROXY_MORE : bad(why, "a version 1 header that does not end");
    *used = (size_t)(end - data) + 1;
    if (*used < word_len + 2 || end[-1] != '\r')
        return bad(why, "a version 1 header that does not end in CRLF");
    memcpy(line, data + word_len, *used - 2 - word_len);
    line[*used - 2 - word_len] = '\0';
    if (strlen(line) != *used - 2 - word_len)
        return bad(why, "a version 1 header with a NUL");
    return read_line(line, ends, why);
}

/* ---- version 2, from a balancer ---------------------------------------------------------------- */

/* CRC-32C (Castagnoli) of data with the four octets at `hole` taken as zero. */
static uint32_t
crc32c(const uint8_t *data, size_t len, size_t hole)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < len; i++) {
        crc ^= i >= hole && i - hole < 4 ? 0 : data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* The TLVs must fill their room exactly; of their contents only the checksum counts. */
static enum proxy_result
read_tlvs(const uint8_t *header, size_t header_len, struct cg_reader *reader, const char **why)
{
    while (!cg_reader_done(reader)) {
        uint8_t type;
        uint16_t len;
        struct cg_span value;
        uint32_t sum;

        if (!cg_read_u8(reader, &type) || !cg_read_u16(reader, &len) ||
                !cg_read_bytes(reader, len, &value))
            return bad(why, "a version 2 header whose TLVs do not fit");
        if (type != TLV_CRC32C)
            continue;
        if (len != 4)
            return bad(why, "a version 2 header with a malformed checksum");
        sum = (uint32_t)value.data[0] << 24 | (uint32_t)value.data[1] << 16 |
                (uint32_t)value.data[2] << 8 | value.data[3];
        if (sum != crc32c(header, header_len, (size_t)(value.data - header)))
            return bad(why, "a version 2 header with a wrong checksum");
    }
    return PROXY_DONE;
}

static void
take_ends(const uint8_t *at, bool v6, struct proxy_ends *ends)
{
    size_t width = v6 ? 16 : 4;
    struct sockaddr_storage *both[] = { &ends->from, &ends->to };

    for (size_t i = 0; i < 2; i++) {
        struct sockaddr_in *in4 = (struct sockaddr_in *)(void *)both[i];
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)both[i];

        both[i]->ss_family = v6 ? AF_INET6 : AF_INET;
        memcpy(v6 ? (void *)&in6->sin6_addr : (void *)&in4->sin_addr, at + i * width, width);
        memcpy(v6 ? (void *)&in6->sin6_port : (void *)&in4->sin_port, at + 2 * width + i * 2, 2);
    }
}

static enum proxy_result
read_v2(const uint8_t *data, size_t len, size_t *used, struct proxy_ends *ends, const char **why)
{
    struct cg_reader reader;
    struct cg_span addresses;
    size_t length, width;

    if (len < V2_FIXED)
        return PROXY_MORE;
    if (data[12] != COMMAND_LOCAL && data[12] != COMMAND_PROXY)
        return bad(why, "a version 2 header with an unknown version or command");
    length = (size_t)data[14] << 8 | data[15];
    if (V2_FIXED + length > GW_MAX_PROXY_HEADER)
        return bad(why, "a version 2 header that is too long");
    if (len < V2_FIXED + length)
        return PROXY_MORE;
    *used = V2_FIXED + length;
    if (data[12] == COMMAND_LOCAL)
        return PROXY_DONE;
    switch (data[13]) {
    case FAMILY_UNSPEC:
        return PROXY_DONE;
    case FAMILY_TCP4:
        width = 12;
        break;
    case FAMILY_TCP6:
        width = 36;
        break;
    default:
        return bad(why, "a version 2 header of a protocol that is not TCP");
    }
    reader = cg_reader(cg_span(data + V2_FIXED, length));
    if (!cg_read_bytes(&reader, width, &addresses))
        return bad(why, "a version 2 header too short for its addresses");
    take_ends(addresses.data, data[13] == FAMILY_TCP6, ends);
    return read_tlvs(data, *used, &reader, why);
}

enum proxy_result
proxy_read(const uint8_t *data, size_t len, size_t *used, struct proxy_ends *ends, const char **why)
{
    size_t known = len < sizeof(signature) ? len : sizeof(signature);

    *used = 0;
    memset(ends, 0, sizeof(*ends));
    if (len == 0)
        return PROXY_MORE;
    if (memcmp(data, signature, known) == 0)
        return read_v2(data, len, used, ends, why);
    return read_v1(data, len, used, ends, why);
}

/* ---- to a backend ------------------------------------------------------------------------------ */

static struct in6_addr
as_v6(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)(const void *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    struct in6_addr mapped = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

    if (address->ss_family == AF_INET6)
        return in6->sin6_addr;
    memcpy(mapped.s6_addr + 12, &in4->sin_addr, 4);
    return mapped;
}

/* Both ends as IPv6, and as IPv4 too where both are that: `v4` says so. */
struct plain_ends {
    struct in6_addr from, to;
    in_port_t from_port, to_port; /* network order */
    bool v4;
};

static in_port_t
port_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6
            ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
            : ((const struct sockaddr_in *)(const void *)address)->sin_port;
}

static struct plain_ends
plain(const struct proxy_ends *ends)
{
    struct plain_ends out = {
        .from = as_v6(&ends->from),
        .to = as_v6(&ends->to),
        .from_port = port_of(&ends->from),
        .to_port = port_of(&ends->to),
    };

    out.v4 = IN6_IS_ADDR_V4MAPPED(&out.from) && IN6_IS_ADDR_V4MAPPED(&out.to);
    return out;
}

static uint8_t *
write_v1(const struct proxy_facts *facts, size_t *len)
{
    struct plain_ends ends = plain(&facts->ends);
    size_t skip = ends.v4 ? 12 : 0;
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    char *line = NULL;
    int n;

    inet_ntop(ends.v4 ? AF_INET : AF_INET6, ends.from.s6_addr + skip, from, sizeof(from));
    inet_ntop(ends.v4 ? AF_INET : AF_INET6, ends.to.s6_addr + skip, to, sizeof(to));
    n = asprintf(&line, "PROXY TCP%c %s %s %u %u\r\n", ends.v4 ? '4' : '6', from, to,
            ntohs(ends.from_port), ntohs(ends.to_port));
    if (n < 0)
        return NULL;
    *len = (size_t)n;
    return (uint8_t *)line;
}

struct writer {
    uint8_t *data; /* V2_FIXED + V2_MAX_LENGTH */
    size_t len;
    bool full;
};

static void
put(struct writer *w, const void *bytes, size_t len)
{
    if (w->full || len > V2_FIXED + V2_MAX_LENGTH - w->len) {
        w->full = true;
        return;
    }
    memcpy(w->data + w->len, bytes, len);
    w->len += len;
}

static void
put_tlv(struct writer *w, enum tlv type, const void *value, size_t len)
{
    uint8_t head[3] = { (uint8_t)type, (uint8_t)(len >> 8), (uint8_t)len };

    if (len > V2_MAX_LENGTH)
        w->full = true;
    put(w, head, sizeof(head));
    put(w, value, len);
}

static void
put_text(struct writer *w, enum tlv type, const char *text)
{
    if (text != NULL)
        put_tlv(w, type, text, strlen(text));
}

static void
put_ssl(struct writer *w, const struct proxy_facts *facts)
{
    uint8_t head[5] = { CLIENT_SSL, 0, 0, 0, facts->verified ? 0 : 1 };
    size_t at = w->len, len;

    if (facts->tls == NULL)
        return; /* the peer came without TLS */
    if (facts->certificate != NULL)
        head[0] |= CLIENT_CERT_SESS | (facts->full_handshake ? CLIENT_CERT_CONN : 0);
    put_tlv(w, TLV_SSL, head, sizeof(head));
    put_text(w, TLV_SSL_VERSION, facts->tls);
    put_text(w, TLV_SSL_CN, facts->common_name);
    put_text(w, TLV_SSL_CIPHER, facts->cipher);
    put_text(w, TLV_SSL_SIGNATURE, facts->signature_algorithm);
    put_text(w, TLV_SSL_KEY, facts->key_algorithm);
    if (facts->certificate != NULL)
        put_tlv(w, TLV_SSL_CERTIFICATE, facts->certificate, facts->certificate_len);
    if (w->full)
        return;
    len = w->len - at - 3; /* the sub-TLVs are inside */
    w->data[at + 1] = (uint8_t)(len >> 8);
    w->data[at + 2] = (uint8_t)len;
}

static uint8_t *
write_v2(const struct proxy_facts *facts, size_t *len)
{
    struct plain_ends ends = plain(&facts->ends);
    size_t skip = ends.v4 ? 12 : 0;
    uint8_t fixed[4] = { COMMAND_PROXY, ends.v4 ? FAMILY_TCP4 : FAMILY_TCP6, 0, 0 };
    struct writer w = { .data = malloc(V2_FIXED + V2_MAX_LENGTH) };

    if (w.data == NULL)
        return NULL;
    put(&w, signature, sizeof(signature));
    put(&w, fixed, sizeof(fixed));
    put(&w, ends.from.s6_addr + skip, 16 - skip);
    put(&w, ends.to.s6_addr + skip, 16 - skip);
    put(&w, &ends.from_port, sizeof(ends.from_port));
    put(&w, &ends.to_port, sizeof(ends.to_port));
    put_text(&w, TLV_AUTHORITY, facts->authority);
    put_text(&w, TLV_UNIQUE_ID, facts->unique_id);
    put_ssl(&w, facts);
    if (w.full) {
        free(w.data);
        return NULL;
    }
    w.data[14] = (uint8_t)((w.len - V2_FIXED) >> 8);
    w.data[15] = (uint8_t)(w.len - V2_FIXED);
    *len = w.len;
    return w.data;
}

uint8_t *
proxy_write(unsigned version, const struct proxy_facts *facts, size_t *len)
{
    return version == 1 ? write_v1(facts, len) : write_v2(facts, len);
}
