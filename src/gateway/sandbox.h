/*
 * The worker's confinement: a list of the system calls that serving needs (seccomp), no file system
 * (Landlock), no new privileges, no core file, nobody may look into its memory.
 *
 * Entered once, before any thread exists and after what needs files was done. A call that is not on the
 * list fails with EPERM and is noted; one that only an attacker makes ends the process.
 */
#ifndef GATEWAY_SANDBOX_H
#define GATEWAY_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot/ipc.h"

struct sandbox_report {
    enum ipc_confinement state;
    char text[160]; /* "sandbox=full (landlock ABI 7, seccomp)", or what is missing */
};

/* Never fails: what could not be had is in the report. */
void sandbox_enter(struct sandbox_report *report);
/* The report of a worker that was told not to enter. */
void sandbox_report_off(struct sandbox_report *report);

/* The next system call that was refused and not asked for yet, each once; false when there is none. */
bool sandbox_next_refused(char *name, size_t size);

enum sandbox_answer { SANDBOX_ALLOW, SANDBOX_KILL };

/* A condition on one argument: arguments[index] & mask == value. A mask of 0 is no condition. */
struct sandbox_test {
    unsigned index;
    uint64_t mask;
    uint64_t value;
};

/* One row of the list. A call may have several: any that fits lets it pass. */
struct sandbox_call {
    const char *name;
    int number;
    enum sandbox_answer answer;
    const char *when; /* the conditions in words, "" where there are none */
    struct sandbox_test tests[2];
    bool own_process; /* and the first argument is this process */
    const char *why;
};

/* The rows that are in force, and those that only a sanitizer's build has (0 elsewhere). */
extern const struct sandbox_call sandbox_calls[];
extern const size_t sandbox_call_count;
extern const struct sandbox_call sandbox_sanitizer_calls[];
extern const size_t sandbox_sanitizer_call_count;
/* Landlock rights to everything beneath /: 0, but for a sanitizer's build. */
extern const uint64_t sandbox_readable_root;

#endif
