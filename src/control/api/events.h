/*
 * Server-sent events (WHATWG HTML, section 9.2): every listener gets what happens from when it came on. One
 * that does not keep up loses events, and is told how many.
 */
#ifndef CONTROL_API_EVENTS_H
#define CONTROL_API_EVENTS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Listeners at once, and octets that wait for each. */
#define EVENTS_MAX_LISTENERS 16
#define EVENTS_MAX_WAITING (1024 * 1024)
/* A comment keeps a quiet connection open. */
#define EVENTS_BEAT_MS 15000

struct events;
struct events *events_new(void);
/* Ends every stream; the connections are resumed, so that they can be closed. */
void events_end(struct events *events);
void events_free(struct events *events);

/* True when no more can listen. */
bool events_full(const struct events *events);

/* The connection becomes a stream. */
enum MHD_Result events_begin(struct events *events, struct MHD_Connection *connection);
void events_add(struct events *events, const char *event, const char *data, size_t len);
void events_beat(struct events *events, int64_t now);
int64_t events_next_ms(const struct events *events);

#endif
