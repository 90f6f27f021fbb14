#include "control/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/reader.h"
#include "control/evidence_file.h"
#include "control/feed.h"
#include "control/fetcher.h"
#include "control/say.h"
#include "input/evidence.h"

/*
 * Fetched again at half of what is left of its time: at the latest after an hour, since what is revoked
 * meanwhile waits for it; not sooner than after a quarter of a minute, whatever it says of itself.
 */
#define AGAIN_LEAST_S 15
#define AGAIN_MOST_S 3600
/* After a failure: doubled with each that follows. */
#define RETRY_LEAST_S 20
#define RETRY_MOST_S 3600
/* A configured file is looked at so often. */
#define LOOK_S 5

struct entry {
    struct evidence_item item;
    bool configured; /* by `crl`: never forgotten */
    bool file; /* its source is a path */
    bool under_way;
    int64_t next_s; /* when to fetch it, or to look at it */
    int64_t asked_s; /* when a worker last asked for it */
    unsigned failures;
    struct timespec changed; /* of the file */
    char said[CG_ERROR_TEXT_SIZE]; /* the last problem that was said */
};

struct evidence {
    int folder; /* -1: nothing is kept on disk */
    struct fleet *fleet;
    struct fetcher *fetcher;
    const struct candidate *candidate;
    bool wanted; /* some interface asks */
    bool loaded;
    struct entry **entries;
    size_t count;
    uint64_t next_number;
    int64_t now_ms; /* of the step under way */
};

static int64_t
clock_s(void)
{
    return (int64_t)time(NULL);
}

/* ---- entries ----------------------------------------------------------------------------------- */

static struct entry *
find(const struct evidence *evidence, const struct evidence_item *like)
{
    for (size_t i = 0; i < evidence->count; i++) {
        struct evidence_item *item = &evidence->entries[i]->item;

        if (item->kind == like->kind && strcmp(item->source, like->source) == 0 &&
                cg_span_equal(cg_span(item->request, item->request_len),
                        cg_span(like->request, like->request_len)))
            return evidence->entries[i];
    }
    return NULL;
}

static struct entry *
find_number(const struct evidence *evidence, uint64_t number)
{
    for (size_t i = 0; i < evidence->count; i++)
        if (evidence->entries[i]->item.number == number)
            return evidence->entries[i];
    return NULL;
}

/* To the workers of now: those of before an upgrade may not know the message. */
static void
tell_workers(struct evidence *evidence, const struct entry *entry)
{
    struct cg_error err;

    for (unsigned i = 0; i < evidence->fleet->count; i++) {
        struct fleet_worker *worker = &evidence->fleet->workers[i];

        if (worker->socket >= 0 &&
                feed_evidence(worker, entry->item.number, entry->item.kind, entry->item.source,
                        entry->item.fd, &err) != CG_OK)
            say("worker %u: %s", worker->number, err.text);
    }
}

static void
forget(struct evidence *evidence, struct entry *entry)
{
    size_t i = 0;

    while (evidence->entries[i] != entry)
        i++;
    evidence->entries[i] = evidence->entries[--evidence->count];
    if (entry->item.fd >= 0) {
        close(entry->item.fd);
        entry->item.fd = -1;
        tell_workers(evidence, entry);
        evidence_file_remove(evidence->folder, &entry->item);
    }
    free(entry);
}

/* Makes room by what nobody has asked for the longest; NULL where all that is kept is configured. */
static bool
make_room(struct evidence *evidence)
{
    struct entry *oldest = NULL;

    if (evidence->count < CG_MAX_EVIDENCE)
        return true;
    for (size_t i = 0; i < evidence->count; i++) {
        struct entry *entry = evidence->entries[i];

        if (!entry->configured && !entry->under_way &&
                (oldest == NULL || entry->asked_s < oldest->asked_s))
            oldest = entry;
    }
    if (oldest != NULL)
        forget(evidence, oldest);
    return oldest != NULL;
}

