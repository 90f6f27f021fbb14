#include "control/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "control/say.h"

/* Free octets, in halves of the reserve, below which each stops, and from which on it goes on. */
static const struct {
    const char *what;
    uint64_t stop, go;
} limits[DISK_USERS] = {
    [DISK_INVENTORY] = { "the inventory of peers", 8, 10 },
    [DISK_LOG] = { "the decision log", 2, 3 },
};
/* … and from which on the reserve is made. */
#define MAKE_FROM 4

void
disk_init(struct disk *disk, int folder, uint64_t reserve)
{
    *disk = (struct disk) { .folder = folder, .reserve = reserve };
    /* Of a node that was killed: it may have another size. */
    if (folder >= 0)
        (void)unlinkat(folder, DISK_RESERVE, 0);
}

void
disk_settle(struct disk *disk, uint64_t reserve)
{
    if (disk->reserve != reserve)
        disk_init(disk, disk->folder, reserve);
}

static uint64_t
free_octets(const struct disk *disk)
{
    struct statvfs facts;

    /* Where it cannot be asked, nobody is held up. */
    return fstatvfs(disk->folder, &facts) == 0 ? (uint64_t)facts.f_bavail * facts.f_frsize
                                               : UINT64_MAX;
}

static bool
make_reserve(struct disk *disk)
{
    int fd = openat(disk->folder, DISK_RESERVE, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && posix_fallocate(fd, 0, (off_t)disk->reserve) == 0;

    if (fd >= 0)
        close(fd);
    if (!ok)
        (void)unlinkat(disk->folder, DISK_RESERVE, 0);
    return ok;
}

static void
stop_or_go(struct disk *disk, enum disk_user user, uint64_t half, uint64_t octets)
{
    const uint64_t limit = disk->stopped[user] ? limits[user].go : limits[user].stop;
    const bool stopped = !disk->stands || octets < limit * half;

    if (stopped != disk->stopped[user])
        say("%s %s: %llu MB are free on the disk of the state directory", limits[user].what,
                stopped ? "stops" : "goes on", (unsigned long long)(octets / 1000000));
    disk->stopped[user] = stopped;
}

void
disk_look(struct disk *disk, int64_t now_ms)
{
    const uint64_t half = disk->reserve / 2;
    uint64_t octets;

    if (disk->folder < 0 || disk->reserve == 0 || now_ms < disk->look_ms)
        return;
    disk->look_ms = now_ms + DISK_LOOK_MS;
    octets = free_octets(disk);
    if (!disk->stands && octets >= MAKE_FROM * half) {
        disk->stands = make_reserve(disk);
        octets = free_octets(disk);
    }
    for (unsigned i = 0; i < DISK_USERS; i++)
        stop_or_go(disk, (enum disk_user)i, half, octets);
}

bool
disk_allows(const struct disk *disk, enum disk_user user)
{
    return !disk->stopped[user];
}

bool
disk_holds(const struct disk *disk, int fd)
{
    struct stat ours, its;

    return disk->folder >= 0 && fstat(disk->folder, &ours) == 0 && fstat(fd, &its) == 0 &&
            S_ISREG(its.st_mode) && ours.st_dev == its.st_dev;
}

void
disk_make_room(struct disk *disk)
{
    if (!disk->stands || free_octets(disk) >= disk->reserve)
        return;
    say("the disk of the state directory is full: what was reserved goes to the store");
    disk_release(disk);
    for (unsigned i = 0; i < DISK_USERS; i++)
        disk->stopped[i] = true;
}

void
disk_release(struct disk *disk)
{
    if (disk->stands)
        (void)unlinkat(disk->folder, DISK_RESERVE, 0);
    disk->stands = false;
}
