/* certgated: the process that owns settings, sockets, workers and the decision log. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <stdbool.h>

/* Name of the control socket inside the state directory. */
#define CONTROL_SOCKET "control.sock"

struct control_options {
    const char *config;
    const char *program; /* path of certgated: what an upgrade runs */
    const char *worker_program;
    bool new_store; /* make a new one although there was one before */
    int handover; /* descriptor from the certgated whose place this one takes, or -1 */
};

/* Runs until SIGTERM or SIGINT. Returns the exit status: 0 ended as asked, 1 could not start or failed. */
int control_run(const struct control_options *options);

/*
 * Tries whether control_run() could start: reads everything, binds what is not yet bound, and starts one
 * worker, without serving anyone. Problems are said. Returns the exit status.
 */
int control_try(const struct control_options *options);

#endif
