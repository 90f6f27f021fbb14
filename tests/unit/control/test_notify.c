#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/notify.h"

/* A manager's socket: its path, or with '@' an abstract name. */
static int
manager(const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const size_t len = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(at.sun_path, name, len);
    if (name[0] == '@')
        at.sun_path[0] = '\0';
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
            0);
    return fd;
}

static void
what_is_said_arrives(void **state)
{
    char folder[] = "/tmp/certgate-notify-XXXXXX", path[64], abstract[64], text[64];
    const char *names[2] = { path, abstract };

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/socket", folder);
    (void)snprintf(abstract, sizeof(abstract), "@%s", folder);
    for (int i = 0; i < 2; i++) {
        int fd = manager(names[i]);
        ssize_t len;

        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_manager("READY=1\nSTATUS=x");
        len = recv(fd, text, sizeof(text), 0);
        assert_int_equal(len, 16);
        assert_memory_equal(text, "READY=1\nSTATUS=x", 16);
        close(fd);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Nobody there, or no name at all: nothing waits and nothing fails. */
static void
nobody_listens(void **state)
{
    static const char *const names[] = { "", "/", "relative", "/nowhere/at/all",
        "@certgate-nobody" };
    char longest[256];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_manager("READY=1");
    }
    memset(longest, 'a', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(setenv("NOTIFY_SOCKET", longest, 1), 0);
    notify_manager("READY=1");
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_manager("READY=1");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_arrives),
        cmocka_unit_test(nobody_listens),
    };

    return cmocka_run_group_tests_name("control-notify", tests, NULL, NULL);
}
