#include "procstat.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct proc {
    pid_t pid, parent;
    double cpu;
    int threads;
    bool in;
};

/* Seconds of CPU time, finished threads included: exact, where /proc counts in hundredths. */
static double
cpu_of(pid_t pid)
{
    struct timespec t;
    clockid_t clock;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool
read_stat(pid_t pid, struct proc *p)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    bool ok = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    /* The command name may hold spaces and brackets: the fields start after the last ')'. */
    char *s = ok ? strrchr(line, ')') : NULL;
    int parent, threads;
    if (s == NULL ||
            sscanf(s + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d",
                    &parent, &threads) != 2)
        return false;
    *p = (struct proc) { .pid = pid, .parent = parent, .cpu = cpu_of(pid), .threads = threads };
    return true;
}

static void
add_memory(pid_t pid, struct procstat *out)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long long kb;
        if (sscanf(line, "Rss: %llu kB", &kb) == 1)
            out->rss_kb += kb;
        else if (sscanf(line, "Pss: %llu kB", &kb) == 1)
            out->pss_kb += kb;
    }
    fclose(f);
}

int
procstat_read(const pid_t *roots, int nroots, struct procstat *out)
{
    struct proc *all = NULL;
    size_t n = 0, room = 0;
    DIR *d = opendir("/proc");
    struct dirent *e;
    memset(out, 0, sizeof *out);
    if (d == NULL)
        return -1;
    while ((e = readdir(d)) != NULL) {
        if (!isdigit((unsigned char)e->d_name[0]))
            continue;
        if (n == room) {
            room = room != 0 ? room * 2 : 256;
            struct proc *bigger = realloc(all, room * sizeof *all);
            if (bigger == NULL)
                break;
            all = bigger;
        }
        if (read_stat((pid_t)atoi(e->d_name), &all[n])) {
            for (int i = 0; i < nroots; i++)
                all[n].in |= all[n].pid == roots[i];
            n++;
        }
    }
    closedir(d);
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n && !all[i].in; k++)
                if (all[k].in && all[k].pid == all[i].parent)
                    all[i].in = grown = true;
    }
    for (size_t i = 0; i < n; i++) {
        if (!all[i].in)
            continue;
        out->processes++;
        out->threads += all[i].threads;
        out->cpu += all[i].cpu;
        add_memory(all[i].pid, out);
    }
    free(all);
    return out->processes > 0 ? 0 : -1;
}
