#include "control/resolver.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum state { STATE_RESTS, STATE_UNDER_WAY, STATE_HAS_NEWS };

struct entry {
    struct resolver_name name;
    struct resolver_news news;
    enum state state;
    int64_t due_ms; /* in state rests */
    uint64_t number; /* tells it from an entry that a name had before */
};

struct resolver {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct resolver_source source;
    struct entry entries[SNAPSHOT_MAX_INTERFACES];
    size_t count;
    uint64_t numbered;
    int event_fd;
    unsigned users; /* threads, and the owner: the last one frees */
    bool stopping;
};

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- one look-up ------------------------------------------------------------------------------- */

static bool
usable(const struct addrinfo *entry)
{
    return (entry->ai_family == AF_INET && entry->ai_addrlen == sizeof(struct sockaddr_in)) ||
            (entry->ai_family == AF_INET6 && entry->ai_addrlen == sizeof(struct sockaddr_in6));
}

static const struct addrinfo *
next_usable(const struct addrinfo *at, int family, bool same)
{
    while (at != NULL && (!usable(at) || (at->ai_family == family) != same))
        at = at->ai_next;
    return at;
}

size_t
resolver_order(const struct addrinfo *list, struct snapshot_address out[SNAPSHOT_MAX_ADDRESSES])
{
    const struct addrinfo *turn[2];
    size_t count = 0;

    while (list != NULL && !usable(list))
        list = list->ai_next;
    if (list == NULL)
        return 0;
    turn[0] = list;
    turn[1] = next_usable(list, list->ai_family, false);
    for (unsigned which = 0; count < SNAPSHOT_MAX_ADDRESSES; which ^= 1) {
        if (turn[which] == NULL)
            which ^= 1;
        if (turn[which] == NULL)
            break;
        out[count] = (struct snapshot_address) { .len = turn[which]->ai_addrlen };
        memcpy(&out[count++].addr, turn[which]->ai_addr, turn[which]->ai_addrlen);
        turn[which] = next_usable(turn[which]->ai_next, list->ai_family, which == 0);
    }
    return count;
}

static void
look_up(const struct resolver_source *source, struct resolver_name *name)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *list = NULL;

    name->count = 0;
    name->code = source->look_up(name->host, NULL, &hints, &list);
    if (name->code != 0)
        return;
    name->count = resolver_order(list, name->addresses);
    source->release(list);
    if (name->count == 0)
        name->code = EAI_NONAME;
}

/* ---- threads ----------------------------------------------------------------------------------- */

static bool
same_addresses(const struct resolver_name *a, const struct resolver_name *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->addresses[i].len != b->addresses[i].len ||
                memcmp(&a->addresses[i].addr, &b->addresses[i].addr, a->addresses[i].len) != 0)
            return false;
    return true;
}

/* Takes over what a look-up gave and says what that changes. */
static void
conclude(struct resolver *resolver, struct entry *entry, const struct resolver_name *found)
{
    struct resolver_name *name = &entry->name;
    bool failed = found->code != 0, failed_before = name->code != 0;

    entry->news.failed = failed && !failed_before;
    entry->news.recovered = !failed && failed_before;
    entry->news.moved = !name->answered || (!failed && !same_addresses(name, found));
    name->answered = true;
    name->code = found->code;
    if (!failed) {
        name->count = found->count;
        memcpy(name->addresses, found->addresses, sizeof(name->addresses));
    }
    entry->due_ms = now_ms() + resolver->source.again_ms;
    entry->state = STATE_RESTS;
    if (!entry->news.moved && !entry->news.failed && !entry->news.recovered)
        return;
    entry->news.name = *name;
    entry->state = STATE_HAS_NEWS;
    (void)eventfd_write(resolver->event_fd, 1);
}

/* The name that is due, or NULL and when the next one is. */
static struct entry *
due_entry(struct resolver *resolver, int64_t *next_ms)
{
    struct entry *first = NULL;

    for (size_t i = 0; i < resolver->count; i++) {
        struct entry *entry = &resolver->entries[i];

        if (entry->state == STATE_RESTS && (first == NULL || entry->due_ms < first->due_ms))
            first = entry;
    }
    *next_ms = first == NULL ? INT64_MAX : first->due_ms;
    return first != NULL && first->due_ms <= now_ms() ? first : NULL;
}

static void
sleep_until(struct resolver *resolver, int64_t ms)
{
    struct timespec at = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = ms % 1000 * 1000000 };

    if (ms == INT64_MAX)
        (void)pthread_cond_wait(&resolver->wake, &resolver->lock);
    else
        (void)pthread_cond_timedwait(&resolver->wake, &resolver->lock, &at);
}

/* With the lock held, which it gives up. */
static void
leave(struct resolver *resolver)
{
    bool last = --resolver->users == 0;

    (void)pthread_mutex_unlock(&resolver->lock);
    if (!last)
        return;
    (void)pthread_cond_destroy(&resolver->wake);
    (void)pthread_mutex_destroy(&resolver->lock);
    close(resolver->event_fd);
    free(resolver);
}

