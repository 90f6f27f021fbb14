#include "gateway/revocation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/reader.h"

/* What was asked for lately, by a digest of it: certgated keeps what it fetches, so once is enough for a while. */
#define ASKED_PLACES 1024
#define ASK_AGAIN_SECONDS 15
/* CAs below the roots that peers have: a node knows some dozens. */
#define KNOWN_CAS 64

struct item {
    uint64_t number;
    struct cg_evidence *evidence;
};

struct revocation {
    struct item *items;
    size_t count;
    size_t size;
    bool changed;
    struct cg_revocation *set;
    struct {
        uint64_t what;
        int64_t when;
    } asked[ASKED_PLACES];
    struct cg_cert *cas[KNOWN_CAS];
    size_t next_ca;
    revocation_asker *ask;
    void *arg;
};

struct revocation *
revocation_new(revocation_asker *ask, void *arg)
{
    struct revocation *revocation = calloc(1, sizeof(*revocation));

    if (revocation != NULL) {
        revocation->ask = ask;
        revocation->arg = arg;
    }
    return revocation;
}

void
revocation_free(struct revocation *revocation)
{
    if (revocation == NULL)
        return;
    for (size_t i = 0; i < revocation->count; i++)
        cg_evidence_free(revocation->items[i].evidence);
    for (size_t i = 0; i < KNOWN_CAS; i++)
        cg_cert_free(revocation->cas[i]);
    free(revocation->items);
    cg_revocation_free(revocation->set);
    free(revocation);
}

static void
drop(struct revocation *revocation, uint64_t number)
{
    for (size_t i = 0; i < revocation->count; i++) {
        if (revocation->items[i].number != number)
            continue;
        cg_evidence_free(revocation->items[i].evidence);
        revocation->items[i] = revocation->items[--revocation->count];
        revocation->changed = true;
        return;
    }
}

static enum cg_status
keep(struct revocation *revocation, uint64_t number, struct cg_evidence *evidence,
        struct cg_error *err)
{
    struct item *grown;
    size_t size = revocation->size == 0 ? 16 : revocation->size * 2;

    if (revocation->count == CG_MAX_EVIDENCE)
        return cg_fail(err, CG_E_LIMIT, "more than %d CRLs and OCSP responses", CG_MAX_EVIDENCE);
    if (revocation->count == revocation->size) {
        grown = reallocarray(revocation->items, size, sizeof(*grown));
        if (grown == NULL)
            return cg_fail(err, CG_E_NOMEM, "no memory for revocation data");
        revocation->items = grown;
        revocation->size = size;
    }
    revocation->items[revocation->count++] = (struct item) { number, cg_evidence_ref(evidence) };
    revocation->changed = true;
    return CG_OK;
}

static enum cg_status
read_file(int fd, enum cg_evidence_kind kind, const char *source, struct cg_evidence **out,
        struct cg_error *err)
{
    off_t size = lseek(fd, 0, SEEK_END);
    enum cg_status status;
    void *map;

    if (size <= 0 || size > CG_MAX_CRL_BYTES)
        return cg_fail(err, CG_E_PARSE, "revocation data of %lld bytes", (long long)size);
    map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return cg_fail(err, CG_E_NOMEM, "cannot map revocation data");
    status = cg_evidence_from_der(kind, map, (size_t)size, source, out, err);
    munmap(map, (size_t)size);
    return status;
}

enum cg_status
revocation_take(
        struct revocation *revocation, const struct ipc_message *message, struct cg_error *err)
{
    struct cg_reader reader = cg_reader(cg_span(message->payload, message->len));
    char source[CG_MAX_EVIDENCE_SOURCE] = "";
    struct cg_evidence *evidence = NULL;
    enum cg_status status;
    struct cg_span text;
    uint64_t number;
    uint8_t kind;

    if (!cg_read_u64(&reader, &number) || !cg_read_u8(&reader, &kind) || kind > CG_EVIDENCE_OCSP ||
            cg_reader_left(&reader) >= sizeof(source) || message->fd_count > 1)
        return cg_fail(err, CG_E_PARSE, "malformed EVIDENCE message");
    (void)cg_read_bytes(&reader, cg_reader_left(&reader), &text);
    if (text.len != 0)
        memcpy(source, text.data, text.len);
    drop(revocation, number);
    if (message->fd_count == 0)
        return CG_OK;
    status = read_file(message->fds[0], (enum cg_evidence_kind)kind, source, &evidence, err);
    if (status == CG_OK)
        status = keep(revocation, number, evidence, err);
    cg_evidence_free(evidence);
    return status;
}

