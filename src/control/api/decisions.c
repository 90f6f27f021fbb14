/* Routes about decisions. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/api/handlers.h"
#include "control/decisions.h"
#include "control/rates.h"
#include "journal/words.h"
#include "settings/values.h"

#define DEFAULT_LIMIT 100

static bool
take_time(struct api_request *request, const char *name, int64_t *ms, int64_t end)
{
    const char *text = api_query(request, name);
    int64_t seconds;

    if (text == NULL)
        return true;
    if (!api_parse_time(text, &seconds)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "'%s' has to be a time such as 2026-11-25T08:00:00Z, not '%.40s'", name, text);
        return false;
    }
    *ms = seconds * 1000 + end;
    return true;
}

static bool
take_filter(struct api_request *request, struct journal_filter *filter)
{
    const char *interface = api_query(request, "interface"), *peer = api_query(request, "peer");

    journal_filter_init(filter);
    if (interface != NULL)
        filter->interfaces[filter->interface_count++] = interface;
    filter->verdict = api_query(request, "verdict");
    filter->reason = api_query(request, "reason");
    filter->sha256 = api_query(request, "sha256");
    filter->has_network = peer != NULL;
    if (peer != NULL && !value_network(peer, &filter->network)) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid",
                "'peer' has to be an address or network such as 192.0.2.0/24, not '%.60s'", peer);
        return false;
    }
    return take_time(request, "since", &filter->since_ms, 0) &&
            take_time(request, "until", &filter->until_ms, 999);
}

void
api_decisions(struct api_request *request)
{
    const uint64_t limit = api_query_number(request, "limit", DEFAULT_LIMIT, 1, API_MAX_LIMIT);
    struct journal_filter filter;
    struct cg_error err = { "" };
    json_t *list, *last;
    bool more;

    if (!take_filter(request, &filter))
        return;
    list = decisions_find(
            request->control, &filter, api_query(request, "before"), (size_t)limit, &more, &err);
    if (list == NULL) {
        api_error(request, MHD_HTTP_CONFLICT, "invalid", "%s", err.text);
        return;
    }
    last = json_array_get(list, json_array_size(list) - 1);
    api_ok(request,
            json_pack("{s:o,s:O?}", "records", list, "next",
                    more ? json_object_get(last, "incident") : NULL));
}

void
api_decision(struct api_request *request)
{
    struct journal_entry entry, decided;
    struct journal_filter filter;
    struct cg_error err = { "" };
    json_t *list, *earlier = NULL;
    struct cg_buf story;
    bool more, resumed = false;
    char *text;

    journal_filter_init(&filter);
    filter.incident = request->name;
    list = decisions_find(request->control, &filter, NULL, 2, &more, &err);
    if (list == NULL || json_array_size(list) == 0) {
        api_error(request, MHD_HTTP_NOT_FOUND, "not-found", "%s",
                list == NULL ? err.text : "the log holds no incident of that id");
        json_decref(list);
        return;
    }
    text = json_dumps(json_array_get(list, 0), JSON_COMPACT);
    if (text == NULL || !journal_entry_parse(text, strlen(text), &entry)) {
        api_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "internal", "the record makes no sense");
        goto done;
    }
    if (entry.decided_in[0] != '\0') {
        filter.incident = entry.decided_in;
        earlier = decisions_find(request->control, &filter, NULL, 1, &more, &err);
        free(text);
        text = json_dumps(json_array_get(earlier, 0), JSON_COMPACT);
        resumed = text != NULL && journal_entry_parse(text, strlen(text), &decided);
    }
    cg_buf_init(&story, 1024 * 1024);
    journal_story(&entry, resumed ? &decided : NULL, &story);
    api_ok(request, json_pack("{s:O,s:s}", "record", entry.json, "story", cg_buf_text(&story)));
    cg_buf_release(&story);
    if (resumed)
        journal_entry_release(&decided);
    journal_entry_release(&entry);
done:
    free(text);
    json_decref(earlier);
    json_decref(list);
}

void
api_rates(struct api_request *request)
{
    const uint64_t minutes = api_query_number(request, "minutes", 60, 1, RATES_MINUTES);

    api_ok(request, rates_json(request->control->rates, (unsigned)minutes, (int64_t)time(NULL)));
}
