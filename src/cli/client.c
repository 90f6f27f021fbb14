#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "control/api/api.h"
#include "journal/entry.h"

#define BASE "http://localhost/api/v1"
/* A commit of a hundred thousand certificates takes seconds; nothing takes as long as this. */
#define TIMEOUT_S 900L

struct client {
    CURL *curl;
    char *socket;
};

struct client *
client_open(const char *state)
{
    struct client *client = calloc(1, sizeof(*client));
    struct sockaddr_un address;

    if (client == NULL || curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK ||
            (client->curl = curl_easy_init()) == NULL ||
            asprintf(&client->socket, "%s/%s", state, API_SOCKET) < 0) {
        (void)cli_fail("no memory");
        client_close(client);
        return NULL;
    }
    if (strlen(client->socket) >= sizeof(address.sun_path)) {
        (void)cli_fail("the state directory's path is too long for a socket");
        client_close(client);
        return NULL;
    }
    return client;
}

void
client_close(struct client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client->socket);
    free(client);
}

char *
client_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0), *copy;

    copy = escaped == NULL ? NULL : strdup(escaped);
    curl_free(escaped);
    return copy;
}

/* ---- one request ------------------------------------------------------------------------------- */

/* What goes and comes while curl runs. */
struct exchange {
    CURL *curl;
    const struct client_request *request;
    struct cg_buf answer;
    char *text; /* of a small body */
    struct curl_slist *fields;
    struct progress progress;
    bool write_failed;
};

static size_t
take_answer(char *bytes, size_t size, size_t count, void *arg)
{
    struct exchange *exchange = arg;
    size_t len = size * count;
    long status = 0;

    (void)curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    if (exchange->request->to != NULL && status == 200) {
        exchange->write_failed = fwrite(bytes, 1, len, exchange->request->to) != len;
        return exchange->write_failed ? 0 : len;
    }
    cg_buf_add_bytes(&exchange->answer, bytes, len);
    return exchange->answer.failed ? 0 : len;
}

static size_t
give_body(char *out, size_t size, size_t count, void *arg)
{
    const struct exchange *exchange = arg;

    return exchange->request->large->read(exchange->request->large->arg, out, size * count);
}

static int
show_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct exchange *exchange = arg;

    (void)down_total;
    (void)up_total;
    progress_show(&exchange->progress, (uint64_t)up, down != 0);
    return 0;
}

static bool
add_field(struct exchange *exchange, const char *name, const char *value)
{
    struct curl_slist *grown;
    char *line = NULL;

    if (asprintf(&line, "%s:%s%s", name, value[0] == '\0' ? "" : " ", value) < 0)
        return false;
    grown = curl_slist_append(exchange->fields, line);
    explicit_bzero(line, strlen(line)); /* it may be a passphrase */
    free(line);
    if (grown != NULL)
        exchange->fields = grown;
    return grown != NULL;
}

static bool
set_body(struct exchange *exchange)
{
    const struct client_request *request = exchange->request;
    CURL *curl = exchange->curl;

    if (request->large != NULL) {
        exchange->progress = progress_begin(request->large->doing, request->large->size);
        return curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                        (curl_off_t)request->large->size) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_READDATA, exchange) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange) == CURLE_OK &&
                curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
                add_field(exchange, "Content-Type", request->large->type);
    }
    if (strcmp(request->method, "GET") == 0)
        return true;
    exchange->text = request->body == NULL ? strdup("{}") : json_dumps(request->body, JSON_COMPACT);
    return exchange->text != NULL &&
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->text) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(exchange->text)) ==
            CURLE_OK &&
            add_field(exchange, "Content-Type", "application/json");
}

static bool
set_up(struct client *client, struct exchange *exchange)
{
    const struct client_request *request = exchange->request;
    CURL *curl = exchange->curl;
    char *url = NULL;
    bool ok;

    curl_easy_reset(curl);
    ok = asprintf(&url, BASE "%s", request->path) > 0 && set_body(exchange) &&
            /* Otherwise curl waits a second for a "100 Continue" (RFC 9110 section 10.1.1). */
            add_field(exchange, "Expect", "") &&
            (request->passphrase == NULL ||
                    add_field(exchange, "Certgate-Passphrase", request->passphrase)) &&
            curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->fields) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK &&
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange) == CURLE_OK;
    free(url);
    return ok;
}

