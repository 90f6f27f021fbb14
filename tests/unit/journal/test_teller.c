#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>

#include "base/buf.h"
#include "folder.h"
#include "journal/teller.h"

/* The service's end of the socket: folder->log. */
static int
serve(const struct folder *folder)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    (void)unlink(folder->log);
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", folder->log);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static const char *
received(int fd, char *out, size_t size)
{
    ssize_t len = recv(fd, out, size - 1, 0);

    if (len < 0)
        return "(nothing)";
    out[len] = '\0';
    return out;
}

static const char refused[] =
        "{\"v\":1,\"time\":\"2026-11-25T09:08:07.123Z\",\"node\":\"n\",\"incident\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"interface\":\"web\",\"service\":\"https\",\"role\":"
        "\"inbound\",\"peer\":\"192.0.2.1:5\",\"class\":\"other\",\"verdict\":\"reject\",\"level\":"
        "\"high\",\"reason\":\"expired\",\"certificate\":{\"subject\":\"CN=a\\nPRIORITY=0\","
        "\"sha256\":\"abcd\"}}";
static const char accepted[] =
        "{\"v\":1,\"time\":\"2026-11-05T09:08:07.123Z\",\"incident\":"
        "\"aaaaaaaaaaaaaaaaaaaaaaaaaa\","
        "\"interface\":\"web\",\"peer\":\"192.0.2.1:5\",\"verdict\":\"accept\",\"level\":\"low\"}";

static void
tell(struct journal_teller *teller, const char *line, bool expect)
{
    struct journal_entry entry;

    assert_true(journal_entry_parse(line, strlen(line), &entry));
    assert_int_equal(journal_tell_decision(teller, &entry), expect);
    journal_entry_release(&entry);
}

static void
test_syslog(void **state)
{
    const struct folder *folder = *state;
    struct journal_teller teller;
    char text[4096], expect[512];
    int fd = serve(folder);

    setenv("TZ", "UTC", 1);
    tzset();
    journal_teller_init(&teller, JOURNAL_SYSLOG, folder->log);
    tell(&teller, refused, true);
    (void)snprintf(expect, sizeof(expect),
            "<85>Nov 25 09:08:07 certgated[%d]: refused 192.0.2.1:5 on web at level high: expired "
            "(incident aaaaaaaaaaaaaaaaaaaaaaaaaa, certificate CN=a?PRIORITY=0, SHA-256 abcd)",
            (int)getpid());
    assert_string_equal(received(fd, text, sizeof(text)), expect);
    tell(&teller, accepted, true);
    (void)snprintf(expect, sizeof(expect),
            "<86>Nov  5 09:08:07 certgated[%d]: admitted 192.0.2.1:5 on web at level low (incident "
            "aaaaaaaaaaaaaaaaaaaaaaaaaa)",
            (int)getpid());
    assert_string_equal(received(fd, text, sizeof(text)), expect);
    assert_true(journal_tell(&teller, LOG_WARNING, 1795597687, "loss", "two\nlines"));
    (void)snprintf(
            expect, sizeof(expect), "<84>Nov 25 09:08:07 certgated[%d]: two?lines", (int)getpid());
    assert_string_equal(received(fd, text, sizeof(text)), expect);
    journal_teller_release(&teller);
    close(fd);
}

