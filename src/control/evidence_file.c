#include "control/evidence_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"

#define FIRST_LINE "certgate-evidence 1\n"
#define MAX_HEAD 4096
#define NAME_SIZE (2 * CG_SHA256_SIZE + 8)

static bool
write_whole(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len != 0) {
        ssize_t wrote = write(fd, at, len);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        at += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

int
evidence_memory(const uint8_t *bytes, size_t len)
{
    int fd = memfd_create("certgate-evidence", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 &&
            (!write_whole(fd, bytes, len) ||
                    fcntl(fd, F_ADD_SEALS,
                            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* By where it comes from: the same source has one file. */
static bool
file_name(const struct evidence_item *item, char name[NAME_SIZE])
{
    uint8_t whole[1 + IPC_MAX_URL + 1 + IPC_MAX_REQUEST], digest[EVP_MAX_MD_SIZE];
    size_t len = strlen(item->source) + 1;
    struct cg_buf hex;

    whole[0] = (uint8_t)item->kind;
    memcpy(whole + 1, item->source, len);
    memcpy(whole + 1 + len, item->request, item->request_len);
    if (EVP_Digest(whole, 1 + len + item->request_len, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    cg_buf_init(&hex, NAME_SIZE);
    cg_buf_add_hex(&hex, cg_span(digest, CG_SHA256_SIZE), false);
    (void)snprintf(name, NAME_SIZE, "%s.%s", cg_buf_text(&hex),
            item->kind == CG_EVIDENCE_CRL ? "crl" : "ocsp");
    cg_buf_release(&hex);
    return true;
}

static bool
copy_memory(int from, int to)
{
    struct stat file;
    void *map;
    bool ok;

    if (fstat(from, &file) != 0 || file.st_size <= 0 || file.st_size > CG_MAX_CRL_BYTES)
        return false;
    map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, from, 0);
    if (map == MAP_FAILED)
        return false;
    ok = write_whole(to, map, (size_t)file.st_size);
    munmap(map, (size_t)file.st_size);
    return ok;
}

bool
evidence_file_write(int folder, const struct evidence_item *item)
{
    char name[NAME_SIZE], temporary[NAME_SIZE + 8];
    struct cg_buf head;
    bool ok;
    int fd;

    if (!file_name(item, name))
        return false;
    (void)snprintf(temporary, sizeof(temporary), "%s.new", name);
    cg_buf_init(&head, MAX_HEAD);
    cg_buf_addf(&head, FIRST_LINE "kind %d\nsource %s\nrequest ", (int)item->kind, item->source);
    cg_buf_add_hex(&head, cg_span(item->request, item->request_len), false);
    cg_buf_addf(&head, "\nwanted %lld\nfrom %lld\nuntil %lld\n\n", (long long)item->wanted_until,
            (long long)item->from, (long long)item->until);
    fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    ok = fd >= 0 && !head.failed && write_whole(fd, head.data, head.len) &&
            copy_memory(item->fd, fd) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    ok = ok && renameat(folder, temporary, folder, name) == 0;
    if (!ok)
        (void)unlinkat(folder, temporary, 0);
    cg_buf_release(&head);
    return ok;
}

void
evidence_file_remove(int folder, const struct evidence_item *item)
{
    char name[NAME_SIZE];

    if (folder >= 0 && file_name(item, name))
        (void)unlinkat(folder, name, 0);
}

/* The value of a line "NAME VALUE"; moves behind it. */
static bool
take_line(const char **at, const char *end, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));

    if (newline == NULL || (size_t)(newline - *at) < name_len + 1 ||
            memcmp(*at, name, name_len) != 0 || (*at)[name_len] != ' ' ||
            (size_t)(newline - *at) - name_len - 1 >= size)
        return false;
    (void)snprintf(
            value, size, "%.*s", (int)((size_t)(newline - *at) - name_len - 1), *at + name_len + 1);
    *at = newline + 1;
    return true;
}

static bool
take_number(const char **at, const char *end, const char *name, int64_t *out)
{
    char value[32], *stop;

    if (!take_line(at, end, name, value, sizeof(value)))
        return false;
    *out = strtoll(value, &stop, 10);
    return value[0] != '\0' && *stop == '\0';
}

static bool
take_hex(const char *hex, struct evidence_item *item)
{
    long len = 0;
    unsigned char *bytes = OPENSSL_hexstr2buf(hex, &len);
    bool ok = hex[0] == '\0' || (bytes != NULL && len <= IPC_MAX_REQUEST);

    if (ok && len != 0)
        memcpy(item->request, bytes, (size_t)len);
    item->request_len = ok ? (size_t)len : 0;
    OPENSSL_free(bytes);
    return ok;
}

static bool
take_head(const char **at, const char *end, struct evidence_item *item)
{
    char hex[2 * IPC_MAX_REQUEST + 1];
    int64_t kind;

    if ((size_t)(end - *at) < sizeof(FIRST_LINE) ||
            memcmp(*at, FIRST_LINE, sizeof(FIRST_LINE) - 1) != 0)
        return false;
    *at += sizeof(FIRST_LINE) - 1;
    if (!take_number(at, end, "kind", &kind) || kind < 0 || kind > CG_EVIDENCE_OCSP ||
            !take_line(at, end, "source", item->source, sizeof(item->source)) ||
            !take_line(at, end, "request", hex, sizeof(hex)) || !take_hex(hex, item) ||
            !take_number(at, end, "wanted", &item->wanted_until) ||
            !take_number(at, end, "from", &item->from) ||
            !take_number(at, end, "until", &item->until) || *at == end || **at != '\n')
        return false;
    item->kind = (enum cg_evidence_kind)kind;
    ++*at;
    return *at < end;
}

bool
evidence_file_read(int folder, const char *name, struct evidence_item *item)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat file;
    const char *at;
    char *map = MAP_FAILED;

    memset(item, 0, sizeof(*item));
    item->fd = -1;
    if (fd >= 0 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0 &&
            file.st_size <= CG_MAX_CRL_BYTES + MAX_HEAD)
        map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map != MAP_FAILED) {
        at = map;
        if (take_head(&at, map + file.st_size, item))
            item->fd = evidence_memory((const uint8_t *)at, (size_t)(map + file.st_size - at));
        munmap(map, (size_t)file.st_size);
    }
    if (fd >= 0)
        close(fd);
    return item->fd >= 0;
}
