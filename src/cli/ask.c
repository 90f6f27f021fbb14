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
ask_each_page(struct client *client, const char *path, const char *parameter, const char *start,
        const char *name, uint64_t limit, ask_page_fn *take, void *arg)
{
    const char *mark = strchr(path, '?') == NULL ? "?" : "&";
    uint64_t have = 0;
    char next[80] = "";
    bool more = true;

    if (start != NULL)
        (void)snprintf(next, sizeof(next), "%s", start);
    while (more) {
        const uint64_t want = limit == 0 || limit - have > PAGE ? PAGE : limit - have;
        json_t *page = NULL;
        size_t rows;
        int result = next[0] == '\0'
                ? client_get(client, &page, "%s%slimit=%llu", path, mark, (unsigned long long)want)
                : client_get(client, &page, "%s%slimit=%llu&%s=%s", path, mark,
                          (unsigned long long)want, parameter, next);

        if (result != CLI_ACCEPT)
            return result;
        rows = json_array_size(json_object_get(page, name));
        have += rows;
        more = next_of(page, next) && rows != 0 && (limit == 0 || have < limit);
        result = take(arg, page, json_object_get(page, name));
        json_decref(page);
        if (result != CLI_ACCEPT)
            return result;
    }
    return CLI_ACCEPT;
}

struct gathering {
    json_t *all;
    const char *name;
};

static int
gather(void *arg, json_t *page, json_t *rows)
{
    struct gathering *gathering = arg;

    if (gathering->all == NULL)
        gathering->all = json_incref(page);
    else
        (void)json_array_extend(json_object_get(gathering->all, gathering->name), rows);
    return CLI_ACCEPT;
}

int
ask_pages(struct client *client, const char *path, const char *parameter, const char *name,
        uint64_t limit, json_t **out)
{
    struct gathering gathering = { .name = name };
    int result = ask_each_page(client, path, parameter, NULL, name, limit, gather, &gathering);

    *out = NULL;
    if (result == CLI_ACCEPT) {
        (void)json_object_del(gathering.all, "next");
        *out = gathering.all; /* ownership moves to the caller */
        gathering.all = NULL;
    }
    json_decref(gathering.all);
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
