/* CPU time and memory of processes and all their descendants, from /proc. */
#ifndef PROCSTAT_H
#define PROCSTAT_H

#include <stdint.h>
#include <sys/types.h>

#define PROCSTAT_MAX_ROOTS 16

struct procstat {
    double cpu; /* user + system seconds of the processes that live */
    uint64_t rss_kb, pss_kb; /* sums over the processes */
    int processes, threads;
};

/* Fills *out for the processes in roots and their descendants; 0, or -1 when none is there. */
int procstat_read(const pid_t *roots, int nroots, struct procstat *out);

#endif