static void
test_journald(void **state)
{
    const struct folder *folder = *state;
    struct journal_teller teller;
    char text[4096], expect[1024];
    int fd = serve(folder);

    journal_teller_init(&teller, JOURNAL_JOURNALD, folder->log);
    tell(&teller, refused, true);
    (void)snprintf(expect, sizeof(expect),
            "PRIORITY=5\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=certgated\nSYSLOG_PID=%d\n"
            "MESSAGE=refused 192.0.2.1:5 on web at level high: expired (incident "
            "aaaaaaaaaaaaaaaaaaaaaaaaaa, certificate CN=a?PRIORITY=0, SHA-256 abcd)\n"
            "CERTGATE_TOPIC=decision\nCERTGATE_NODE=n\n"
            "CERTGATE_INCIDENT=aaaaaaaaaaaaaaaaaaaaaaaaaa\n"
            "CERTGATE_TIME=2026-11-25T09:08:07.123Z\nCERTGATE_INTERFACE=web\n"
            "CERTGATE_SERVICE=https\nCERTGATE_ROLE=inbound\nCERTGATE_PEER=192.0.2.1:5\n"
            "CERTGATE_CLASS=other\nCERTGATE_VERDICT=reject\nCERTGATE_LEVEL=high\n"
            "CERTGATE_REASON=expired\nCERTGATE_SUBJECT=CN=a?PRIORITY=0\nCERTGATE_SHA256=abcd\n",
            (int)getpid());
    assert_string_equal(received(fd, text, sizeof(text)), expect);
    assert_true(journal_tell(&teller, LOG_WARNING, 1795597687, "loss", "two\nlines"));
    assert_non_null(strstr(received(fd, text, sizeof(text)),
            "PRIORITY=4\nSYSLOG_FACILITY=10\nSYSLOG_IDENTIFIER=certgated\n"));
    assert_non_null(strstr(text, "MESSAGE=two?lines\nCERTGATE_TOPIC=loss\n"));
    journal_teller_release(&teller);
    close(fd);
}

/* Nobody there, somebody, somebody else of the same name, and one who does not read. */
static void
test_a_service_that_comes_and_goes(void **state)
{
    const struct folder *folder = *state;
    struct journal_teller teller;
    char text[4096];
    unsigned taken = 0;
    int fd;

    journal_teller_init(&teller, JOURNAL_SYSLOG, folder->log);
    tell(&teller, refused, false);
    fd = serve(folder);
    tell(&teller, refused, true);
    close(fd);
    tell(&teller, refused, false);
    fd = serve(folder);
    tell(&teller, refused, true);
    close(fd);
    fd = serve(folder);
    tell(&teller, refused, true);
    assert_non_null(strstr(received(fd, text, sizeof(text)), "refused"));
    /* Its queue is full: it is not waited for. */
    while (taken < 1000000 && journal_tell(&teller, LOG_INFO, 0, "t", "words"))
        taken++;
    assert_true(taken > 0 && taken < 1000000);
    assert_non_null(strstr(received(fd, text, sizeof(text)), "words"));
    assert_true(journal_tell(&teller, LOG_INFO, 0, "t", "words"));
    journal_teller_release(&teller);
    close(fd);
}

/* A subject of any length leaves a message that is taken. */
static void
test_long_values(void **state)
{
    const struct folder *folder = *state;
    struct journal_teller teller;
    char *text = malloc(128 * 1024), *long_subject = malloc(64 * 1024);
    struct cg_buf line;
    int fd = serve(folder);

    memset(long_subject, 'x', 64 * 1024 - 1);
    long_subject[64 * 1024 - 1] = '\0';
    cg_buf_init(&line, 128 * 1024);
    cg_buf_addf(&line,
            "{\"v\":1,\"time\":\"2026-11-05T09:08:07.123Z\",\"incident\":\"i\",\"interface\":"
            "\"web\",\"verdict\":\"reject\",\"reason\":\"expired\",\"certificate\":{\"subject\":"
            "\"%s\",\"sha256\":\"abcd\"}}",
            long_subject);
    journal_teller_init(&teller, JOURNAL_JOURNALD, folder->log);
    tell(&teller, cg_buf_text(&line), true);
    assert_non_null(strstr(received(fd, text, 128 * 1024), "CERTGATE_SHA256=abcd\n"));
    assert_true(strlen(text) < 8 * 1024);
    journal_teller_release(&teller);
    cg_buf_release(&line);
    free(long_subject);
    free(text);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)
        TEST(test_syslog),
        TEST(test_journald),
        TEST(test_a_service_that_comes_and_goes),
        TEST(test_long_values),
#undef TEST
    };

    return cmocka_run_group_tests_name("journal-teller", tests, NULL, NULL);
}
