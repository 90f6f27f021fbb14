/* Names are looked up by threads: in which order addresses come, what is news, and that nobody waits. */
#include "control/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PATIENCE_MS 20000

/* ---- lists of addresses ------------------------------------------------------------------------ */

struct node {
    struct addrinfo info;
    struct sockaddr_storage address;
};

static struct addrinfo *
list_of(const char *const *texts, size_t count)
{
    struct node *nodes = calloc(count + 1, sizeof(*nodes));

    for (size_t i = 0; i < count; i++) {
        struct addrinfo *info = &nodes[i].info;
        struct sockaddr_in *v4 = (void *)&nodes[i].address;
        struct sockaddr_in6 *v6 = (void *)&nodes[i].address;

        info->ai_addr = (void *)&nodes[i].address;
        if (inet_pton(AF_INET, texts[i], &v4->sin_addr) == 1) {
            v4->sin_family = AF_INET;
            info->ai_addrlen = sizeof(*v4);
        } else if (inet_pton(AF_INET6, texts[i], &v6->sin6_addr) == 1) {
            v6->sin6_family = AF_INET6;
            info->ai_addrlen = sizeof(*v6);
        } else {
            nodes[i].address.ss_family = AF_UNIX;
            info->ai_addrlen = sizeof(sa_family_t);
        }
        info->ai_family = nodes[i].address.ss_family;
        info->ai_next = i + 1 < count ? &nodes[i + 1].info : NULL;
    }
    if (count != 0)
        return &nodes[0].info;
    free(nodes);
    return NULL;
}

static void
release(struct addrinfo *list)
{
    free(list);
}

static void
text_of(const struct snapshot_address *addresses, size_t count, char out[512])
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const struct sockaddr_in *v4 = (const void *)&addresses[i].addr;
        const struct sockaddr_in6 *v6 = (const void *)&addresses[i].addr;
        char one[INET6_ADDRSTRLEN];

        (void)inet_ntop(addresses[i].addr.ss_family,
                addresses[i].addr.ss_family == AF_INET ? (const void *)&v4->sin_addr
                                                       : (const void *)&v6->sin6_addr,
                one, sizeof(one));
        used += (size_t)snprintf(out + used, 512 - used, "%s%s", i == 0 ? "" : " ", one);
    }
}

static void
families_take_turns(void **state)
{
    static const struct {
        const char *why;
        const char *list[12];
        const char *expect;
    } rows[] = {
        { "nothing", { NULL }, "" },
        { "one", { "192.0.2.1" }, "192.0.2.1" },
        { "one family keeps its order", { "192.0.2.2", "192.0.2.1" }, "192.0.2.2 192.0.2.1" },
        { "the first one's family begins",
                { "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2" },
                "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2" },
        { "IPv4 first", { "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1" },
                "192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3" },
        { "the other family is longer", { "192.0.2.1", "2001:db8::1", "2001:db8::2" },
                "192.0.2.1 2001:db8::1 2001:db8::2" },
        { "neither crowds the other out",
                { "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::4", "2001:db8::5",
                        "2001:db8::6", "2001:db8::7", "2001:db8::8", "2001:db8::9", "192.0.2.1" },
                "2001:db8::1 192.0.2.1 2001:db8::2 2001:db8::3 2001:db8::4 2001:db8::5 2001:db8::6 "
                "2001:db8::7" },
        { "what is no IP address is left out", { "x", "192.0.2.1", "x", "2001:db8::1" },
                "192.0.2.1 2001:db8::1" },
        { "nothing but that", { "x", "x" }, "" },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct snapshot_address out[SNAPSHOT_MAX_ADDRESSES];
        struct addrinfo *list;
        size_t count = 0;
        char text[512];

        while (rows[i].list[count] != NULL)
            count++;
        list = list_of(rows[i].list, count);
        text_of(out, resolver_order(list, out), text);
        release(list);
        if (strcmp(text, rows[i].expect) != 0)
            fail_msg("%s: %s instead of %s", rows[i].why, text, rows[i].expect);
    }
}

/* ---- a source of our own ----------------------------------------------------------------------- */

/* What it says next, and whether it lets anybody go. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const char *address; /* NULL: the name is not known */
    bool holds;
    unsigned asked;
} source = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, false, 0 };

static int
look_up(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    const char *address;

    (void)port;
    (void)hints;
    (void)pthread_mutex_lock(&source.lock);
    source.asked++;
    (void)pthread_cond_broadcast(&source.changed);
    while (source.holds && strcmp(host, "slow.example.test") == 0)
        (void)pthread_cond_wait(&source.changed, &source.lock);
    address = source.address;
    (void)pthread_mutex_unlock(&source.lock);
    if (address == NULL)
        return EAI_NONAME;
    *out = list_of(&address, 1);
    return 0;
}

static void
source_says(const char *address, bool holds)
{
    (void)pthread_mutex_lock(&source.lock);
    source.address = address;
    source.holds = holds;
    (void)pthread_cond_broadcast(&source.changed);
    (void)pthread_mutex_unlock(&source.lock);
}

/* Until so many look-ups have begun in all. */
static void
wait_asked(unsigned count)
{
    (void)pthread_mutex_lock(&source.lock);
    while (source.asked < count)
        (void)pthread_cond_wait(&source.changed, &source.lock);
    (void)pthread_mutex_unlock(&source.lock);
}

