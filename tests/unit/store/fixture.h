/* A store in a folder of its own, and edits that must succeed. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/latch.h"
#include "store/store.h"
#include "store/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define FIXTURE_FIRST 100 /* number of the first generation */
#define FIXTURE_TIME INT64_C(1795478400)

struct fixture {
    char folder[64];
    char path[96];
    struct store *store;
};

/* cmocka's: a new store without a generation; its removal. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A path in the folder, in one of a few static buffers. */
const char *fixture_path(const struct fixture *fixture, const char *name);
void fixture_reopen(struct fixture *fixture);
void fixture_write(const char *path, const void *bytes, size_t len);
uint8_t *fixture_read(const char *path, size_t *len);

/* Each fails the test unless the store returns STORE_OK. */
struct store_change *fixture_begin(struct fixture *fixture);
uint64_t fixture_commit(struct store_change *change);
void fixture_set(struct store_change *change, const char *name, const char *value);
struct store_setting fixture_get(struct fixture *fixture, const char *name);
struct store_view fixture_now(struct fixture *fixture);
/* A commit of one setting. */
uint64_t fixture_save(struct fixture *fixture, const char *name, const char *value);
/* A commit of settings as an older release had them. */
uint64_t fixture_upgrade(struct fixture *fixture, const char *json);

/* Everything of a state as text, to compare states with. To be freed. */
char *fixture_dump(const struct store_view *view);

/* Certificate number i, the same at each call; borrowed. */
struct cg_span fixture_cert(unsigned i);

/* Fails with the sentence unless status is what was expected and the sentence holds the words. */
void fixture_expect(enum store_status status, enum store_status expected,
        const struct cg_error *err, const char *words);

#endif
