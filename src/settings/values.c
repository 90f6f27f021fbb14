#include "settings/values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

struct unit {
    const char *name;
    uint64_t worth;
};

/* A whole number of up to a thousand millions and its unit, nothing between or behind. */
static bool
number_of(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    unsigned long long number;
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    number = strtoull(text, &end, 10);
    for (size_t i = 0; number <= 1000000000 && i < count; i++) {
        if (strcmp(end, units[i].name) == 0) {
            *out = number * units[i].worth;
            return true;
        }
    }
    return false;
}

bool
value_duration(const char *text, uint64_t *ms)
{
    static const struct unit units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
        { "h", 3600000 }, { "d", 86400000 } };

    return number_of(text, units, sizeof(units) / sizeof(units[0]), ms);
}

bool
value_size(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = { { "B", 1 }, { "KB", 1000 }, { "MB", 1000000 },
        { "GB", 1000000000 } };

    return number_of(text, units, sizeof(units) / sizeof(units[0]), bytes);
}

static bool
unix_address(const char *path, struct snapshot_address *out)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&out->addr;
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(address->sun_path))
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len + 1);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return true;
}

static bool
read_port(const char *text, in_port_t *out)
{
    char *end;
    unsigned long port;

    if (text[0] < '0' || text[0] > '9')
        return false;
    port = strtoul(text, &end, 10);
    if (*end != '\0' || port > 65535)
        return false;
    *out = htons((uint16_t)port);
    return true;
}

bool
value_address(const char *text, bool allow_unix, struct snapshot_address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;
    const char *colon = strrchr(text, ':');
    char host[64];
    size_t len;

    *out = (struct snapshot_address) { .len = 0 };
    if (allow_unix && strncmp(text, "unix:", 5) == 0)
        return unix_address(text + 5, out);
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return false;
    len = (size_t)(colon - text);
    memcpy(host, text, len);
    host[len] = '\0';
    if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        v6->sin6_family = AF_INET6;
        out->len = sizeof(*v6);
        return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 &&
                read_port(colon + 1, &v6->sin6_port);
    }
    v4->sin_family = AF_INET;
    out->len = sizeof(*v4);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1 && read_port(colon + 1, &v4->sin_port);
}

bool
value_host(const char *text, char out[SNAPSHOT_HOST_SIZE])
{
    static const char allowed[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:";
    size_t len = strlen(text);

    if (len == 0 || len >= SNAPSHOT_HOST_SIZE || strspn(text, allowed) != len)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

bool
value_host_port(const char *text, char host[SNAPSHOT_HOST_SIZE], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    struct snapshot_address ignored;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    char copy[SNAPSHOT_HOST_SIZE];
    in_port_t number;

    if (len == 0 || len >= sizeof(copy) || !read_port(colon + 1, &number) || number == 0)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (bracketed)
        copy[len - 1] = '\0';
    *port = ntohs(number);
    if (!value_host(bracketed ? copy + 1 : copy, host))
        return false;
    return (strchr(host, ':') != NULL) == bracketed &&
            (!bracketed || value_numeric(host, *port, &ignored));
}

bool
value_sip_domain(const char *text, char out[SNAPSHOT_HOST_SIZE])
{
    size_t len = strlen(text);
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, text, &v4) == 1)
        return inet_ntop(AF_INET, &v4, out, SNAPSHOT_HOST_SIZE) != NULL;
    if (inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_V4MAPPED(&v6))
        return inet_ntop(AF_INET, v6.s6_addr + 12, out, SNAPSHOT_HOST_SIZE) != NULL;
    if (inet_pton(AF_INET6, text, &v6) == 1)
        return inet_ntop(AF_INET6, &v6, out, SNAPSHOT_HOST_SIZE) != NULL;
    if (len > 1 && text[len - 1] == '.')
        len--;
    if (len == 0 || len >= SNAPSHOT_HOST_SIZE)
        return false;
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    out[len] = '\0';
    return true;
}

bool
value_numeric(const char *host, uint16_t port, struct snapshot_address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;

    *out = (struct snapshot_address) { .len = sizeof(*v4) };
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return true;
    }
    out->len = sizeof(*v6);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

bool
value_path(const char *text, size_t size)
{
    static const char allowed[] =
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~/";
    size_t len = strlen(text);

    return len > 1 && len < size && text[0] == '/' && strspn(text, allowed) == len &&
            strstr(text, "//") == NULL && strstr(text, "/.") == NULL;
}

