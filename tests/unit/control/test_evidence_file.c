/* What is kept of revocation in the state directory: written whole, read back, and what is none of ours. */
#include "control/evidence_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint8_t der[] = { 0x30, 0x03, 0x0a, 0x01, 0x03 };

struct place {
    char path[64];
    int folder;
};

static int
make(void **state)
{
    static struct place place;

    strcpy(place.path, "/tmp/certgate-evidence-XXXXXX");
    if (mkdtemp(place.path) == NULL)
        return 1;
    place.folder = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &place;
    return place.folder < 0;
}

/* The one file's name; "" when there is none or more. */
static void
only_file(const struct place *place, char name[256])
{
    DIR *folder = opendir(place->path);
    const struct dirent *entry;
    size_t count = 0;

    name[0] = '\0';
    while ((entry = readdir(folder)) != NULL)
        if (entry->d_name[0] != '.' && ++count == 1)
            snprintf(name, 256, "%s", entry->d_name);
    closedir(folder);
    if (count != 1)
        name[0] = '\0';
}

static int
drop(void **state)
{
    struct place *place = *state;
    char name[256];

    only_file(place, name);
    (void)unlinkat(place->folder, name, 0);
    close(place->folder);
    return rmdir(place->path);
}

static struct evidence_item
item_of(enum cg_evidence_kind kind)
{
    struct evidence_item item = { .kind = kind,
        .source = "http://crl.example/a?b=c d",
        .request = { 1, 0, 255 },
        .request_len = kind == CG_EVIDENCE_OCSP ? 3 : 0,
        .wanted_until = 9000000000,
        .from = -5,
        .until = 1795478400 };

    item.fd = evidence_memory(der, sizeof(der));
    assert_true(item.fd >= 0);
    return item;
}

static void
there_and_back(void **state)
{
    const struct place *place = *state;
    char name[256];

    for (int kind = CG_EVIDENCE_CRL; kind <= CG_EVIDENCE_OCSP; kind++) {
        struct evidence_item item = item_of((enum cg_evidence_kind)kind), read;
        uint8_t bytes[16];

        assert_true(evidence_file_write(place->folder, &item));
        assert_true(evidence_file_write(place->folder, &item)); /* in its own place */
        only_file(place, name);
        assert_true(evidence_file_read(place->folder, name, &read));
        assert_int_equal(read.kind, kind);
        assert_string_equal(read.source, item.source);
        assert_int_equal(read.request_len, item.request_len);
        assert_memory_equal(read.request, item.request, item.request_len);
        assert_int_equal(read.wanted_until, item.wanted_until);
        assert_int_equal(read.from, item.from);
        assert_int_equal(read.until, item.until);
        assert_int_equal(pread(read.fd, bytes, sizeof(bytes), 0), sizeof(der));
        assert_memory_equal(bytes, der, sizeof(der));
        assert_true(write(read.fd, der, 1) < 0); /* sealed */
        evidence_file_remove(place->folder, &item);
        only_file(place, name);
        assert_string_equal(name, "");
        close(read.fd);
        close(item.fd);
    }
}

/* Cut at any place it is none, but for the DER, which who uses it reads. */
static void
none_of_ours(void **state)
{
    const struct place *place = *state;
    struct evidence_item item = item_of(CG_EVIDENCE_CRL), read;
    char name[256], whole[1024];
    ssize_t len;
    int fd;

    assert_true(evidence_file_write(place->folder, &item));
    only_file(place, name);
    fd = openat(place->folder, name, O_RDWR | O_CLOEXEC);
    len = pread(fd, whole, sizeof(whole), 0);
    assert_true(len > (ssize_t)sizeof(der));
    for (ssize_t cut = len - (ssize_t)sizeof(der); cut >= 0; cut--) {
        assert_int_equal(ftruncate(fd, cut), 0);
        if (evidence_file_read(place->folder, name, &read))
            fail_msg("read although cut at %zd", cut);
    }
    assert_false(evidence_file_read(place->folder, "missing", &read));
    assert_int_equal(read.fd, -1);
    close(fd);
    close(item.fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, make, drop),
        cmocka_unit_test_setup_teardown(none_of_ours, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
