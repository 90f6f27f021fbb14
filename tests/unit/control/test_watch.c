/* Changes of files and folders, told once they have come to rest; the clock is the test's. */
#include "control/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CERT = 1, KEY = 2, ADD = 4 };

struct scene {
    char folder[64];
    struct watch *watch;
    int64_t now;
};

static const char *
in(const struct scene *scene, const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    (void)snprintf(path, sizeof(paths[0]), "%s/%s", scene->folder, name);
    return path;
}

static void
put(const struct scene *scene, const char *name, const char *text)
{
    FILE *file = fopen(in(scene, name), "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
link_to(const struct scene *scene, const char *target, const char *name)
{
    assert_int_equal(symlink(target, in(scene, "new-link")), 0);
    assert_int_equal(rename(in(scene, "new-link"), in(scene, name)), 0);
}

/* Takes what happened, then waits until nothing is left to tell; tags that were told. */
static unsigned
settle(struct scene *scene)
{
    unsigned tags = watch_run(scene->watch, scene->now);

    scene->now += WATCH_SETTLE_MS;
    return tags | watch_run(scene->watch, scene->now);
}

static void
follow(struct scene *scene, const char *cert, const char *key)
{
    char paths[3][128];
    const struct watch_item items[] = { { paths[0], false, CERT }, { paths[1], false, KEY },
        { paths[2], true, ADD } };

    (void)snprintf(paths[0], sizeof(paths[0]), "%s/%s", scene->folder, cert);
    (void)snprintf(paths[1], sizeof(paths[1]), "%s/%s", scene->folder, key);
    (void)snprintf(paths[2], sizeof(paths[2]), "%s/add", scene->folder);
    assert_true(watch_set(scene->watch, items, 3, scene->now));
    assert_int_equal(settle(scene), CERT | KEY | ADD); /* they may have changed before */
    assert_int_equal(settle(scene), 0);
}

static int
begin(void **state)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    *state = scene;
    scene->now = 1000;
    (void)snprintf(scene->folder, sizeof(scene->folder), "/tmp/certgate-watch-XXXXXX");
    if (mkdtemp(scene->folder) == NULL || mkdir(in(scene, "live"), 0700) != 0 ||
            mkdir(in(scene, "archive"), 0700) != 0 || mkdir(in(scene, "add"), 0700) != 0)
        return -1;
    put(scene, "live/cert", "1");
    put(scene, "live/key", "1");
    scene->watch = watch_new();
    return scene->watch == NULL ? -1 : 0;
}

static int
finish(void **state)
{
    struct scene *scene = *state;
    char command[128];
    int result;

    (void)snprintf(command, sizeof(command), "rm -r %s", scene->folder);
    result = system(command);
    watch_free(scene->watch);
    free(scene);
    return result;
}

static void
nothing_watched(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(watch_fd(NULL), -1);
    assert_int_equal(watch_run(NULL, 0), 0);
    assert_true(watch_next_ms(NULL) == INT64_MAX);
    assert_true(watch_fd(scene->watch) >= 0);
    assert_int_equal(watch_run(scene->watch, INT64_MAX - 1), 0);
    assert_true(watch_next_ms(scene->watch) == INT64_MAX);
}

/* As lego does: the same files are written again. */
static void
written_in_place(void **state)
{
    struct scene *scene = *state;

    follow(scene, "live/cert", "live/key");
    put(scene, "live/cert", "22");
    assert_int_equal(settle(scene), CERT);
    put(scene, "live/key", "22");
    put(scene, "live/cert", "333");
    assert_int_equal(settle(scene), CERT | KEY);
    assert_int_equal(settle(scene), 0);
}

static void
renamed_over(void **state)
{
    struct scene *scene = *state;

    follow(scene, "live/cert", "live/key");
    put(scene, "live/.temporary", "2");
    assert_int_equal(settle(scene), 0); /* a neighbour is nothing to us */
    assert_int_equal(rename(in(scene, "live/.temporary"), in(scene, "live/key")), 0);
    assert_int_equal(settle(scene), KEY);
    assert_int_equal(unlink(in(scene, "live/key")), 0);
    assert_int_equal(settle(scene), KEY);
}

/* As certbot does: links in one folder to numbered files in another. */
static void
linked_anew(void **state)
{
    struct scene *scene = *state;

    put(scene, "archive/cert1", "1");
    put(scene, "archive/cert2", "2");
    link_to(scene, "../archive/cert1", "live/cert");
    follow(scene, "live/cert", "live/key");
    link_to(scene, "../archive/cert2", "live/cert");
    assert_int_equal(settle(scene), CERT);
    put(scene, "archive/cert2", "2 again");
    assert_int_equal(settle(scene), CERT);
    put(scene, "archive/cert1", "nobody's any more");
    assert_int_equal(settle(scene), 0);
}

/* As Kubernetes does: a link to a folder, between two others, is put in the place of the old one. */
static void
linked_by_folder(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(mkdir(in(scene, "archive/1"), 0700), 0);
    assert_int_equal(mkdir(in(scene, "archive/2"), 0700), 0);
    put(scene, "archive/1/cert", "1");
    put(scene, "archive/2/cert", "2");
    link_to(scene, "archive/1", "data");
    link_to(scene, "data/cert", "cert");
    follow(scene, "cert", "live/key");
    link_to(scene, "archive/2", "data");
    assert_int_equal(settle(scene), CERT);
}

static void
dropped_into_a_folder(void **state)
{
    struct scene *scene = *state;

    follow(scene, "live/cert", "live/key");
    put(scene, "add/a.pem", "1");
    assert_int_equal(settle(scene), ADD);
    assert_int_equal(rename(in(scene, "live/cert"), in(scene, "add/b.pem")), 0);
    assert_int_equal(settle(scene), ADD | CERT);
}

/* Told half a second after the last change, and after ten seconds although it goes on. */
static void
comes_to_rest(void **state)
{
    struct scene *scene = *state;
    int64_t first;

    follow(scene, "live/cert", "live/key");
    first = scene->now;
    put(scene, "live/cert", "2");
    assert_int_equal(watch_run(scene->watch, scene->now), 0);
    assert_true(watch_next_ms(scene->watch) == first + WATCH_SETTLE_MS);
    for (unsigned i = 0; i < WATCH_LONGEST_MS / 400; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "3 %u", i);
        put(scene, "live/cert", text);
        scene->now = first + 400 * (int64_t)i;
        assert_int_equal(watch_run(scene->watch, scene->now), 0);
    }
    put(scene, "live/cert", "4");
    assert_int_equal(watch_run(scene->watch, first + WATCH_LONGEST_MS), CERT);
    assert_true(watch_next_ms(scene->watch) == INT64_MAX);
}

