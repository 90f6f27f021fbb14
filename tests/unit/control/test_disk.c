#include "control/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "folder.h"

#define MB UINT64_C(1000000)

/* A disk of 20 MiB at the folder, in a mount namespace of our own; false where that is not allowed. */
static bool
small_disk(const struct folder *folder)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
            mount("certgate", folder->path, "tmpfs", 0, "size=20m") == 0;
}

static int
open_folder(const struct folder *folder)
{
    int fd = open(folder->path, O_RDONLY | O_DIRECTORY);

    assert_true(fd >= 0);
    return fd;
}

/* "fill" has this size afterwards; false when there is no room for it. */
static bool
fill(const struct folder *folder, uint64_t size)
{
    char path[128];
    bool ok;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/fill", folder->path);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    ok = size == 0 || posix_fallocate(fd, 0, (off_t)size) == 0;
    close(fd);
    return ok;
}

static bool
reserve_stands(const struct folder *folder, uint64_t size)
{
    char path[128];
    struct stat facts;

    (void)snprintf(path, sizeof(path), "%s/" DISK_RESERVE, folder->path);
    return stat(path, &facts) == 0 && (uint64_t)facts.st_size == size &&
            (uint64_t)facts.st_blocks * 512 >= size;
}

static void
test_order(void **state)
{
    static const struct {
        const char *why;
        uint64_t fill;
        bool inventory, log;
    } rows[] = {
        { "all free", 0, true, true },
        { "more than four times the reserve", 14 * MB, true, true },
        { "less: the inventory stops", 16200000, false, true },
        { "a little more is not enough for it to go on", 15500000, false, true },
        { "but much more is", 13 * MB, true, true },
        { "less than the reserve: the log stops too", 19200000, false, false },
        { "a little more is not enough for it either", 18800000, false, false },
        { "one and a half of it is", 18 * MB, false, true },
        { "empty again", 0, true, true },
    };
    const struct folder *folder = *state;
    struct disk disk;
    int64_t now = 0;
    int fd;

    if (!small_disk(folder))
        skip();
    fd = open_folder(folder);
    disk_init(&disk, fd, MB);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, now += DISK_LOOK_MS) {
        assert_true(fill(folder, rows[i].fill));
        disk_look(&disk, now);
        if (disk_allows(&disk, DISK_INVENTORY) != rows[i].inventory ||
                disk_allows(&disk, DISK_LOG) != rows[i].log)
            fail_msg("%s", rows[i].why);
        assert_true(reserve_stands(folder, MB));
    }
    disk_release(&disk);
    assert_false(reserve_stands(folder, MB));
    close(fd);
    assert_int_equal(umount(folder->path), 0);
}

/* Others have filled the disk to the last octet: the store finds room all the same, and nobody else takes it. */
static void
test_room_for_the_store(void **state)
{
    const struct folder *folder = *state;
    struct disk disk;
    char path[128];
    int fd, file;

    if (!small_disk(folder))
        skip();
    fd = open_folder(folder);
    disk_init(&disk, fd, MB);
    disk_look(&disk, 0);
    disk_make_room(&disk);
    assert_true(reserve_stands(folder, MB)); /* there is enough */
    for (uint64_t size = 21 * MB; !fill(folder, size) && size > 0; size -= 4096)
        ;
    (void)snprintf(path, sizeof(path), "%s/store", folder->path);
    file = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_not_equal(posix_fallocate(file, 0, 900000), 0);
    disk_make_room(&disk);
    assert_false(disk_allows(&disk, DISK_INVENTORY));
    assert_false(disk_allows(&disk, DISK_LOG));
    assert_int_equal(posix_fallocate(file, 0, 900000), 0);
    disk_look(&disk, DISK_LOOK_MS);
    assert_false(disk_allows(&disk, DISK_LOG));
    /* With room again it is made again. */
    assert_true(fill(folder, 0));
    disk_look(&disk, 2 * DISK_LOOK_MS);
    assert_true(reserve_stands(folder, MB));
    assert_true(disk_allows(&disk, DISK_INVENTORY));
    assert_true(disk_allows(&disk, DISK_LOG));
    disk_release(&disk);
    close(file);
    close(fd);
    assert_int_equal(umount(folder->path), 0);
}

static void
test_another_size_or_none(void **state)
{
    const struct folder *folder = *state;
    int fd = open_folder(folder), elsewhere = open("/proc/self/status", O_RDONLY), here;
    struct disk disk;
    char path[128];

    disk_init(&disk, fd, MB);
    disk_look(&disk, 0);
    assert_true(reserve_stands(folder, MB));
    disk_settle(&disk, MB);
    assert_true(reserve_stands(folder, MB));
    disk_settle(&disk, 2 * MB);
    disk_look(&disk, 0);
    assert_true(reserve_stands(folder, 2 * MB));
    disk_settle(&disk, 0);
    disk_look(&disk, DISK_LOOK_MS);
    assert_false(reserve_stands(folder, 2 * MB));
    assert_true(disk_allows(&disk, DISK_LOG));
    (void)snprintf(path, sizeof(path), "%s/fill", folder->path);
    here = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(disk_holds(&disk, here));
    assert_false(disk_holds(&disk, elsewhere));
    assert_false(disk_holds(&disk, fd)); /* no file */
    close(here);
    close(elsewhere);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)
        TEST(test_another_size_or_none),
        TEST(test_order),
        TEST(test_room_for_the_store),
#undef TEST
    };

    return cmocka_run_group_tests_name("control-disk", tests, NULL, NULL);
}
