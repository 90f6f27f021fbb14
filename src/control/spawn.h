/* A worker's process: begun as somebody who can do nothing, and what to say of its end. */
#ifndef CONTROL_SPAWN_H
#define CONTROL_SPAWN_H

#include <sys/types.h>

#include "control/candidate.h"

/*
 * Runs the program behind the descriptor with `socket` as IPC_WORKER_FD and no other descriptor but
 * standard error. The process id, or -1 with errno.
 */
pid_t spawn_worker(int program, const struct candidate *candidate, int socket);
/* The same for any program of ours that needs no more than a worker has. */
pid_t spawn_program(int program, const struct candidate *candidate, int socket, char *const argv[]);
/* What a wait status means, as the end of "process N …"; "" where only the number says something. */
const char *spawn_end_text(int status);

#endif
