/* The trust store of a snapshot: the same whether its certificates were copied or stay in the file. */
#include "snapshot/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/mint.h"

#define ROOTS 3

static struct snapshot_blob tcs[ROOTS];

static int
make_roots(void **state)
{
    (void)state;
    for (long i = 0; i < ROOTS; i++)
        tcs[i].data = mint_der(
                &(struct mint) { .subject = "CN=root", .key = mint_key("P-256"), .serial = i + 1 },
                &tcs[i].len);
    return 0;
}

static int
free_roots(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROOTS; i++)
        free(tcs[i].data);
    return 0;
}

static int
written(size_t count)
{
    struct snapshot snapshot = { .generation = 1, .tcs = tcs, .tcs_count = count };
    int fd;

    assert_int_equal(snapshot_write(&snapshot, &fd, NULL), CG_OK);
    return fd;
}

/* The snapshot goes before its store does, as a generation's may. */
static struct cg_store *
store_of(int fd, enum cg_status (*read)(int fd, struct snapshot **out, struct cg_error *err))
{
    struct snapshot *snapshot;
    struct cg_store *store;

    assert_int_equal(read(fd, &snapshot, NULL), CG_OK);
    assert_int_equal(snapshot_store(snapshot, &store, NULL), CG_OK);
    snapshot_free(snapshot);
    return store;
}

static void
the_store_outlives_the_snapshot(void **state)
{
    int fd = written(ROOTS);
    struct cg_store *read = store_of(fd, snapshot_read), *mapped = store_of(fd, snapshot_map);

    (void)state;
    close(fd);
    assert_memory_equal(cg_store_get0_digest(read), cg_store_get0_digest(mapped), CG_SHA256_SIZE);
    assert_int_equal(cg_store_count(mapped), ROOTS);
    for (size_t i = 0; i < ROOTS; i++) {
        size_t len;
        const uint8_t *der = cg_store_get0_der(mapped, i, &len);

        assert_int_equal(len, tcs[i].len);
        assert_memory_equal(der, tcs[i].data, len);
        der = cg_store_get0_der(read, i, &len);
        assert_memory_equal(der, tcs[i].data, len);
    }
    cg_store_free(read);
    cg_store_free(mapped);
}

/* One octet less than a certificate, and neither way is there a store. */
static void
malformed_is_refused(void **state)
{
    struct snapshot *snapshot;
    struct cg_store *store;
    struct cg_error err;
    int fd;

    (void)state;
    tcs[1].len--;
    fd = written(ROOTS);
    tcs[1].len++;
    assert_int_equal(snapshot_read(fd, &snapshot, NULL), CG_OK);
    assert_int_equal(snapshot_store(snapshot, &store, &err), CG_E_PARSE);
    assert_null(store);
    snapshot_free(snapshot);
    assert_int_equal(snapshot_map(fd, &snapshot, NULL), CG_OK);
    assert_int_equal(snapshot_store(snapshot, &store, &err), CG_E_PARSE);
    assert_null(store);
    snapshot_free(snapshot);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_outlives_the_snapshot),
        cmocka_unit_test(malformed_is_refused),
    };

    return cmocka_run_group_tests(tests, make_roots, free_roots);
}
