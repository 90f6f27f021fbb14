/*
 * Two workers against one: processes of one core each, with an engine of their own and a store in common, as
 * certgated's workers have. Each judges the same number of new leaves below a known CA; two that share nothing
 * take together as long as one does alone.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "support/mint.h"

#define LEAVES 4000
/* Judged before the clock starts. */
#define WARM 100
#define MOST 2

struct world {
    struct der root;
    struct der inter;
    struct der leaves[WARM + LEAVES];
    struct cg_store *store;
    struct cg_policy *policy;
};

struct worker {
    pid_t pid;
    int go; /* we write, it begins */
    int done; /* it writes a double: when it is ready, and then its CPU time */
};

static void
make_world(struct world *world, const char *kind)
{
    EVP_PKEY *root = new_key(kind), *inter = new_key(kind), *leaf = new_key(kind);

    world->root = mint_ca("O=Bench,CN=root", NULL, root, NULL, 1);
    world->inter = mint_ca("O=Bench,CN=intermediate", "O=Bench,CN=root", inter, root, 2);
    for (long i = 0; i < WARM + LEAVES; i++)
        world->leaves[i] = mint_leaf("O=Bench,CN=intermediate", leaf, inter, 100 + i);
    world->store = store_of(&world->root);
    world->policy = cg_policy_new();
    need(world->policy != NULL, "no memory");
    EVP_PKEY_free(root);
    EVP_PKEY_free(inter);
    EVP_PKEY_free(leaf);
}

static void
free_world(struct world *world)
{
    for (size_t i = 0; i < WARM + LEAVES; i++)
        free(world->leaves[i].bytes);
    free(world->root.bytes);
    free(world->inter.bytes);
    cg_store_free(world->store);
    cg_policy_free(world->policy);
}

static double
wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void
judge(const struct world *world, struct cg_engine *engine, size_t from, size_t to)
{
    const uint8_t *chain[] = { world->inter.bytes };
    const size_t len[] = { world->inter.len };

    for (size_t i = from; i < to; i++) {
        struct cg_peer peer = { .leaf = world->leaves[i].bytes,
            .leaf_len = world->leaves[i].len,
            .chain = chain,
            .chain_len = len,
            .chain_count = 1,
            .now = MINT_NOW };
        struct cg_decision *decision;

        need(cg_evaluate(engine, world->store, world->policy, &peer, &decision, NULL) == CG_OK &&
                        cg_decision_verdict(decision) == CG_ACCEPT,
                "not accepted");
        cg_decision_free(decision);
    }
}

static void
work(const struct world *world, int core, int go, int done)
{
    struct cg_engine *engine;
    double cpu = 0;
    cpu_set_t one;
    char byte;

    CPU_ZERO(&one);
    CPU_SET((size_t)core, &one);
    need(sched_setaffinity(0, sizeof(one), &one) == 0, "sched_setaffinity");
    engine = cg_engine_new();
    need(engine != NULL, "no engine");
    judge(world, engine, 0, WARM);
    need(write(done, &cpu, sizeof(cpu)) == sizeof(cpu) && read(go, &byte, 1) == 1, "a pipe");
    cpu = cpu_us();
    judge(world, engine, WARM, WARM + LEAVES);
    cpu = cpu_us() - cpu;
    need(write(done, &cpu, sizeof(cpu)) == sizeof(cpu), "a pipe");
    cg_engine_free(engine);
}

static void
start(const struct world *world, int core, struct worker *worker)
{
    int go[2], done[2];

    need(pipe(go) == 0 && pipe(done) == 0, "pipe");
    fflush(stdout);
    worker->pid = fork();
    need(worker->pid >= 0, "fork");
    if (worker->pid == 0) {
        work(world, core, go[0], done[1]);
        _exit(0);
    }
    close(go[0]);
    close(done[1]);
    worker->go = go[1];
    worker->done = done[0];
}

/* Microseconds for a verdict: on the clock, and of the processors together. */
static void
run(const struct world *world, int count, double *wall, double *cpu)
{
    struct worker workers[MOST];
    double took, begin;

    *cpu = 0;
    for (int i = 0; i < count; i++)
        start(world, i, &workers[i]);
    for (int i = 0; i < count; i++)
        need(read(workers[i].done, &took, sizeof(took)) == sizeof(took), "a worker is gone");
    begin = wall_us();
    for (int i = 0; i < count; i++)
        need(write(workers[i].go, "", 1) == 1, "a pipe");
    for (int i = 0; i < count; i++) {
        need(read(workers[i].done, &took, sizeof(took)) == sizeof(took), "a worker is gone");
        *cpu += took / (LEAVES * count);
    }
    *wall = (wall_us() - begin) / (LEAVES * count);
    for (int i = 0; i < count; i++) {
        close(workers[i].go);
        close(workers[i].done);
        need(waitpid(workers[i].pid, NULL, 0) == workers[i].pid, "waitpid");
    }
}

static void
measure_kind(const char *kind, size_t rounds)
{
    static struct world world;
    double *wall[MOST], *cpu[MOST], one, two;

    make_world(&world, kind);
    for (size_t i = 0; i < MOST; i++) {
        wall[i] = calloc(rounds * 2, sizeof(double));
        need(wall[i] != NULL, "no memory");
        cpu[i] = wall[i] + rounds;
    }
    for (size_t r = 0; r < rounds; r++)
        for (size_t i = 0; i < MOST; i++)
            run(&world, (int)i + 1, &wall[i][r], &cpu[i][r]);
    one = median(wall[0], rounds);
    two = median(wall[1], rounds);
    printf("%-9s %12.0f/s %12.0f/s %8.2f x %9.1f us %9.1f us\n", kind, 1e6 / one, 1e6 / two,
            one / two, median(cpu[0], rounds), median(cpu[1], rounds));
    for (size_t i = 0; i < MOST; i++)
        free(wall[i]);
    free_world(&world);
}

void
measure_workers(int rounds)
{
    cpu_set_t all;

    CPU_ZERO(&all);
    CPU_SET(0, &all);
    CPU_SET(1, &all);
    if (sched_setaffinity(0, sizeof(all), &all) != 0 ||
            sched_getaffinity(0, sizeof(all), &all) != 0 || CPU_COUNT(&all) < MOST) {
        printf("\ntwo workers: not measured, there is one core\n");
        return;
    }
    printf("\n%-9s %14s %14s %10s %12s %12s\n", "new leaf", "one worker", "two", "ratio",
            "CPU, one", "CPU, two");
    measure_kind("P-256", (size_t)rounds);
    measure_kind("RSA-2048", (size_t)rounds);
}
