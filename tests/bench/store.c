/*
 * What the store costs with a large TCS: adding it in one commit, changing one setting beside it, reading it
 * for a snapshot, verifying, backing up and restoring; and what two workers hold of that snapshot.
 *
 *     store [CERTIFICATES] [FOLDER]
 *
 * Not a test, since clocks are not.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "snapshot/policy.h"
#include "store/store.h"
#include "support/mint.h"

static const struct store_author author = { MINT_NOW, "bench", "" };
static struct cg_error err;

static void
must(enum store_status status)
{
    if (status == STORE_OK)
        return;
    (void)fprintf(stderr, "%s: %s\n", store_status_name(status), err.text);
    exit(1);
}

static double
seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void
say(const char *what, double since)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    (void)printf("%-32s %8.3f s   %6ld MiB at most so far\n", what, seconds() - since,
            usage.ru_maxrss / 1024);
}

static struct store *
make(const char *path)
{
    const struct store_options options = { .path = path };
    struct store *store;

    must(store_create(&options, 1, &author, &err));
    must(store_open(&options, &store, &err));
    return store;
}

/* Certificates that differ in the last octets of their signature: nobody looks at it here. */
static void
add_many(struct store_change *change, unsigned count)
{
    size_t len;
    uint8_t *der = mint_der(
            &(struct mint) { .subject = "CN=a device of some make,O=Example",
                    .issuer = "CN=a device CA,O=Example",
                    .key = mint_key("RSA-2048"),
                    .signer = mint_key("RSA-2048 ca"),
                    .extensions = { "keyUsage=digitalSignature", "subjectAltName=DNS:a.example" } },
            &len);

    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < 4; j++)
            der[len - 1 - j] = (uint8_t)(i >> (8 * j));
        must(store_tcs_add(change, der, len, NULL, &err));
    }
    free(der);
}

static bool
sum(void *arg, const struct store_cert *cert)
{
    *(uint64_t *)arg += cert->len;
    return true;
}

/* ---- two workers -------------------------------------------------------------------------------- */

#define WORKERS 2

static bool
take(void *arg, const struct store_cert *cert)
{
    struct snapshot *snapshot = arg;
    struct snapshot_blob *blob = &snapshot->tcs[snapshot->tcs_count++];

    blob->len = cert->len;
    blob->data = malloc(cert->len);
    if (blob->data == NULL)
        return false;
    memcpy(blob->data, cert->der, cert->len);
    return true;
}

/* The snapshot as certgated writes it, and nothing of it left in this process. */
static int
write_snapshot(const struct store_view *view, unsigned count)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    int fd = -1;

    if (snapshot != NULL)
        snapshot->tcs = calloc(count + 1, sizeof(*snapshot->tcs));
    if (snapshot == NULL || snapshot->tcs == NULL)
        exit(1);
    must(store_tcs(view, NULL, take, snapshot, &err));
    if (snapshot_write(snapshot, &fd, &err) != CG_OK)
        exit(1);
    snapshot_free(snapshot);
    (void)malloc_trim(0);
    return fd;
}

/* MiB that this process has of this kind. */
static double
memory(const char *kind)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    char line[128];
    long kb = 0, value;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, kind, strlen(kind)) == 0 &&
                sscanf(strchr(line, ':'), ": %ld", &value) == 1)
            kb += value;
    if (file != NULL)
        (void)fclose(file);
    return (double)kb / 1024;
}

/* Says that it is ready, and measures once all are. */
static void
work(int fd, int ready, int go)
{
    double before = memory("Private_"), since = seconds(), took;
    struct snapshot *snapshot;
    struct cg_store *trusted;
    char byte = 0;

    if (snapshot_map(fd, &snapshot, &err) != CG_OK ||
            snapshot_store(snapshot, &trusted, &err) != CG_OK)
        _exit(1);
    snapshot_drop_tcs(snapshot);
    took = seconds() - since;
    if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
        _exit(1);
    (void)printf(
            "a worker                         %8.3f s   %6.0f MiB of its own, %.0f MiB shared\n",
            took, memory("Private_") - before, memory("Shared_"));
    (void)fflush(stdout);
    cg_store_free(trusted);
    snapshot_free(snapshot);
    _exit(0);
}

static void
measure_workers(const struct store_view *view, unsigned count)
{
    int fd, ready[2], go[2], failed = 0, status;
    double since = seconds();
    char byte = 0;

    fd = write_snapshot(view, count);
    say("read them, write the snapshot", since);
    (void)fflush(stdout);
    if (pipe(ready) != 0 || pipe(go) != 0)
        exit(1);
    for (int i = 0; i < WORKERS; i++)
        if (fork() == 0)
            work(fd, ready[1], go[0]);
    (void)close(ready[1]); /* one that dies is not waited for */
    for (int i = 0; i < WORKERS; i++)
        failed += read(ready[0], &byte, 1) != 1;
    for (int i = 0; i < WORKERS; i++)
        failed += write(go[1], &byte, 1) != 1;
    while (wait(&status) > 0)
        failed += status != 0;
    (void)close(fd);
    if (failed != 0)
        exit(1);
}

int
main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
    char folder[512], path[600], backup[600];
    struct store *store;
    struct store_change *change;
    struct store_view view;
    uint64_t octets = 0;
    double since;

    (void)snprintf(
            folder, sizeof(folder), "%s/store-bench-XXXXXX", argc > 2 ? argv[2] : "/var/tmp");
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/store.db", folder);
    (void)snprintf(backup, sizeof(backup), "%s/backup", folder);
    store = make(path);

    since = seconds();
    must(store_begin(store, &author, &change, &err));
    add_many(change, count);
    say("add them", since);
    since = seconds();
    must(store_commit(change, NULL, NULL, NULL, &err));
    say("commit that", since);

    since = seconds();
    must(store_begin(store, &author, &change, &err));
    must(store_set(change, "max-path-depth", "5", &err));
    must(store_commit(change, NULL, NULL, NULL, &err));
    say("change one setting", since);

    since = seconds();
    must(store_now(store, &view, &err));
    must(store_tcs(&view, NULL, sum, &octets, &err));
    say("read them all", since);
    measure_workers(&view, count);
    since = seconds();
    must(store_audit_verify(store, NULL, &err));
    say("verify the audit", since);
    since = seconds();
    must(store_check(store, &err));
    say("check the whole file", since);

    since = seconds();
    must(store_backup(&view, backup, MINT_NOW, NULL, 0, NULL, &err));
    say("back up", since);
    store_close(store);
    since = seconds();
    must(store_open(&(struct store_options) { .path = path }, &store, &err));
    say("open", since);
    store_close(store);
    (void)unlink(path);

    store = make(path);
    since = seconds();
    must(store_begin(store, &author, &change, &err));
    must(store_restore(change, backup, NULL, NULL, NULL, NULL, &err));
    must(store_commit(change, NULL, NULL, NULL, &err));
    say("restore into a new store", since);
    store_close(store);
    (void)printf("%u certificates, %llu octets\n", count, (unsigned long long)octets);
    (void)unlink(path);
    (void)unlink(backup);
    (void)rmdir(folder);
    return 0;
}
