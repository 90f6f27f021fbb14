#include "control/api/pages.h"

#include <string.h>
#include <time.h>

#include "control/assets.h"

static enum MHD_Result
send_page(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Security-Policy", asset_policy);
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    (void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    (void)MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result
send_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
            strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

    if (response != NULL)
        (void)MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    return send_page(connection, status, response);
}

/* From memory. A browser asks each time whether its copy still fits: a new release is seen at once. */
static enum MHD_Result
send_asset(struct MHD_Connection *connection, const struct asset *asset)
{
    const bool known = asset_is_known(
            asset, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-None-Match"));
    struct MHD_Response *response = MHD_create_response_from_buffer(
            known ? 0 : asset->len, (void *)(uintptr_t)asset->gzip, MHD_RESPMEM_PERSISTENT);

    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "ETag", asset->etag);
    (void)MHD_add_response_header(response, "Cache-Control", "no-cache");
    if (!known) {
        (void)MHD_add_response_header(response, "Content-Type", asset->type);
        (void)MHD_add_response_header(response, "Content-Encoding", "gzip");
    }
    return send_page(connection, known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

/* The link of `certgate console`: spent, and in its place a cookie. */
static enum MHD_Result
follow_link(struct api_request *request, struct access_state *access, enum access_way way)
{
    const char *link = api_query(request, "token");
    char token[ACCESS_TOKEN_SIZE], cookie[ACCESS_TOKEN_SIZE + 128];
    struct MHD_Response *response;

    if (way != ACCESS_LOOPBACK || link == NULL ||
            access_login_link(access, link, (int64_t)time(NULL), token) != ACCESS_GOOD)
        return send_text(request->connection, MHD_HTTP_FORBIDDEN,
                "This link has been used, or is older than five minutes. 'certgate console' prints "
                "another one.\n");
    response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    (void)snprintf(cookie, sizeof(cookie), "certgate-session=%s; HttpOnly; SameSite=Strict; Path=/",
            token);
    (void)MHD_add_response_header(response, "Set-Cookie", cookie);
    (void)MHD_add_response_header(response, "Location", "/");
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    return send_page(request->connection, MHD_HTTP_SEE_OTHER, response);
}

enum MHD_Result
pages_answer(struct api_request *request, struct access_state *access, enum access_way way,
        const char *url, const char *method)
{
    const struct asset *asset = asset_find(url);

    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return send_text(request->connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                "only GET is answered here; the API is under /api/v1\n");
    if (strcmp(url, "/login") == 0 && api_query(request, "token") != NULL)
        return follow_link(request, access, way);
    if (asset != NULL)
        return send_asset(request->connection, asset);
    return send_text(request->connection, MHD_HTTP_NOT_FOUND,
            "there is nothing here; the API is under /api/v1\n");
}
