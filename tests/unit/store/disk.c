#include "store/disk.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define MAX_FILES 8

/* Something that was written since the last sync; data NULL: the file was cut to `offset`. */
struct act {
    struct act *next;
    sqlite3_int64 offset;
    size_t len;
    unsigned char *data;
};

/* A file as it was at its last sync, and what was done to it since, in order. */
struct record {
    char path[512];
    bool dirty;
    unsigned char *image;
    size_t size;
    struct act *first, *last;
};

struct file {
    sqlite3_file base;
    struct record *record;
    /* SQLite's own file follows, at the next boundary of a sqlite3_int64. */
};

static struct {
    enum disk_fault fault;
    unsigned at, count, random;
    struct record records[MAX_FILES];
    size_t record_count;
    sqlite3_vfs *real;
} disk;

#define REAL_OFFSET ((sizeof(struct file) + 7) / 8 * 8)

static sqlite3_file *
real(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((char *)file + REAL_OFFSET);
}

static unsigned
draw(void)
{
    disk.random = disk.random * 1664525u + 1013904223u;
    return disk.random >> 16;
}

/* ------------------------------------------------------------------ losing power */

static void
forget(struct record *record)
{
    while (record->first != NULL) {
        struct act *next = record->first->next;

        free(record->first->data);
        free(record->first);
        record->first = next;
    }
    free(record->image);
    record->image = NULL;
    record->last = NULL;
    record->dirty = false;
}

static void
take_image(struct record *record)
{
    int fd = open(record->path, O_RDONLY);
    struct stat st = { .st_size = 0 };

    record->dirty = true;
    record->size = 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        st.st_size = 0;
    record->image = malloc((size_t)st.st_size + 1);
    if (record->image == NULL)
        abort();
    if (st.st_size > 0 && read(fd, record->image, (size_t)st.st_size) == st.st_size)
        record->size = (size_t)st.st_size;
    if (fd >= 0)
        (void)close(fd);
}

static void
note(struct record *record, const void *data, size_t len, sqlite3_int64 offset)
{
    struct act *act;

    if (disk.fault != DISK_LOSES_POWER || record == NULL)
        return;
    if (!record->dirty)
        take_image(record);
    act = calloc(1, sizeof(*act));
    if (act == NULL)
        abort();
    act->offset = offset;
    act->len = len;
    if (data != NULL) {
        act->data = malloc(len + 1);
        if (act->data == NULL)
            abort();
        memcpy(act->data, data, len);
    }
    if (record->last == NULL)
        record->first = act;
    else
        record->last->next = act;
    record->last = act;
}

/* One act reaches the disk: a write perhaps only up to, or from, some sector. */
static void
reach(int fd, const struct act *act)
{
    size_t from = 0, to = act->len;

    if (act->data == NULL) {
        (void)!ftruncate(fd, act->offset);
        return;
    }
    if (draw() % 4 == 0 && act->len > SECTOR) {
        size_t sector = (draw() % (act->len / SECTOR)) * SECTOR;

        if (draw() % 2 == 0)
            to = sector;
        else
            from = sector;
    }
    (void)!pwrite(fd, act->data + from, to - from, act->offset + (off_t)from);
}

static void
lose(struct record *record)
{
    int fd = open(record->path, O_WRONLY);

    if (!record->dirty || fd < 0)
        return;
    (void)!ftruncate(fd, 0);
    (void)!pwrite(fd, record->image, record->size, 0);
    for (const struct act *act = record->first; act != NULL; act = act->next)
        if (draw() % 2 == 0)
            reach(fd, act);
    (void)close(fd);
}

static void
die(void)
{
    char name[600];

    for (size_t i = 0; disk.fault == DISK_LOSES_POWER && i < disk.record_count; i++) {
        lose(&disk.records[i]);
        (void)snprintf(name, sizeof(name), "%s-shm", disk.records[i].path);
        (void)unlink(name); /* memory, not disk */
    }
    (void)kill(getpid(), SIGKILL);
}

