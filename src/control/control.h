/* certgated: the process that owns settings, sockets, workers and the decision log. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

/* Runs until SIGTERM or SIGINT. Returns the exit status: 0 ended as asked, 1 could not start or failed. */
int control_run(const char *config, const char *worker_program);

/* Name of the control socket inside the state directory. */
#define CONTROL_SOCKET "control.sock"

#endif