static void *
work(void *arg)
{
    struct resolver *resolver = arg;

    (void)pthread_mutex_lock(&resolver->lock);
    while (!resolver->stopping) {
        int64_t next_ms;
        struct entry *entry = due_entry(resolver, &next_ms);
        struct resolver_name found;
        uint64_t number;

        if (entry == NULL) {
            sleep_until(resolver, next_ms);
            continue;
        }
        entry->state = STATE_UNDER_WAY;
        number = entry->number;
        found = entry->name;
        (void)pthread_mutex_unlock(&resolver->lock);
        look_up(&resolver->source, &found);
        (void)pthread_mutex_lock(&resolver->lock);
        /* Meanwhile entries may have moved, and this one may be wanted no more. */
        for (size_t i = 0; i < resolver->count; i++)
            if (resolver->entries[i].number == number)
                conclude(resolver, &resolver->entries[i], &found);
    }
    leave(resolver);
    return NULL;
}

static bool
init(struct resolver *resolver)
{
    pthread_condattr_t monotonic;
    bool ok;

    if (pthread_mutex_init(&resolver->lock, NULL) != 0)
        return false;
    ok = pthread_condattr_init(&monotonic) == 0 &&
            pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0 &&
            pthread_cond_init(&resolver->wake, &monotonic) == 0;
    (void)pthread_condattr_destroy(&monotonic);
    if (!ok)
        (void)pthread_mutex_destroy(&resolver->lock);
    return ok;
}

struct resolver *
resolver_new(const struct resolver_source *source)
{
    static const struct resolver_source system = { getaddrinfo, freeaddrinfo, RESOLVER_AGAIN_MS };
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    pthread_t thread;

    if (resolver == NULL)
        return NULL;
    resolver->source = source != NULL ? *source : system;
    resolver->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (resolver->event_fd < 0 || !init(resolver)) {
        if (resolver->event_fd >= 0)
            close(resolver->event_fd);
        free(resolver);
        return NULL;
    }
    resolver->users = 1;
    for (unsigned i = 0; i < RESOLVER_THREADS; i++) {
        (void)pthread_mutex_lock(&resolver->lock);
        resolver->users++;
        if (pthread_create(&thread, NULL, work, resolver) == 0)
            (void)pthread_detach(thread);
        else
            resolver->users--;
        (void)pthread_mutex_unlock(&resolver->lock);
    }
    if (resolver->users == 1) {
        resolver_free(resolver);
        return NULL;
    }
    return resolver;
}

/* Threads that are in a look-up end after it: nobody waits for a name server here. */
void
resolver_free(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    (void)pthread_mutex_lock(&resolver->lock);
    resolver->stopping = true;
    (void)pthread_cond_broadcast(&resolver->wake);
    leave(resolver);
}

/* ---- for the owner ----------------------------------------------------------------------------- */

static struct entry *
find(struct resolver *resolver, const char *host)
{
    for (size_t i = 0; i < resolver->count; i++)
        if (strcmp(resolver->entries[i].name.host, host) == 0)
            return &resolver->entries[i];
    return NULL;
}

static bool
is_among(const char *const *hosts, size_t count, const char *host)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(hosts[i], host) == 0)
            return true;
    return false;
}

void
resolver_want(struct resolver *resolver, const char *const *hosts, size_t count)
{
    size_t kept = 0;

    (void)pthread_mutex_lock(&resolver->lock);
    for (size_t i = 0; i < resolver->count; i++)
        if (is_among(hosts, count, resolver->entries[i].name.host)) {
            resolver->entries[kept] = resolver->entries[i];
            resolver->entries[kept++].due_ms = now_ms();
        }
    resolver->count = kept;
    for (size_t i = 0; i < count && resolver->count < SNAPSHOT_MAX_INTERFACES; i++) {
        struct entry *entry = &resolver->entries[resolver->count];

        if (find(resolver, hosts[i]) != NULL)
            continue;
        *entry = (struct entry) { .number = ++resolver->numbered, .due_ms = now_ms() };
        (void)strncpy(entry->name.host, hosts[i], sizeof(entry->name.host) - 1);
        resolver->count++;
    }
    (void)pthread_cond_broadcast(&resolver->wake);
    (void)pthread_mutex_unlock(&resolver->lock);
}

bool
resolver_get(struct resolver *resolver, const char *host, struct resolver_name *out)
{
    struct entry *entry;

    (void)pthread_mutex_lock(&resolver->lock);
    entry = find(resolver, host);
    if (entry != NULL)
        *out = entry->name;
    (void)pthread_mutex_unlock(&resolver->lock);
    return entry != NULL;
}

int
resolver_fd(const struct resolver *resolver)
{
    return resolver->event_fd;
}

bool
resolver_next(struct resolver *resolver, struct resolver_news *out)
{
    eventfd_t ignored;
    bool found = false;

    (void)pthread_mutex_lock(&resolver->lock);
    (void)eventfd_read(resolver->event_fd, &ignored);
    for (size_t i = 0; i < resolver->count && !found; i++) {
        struct entry *entry = &resolver->entries[i];

        if (entry->state != STATE_HAS_NEWS)
            continue;
        *out = entry->news;
        entry->state = STATE_RESTS;
        found = true;
        (void)pthread_cond_signal(&resolver->wake); /* it has a time again */
    }
    (void)pthread_mutex_unlock(&resolver->lock);
    return found;
}
