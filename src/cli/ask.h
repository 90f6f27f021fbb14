/* The common shape of what only asks: options, one or more requests, then text or JSON. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include "cli/client.h"
#include "cli/options.h"

/* A number of an object, 0 where it has none of that name. */
long long ask_number(const json_t *object, const char *name);

/* Asks one thing, and prints the answer as it is or by `print`; the exit status. */
int ask_show(const struct cli_node *node, const char *path, int (*print)(const json_t *answer));

/*
 * Asks page by page ("next" of one answer is `parameter` of the next question) until `limit` rows are
 * there, 0: all; the first one from `start` on (NULL: from the beginning). Each page is given to `take` with its rows, the list `name`; anything but CLI_ACCEPT
 * ends it all.
 */
typedef int ask_page_fn(void *arg, json_t *page, json_t *rows);
int ask_each_page(struct client *client, const char *path, const char *parameter, const char *start,
        const char *name, uint64_t limit, ask_page_fn *take, void *arg);
/* The same as one answer: the first page with the rows of all; NULL unless the result is CLI_ACCEPT. */
int ask_pages(struct client *client, const char *path, const char *parameter, const char *name,
        uint64_t limit, json_t **out);
/* The two together: all pages as one answer, printed as it is or by `print`. */
int ask_show_pages(const struct cli_node *node, const char *path, const char *parameter,
        const char *name, int64_t limit, int (*print)(const json_t *answer));

#endif