bool
revocation_settle(struct revocation *revocation)
{
    struct cg_revocation *set;

    if (!revocation->changed)
        return false;
    set = cg_revocation_new();
    for (size_t i = 0; set != NULL && i < revocation->count; i++) {
        if (cg_revocation_add(set, revocation->items[i].evidence, NULL) != CG_OK) {
            cg_revocation_free(set);
            set = NULL;
        }
    }
    if (set == NULL || cg_revocation_freeze(set, NULL) != CG_OK) {
        cg_revocation_free(set);
        return false; /* tried again with the next message; the set before goes on to age */
    }
    cg_revocation_free(revocation->set);
    revocation->set = set;
    revocation->changed = false;
    return true;
}

const struct cg_revocation *
revocation_set(const struct revocation *revocation)
{
    return revocation->set;
}

/* FNV-1a: a collision only means that somebody asks a while later. */
static uint64_t
digest(const uint8_t *data, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * UINT64_C(1099511628211);
    return hash;
}

/* True where the same was asked for a moment ago. */
static bool
ask(struct revocation *revocation, enum cg_evidence_kind kind, const char *url,
        const uint8_t *request, size_t request_len, int64_t until, int64_t now)
{
    uint8_t message[11 + IPC_MAX_URL + IPC_MAX_REQUEST];
    size_t url_len = strlen(url), len = 11 + url_len + request_len;
    uint64_t what;

    if (url_len > IPC_MAX_URL || request_len > IPC_MAX_REQUEST)
        return true;
    message[0] = (uint8_t)kind;
    for (int i = 0; i < 8; i++)
        message[1 + i] = (uint8_t)((uint64_t)until >> (56 - 8 * i));
    message[9] = (uint8_t)(url_len >> 8);
    message[10] = (uint8_t)url_len;
    memcpy(message + 11, url, url_len);
    if (request_len != 0)
        memcpy(message + 11 + url_len, request, request_len);
    what = digest(message, len);
    if (revocation->asked[what % ASKED_PLACES].what == what &&
            now - revocation->asked[what % ASKED_PLACES].when < ASK_AGAIN_SECONDS)
        return true;
    revocation->asked[what % ASKED_PLACES].what = what;
    revocation->asked[what % ASKED_PLACES].when = now;
    revocation->ask(revocation->arg, message, len);
    return false;
}

/* CRLs first; the responder where there are none, or where they were asked for and did not settle it. */
static void
ask_about(struct revocation *revocation, const struct cg_engine *engine, const struct cg_cert *cert,
        const struct cg_cert *issuer, int64_t now)
{
    char *urls[CG_MAX_REVOCATION_POINTS];
    size_t count = cg_cert_crl_urls(cert, urls, CG_MAX_REVOCATION_POINTS);
    int64_t until = cg_cert_not_after(cert);
    uint8_t *request = NULL;
    bool asked = false;
    size_t len;

    for (size_t i = 0; i < count; i++) {
        asked = !ask(revocation, CG_EVIDENCE_CRL, urls[i], NULL, 0, until, now) || asked;
        free(urls[i]);
    }
    if (asked)
        return;
    count = cg_cert_ocsp_urls(cert, urls, CG_MAX_REVOCATION_POINTS);
    if (count != 0 && cg_ocsp_request(engine, cert, issuer, &request, &len, NULL) == CG_OK)
        (void)ask(revocation, CG_EVIDENCE_OCSP, urls[0], request, len, until, now);
    free(request);
    for (size_t i = 0; i < count; i++)
        free(urls[i]);
}

static void
learn_ca(struct revocation *revocation, const struct cg_cert *cert)
{
    for (size_t i = 0; i < KNOWN_CAS; i++)
        if (revocation->cas[i] != NULL &&
                memcmp(cg_cert_get0_sha256(revocation->cas[i]), cg_cert_get0_sha256(cert),
                        CG_SHA256_SIZE) == 0)
            return;
    cg_cert_free(revocation->cas[revocation->next_ca]);
    revocation->cas[revocation->next_ca] = cg_cert_ref(cert);
    revocation->next_ca = (revocation->next_ca + 1) % KNOWN_CAS;
}

void
revocation_ask(struct revocation *revocation, const struct cg_engine *engine,
        const struct cg_decision *decision, int64_t now)
{
    size_t count = cg_decision_path_count(decision);

    if (!cg_decision_anchored(decision))
        return; /* a stranger makes nobody fetch anything */
    for (size_t i = 0; i + 1 < count; i++) {
        enum cg_revocation_status status = cg_decision_revocation(decision, i);

        if (i != 0 && status != CG_REVOCATION_NOT_ASKED)
            learn_ca(revocation, cg_decision_path_get0(decision, i));
        if (status == CG_REVOCATION_UNKNOWN)
            ask_about(revocation, engine, cg_decision_path_get0(decision, i),
                    cg_decision_path_get0(decision, i + 1), now);
    }
}

size_t
revocation_known_cas(
        const struct revocation *revocation, const uint8_t **certs, size_t *lens, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < KNOWN_CAS && count < room && revocation->cas[i] != NULL; i++, count++)
        certs[count] = cg_cert_get0_der(revocation->cas[i], &lens[count]);
    return count;
}
