/* Routes about decisions. */
#include <string.h>
#include <time.h>

#include "control/api/handlers.h"
#include "control/decisions.h"
#include "control/rates.h"
#include "journal/query.h"
#include "settings/values.h"

#define DEFAULT_LIMIT 100

static bool
take_time(struct api_request *request, const char *name, int64_t *ms, int64_t end)
{
    const char *text = api_query(request, name);
    int64_t seconds;

    if (text == NULL)
        return true;
    if (!shape_parse_time(text, &seconds)) {
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

static void
take_record(void *arg, const struct journal_entry *entry, const char *line, size_t len)
{
    (void)line;
    (void)len;
    (void)json_array_append(arg, entry->json);
}

void
api_decisions(struct api_request *request)
{
    struct journal_query query = { .before = api_query(request, "before"),
        .limit = (unsigned)api_query_number(request, "limit", DEFAULT_LIMIT, 1, API_MAX_LIMIT),
        .budget = JOURNAL_SHORT_BUDGET };
    json_t *list = json_array();
    struct journal_page page;
    struct cg_error err = { "" };
    const char *path = decisions_log(request->control, &err);

    if (!take_filter(request, &query.filter))
        goto done;
    if (path == NULL || journal_query_run(path, &query, take_record, list, &page, &err) != CG_OK) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err.text);
        goto done;
    }
    api_ok(request,
            json_pack("{s:O,s:s?,s:b}", "records", list, "next",
                    page.next[0] == '\0' ? NULL : page.next, "cut", page.cut));
done:
    json_decref(list);
}

void
api_decision(struct api_request *request)
{
    struct journal_incident *found = NULL;
    struct cg_error err = { "" };
    const char *path = decisions_log(request->control, &err);
    json_t *records = json_array();
    struct cg_buf story;

    cg_buf_init(&story, JOURNAL_MAX_STORY);
    if (path == NULL || journal_incident_find(path, request->name, &found, &err) != CG_OK) {
        api_error(request, MHD_HTTP_BAD_REQUEST, "invalid", "%s", err.text);
        goto done;
    }
    if (found->count == 0) {
        api_error(request, MHD_HTTP_NOT_FOUND, "not-found",
                "the decision log holds no incident '%.64s'", request->name);
        goto done;
    }
    for (size_t i = 0; i < found->count; i++)
        (void)json_array_append(records, found->entries[i].json);
    journal_incident_tell(found, &story);
    api_ok(request,
            json_pack("{s:O,s:O,s:O?,s:s}", "record", found->entries[0].json, "records", records,
                    "decided", found->has_decided ? found->decided.json : NULL, "story",
                    cg_buf_text(&story)));
done:
    journal_incident_free(found);
    cg_buf_release(&story);
    json_decref(records);
}

void
api_rates(struct api_request *request)
{
    const uint64_t minutes = api_query_number(request, "minutes", 60, 1, RATES_MINUTES);

    api_ok(request, rates_json(request->control->rates, (unsigned)minutes, (int64_t)time(NULL)));
}
