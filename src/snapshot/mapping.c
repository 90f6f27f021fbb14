#include "snapshot/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

struct snapshot_mapping {
    unsigned refs; /* atomic: a store may be let go by another thread */
    struct cg_span bytes;
};

enum cg_status
snapshot_mapping_new(int fd, struct snapshot_mapping **out, struct cg_error *err)
{
    struct snapshot_mapping *mapping;
    off_t end = lseek(
            fd, 0, SEEK_END); /* not fstat(): the sandbox passes no call that also takes a path */
    void *map;

    *out = NULL;
    if (end <= 0)
        return cg_fail(err, CG_E_PARSE, "the snapshot is empty");
    mapping = calloc(1, sizeof(*mapping));
    if (mapping == NULL)
        return cg_fail(err, CG_E_NOMEM, "no memory for the snapshot");
    map = mmap(NULL, (size_t)end, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        free(mapping);
        return cg_fail(err, CG_E_NOMEM, "cannot map the snapshot: %s", strerror(errno));
    }
    mapping->refs = 1;
    mapping->bytes = cg_span(map, (size_t)end);
    *out = mapping;
    return CG_OK;
}

struct cg_span
snapshot_mapping_bytes(const struct snapshot_mapping *mapping)
{
    return mapping->bytes;
}

struct snapshot_mapping *
snapshot_mapping_ref(struct snapshot_mapping *mapping)
{
    __atomic_add_fetch(&mapping->refs, 1, __ATOMIC_RELAXED);
    return mapping;
}

void
snapshot_mapping_unref(struct snapshot_mapping *mapping)
{
    if (mapping == NULL || __atomic_sub_fetch(&mapping->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    munmap((void *)(uintptr_t)mapping->bytes.data, mapping->bytes.len);
    free(mapping);
}
