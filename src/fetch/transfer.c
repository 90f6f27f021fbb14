#include "fetch/transfer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "fetch/address.h"
#include "input/evidence.h"

/* That wait for their turn: certgated asks for what it keeps, a CRL or response each. */
#define MAX_WAITING 8192

struct transfer {
    struct transfer *next;
    struct transfer_job job;
    CURL *easy;
    struct curl_slist *headers;
    uint8_t *data;
    size_t len;
    size_t size;
    size_t most;
    bool too_large;
    bool private; /* an address was refused */
    char error[CURL_ERROR_SIZE];
};

struct transfers {
    CURLM *multi;
    struct transfer *running;
    struct transfer *waiting;
    struct transfer **last_waiting;
    size_t running_count;
    size_t waiting_count;
    transfer_done *done;
    void *arg;
};

struct transfers *
transfers_new(transfer_done *done, void *arg)
{
    struct transfers *transfers = calloc(1, sizeof(*transfers));

    if (transfers == NULL)
        return NULL;
    transfers->multi = curl_multi_init();
    transfers->done = done;
    transfers->arg = arg;
    transfers->last_waiting = &transfers->waiting;
    if (transfers->multi == NULL) {
        free(transfers);
        return NULL;
    }
    return transfers;
}

static void
transfer_free(struct transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    free(transfer->data);
    free(transfer);
}

void
transfers_free(struct transfers *transfers)
{
    struct transfer *next;

    if (transfers == NULL)
        return;
    for (struct transfer *at = transfers->running; at != NULL; at = next) {
        next = at->next;
        (void)curl_multi_remove_handle(transfers->multi, at->easy);
        transfer_free(at);
    }
    for (struct transfer *at = transfers->waiting; at != NULL; at = next) {
        next = at->next;
        transfer_free(at);
    }
    curl_multi_cleanup(transfers->multi);
    free(transfers);
}

/* The address that is really connected to, whatever a name or a redirect led to it. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = arg;

    (void)purpose;
    if (!transfer->job.allow_private && !address_is_public(&address->addr)) {
        transfer->private = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t
on_data(char *bytes, size_t unit, size_t count, void *arg)
{
    struct transfer *transfer = arg;
    size_t len = unit * count, size = transfer->size == 0 ? 16384 : transfer->size;
    uint8_t *grown;

    if (len > transfer->most - transfer->len) {
        transfer->too_large = true;
        return 0;
    }
    while (size < transfer->len + len)
        size *= 2;
    if (size != transfer->size) {
        grown = realloc(transfer->data, size);
        if (grown == NULL)
            return 0;
        transfer->data = grown;
        transfer->size = size;
    }
    memcpy(transfer->data + transfer->len, bytes, len);
    transfer->len += len;
    return len;
}

/* Nothing of the environment, no proxy, no other scheme, no credentials, nothing without an end. */
static bool
configure(struct transfer *transfer)
{
    CURL *easy = transfer->easy;
    bool ocsp = transfer->job.kind == CG_EVIDENCE_OCSP;

    if (ocsp)
        transfer->headers = curl_slist_append(NULL, "Content-Type: application/ocsp-request");
    return (!ocsp || transfer->headers != NULL) &&
            curl_easy_setopt(easy, CURLOPT_URL, transfer->job.url) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)TRANSFER_MAX_REDIRECTS) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)TRANSFER_CONNECT_MS) ==
            CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TRANSFER_TOTAL_MS) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_USERAGENT, "certgate") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
            (!ocsp ||
                    (curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
                            curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) ==
                                    CURLE_OK &&
                            curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                                    (char *)transfer->job.request) == CURLE_OK &&
                            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE,
                                    (long)transfer->job.request_len) == CURLE_OK));
}

bool
transfers_add(struct transfers *transfers, const struct transfer_job *job)
{
    struct transfer *transfer;

    if (transfers->waiting_count == MAX_WAITING)
        return false;
    transfer = calloc(1, sizeof(*transfer));
    if (transfer == NULL)
        return false;
    transfer->job = *job;
    /* A PEM is a third longer than what it holds. */
    transfer->most = job->kind == CG_EVIDENCE_CRL ? INPUT_MAX_EVIDENCE_BYTES : CG_MAX_OCSP_BYTES;
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL || !configure(transfer)) {
        transfer_free(transfer);
        return false;
    }
    *transfers->last_waiting = transfer;
    transfers->last_waiting = &transfer->next;
    transfers->waiting_count++;
    return true;
}

static void
start_waiting(struct transfers *transfers)
{
    while (transfers->waiting != NULL && transfers->running_count < TRANSFER_MAX) {
        struct transfer *transfer = transfers->waiting;

        transfers->waiting = transfer->next;
        if (transfers->waiting == NULL)
            transfers->last_waiting = &transfers->waiting;
        transfers->waiting_count--;
        transfer->next = transfers->running;
        transfers->running = transfer;
        transfers->running_count++;
        (void)curl_multi_add_handle(transfers->multi, transfer->easy);
    }
}

static void
explain(const struct transfer *transfer, CURLcode code, char *why, size_t size)
{
    if (transfer->private)
        (void)snprintf(why, size, "its address is private, and revocation-allow-private is false");
    else if (transfer->too_large)
        (void)snprintf(why, size, "larger than %zu bytes", transfer->most);
    else
        (void)snprintf(why, size, "%s",
                transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code));
}

/* DER from here on: what came as PEM is given on as what it holds. */
static void
finish(struct transfers *transfers, struct transfer *transfer, CURLcode code)
{
    struct cg_evidence *evidence = NULL;
    struct cg_error err = { "" };
    const char *useless;
    struct cg_span der = { 0 };

    if (code != CURLE_OK)
        explain(transfer, code, err.text, sizeof(err.text));
    else if (input_evidence_bytes("it", transfer->job.kind, transfer->data, transfer->len,
                     &evidence, &err) == CG_OK) {
        size_t len;
        const uint8_t *bytes = cg_evidence_get0_der(evidence, &len);

        der = cg_span(bytes, len);
        useless = cg_evidence_unusable(evidence);
        if (useless != NULL)
            (void)snprintf(err.text, sizeof(err.text), "%s", useless);
    }
    transfers->done(transfers->arg, &transfer->job, der, evidence, err.text);
    cg_evidence_free(evidence);
}

static void
take_finished(struct transfers *transfers)
{
    int left;

    for (CURLMsg *message; (message = curl_multi_info_read(transfers->multi, &left)) != NULL;) {
        struct transfer *transfer = NULL, **at = &transfers->running;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE ||
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer) !=
                        CURLE_OK)
            continue;
        (void)curl_multi_remove_handle(transfers->multi, transfer->easy);
        while (*at != transfer)
            at = &(*at)->next;
        *at = transfer->next;
        transfers->running_count--;
        finish(transfers, transfer, code);
        transfer_free(transfer);
    }
}

bool
transfers_run(struct transfers *transfers, int fd)
{
    struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
    int running;

    do {
        start_waiting(transfers);
        if (curl_multi_perform(transfers->multi, &running) != CURLM_OK)
            return false;
        take_finished(transfers);
        if (transfers->waiting != NULL && transfers->running_count < TRANSFER_MAX)
            continue;
        extra.revents = 0;
        if (curl_multi_poll(transfers->multi, &extra, 1, 60000, NULL) != CURLM_OK)
            return false;
    } while (extra.revents == 0);
    return true;
}