static bool
zero_after(const uint8_t prefix[16], unsigned bits)
{
    for (unsigned i = bits; i < 128; i++)
        if ((prefix[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

bool
value_network(const char *text, struct snapshot_network *out)
{
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    bool v6 = memchr(text, ':', len) != NULL;
    unsigned long width = v6 ? 128 : 32, bits = width;
    char host[64], *end;

    *out = (struct snapshot_network) { .bits = 0 };
    if (len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (slash != NULL) {
        if (slash[1] < '0' || slash[1] > '9')
            return false;
        bits = strtoul(slash + 1, &end, 10);
        if (*end != '\0' || bits > width)
            return false;
    }
    if (!v6)
        out->prefix[10] = out->prefix[11] = 0xff;
    if (inet_pton(v6 ? AF_INET6 : AF_INET, host, out->prefix + (v6 ? 0 : 12)) != 1)
        return false;
    out->bits = (uint8_t)(bits + (v6 ? 0 : 96));
    return zero_after(out->prefix, out->bits);
}

bool
value_end_date(const char *text, int64_t *out)
{
    struct tm date = { 0 };
    const char *end = strptime(text, "%Y-%m-%d", &date);
    int day = date.tm_mday;

    if (strlen(text) != strlen("2027-06-30") || end == NULL || *end != '\0')
        return false;
    date.tm_hour = 23;
    date.tm_min = 59;
    date.tm_sec = 59;
    *out = (int64_t)timegm(&date);
    return date.tm_mday == day; /* no 30th of February */
}

bool
value_allowance(const char *text, struct snapshot_allowance *out)
{
    const char *until = strstr(text, " until ");
    char name[64];
    size_t len = until == NULL ? strlen(text) : (size_t)(until - text);

    if (len >= sizeof(name))
        return false;
    memcpy(name, text, len);
    name[len] = '\0';
    out->until = INT64_MAX;
    return cg_allowance_from_name(name, &out->allowance) &&
            (until == NULL || value_end_date(until + strlen(" until "), &out->until));
}

const char *
value_sha256(const char *text, uint8_t out[CG_SHA256_SIZE])
{
    for (size_t i = 0; i < CG_SHA256_SIZE; i++) {
        char octet[3] = { 0 };

        if (i != 0 && *text == ':')
            text++;
        for (size_t j = 0; j < 2; j++, text++) {
            if (!isxdigit((unsigned char)*text))
                return NULL;
            octet[j] = *text;
        }
        out[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
    return text;
}

/* Words that stand in records and logs as they are. */
static bool
is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

/* "2027-06-30" as its last second, or "2027-06-30T12:00:00Z" itself. */
static bool
read_end(const char *text, int64_t *out)
{
    struct tm date = { 0 };
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &date);
    int day = date.tm_mday;

    if (strlen(text) != strlen("2027-06-30T12:00:00Z") || end == NULL || *end != '\0')
        return value_end_date(text, out);
    *out = (int64_t)timegm(&date);
    return date.tm_mday == day;
}

bool
value_pin(const char *text, struct snapshot_pin *out, const char **reason)
{
    static const char until[] = " until ";
    const char *at = value_sha256(text, out->sha256), *end;
    char date[32];

    if (at == NULL || strncmp(at, until, strlen(until)) != 0)
        return false;
    at += strlen(until);
    end = strstr(at, ": ");
    if (end == NULL || (size_t)(end - at) >= sizeof(date))
        return false;
    (void)snprintf(date, sizeof(date), "%.*s", (int)(end - at), at);
    *reason = end + strlen(": ");
    return read_end(date, &out->until) && **reason != '\0' && is_plain(*reason) &&
            strlen(*reason) < SNAPSHOT_REASON_SIZE;
}

/* Levenshtein distance of two short words, bounded. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[64], la = strlen(a), lb = strlen(b), diagonal, above;

    if (la >= 64 || lb >= 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            above = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
            diagonal = above;
        }
    }
    return row[lb];
}

const char *
value_nearest(const char *typed, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = strlen(typed) / 2 + 1, d;

    for (; *names != NULL; names++) {
        d = distance(typed, *names);
        if (d < best_distance) {
            best_distance = d;
            best = *names;
        }
    }
    return best;
}