/* The descriptor in the item is taken over where it succeeds. */
static struct entry *
add(struct evidence *evidence, const struct evidence_item *item)
{
    struct entry *entry, **grown;

    if (!make_room(evidence))
        return NULL;
    grown = reallocarray(evidence->entries, evidence->count + 1, sizeof(struct entry *));
    if (grown == NULL)
        return NULL;
    evidence->entries = grown;
    entry = calloc(1, sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->item = *item;
    entry->item.number = ++evidence->next_number;
    entry->asked_s = clock_s();
    evidence->entries[evidence->count++] = entry;
    return entry;
}

static void
say_problem(struct entry *entry, const char *why)
{
    if (strcmp(entry->said, why) == 0)
        return;
    (void)snprintf(entry->said, sizeof(entry->said), "%s", why);
    if (why[0] != '\0')
        say("revocation: %s: %s", entry->item.source, why);
}

static int64_t
clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* The new one takes the old one's place, in workers too. */
static void
replace(struct evidence *evidence, struct entry *entry, int fd, int64_t from, int64_t until)
{
    if (entry->item.fd >= 0)
        close(entry->item.fd);
    entry->item.fd = fd;
    entry->item.from = from;
    entry->item.until = until;
    tell_workers(evidence, entry);
}

/* ---- files that are configured ----------------------------------------------------------------- */

static void
look_at_file(struct evidence *evidence, struct entry *entry)
{
    struct cg_evidence *parsed = NULL;
    struct cg_error err = { "" };
    const uint8_t *der;
    struct stat file;
    size_t len;
    int fd;

    entry->next_s = clock_s() + LOOK_S;
    if (stat(entry->item.source, &file) != 0) {
        say_problem(entry, strerror(errno));
        return;
    }
    if (entry->item.fd >= 0 && file.st_mtim.tv_sec == entry->changed.tv_sec &&
            file.st_mtim.tv_nsec == entry->changed.tv_nsec)
        return;
    /* The administrator's own file, like those of the trust store: it is read here. */
    if (input_evidence_load(entry->item.source, CG_EVIDENCE_CRL, &parsed, &err) != CG_OK) {
        say_problem(entry, err.text);
        return;
    }
    der = cg_evidence_get0_der(parsed, &len);
    fd = evidence_memory(der, len);
    if (fd < 0) {
        say_problem(entry, strerror(errno));
    } else {
        say_problem(entry, "");
        entry->changed = file.st_mtim;
        replace(evidence, entry, fd, cg_evidence_fresh_from(parsed),
                cg_evidence_fresh_until(parsed));
    }
    cg_evidence_free(parsed);
}

static void
configure(struct evidence *evidence, const struct settings *settings)
{
    for (size_t i = 0; i < evidence->count; i++)
        evidence->entries[i]->configured = false;
    for (size_t i = 0; i < settings->crl_count; i++) {
        struct evidence_item item = { .kind = CG_EVIDENCE_CRL, .fd = -1, .until = -1 };
        struct entry *entry;

        if ((size_t)snprintf(item.source, sizeof(item.source), "%s", settings->crls[i]) >=
                sizeof(item.source))
            continue;
        item.wanted_until = INT64_MAX;
        entry = find(evidence, &item);
        if (entry == NULL)
            entry = add(evidence, &item);
        if (entry == NULL)
            continue;
        entry->configured = true;
        entry->file = item.source[0] == '/';
        if (entry->file)
            look_at_file(evidence, entry);
    }
    /* A file that is configured no more was trusted because it was. */
    for (size_t i = evidence->count; i-- != 0;)
        if (evidence->entries[i]->file && !evidence->entries[i]->configured)
            forget(evidence, evidence->entries[i]);
}

/* ---- what is fetched --------------------------------------------------------------------------- */

static void
retry_later(struct entry *entry)
{
    int64_t pause = (int64_t)RETRY_LEAST_S << (entry->failures < 8 ? entry->failures : 8);

    entry->failures++;
    entry->next_s = clock_s() + clamp(pause, RETRY_LEAST_S, RETRY_MOST_S);
}

static void
on_fetched(void *arg, uint64_t number, int fd, int64_t from, int64_t until, const char *why)
{
    struct evidence *evidence = arg;
    struct entry *entry = find_number(evidence, number);
    bool stale = fd >= 0 && until < clock_s();

    if (entry == NULL) { /* forgotten while it was under way */
        if (fd >= 0)
            close(fd);
        return;
    }
    entry->under_way = false;
    say_problem(entry, stale ? "what it gives is out of date" : fd >= 0 ? "" : why);
    if (fd < 0) {
        retry_later(entry);
        return;
    }
    /* Workers say of what is stale that it is; it never takes the place of what is not. */
    if (stale && entry->item.fd >= 0 && entry->item.until >= clock_s()) {
        close(fd);
        retry_later(entry);
        return;
    }
    replace(evidence, entry, fd, from, until);
    if (stale) {
        retry_later(entry);
        return;
    }
    entry->failures = 0;
    entry->next_s = clock_s() + clamp((until - clock_s()) / 2, AGAIN_LEAST_S, AGAIN_MOST_S);
    if (evidence->folder >= 0 && !evidence_file_write(evidence->folder, &entry->item))
        say("revocation: %s cannot be kept for the next start: %s", entry->item.source,
                strerror(errno));
}

static void
on_lost(void *arg, const char *text)
{
    struct evidence *evidence = arg;

    say("%s; what was being fetched is tried again", text);
    for (size_t i = 0; i < evidence->count; i++) {
        struct entry *entry = evidence->entries[i];

        if (entry->under_way)
            entry->next_s = clock_s() + RETRY_LEAST_S;
        entry->under_way = false;
    }
}

static bool
is_url(const char *text, size_t len)
{
    if (len < 8 || (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0))
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f)
            return false;
    return true;
}