/* Counts an act; the result that it has, SQLITE_OK when it is to be done. */
static int
count_act(int failure)
{
    if (disk.fault == DISK_WORKS)
        return SQLITE_OK;
    disk.count++;
    if (disk.count < disk.at)
        return SQLITE_OK;
    switch (disk.fault) {
    case DISK_FULL:
        return SQLITE_FULL;
    case DISK_FAILS:
        return disk.count == disk.at ? failure : SQLITE_OK;
    default:
        die();
        return SQLITE_IOERR;
    }
}

/* ------------------------------------------------------------------ the layer */

static int
file_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}

static int
file_read(sqlite3_file *file, void *data, int len, sqlite3_int64 offset)
{
    return real(file)->pMethods->xRead(real(file), data, len, offset);
}

static int
file_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
    int rc;

    note(((struct file *)(void *)file)->record, data, (size_t)len, offset);
    rc = count_act(SQLITE_IOERR_WRITE);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xWrite(real(file), data, len, offset);
}

static int
file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int rc;

    note(((struct file *)(void *)file)->record, NULL, 0, size);
    rc = count_act(SQLITE_IOERR_TRUNCATE);
    return rc != SQLITE_OK ? rc : real(file)->pMethods->xTruncate(real(file), size);
}

static int
file_sync(sqlite3_file *file, int flags)
{
    struct record *record = ((struct file *)(void *)file)->record;
    int rc = count_act(SQLITE_IOERR_FSYNC);

    if (rc == SQLITE_OK)
        rc = real(file)->pMethods->xSync(real(file), flags);
    if (rc == SQLITE_OK && record != NULL)
        forget(record);
    return rc;
}

static int
file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real(file)->pMethods->xFileSize(real(file), size);
}

static int
file_lock(sqlite3_file *file, int kind)
{
    return real(file)->pMethods->xLock(real(file), kind);
}

static int
file_unlock(sqlite3_file *file, int kind)
{
    return real(file)->pMethods->xUnlock(real(file), kind);
}

static int
file_check_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}

static int
file_control(sqlite3_file *file, int op, void *arg)
{
    return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int
file_sector_size(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}

static int
file_characteristics(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

static int
file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}

static int
file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void
file_shm_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}

static int
file_shm_unmap(sqlite3_file *file, int delete)
{
    return real(file)->pMethods->xShmUnmap(real(file), delete);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static struct record *
find_record(const char *path)
{
    if (path == NULL)
        return NULL;
    for (size_t i = 0; i < disk.record_count; i++)
        if (strcmp(disk.records[i].path, path) == 0)
            return &disk.records[i];
    if (disk.record_count == MAX_FILES)
        abort();
    (void)snprintf(disk.records[disk.record_count].path, sizeof(disk.records[0].path), "%s", path);
    return &disk.records[disk.record_count++];
}

static int
disk_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    struct file *it = (struct file *)(void *)file;
    int rc;

    (void)vfs;
    it->base.pMethods = NULL;
    it->record = find_record(path);
    rc = disk.real->xOpen(disk.real, path, real(file), flags, out);
    if (rc == SQLITE_OK)
        it->base.pMethods = &methods;
    return rc;
}

/* A deleted journal is gone with what was still to be written to it. */
static int
disk_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    int rc = count_act(SQLITE_IOERR_DELETE);

    (void)vfs;
    if (rc == SQLITE_OK)
        rc = disk.real->xDelete(disk.real, path, sync);
    if (rc == SQLITE_OK)
        forget(find_record(path));
    return rc;
}

void
disk_register(void)
{
    static sqlite3_vfs vfs;

    if (disk.real != NULL)
        return;
    disk.real = sqlite3_vfs_find(NULL);
    vfs = *disk.real;
    vfs.pNext = NULL;
    vfs.zName = DISK_VFS;
    vfs.szOsFile = (int)REAL_OFFSET + disk.real->szOsFile;
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK)
        abort();
}

void
disk_plan(enum disk_fault fault, unsigned at, unsigned seed)
{
    disk.fault = fault;
    disk.at = at;
    disk.count = 0;
    disk.random = seed;
    for (size_t i = 0; i < disk.record_count; i++)
        forget(&disk.records[i]);
}

bool
disk_went_wrong(void)
{
    return disk.fault != DISK_WORKS && disk.count >= disk.at;
}
