#include "cli/ask.h"

#include <stdlib.h>
#include <string.h>

/* Rows of one page: the most that certgated gives at once. */
#define PAGE 1000

long long
ask_number(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

int
ask_show(const struct cli_node *node, const char *path, int (*print)(const json_t *answer))
{
    struct client *client = client_open(node->state);
    json_t *answer = NULL;
    int result = client == NULL ? CLI_USAGE : client_get(client, &answer, "%s", path);

    if (result == CLI_ACCEPT)
        result = node->output == CLI_JSON ? cli_put_json(json_incref(answer)) : print(answer);
    json_decref(answer);
    client_close(client);
    return result;
}

/* What the next question goes on from, as text; false after the last page. */
static bool
next_of(const json_t *answer, char out[80])
{
    const json_t *next = json_object_get(answer, "next");

    if (json_is_integer(next))
        return snprintf(out, 80, "%lld", (long long)json_integer_value(next)) < 80;
    return json_is_string(next) && snprintf(out, 80, "%s", json_string_value(next)) < 80;
}

int
ask_pages(struct client *client, const char *path, const char *parameter, const char *name,
        uint64_t limit, json_t **out)
{
    const char *mark = strchr(path, '?') == NULL ? "?" : "&";
    json_t *all = NULL, *page = NULL;
    int result = CLI_ACCEPT;
    char next[80] = "";
    bool more = true;

    *out = NULL;
    while (more) {
        const uint64_t have = json_array_size(json_object_get(all, name));
        const uint64_t want = limit == 0 || limit - have > PAGE ? PAGE : limit - have;

        result = next[0] == '\0'
                ? client_get(client, &page, "%s%slimit=%llu", path, mark, (unsigned long long)want)
                : client_get(client, &page, "%s%slimit=%llu&%s=%s", path, mark,
                          (unsigned long long)want, parameter, next);
        if (result != CLI_ACCEPT)
            goto done;
        more = next_of(page, next);
        if (all == NULL) {
            all = page;
        } else {
            if (json_array_size(json_object_get(page, name)) == 0)
                more = false;
            (void)json_array_extend(json_object_get(all, name), json_object_get(page, name));
            json_decref(page);
        }
        page = NULL;
        more = more && (limit == 0 || json_array_size(json_object_get(all, name)) < limit);
    }
    (void)json_object_del(all, "next");
    *out = all; /* ownership moves to the caller */
    all = NULL;
done:
    json_decref(all);
    return result;
}

int
ask_show_pages(const struct cli_node *node, const char *path, const char *parameter,
        const char *name, int64_t limit, int (*print)(const json_t *answer))
{
    struct client *client = client_open(node->state);
    json_t *all = NULL;
    int result = client == NULL ? CLI_USAGE
                                : ask_pages(client, path, parameter, name, (uint64_t)limit, &all);

    if (result == CLI_ACCEPT)
        result = node->output == CLI_JSON ? cli_put_json(json_incref(all)) : print(all);
    json_decref(all);
    client_close(client);
    return result;
}