void
evidence_ask(struct evidence *evidence, const uint8_t *payload, size_t len, int64_t now_ms)
{
    struct cg_reader reader = cg_reader(cg_span(payload, len));
    struct evidence_item item = { .fd = -1, .until = -1 };
    struct cg_span url, request;
    struct entry *entry;
    uint16_t url_len;
    uint64_t until;
    uint8_t kind;

    if (evidence == NULL || !evidence->wanted || !cg_read_u8(&reader, &kind) ||
            kind > CG_EVIDENCE_OCSP || !cg_read_u64(&reader, &until) ||
            !cg_read_u16(&reader, &url_len) || url_len > IPC_MAX_URL ||
            !cg_read_bytes(&reader, url_len, &url) || cg_reader_left(&reader) > IPC_MAX_REQUEST ||
            !cg_read_bytes(&reader, cg_reader_left(&reader), &request) ||
            !is_url((const char *)url.data, url.len))
        return;
    item.kind = (enum cg_evidence_kind)kind;
    memcpy(item.source, url.data, url.len);
    if (request.len != 0)
        memcpy(item.request, request.data, request.len);
    item.request_len = request.len;
    item.wanted_until = (int64_t)until;
    entry = find(evidence, &item);
    if (entry == NULL)
        entry = add(evidence, &item);
    if (entry == NULL)
        return;
    entry->asked_s = clock_s();
    if (item.wanted_until > entry->item.wanted_until)
        entry->item.wanted_until = item.wanted_until;
    evidence_step(evidence, now_ms);
}

/* ---- life -------------------------------------------------------------------------------------- */