/* Why there was no answer. */
static void
tell_unreached(const struct client *client, const struct exchange *exchange, CURLcode code)
{
    long number = 0;

    (void)curl_easy_getinfo(exchange->curl, CURLINFO_OS_ERRNO, &number);
    if (exchange->write_failed)
        (void)cli_fail("the file cannot be written: %s", strerror(errno));
    else if (code == CURLE_WRITE_ERROR)
        (void)cli_fail("the answer is larger than %zu MiB", CLIENT_MAX_ANSWER >> 20);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        (void)cli_fail("%s: no answer within %ld seconds", client->socket, TIMEOUT_S);
    else if (code != CURLE_COULDNT_CONNECT)
        (void)cli_fail("%s: the connection broke: %s; is certgated still running?", client->socket,
                curl_easy_strerror(code));
    else if (number == EACCES || number == EPERM || (number == 0 && errno == EACCES))
        (void)cli_fail("%s: permission denied; only root and the socket's group may use it (try "
                       "sudo)",
                client->socket);
    else
        (void)cli_fail("%s: %s; is certgated running with this state directory (--state)?",
                client->socket, strerror(number != 0 ? (int)number : ENOENT));
}

static bool
read_answer(const struct client *client, struct exchange *exchange, struct client_answer *answer)
{
    json_error_t cause;

    (void)curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &answer->status);
    if (answer->status == 200 && exchange->request->to != NULL)
        return true;
    answer->json = json_loadb(
            cg_buf_text(&exchange->answer), exchange->answer.len, JSON_REJECT_DUPLICATES, &cause);
    if (answer->json == NULL) {
        (void)cli_fail("%s: the answer (status %ld) is no JSON: %s", client->socket, answer->status,
                cause.text);
        answer->status = 0;
    }
    return answer->status >= 200 && answer->status < 300;
}

bool
client_ask(
        struct client *client, const struct client_request *request, struct client_answer *answer)
{
    struct exchange exchange = { .curl = client->curl, .request = request };
    CURLcode code = CURLE_OK;
    bool ok;

    *answer = (struct client_answer) { .status = 0 };
    cg_buf_init(&exchange.answer, CLIENT_MAX_ANSWER);
    ok = set_up(client, &exchange);
    if (!ok) {
        (void)cli_fail("no memory");
        goto done;
    }
    errno = 0;
    code = curl_easy_perform(client->curl);
    progress_end(&exchange.progress);
    if (code != CURLE_OK)
        tell_unreached(client, &exchange, code);
    ok = code == CURLE_OK && read_answer(client, &exchange, answer);
done:
    curl_slist_free_all(exchange.fields);
    free(exchange.text);
    cg_buf_release(&exchange.answer);
    return ok;
}

void
client_release(struct client_answer *answer)
{
    json_decref(answer->json);
    answer->json = NULL;
}

/* ---- what was answered ------------------------------------------------------------------------- */

const char *
client_code(const struct client_answer *answer)
{
    const char *code =
            json_string_value(json_object_get(json_object_get(answer->json, "error"), "code"));

    return code == NULL ? "" : code;
}

/* A line of what certgated says: it may hold names that peers chose. */
static void
say_clean(const char *prefix, const char *text)
{
    struct cg_buf clean;

    cg_buf_init(&clean, 64 * 1024);
    journal_add_clean(&clean, text);
    fprintf(stderr, "%s%s\n", prefix, cg_buf_text(&clean));
    cg_buf_release(&clean);
}

int
client_failure(const struct client_answer *answer)
{
    const json_t *error = json_object_get(answer->json, "error"), *detail;
    const char *message = json_string_value(json_object_get(error, "message"));
    size_t i;

    if (answer->status == 0)
        return CLI_USAGE;
    if (message == NULL) {
        (void)cli_fail("certgated answers with status %ld and no reason", answer->status);
        return CLI_REJECT;
    }
    say_clean("certgate: ", message);
    json_array_foreach(json_object_get(error, "details"), i, detail)
    {
        const char *text = json_string_value(detail);

        if (text != NULL && strcmp(text, message) != 0)
            say_clean("  ", text);
    }
    return CLI_REJECT;
}

static int
ask(struct client *client, const struct client_request *request, json_t **out)
{
    struct client_answer answer;
    int result = CLI_ACCEPT;

    if (client_ask(client, request, &answer)) {
        if (out != NULL)
            *out = json_incref(answer.json);
    } else {
        result = client_failure(&answer);
    }
    client_release(&answer);
    return result;
}

int
client_get(struct client *client, json_t **out, const char *format, ...)
{
    char *path = NULL;
    va_list args;
    int len, result;

    *out = NULL;
    va_start(args, format);
    len = vasprintf(&path, format, args);
    va_end(args);
    if (len < 0)
        return cli_fail("no memory");
    result = ask(client, &(struct client_request) { .method = "GET", .path = path }, out);
    free(path);
    return result;
}

int
client_post(struct client *client, const char *path, json_t *body, json_t **out)
{
    int result;

    if (out != NULL)
        *out = NULL;
    result = body == NULL
            ? cli_fail("no memory")
            : ask(client, &(struct client_request) { .method = "POST", .path = path, .body = body },
                      out);
    json_decref(body);
    return result;
}