/* A folder that goes and comes back, with other files in it. */
static void
folder_goes(void **state)
{
    struct scene *scene = *state;

    follow(scene, "live/cert", "live/key");
    assert_int_equal(rename(in(scene, "live"), in(scene, "gone")), 0);
    assert_int_equal(settle(scene), CERT | KEY);
    scene->now = watch_next_ms(scene->watch);
    assert_int_equal(settle(scene), 0);
    assert_int_equal(mkdir(in(scene, "live"), 0700), 0);
    put(scene, "live/cert", "new");
    scene->now = watch_next_ms(scene->watch);
    assert_int_equal(settle(scene), CERT);
    assert_true(watch_next_ms(scene->watch) == INT64_MAX);
    put(scene, "live/key", "new");
    assert_int_equal(settle(scene), KEY);
}

/* One that is not there to begin with. */
static void
folder_comes(void **state)
{
    struct scene *scene = *state;

    follow(scene, "later/cert", "live/key");
    assert_int_equal(mkdir(in(scene, "later"), 0700), 0);
    put(scene, "later/cert", "1");
    assert_int_equal(settle(scene), 0);
    scene->now = watch_next_ms(scene->watch);
    assert_int_equal(settle(scene), CERT);
}

int
main(void)
{
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, begin, finish)
    const struct CMUnitTest tests[] = {
        IN_SCENE(nothing_watched),
        IN_SCENE(written_in_place),
        IN_SCENE(renamed_over),
        IN_SCENE(linked_anew),
        IN_SCENE(linked_by_folder),
        IN_SCENE(dropped_into_a_folder),
        IN_SCENE(comes_to_rest),
        IN_SCENE(folder_goes),
        IN_SCENE(folder_comes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
