/* One request of the admin API as its handler sees it. */
#ifndef CONTROL_API_REQUEST_H
#define CONTROL_API_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>

#include "control/api/access.h"
#include "control/commit.h"
#include "control/node.h"
#include "control/probes.h"
#include "control/shapes.h"

/* Longest body of a request, unless its route takes large ones: certificates in bulk, a backup. */
#define API_MAX_BODY (1024 * 1024)
#define API_MAX_LARGE_BODY (512 * 1024 * 1024)
/* Longest list in one answer. */
#define API_MAX_LIMIT 1000

struct api_request {
    struct api *api;
    struct control *control;
    struct MHD_Connection *connection;
    const char *name; /* what stands in the route's {…}, decoded; NULL: nothing */
    enum access_way way; /* by which it came */
    struct access who;
    json_t *body; /* the JSON object that came; NULL: none */
    const uint8_t *bytes; /* what came, as it is */
    size_t len;
    /* the answer: JSON, or text of some type */
    unsigned status; /* 0: nothing has answered yet */
    json_t *answer;
    struct cg_buf text;
    const char *type;
    const char *cookie; /* to be set; "" clears it */
    bool over_tls; /* it came through an interface of ours */
    bool events; /* the connection becomes a stream of events */
    struct probe
            *probe; /* the answer comes by api_resume(), when this has ended; NULL: it is there */
};

/* A parameter of the query, or NULL. */
const char *api_query(const struct api_request *request, const char *name);
/* One that is a number; `otherwise` where there is none, within low and high. */
uint64_t api_query_number(const struct api_request *request, const char *name, uint64_t otherwise,
        uint64_t low, uint64_t high);

/* A string or number of the body; NULL or the default where it is not there or of another type. */
const char *api_text(const struct api_request *request, const char *name);
int64_t api_number(const struct api_request *request, const char *name, int64_t otherwise);
bool api_flag(const struct api_request *request, const char *name);

/* The descriptor of whoever asks. */
int api_client(const struct api_request *request);
/* What was waited for has come, and the request is answered. */
void api_resume(struct api_request *request);

/* Who does it and when, for a commit; the comment is the body's. */
struct store_author api_author(const struct api_request *request, char actor[STORE_MAX_ACTOR]);

/* Answers. Errors have a code of the contract and a sentence with the way out. */
void api_ok(struct api_request *request, json_t *answer);
void api_error(struct api_request *request, unsigned status, const char *code, const char *format,
        ...) __attribute__((format(printf, 4, 5)));
/* The same, of what a commit or the store said. */
void api_commit(struct api_request *request, enum commit_end end, const struct cg_buf *problems,
        json_t *told);
void api_store_error(
        struct api_request *request, enum store_status status, const struct cg_error *err);

typedef void api_handler(struct api_request *request);

/* A route; the table of all is in routes.c. */
struct api_route {
    const char *method;
    const char *path; /* "/settings/{name}" */
    enum access_role role; /* least role that may */
    bool large; /* takes a large body */
    api_handler *handler;
    const char *summary;
    const char *query; /* names of parameters with commas, "" none */
    const char *body; /* name of its schema in openapi.c; "" none, "bytes" an octet stream */
    const char *answer; /* name of its schema */
};

extern const struct api_route api_routes[];
extern const size_t api_route_count;

#endif
