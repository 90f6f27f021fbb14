#include "control/api/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *
api_query(const struct api_request *request, const char *name)
{
    const char *value =
            MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

uint64_t
api_query_number(const struct api_request *request, const char *name, uint64_t otherwise,
        uint64_t low, uint64_t high)
{
    const char *text = api_query(request, name);
    uint64_t value;

    if (text == NULL || strspn(text, "0123456789") != strlen(text) || strlen(text) > 19)
        return otherwise;
    value = strtoull(text, NULL, 10);
    return value < low ? low : value > high ? high : value;
}

const char *
api_text(const struct api_request *request, const char *name)
{
    return json_string_value(json_object_get(request->body, name));
}

int64_t
api_number(const struct api_request *request, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(request->body, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool
api_flag(const struct api_request *request, const char *name)
{
    return json_is_true(json_object_get(request->body, name));
}

int
api_client(const struct api_request *request)
{
    const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

void
api_resume(struct api_request *request)
{
    request->probe = NULL;
    MHD_resume_connection(request->connection);
}

struct store_author
api_author(const struct api_request *request, char actor[STORE_MAX_ACTOR])
{
    const char *comment = api_text(request, "comment");

    (void)snprintf(actor, STORE_MAX_ACTOR, "%.200s (%s)", request->who.user, request->who.via);
    return (struct store_author) { (int64_t)time(NULL), actor, comment == NULL ? "" : comment };
}

void
api_ok(struct api_request *request, json_t *answer)
{
    if (answer == NULL) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "no memory for the answer");
        return;
    }
    request->status = MHD_HTTP_OK;
    request->answer = answer;
}

/* What was sent may be any octets, and a text may be cut within a character: JSON takes neither. */
static void
make_printable(char *text)
{
    json_t *whole = json_string(text);

    for (char *at = text; whole == NULL && *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    json_decref(whole);
}

static void
error_with(struct api_request *request, unsigned status, const char *code, const char *text,
        json_t *details)
{
    json_decref(request->answer);
    request->status = status;
    request->answer = json_pack("{s:{s:s,s:s,s:o}}", "error", "code", code, "message", text,
            "details", details == NULL ? json_array() : details);
}

void
api_error(struct api_request *request, unsigned status, const char *code, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    make_printable(text);
    error_with(request, status, code, text, NULL);
}

/* The lines of what was wrong; the first is the message. */
static json_t *
lines_of(const char *text)
{
    json_t *lines = json_array();

    while (*text != '\0') {
        size_t len = strcspn(text, "\n");

        if (len != 0)
            (void)json_array_append_new(lines, json_stringn_nocheck(text, len));
        text += len + (text[len] == '\n');
    }
    return lines;
}

void
api_commit(struct api_request *request, enum commit_end end, const struct cg_buf *problems,
        json_t *told)
{
    static const struct {
        unsigned status;
        const char *code;
    } meanings[] = {
        [COMMIT_MADE] = { MHD_HTTP_OK, NULL },
        [COMMIT_SAME] = { MHD_HTTP_OK, NULL },
        [COMMIT_PREVIEWED] = { MHD_HTTP_OK, NULL },
        [COMMIT_LOCKOUT] = { MHD_HTTP_CONFLICT, "lockout" },
        [COMMIT_INVALID] = { MHD_HTTP_BAD_REQUEST, "invalid" },
        [COMMIT_BUSY] = { MHD_HTTP_CONFLICT, "busy" },
        [COMMIT_FAILED] = { MHD_HTTP_INTERNAL_SERVER_ERROR, "internal" },
    };
    json_t *details;
    char *text;

    (void)json_object_set_new(
            told, "generation", json_integer((json_int_t)request->control->generation));
    (void)json_object_set_new(told, "changed", json_boolean(end == COMMIT_MADE));
    (void)json_object_set_new(told, "preview", json_boolean(end == COMMIT_PREVIEWED));
    if (meanings[end].code == NULL) {
        api_ok(request, json_incref(told));
        return;
    }
    text = strdup(cg_buf_text(problems));
    if (text == NULL) {
        api_error(request, meanings[end].status, meanings[end].code, "no memory");
        return;
    }
    make_printable(text);
    details = end == COMMIT_LOCKOUT ? json_pack("[O]", told) : lines_of(text);
    text[strcspn(text, "\n")] = '\0';
    error_with(request, meanings[end].status, meanings[end].code, text, details);
    free(text);
}

void
api_store_error(struct api_request *request, enum store_status status, const struct cg_error *err)
{
    if (status == STORE_MISSING)
        api_error(request, MHD_HTTP_NOT_FOUND, "not-found", "%s", err->text);
    else if (status == STORE_INVALID)
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err->text);
    else if (status == STORE_BUSY)
        api_error(request, MHD_HTTP_CONFLICT, "busy", "%s", err->text);
    else
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "%s", err->text);
}
