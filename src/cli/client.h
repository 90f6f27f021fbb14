/*
 * The command's side of the admin API: HTTP and JSON over the socket in the state directory. Whatever goes
 * wrong is told on standard error, in words, once.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Largest answer that is kept in memory; longer ones go to a file. */
#define CLIENT_MAX_ANSWER ((size_t)256 * 1024 * 1024)

struct client;

/* NULL after saying why; there is no connection before the first request. */
struct client *client_open(const char *state);
void client_close(struct client *client);

/* A large body: given piece by piece, its length known before. */
struct client_body {
    const char *type; /* its Content-Type */
    uint64_t size;
    size_t (*read)(void *arg, char *out, size_t max); /* 0 at the end */
    void *arg;
    const char *doing; /* "sending 100000 certificates", for a bar on a terminal; NULL: no bar */
};

struct client_request {
    const char *method;
    const char *path; /* below /api/v1, with its query */
    const json_t *body; /* NULL: none, or a large one */
    const struct client_body *large;
    const char *passphrase; /* goes in a header field; NULL: none */
    FILE *to; /* where an answer that is no error goes; NULL: it is JSON */
};

struct client_answer {
    long status; /* of HTTP; 0: certgated was not reached, and that has been told */
    json_t *json; /* of errors too; NULL where it went to a file */
};

/* Asks once. True when certgated did what it was asked; *answer is to be released whatever came. */
bool client_ask(
        struct client *client, const struct client_request *request, struct client_answer *answer);
void client_release(struct client_answer *answer);

/* What the answer refuses, in words on standard error; the command's exit status. */
int client_failure(const struct client_answer *answer);
/* The code of an error ("lockout"), or "". */
const char *client_code(const struct client_answer *answer);

/*
 * GET of a path made like printf() does; text inside a path is to be client_escape()d first. *out is
 * the caller's, NULL unless the result is CLI_ACCEPT.
 */
int client_get(struct client *client, json_t **out, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* POST of an object whose reference is taken; *out may be NULL. */
int client_post(struct client *client, const char *path, json_t *body, json_t **out);
/* As it stands in a URL; the caller frees it. NULL without memory. */
char *client_escape(const char *text);

#endif
