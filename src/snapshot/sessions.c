#include "snapshot/sessions.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/limits.h"

/* Apart from the bytes, so that looking for a session touches no page that holds none. */
struct place {
    uint32_t turn; /* odd while it is written; grows with every change */
    uint32_t len; /* 0: free */
    int64_t expires;
    int64_t used;
    uint8_t id[SESSIONS_ID_SIZE];
};

struct sessions_page {
    struct place places[SESSIONS_PLACES]; /* the small ones first */
    uint8_t small[SESSIONS_SMALL][SESSIONS_SMALL_BYTES];
    uint8_t large[SESSIONS_LARGE][SESSIONS_MAX_BYTES];
};

struct sessions {
    struct sessions_page *page;
    size_t swept;
};

int
sessions_file(void)
{
    int fd = memfd_create("certgate-sessions", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* Sealed in size: a worker that could cut it would end the others. */
    if (fd >= 0 &&
            (ftruncate(fd, sizeof(struct sessions_page)) != 0 ||
                    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

struct sessions *
sessions_map(int fd)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));
    int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

    if (sessions == NULL)
        return NULL;
    sessions->page = MAP_FAILED;
    if (fd < 0 || lseek(fd, 0, SEEK_END) == (off_t)sizeof(struct sessions_page))
        sessions->page =
                mmap(NULL, sizeof(struct sessions_page), PROT_READ | PROT_WRITE, flags, fd, 0);
    if (sessions->page == MAP_FAILED) {
        free(sessions);
        return NULL;
    }
    return sessions;
}

void
sessions_free(struct sessions *sessions)
{
    if (sessions == NULL)
        return;
    munmap(sessions->page, sizeof(struct sessions_page));
    free(sessions);
}

/* Ids are random: their first bytes choose the set, one among the small places and one among the large. */
static size_t
set_of(const uint8_t id[SESSIONS_ID_SIZE], bool large)
{
    uint32_t hash;

    memcpy(&hash, id, sizeof(hash));
    return large ? SESSIONS_SMALL + hash % (SESSIONS_LARGE / SESSIONS_WAYS) * SESSIONS_WAYS
                 : hash % (SESSIONS_SMALL / SESSIONS_WAYS) * SESSIONS_WAYS;
}

static uint8_t *
bytes_of(const struct sessions *sessions, size_t at)
{
    return at < SESSIONS_SMALL ? sessions->page->small[at]
                               : sessions->page->large[at - SESSIONS_SMALL];
}

/* Makes the place ours; false when another worker is at it. */
static bool
take(struct place *place)
{
    uint32_t turn = __atomic_load_n(&place->turn, __ATOMIC_ACQUIRE);

    return (turn & 1) == 0 &&
            __atomic_compare_exchange_n(
                    &place->turn, &turn, turn + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void
give(struct place *place)
{
    (void)__atomic_add_fetch(&place->turn, 1, __ATOMIC_RELEASE);
}

/* Lengths are another worker's word: never more than there is. */
static size_t
length(const struct sessions *sessions, size_t at)
{
    uint32_t len = __atomic_load_n(&sessions->page->places[at].len, __ATOMIC_RELAXED);

    return len <= (at < SESSIONS_SMALL ? SESSIONS_SMALL_BYTES : SESSIONS_MAX_BYTES) ? len : 0;
}

/* What is free, or was used longest ago, and nobody is writing. */
static size_t
choose(const struct sessions *sessions, size_t set, int64_t now)
{
    size_t best = SESSIONS_PLACES;

    for (size_t i = set; i < set + SESSIONS_WAYS; i++) {
        const struct place *place = &sessions->page->places[i];

        if ((__atomic_load_n(&place->turn, __ATOMIC_RELAXED) & 1) != 0)
            continue;
        if (length(sessions, i) == 0 || place->expires < now)
            return i;
        if (best == SESSIONS_PLACES || place->used < sessions->page->places[best].used)
            best = i;
    }
    return best;
}

bool
sessions_put(struct sessions *sessions, const uint8_t id[SESSIONS_ID_SIZE], struct cg_span bytes,
        int64_t now, int64_t expires)
{
    size_t at = choose(sessions, set_of(id, bytes.len > SESSIONS_SMALL_BYTES), now), before;
    struct place *place;

    if (bytes.len == 0 || bytes.len > SESSIONS_MAX_BYTES || at == SESSIONS_PLACES)
        return false;
    place = &sessions->page->places[at];
    if (!take(place))
        return false;
    before = length(sessions, at);
    memcpy(place->id, id, SESSIONS_ID_SIZE);
    memcpy(bytes_of(sessions, at), bytes.data, bytes.len);
    if (before > bytes.len)
        OPENSSL_cleanse(bytes_of(sessions, at) + bytes.len, before - bytes.len);
    place->expires = expires;
    place->used = now;
    __atomic_store_n(&place->len, (uint32_t)bytes.len, __ATOMIC_RELAXED);
    give(place);
    return true;
}

static size_t
get(struct sessions *sessions, size_t at, const uint8_t id[SESSIONS_ID_SIZE], int64_t now,
        uint8_t out[SESSIONS_MAX_BYTES])
{
    struct place *place = &sessions->page->places[at];
    uint32_t turn = __atomic_load_n(&place->turn, __ATOMIC_ACQUIRE);
    size_t len = length(sessions, at);

    /* An id is as good as the key: how long this takes must not tell of it. */
    if ((turn & 1) != 0 || len == 0 || CRYPTO_memcmp(place->id, id, SESSIONS_ID_SIZE) != 0 ||
            place->expires < now)
        return 0;
    memcpy(out, bytes_of(sessions, at), len);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&place->turn, __ATOMIC_RELAXED) != turn) {
        OPENSSL_cleanse(out, len);
        return 0; /* driven out while it was read */
    }
    __atomic_store_n(&place->used, now, __ATOMIC_RELAXED);
    return len;
}

size_t
sessions_get(struct sessions *sessions, const uint8_t id[SESSIONS_ID_SIZE], int64_t now,
        uint8_t out[SESSIONS_MAX_BYTES])
{
    const size_t sets[] = { set_of(id, false), set_of(id, true) };
    size_t len = 0;

    for (size_t i = 0; len == 0 && i < 2 * SESSIONS_WAYS; i++)
        len = get(sessions, sets[i / SESSIONS_WAYS] + i % SESSIONS_WAYS, id, now, out);
    return len;
}

void
sessions_sweep(struct sessions *sessions, int64_t now)
{
    for (size_t n = 0; n < SESSIONS_PLACES / SESSIONS_SWEEPS; n++) {
        size_t at = sessions->swept++ % SESSIONS_PLACES;
        struct place *place = &sessions->page->places[at];

        if (length(sessions, at) == 0 || place->expires >= now || !take(place))
            continue;
        OPENSSL_cleanse(bytes_of(sessions, at), length(sessions, at));
        OPENSSL_cleanse(place->id, sizeof(place->id));
        __atomic_store_n(&place->len, 0, __ATOMIC_RELAXED);
        give(place);
    }
}
