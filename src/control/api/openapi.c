/* The OpenAPI document, made from the rows of routes.c and these schemas. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "control/api/api.h"
#include "control/api/request.h"
#include "control/api/schemas.h"

/* A parameter as the rows have it: "limit:number". */
static json_t *
parameter_json(const char *text, size_t len, const char *where)
{
    static const struct {
        const char *kind;
        const char *schema;
    } kinds[] = {
        { "number", "{\"type\":\"integer\",\"minimum\":0}" },
        { "time", "{\"type\":\"string\",\"example\":\"2026-11-25T08:00:00Z\"}" },
        { "sha256", "{\"type\":\"string\",\"pattern\":\"^[0-9a-fA-F]{64}$\"}" },
        { "flag", "{\"type\":\"string\",\"enum\":[\"1\"]}" },
        { "text", "{\"type\":\"string\"}" },
    };
    const char *colon = memchr(text, ':', len);
    size_t name_len = colon == NULL ? len : (size_t)(colon - text);
    const char *schema = "{\"type\":\"string\"}";

    for (size_t i = 0; colon != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strncmp(kinds[i].kind, colon + 1, len - name_len - 1) == 0)
            schema = kinds[i].schema;
    return json_pack("{s:o,s:s,s:b,s:o}", "name", json_stringn(text, name_len), "in", where,
            "required", strcmp(where, "path") == 0, "schema", json_loads(schema, 0, NULL));
}

static json_t *
parameters_json(const struct api_route *route)
{
    json_t *list = json_array();
    const char *open = strchr(route->path, '{'), *at = route->query;

    if (open != NULL)
        (void)json_array_append_new(
                list, parameter_json(open + 1, (size_t)(strchr(open, '}') - open - 1), "path"));
    while (*at != '\0') {
        size_t len = strcspn(at, ",");

        (void)json_array_append_new(list, parameter_json(at, len, "query"));
        at += len + (at[len] == ',');
    }
    return list;
}

/* What a body or answer is, by the name of its schema. */
static json_t *
content_json(const char *name)
{
    if (strcmp(name, "bytes") == 0)
        return json_pack("{s:{s:{s:s,s:s}}}", "application/octet-stream", "schema", "type",
                "string", "format", "binary");
    if (strcmp(name, "text") == 0)
        return json_pack("{s:{s:{s:s}}}", "text/plain", "schema", "type", "string");
    if (strcmp(name, "events") == 0)
        return json_pack("{s:{s:{s:s}}}", "text/event-stream", "schema", "type", "string");
    return json_pack("{s:{s:{s:o}}}", "application/json", "schema", "$ref",
            json_sprintf("#/components/schemas/%s", name));
}

static json_t *
operation_json(const struct api_route *route)
{
    json_t *out = json_pack("{s:s,s:s,s:o,s:{s:{s:s,s:o},s:{s:s,s:o}}}", "summary", route->summary,
            "x-role", access_role_name(route->role), "parameters", parameters_json(route),
            "responses", "200", "description", "done", "content", content_json(route->answer),
            "default", "description", "refused, and why", "content", content_json("Error"));

    if (out != NULL && route->body[0] != '\0')
        (void)json_object_set_new(out, "requestBody",
                json_pack("{s:b,s:o}", "required", 1, "content", content_json(route->body)));
    return out;
}

static void
add_route(json_t *paths, const struct api_route *route)
{
    json_t *path = json_object_get(paths, route->path);
    char method[8] = "";

    for (size_t i = 0; route->method[i] != '\0' && i < sizeof(method) - 1; i++)
        method[i] = (char)(route->method[i] + 32);
    if (path == NULL) {
        (void)json_object_set_new(paths, route->path, json_object());
        path = json_object_get(paths, route->path);
    }
    (void)json_object_set_new(path, method, operation_json(route));
}

bool
api_describe(struct cg_buf *out)
{
    json_t *paths = json_object(), *schemas = json_loads(api_schemas, 0, NULL), *whole;
    char *text;

    for (size_t i = 0; i < api_route_count; i++)
        add_route(paths, &api_routes[i]);
    whole = json_pack("{s:s,s:{s:s,s:s,s:s},s:[{s:s}],s:o,s:{s:o}}", "openapi", "3.0.3", "info",
            "title", "certgate admin API", "version", CERTGATE_VERSION, "description",
            "What certgated trusts and enforces, and why it decided as it did.", "servers", "url",
            "/api/v1", "paths", paths, "components", "schemas", schemas);
    text = whole == NULL ? NULL : json_dumps(whole, JSON_INDENT(2));
    if (text != NULL)
        cg_buf_add(out, text);
    json_decref(whole);
    free(text);
    return text != NULL && !out->failed;
}