/* What was kept: workers get it before the first handshake. Too many are left where they lie. */
static void
load(struct evidence *evidence)
{
    int copy = evidence->folder < 0
            ? -1
            : openat(evidence->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    struct evidence_item item;
    const struct dirent *name;
    struct entry *entry;

    evidence->loaded = true;
    if (folder == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((name = readdir(folder)) != NULL && evidence->count < CG_MAX_EVIDENCE) {
        if (name->d_name[0] == '.' || !evidence_file_read(evidence->folder, name->d_name, &item))
            continue;
        entry = find(evidence, &item) == NULL ? add(evidence, &item) : NULL;
        if (entry == NULL) {
            close(item.fd);
            continue;
        }
        entry->next_s = clock_s(); /* it may have aged while nobody was here */
    }
    closedir(folder);
}

struct evidence *
evidence_open(int state, const char *worker_program, struct fleet *fleet)
{
    struct evidence *evidence = calloc(1, sizeof(*evidence));
    const struct fetcher_events events = { .done = on_fetched, .lost = on_lost, .arg = evidence };

    if (evidence == NULL)
        return NULL;
    evidence->fleet = fleet;
    evidence->fetcher = fetcher_new(worker_program, &events);
    if (mkdirat(state, EVIDENCE_FOLDER, 0700) != 0 && errno != EEXIST)
        say("revocation: no folder for it in the state directory: %s", strerror(errno));
    evidence->folder = openat(state, EVIDENCE_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (evidence->fetcher == NULL) {
        evidence_close(evidence);
        return NULL;
    }
    return evidence;
}

void
evidence_close(struct evidence *evidence)
{
    if (evidence == NULL)
        return;
    fetcher_free(evidence->fetcher);
    for (size_t i = 0; i < evidence->count; i++) {
        if (evidence->entries[i]->item.fd >= 0)
            close(evidence->entries[i]->item.fd);
        free(evidence->entries[i]);
    }
    free(evidence->entries);
    if (evidence->folder >= 0)
        close(evidence->folder);
    free(evidence);
}

void
evidence_quiet(struct evidence *evidence)
{
    if (evidence == NULL)
        return;
    fetcher_stop(evidence->fetcher);
    for (size_t i = 0; i < evidence->count; i++)
        evidence->entries[i]->under_way = false;
}

static bool
asks(const struct settings *settings)
{
    for (size_t i = 0; i < settings->interface_count; i++) {
        const struct snapshot_interface *it = &settings->interfaces[i];

        if (it->rules.revocation != CG_REVOCATION_OFF)
            return true;
        for (size_t j = 0; j < it->class_count; j++)
            if (it->classes[j].rules.revocation != CG_REVOCATION_OFF)
                return true;
    }
    return false;
}

/* Most that certificates of the trust store are read for: an intermediate names its root's CRL. */
#define MAX_TCS_READ 10000

/* The CRLs that trusted certificates name are there before the first peer comes. */
static void
want_those_of_tcs(struct evidence *evidence)
{
    const struct snapshot *snapshot = &evidence->candidate->snapshot;
    char *urls[CG_MAX_REVOCATION_POINTS];

    for (size_t i = 0; i < snapshot->tcs_count && i < MAX_TCS_READ; i++) {
        struct cg_cert *cert = NULL;
        size_t count;

        if (cg_cert_from_der(snapshot->tcs[i].data, snapshot->tcs[i].len, &cert, NULL) != CG_OK)
            continue;
        count = cg_cert_is_self_issued(cert)
                ? 0
                : cg_cert_crl_urls(cert, urls, CG_MAX_REVOCATION_POINTS);
        for (size_t k = 0; k < count; k++) {
            struct evidence_item item = { .kind = CG_EVIDENCE_CRL, .fd = -1, .until = -1 };

            (void)snprintf(item.source, sizeof(item.source), "%s", urls[k]);
            item.wanted_until = cg_cert_not_after(cert);
            if (find(evidence, &item) == NULL)
                (void)add(evidence, &item);
            free(urls[k]);
        }
        cg_cert_free(cert);
    }
}

void
evidence_want(struct evidence *evidence, const struct candidate *candidate, int64_t now_ms)
{
    if (evidence == NULL)
        return;
    evidence->candidate = candidate;
    evidence->wanted = asks(candidate->settings);
    if (!evidence->wanted)
        return;
    if (!evidence->loaded)
        load(evidence);
    configure(evidence, candidate->settings);
    want_those_of_tcs(evidence);
    evidence_step(evidence, now_ms);
}

enum cg_status
evidence_feed(const struct evidence *evidence, struct fleet_worker *worker, struct cg_error *err)
{
    enum cg_status status = CG_OK;

    for (size_t i = 0; evidence != NULL && status == CG_OK && i < evidence->count; i++) {
        const struct evidence_item *item = &evidence->entries[i]->item;

        if (item->fd >= 0)
            status = feed_evidence(worker, item->number, item->kind, item->source, item->fd, err);
    }
    return status;
}

int
evidence_fd(const struct evidence *evidence)
{
    return evidence == NULL ? -1 : fetcher_fd(evidence->fetcher);
}

static void
fetch(struct evidence *evidence, struct entry *entry, int64_t now_ms)
{
    entry->under_way = fetcher_ask(evidence->fetcher, evidence->candidate, entry->item.number,
            entry->item.kind, entry->item.source,
            cg_span(entry->item.request, entry->item.request_len), now_ms);
    if (!entry->under_way)
        entry->next_s = clock_s() + 1;
}

void
evidence_step(struct evidence *evidence, int64_t now_ms)
{
    int64_t now = clock_s();

    if (evidence == NULL)
        return;
    fetcher_receive(evidence->fetcher);
    fetcher_reap(evidence->fetcher, now_ms);
    for (size_t i = evidence->wanted ? evidence->count : 0; i-- != 0;) {
        struct entry *entry = evidence->entries[i];

        if (entry->under_way || now < entry->next_s)
            continue;
        if (!entry->configured && entry->item.wanted_until < now)
            forget(evidence, entry);
        else if (entry->file)
            look_at_file(evidence, entry);
        else
            fetch(evidence, entry, now_ms);
    }
}

int64_t
evidence_next_ms(const struct evidence *evidence)
{
    int64_t next = INT64_MAX, now = clock_s();

    if (evidence == NULL || !evidence->wanted)
        return INT64_MAX;
    for (size_t i = 0; i < evidence->count; i++)
        if (!evidence->entries[i]->under_way && evidence->entries[i]->next_s < next)
            next = evidence->entries[i]->next_s;
    return next == INT64_MAX ? next : next <= now ? 0 : (next - now) * 1000;
}
