#include "fetch/probe.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/address.h"

struct probe {
    struct probed found;
    CURL *easy;
    bool every_address;
    bool forbidden; /* an address was refused */
    bool tls; /* the server has said something of TLS */
    bool too_large;
    uint8_t *der[PROBED_MAX_CERTS];
    char error[CURL_ERROR_SIZE];
};

/* The address that is really connected to, whatever the name led to. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct probe *probe = arg;

    (void)purpose;
    if (!probe->every_address && !address_is_routed(&address->addr)) {
        probe->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static bool
keep(struct probe *probe, X509 *cert, size_t *total)
{
    const size_t at = probe->found.count;
    uint8_t *der = NULL;
    const int len = at == PROBED_MAX_CERTS ? 0 : i2d_X509(cert, &der);

    if (len <= 0 || len > CG_MAX_CERT_BYTES || (*total += (size_t)len) > CG_MAX_CHAIN_BYTES) {
        OPENSSL_free(der);
        probe->too_large = true;
        return false;
    }
    probe->der[at] = der;
    probe->found.certs[at] = cg_span(der, (size_t)len);
    probe->found.count++;
    return true;
}

/*
 * Where libssl would have the server's certificates verified. They are taken here, and not from libcurl at the
 * end: under TLS 1.2 a server that demands a certificate of its client ends the handshake before its end.
 */
static int
on_certificates(X509_STORE_CTX *store, void *arg)
{
    struct probe *probe = arg;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    size_t total = 0;

    if (probe->found.count != 0)
        return 1;
    if (ssl != NULL)
        (void)snprintf(probe->found.tls, sizeof(probe->found.tls), "%s", SSL_get_version(ssl));
    for (int i = 0; i < sk_X509_num(sent); i++)
        if (!keep(probe, sk_X509_value(sent, i), &total))
            return 0;
    return 1;
}

static void
on_message(int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
    struct probe *probe = arg;

    (void)version;
    (void)bytes;
    (void)len;
    (void)ssl;
    if (sent == 0 && (type == SSL3_RT_HANDSHAKE || type == SSL3_RT_ALERT))
        probe->tls = true;
}

/* What is weak is shown too: judging it is what comes after. */
static CURLcode
on_context(CURL *easy, void *context, void *arg)
{
    SSL_CTX *ssl = context;

    (void)easy;
    SSL_CTX_set_security_level(ssl, 0);
    SSL_CTX_set_max_cert_list(ssl, CG_MAX_CHAIN_BYTES);
    SSL_CTX_set_cert_verify_callback(ssl, on_certificates, arg);
    SSL_CTX_set_msg_callback(ssl, on_message);
    SSL_CTX_set_msg_callback_arg(ssl, arg);
    return CURLE_OK;
}

/* Of a URL only host and port are set, as parts: no text of them can be anything else of one. */
static bool
set_target(CURL *easy, const struct probe_job *job, CURLU *url)
{
    char port[8], host[IPC_MAX_HOST + 3];
    const bool six = strchr(job->host, ':') != NULL;

    (void)snprintf(port, sizeof(port), "%u", (unsigned)job->port);
    (void)snprintf(host, sizeof(host), six ? "[%s]" : "%s", job->host);
    return curl_url_set(url, CURLUPART_SCHEME, "https", 0) == CURLUE_OK &&
            curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK &&
            curl_url_set(url, CURLUPART_PORT, port, 0) == CURLUE_OK &&
            curl_easy_setopt(easy, CURLOPT_CURLU, url) == CURLE_OK;
}

static bool
configure(struct probe *probe)
{
    CURL *easy = probe->easy;

    return curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)PROBE_LONGEST_MS) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)PROBE_LONGEST_MS) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->error) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_0) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, probe) == CURLE_OK;
}

static enum probed_outcome
outcome_of(const struct probe *probe, CURLcode code)
{
    curl_off_t looked_up = 0;

    (void)curl_easy_getinfo(probe->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up);
    if (probe->too_large)
        return PROBED_TOO_LARGE;
    if (probe->found.count != 0)
        return PROBED_CHAIN;
    if (code == CURLE_OK)
        return PROBED_NO_CERTIFICATE;
    if (code == CURLE_COULDNT_RESOLVE_HOST || (code == CURLE_OPERATION_TIMEDOUT && looked_up == 0))
        return PROBED_UNRESOLVED;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return PROBED_TIMEOUT;
    if (code == CURLE_COULDNT_CONNECT)
        return probe->forbidden ? PROBED_ADDRESS : PROBED_REFUSED;
    if (code == CURLE_SSL_CONNECT_ERROR)
        return probe->tls ? PROBED_HANDSHAKE : PROBED_NO_TLS;
    return PROBED_FAILED;
}

/* The end of what libcurl and libssl say is what happened; what stands before it is where. */
static void
explain(struct probe *probe, CURLcode code)
{
    const char *text = probe->error[0] != '\0' ? probe->error : curl_easy_strerror(code);
    const char *colon = strrchr(text, ':');
    long reason = 0;

    (void)curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &reason);
    if (code == CURLE_COULDNT_CONNECT && reason != 0)
        text = strerror((int)reason);
    else if (code == CURLE_SSL_CONNECT_ERROR && colon != NULL)
        text = colon + 1;
    /* libssl names alerts by the version that brought them in: "sslv3 alert handshake failure". */
    if (strstr(text, " alert ") != NULL)
        text = strstr(text, " alert ");
    (void)snprintf(probe->found.why, sizeof(probe->found.why), "%s", text + strspn(text, " "));
}

struct probe *
probe_run(const struct probe_job *job)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    CURLU *url = curl_url();
    char *address = NULL;
    CURLcode code = CURLE_FAILED_INIT;

    if (probe == NULL || url == NULL) {
        free(probe);
        probe = NULL;
        goto done;
    }
    probe->found.outcome = PROBED_FAILED;
    probe->every_address = job->every_address;
    probe->easy = curl_easy_init();
    if (probe->easy == NULL || !configure(probe) || !set_target(probe->easy, job, url)) {
        (void)snprintf(
                probe->found.why, sizeof(probe->found.why), "libcurl cannot be set up for it");
        goto done;
    }
    code = curl_easy_perform(probe->easy);
    probe->found.outcome = outcome_of(probe, code);
    if (probe->found.outcome != PROBED_CHAIN)
        probe->found.count = 0;
    if (code != CURLE_OK)
        explain(probe, code);
    if (curl_easy_getinfo(probe->easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK &&
            address != NULL)
        (void)snprintf(probe->found.address, sizeof(probe->found.address), "%s", address);
done:
    curl_url_cleanup(url);
    return probe;
}

void
probe_free(struct probe *probe)
{
    if (probe == NULL)
        return;
    curl_easy_cleanup(probe->easy);
    for (size_t i = 0; i < PROBED_MAX_CERTS; i++)
        OPENSSL_free(probe->der[i]);
    free(probe);
}

const struct probed *
probe_get0(const struct probe *probe)
{
    return &probe->found;
}