static struct resolver *
resolver_with(int64_t again_ms)
{
    const struct resolver_source own = { look_up, release, again_ms };
    struct resolver *resolver;

    source.asked = 0;
    resolver = resolver_new(&own);
    assert_non_null(resolver);
    return resolver;
}

static struct resolver_news
next_news(struct resolver *resolver)
{
    struct pollfd readable = { .fd = resolver_fd(resolver), .events = POLLIN };
    struct resolver_news news;

    while (!resolver_next(resolver, &news))
        assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    return news;
}

static void
expect_news(
        struct resolver *resolver, const char *addresses, bool moved, bool failed, bool recovered)
{
    struct resolver_news news = next_news(resolver);
    char text[512];

    text_of(news.name.addresses, news.name.count, text);
    assert_string_equal(text, addresses);
    assert_true(news.name.answered);
    assert_int_equal(news.moved, moved);
    assert_int_equal(news.failed, failed);
    assert_int_equal(news.recovered, recovered);
}

static void
a_change_is_news_and_nothing_else_is(void **state)
{
    static const char *const hosts[] = { "a.example.test" };
    struct resolver *resolver = resolver_with(1);
    struct resolver_name name;

    (void)state;
    source_says("192.0.2.1", false);
    resolver_want(resolver, hosts, 1);
    expect_news(resolver, "192.0.2.1", true, false, false);
    wait_asked(3); /* the same again */
    source_says("192.0.2.2", false);
    expect_news(resolver, "192.0.2.2", true, false, false);
    source_says(NULL, false);
    expect_news(resolver, "192.0.2.2", false, true, false);
    assert_true(resolver_get(resolver, hosts[0], &name));
    assert_int_equal(name.count, 1);
    assert_int_equal(name.code, EAI_NONAME);
    source_says("192.0.2.2", false);
    expect_news(resolver, "192.0.2.2", false, false, true);
    resolver_free(resolver);
}

static void
a_name_that_never_was_is_said_once(void **state)
{
    static const char *const hosts[] = { "a.example.test" };
    struct resolver *resolver = resolver_with(1);

    (void)state;
    source_says(NULL, false);
    resolver_want(resolver, hosts, 1);
    expect_news(resolver, "", true, true, false);
    wait_asked(4);
    source_says("2001:db8::1", false);
    expect_news(resolver, "2001:db8::1", true, false, true);
    resolver_free(resolver);
}

static void
a_slow_name_holds_nobody_up(void **state)
{
    static const char *const hosts[] = { "slow.example.test", "a.example.test" };
    struct resolver *resolver = resolver_with(60000);
    struct resolver_name name;

    (void)state;
    source_says("192.0.2.1", true);
    resolver_want(resolver, hosts, 1);
    wait_asked(1);
    resolver_want(resolver, hosts, 2);
    assert_string_equal(next_news(resolver).name.host, "a.example.test");
    assert_true(resolver_get(resolver, "slow.example.test", &name));
    assert_false(name.answered);
    source_says("192.0.2.1", false);
    assert_string_equal(next_news(resolver).name.host, "slow.example.test");
    resolver_free(resolver);
}

static void
an_unwanted_answer_is_dropped(void **state)
{
    static const char *const hosts[] = { "slow.example.test", "a.example.test" };
    struct resolver *resolver = resolver_with(60000);
    struct resolver_news news;
    struct resolver_name name;

    (void)state;
    source_says("192.0.2.1", true);
    resolver_want(resolver, hosts, 1);
    wait_asked(1);
    resolver_want(resolver, hosts + 1, 1); /* while the first one's look-up is under way */
    source_says("192.0.2.1", false);
    assert_string_equal(next_news(resolver).name.host, "a.example.test");
    assert_false(resolver_get(resolver, "slow.example.test", &name));
    resolver_want(resolver, hosts, 2);
    wait_asked(3);
    assert_string_equal(next_news(resolver).name.host, "slow.example.test");
    assert_false(resolver_next(resolver, &news));
    resolver_free(resolver);
}

static void
wanting_again_looks_up_again(void **state)
{
    static const char *const hosts[] = { "a.example.test" };
    struct resolver *resolver = resolver_with(60000);

    (void)state;
    source_says("192.0.2.1", false);
    resolver_want(resolver, hosts, 1);
    expect_news(resolver, "192.0.2.1", true, false, false);
    source_says("192.0.2.9", false);
    resolver_want(resolver, hosts, 1);
    expect_news(resolver, "192.0.2.9", true, false, false);
    resolver_free(resolver);
}

static void
the_end_does_not_wait_for_an_answer(void **state)
{
    static const char *const hosts[] = { "slow.example.test" };
    struct resolver *resolver = resolver_with(60000);

    (void)state;
    source_says("192.0.2.1", true);
    resolver_want(resolver, hosts, 1);
    wait_asked(1);
    resolver_free(resolver); /* its thread still holds what it needs, and frees it */
    source_says("192.0.2.1", false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(a_change_is_news_and_nothing_else_is),
        cmocka_unit_test(a_name_that_never_was_is_said_once),
        cmocka_unit_test(a_slow_name_holds_nobody_up),
        cmocka_unit_test(an_unwanted_answer_is_dropped),
        cmocka_unit_test(wanting_again_looks_up_again),
        cmocka_unit_test(the_end_does_not_wait_for_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
