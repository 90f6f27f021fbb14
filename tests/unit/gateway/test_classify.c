/* Which class a peer is of: by source address, by upgrade path, by From domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>

#include "gateway/classify.h"

/*
 * Classes: 0 others, 1 a line by path and address 10.1.0.0/16, 2 a trunk by domain, 3 a trunk by address
 * 10.3.0.0/16 alone.
 */
struct scene {
    struct snapshot_class settings[3];
    char *domains[1];
    struct snapshot_interface interface;
    struct snapshot_rules rules;
    struct gw_class classes[4];
    struct gw_interface iface;
};

static void
network(struct snapshot_class *class, uint8_t second)
{
    const uint8_t prefix[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = second };

    memcpy(class->from[0].prefix, prefix, sizeof(prefix));
    class->from[0].bits = 112;
    class->from_count = 1;
}

static void
build(struct scene *scene, enum snapshot_mode mode, bool others, bool required)
{
    static char domain[] = "trunk.example";

    memset(scene, 0, sizeof(*scene));
    scene->domains[0] = domain;
    scene->settings[0].kind = SNAPSHOT_CLASS_LINE;
    strcpy(scene->settings[0].path, "/line/hq");
    network(&scene->settings[0], 1);
    scene->settings[1].kind = scene->settings[2].kind = SNAPSHOT_CLASS_TRUNK;
    scene->settings[1].rules.sip_domains = scene->domains;
    scene->settings[1].rules.sip_domain_count = 1;
    network(&scene->settings[2], 3);
    scene->interface.mode = mode;
    scene->interface.others = others;
    scene->rules.require_certificate = required;
    scene->iface.settings = &scene->interface;
    scene->iface.classes = scene->classes;
    scene->iface.class_count = 4;
    scene->classes[0].rules = &scene->rules;
    for (size_t i = 0; i < 3; i++) {
        scene->settings[i].rules.require_certificate = true;
        scene->classes[i + 1].settings = &scene->settings[i];
        scene->classes[i + 1].rules = &scene->settings[i].rules;
    }
}

static struct sockaddr_in
address(const char *text)
{
    struct sockaddr_in from = { .sin_family = AF_INET };

    inet_pton(AF_INET, text, &from.sin_addr);
    return from;
}

static void
by_source(void **state)
{
    static const struct {
        const char *why;
        const char *from;
        size_t classes; /* that the interface has */
        bool others, required;
        int known; /* -1: not yet */
        const char *by;
        bool possible, certificate_required;
    } rows[] = {
        { "a line's address", "10.1.2.3", 4, true, false, 1, CLASS_BY_SOURCE, true, true },
        { "a trunk's address", "10.3.2.3", 4, false, false, 3, CLASS_BY_SOURCE, true, true },
        { "nobody's address, all may come", "10.9.0.1", 4, true, false, -1, CLASS_BY_INTERFACE,
                true, false },
        { "nobody's address, others need a certificate too", "10.9.0.1", 4, true, true, -1,
                CLASS_BY_INTERFACE, true, true },
        { "nobody's address, no others: a domain may tell", "10.9.0.1", 4, false, false, -1,
                CLASS_BY_INTERFACE, true, true },
        { "an interface without classes", "10.1.2.3", 1, true, true, 0, CLASS_BY_INTERFACE, true,
                true },
        { "an interface without classes and others", "10.1.2.3", 1, false, true, -1,
                CLASS_BY_INTERFACE, false, true },
    };
    struct scene scene;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_in from = address(rows[i].from);
        struct class_guess guess;

        build(&scene, SNAPSHOT_MODE_SIP, rows[i].others, rows[i].required);
        scene.iface.class_count = rows[i].classes;
        guess = classify_source(&scene.iface, (struct sockaddr *)&from);
        if (guess.known != (rows[i].known < 0 ? NULL : &scene.classes[rows[i].known]))
            fail_msg("%s: another class", rows[i].why);
        if (guess.possible != rows[i].possible)
            fail_msg("%s: possible is %d", rows[i].why, guess.possible);
        if (rows[i].possible && guess.certificate_required != rows[i].certificate_required)
            fail_msg("%s: required is %d", rows[i].why, guess.certificate_required);
        assert_string_equal(guess.by, rows[i].by);
    }
}

static void
a_peer_without_an_address_is_of_no_class_by_it(void **state)
{
    const struct sockaddr from = { .sa_family = AF_UNIX };
    struct scene scene;

    (void)state;
    build(&scene, SNAPSHOT_MODE_HTTP, true, true);
    assert_null(classify_source(&scene.iface, &from).known);
}

static void
by_path(void **state)
{
    static const struct {
        const char *why, *path;
        bool websocket;
        size_t class;
    } rows[] = {
        { "the line's path", "/line/hq", true, 1 },
        { "the line's path without an upgrade", "/line/hq", false, 0 },
        { "below the line's path", "/line/hq/x", true, 0 },
        { "above it", "/line", true, 0 },
        { "in other letters", "/line/HQ", true, 0 },
        { "no path", "", true, 0 },
    };
    struct scene scene;
    const char *by;

    (void)state;
    build(&scene, SNAPSHOT_MODE_HTTP, true, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (classify_path(&scene.iface, cg_span(rows[i].path, strlen(rows[i].path)),
                    rows[i].websocket, &by) != &scene.classes[rows[i].class])
            fail_msg("%s: another class", rows[i].why);
}

static void
near_a_path(void **state)
{
    static const struct {
        const char *path;
        bool near;
    } rows[] = {
        { "/line/hq", true },
        { "/line/HQ", true },
        { "/LINE/hq", true },
        { "/line/hq/", true },
        { "/line/hq//", true },
        { "/line/hq;a=b", true },
        { "/line;a=b;c/hq;/", true },
        { "/line/hq/x", false },
        { "/line/hqx", false },
        { "/line", false },
        { "/line/;/hq", false },
        { "/", false },
        { "", false },
    };
    char longest[2 * SNAPSHOT_PATH_SIZE];
    struct scene scene;

    (void)state;
    build(&scene, SNAPSHOT_MODE_HTTP, true, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (classify_path_near(&scene.iface, cg_span(rows[i].path, strlen(rows[i].path))) !=
                rows[i].near)
            fail_msg("%s", rows[i].path);
    memset(longest, 'a', sizeof(longest));
    assert_false(classify_path_near(&scene.iface, cg_span(longest, sizeof(longest))));
}

static void
by_domain(void **state)
{
    static const struct {
        const char *why, *domain;
        int source; /* class by source address, -1: none */
        bool others;
        int class; /* -1: unknown */
        const char *by;
    } rows[] = {
        { "a trunk's domain", "trunk.example", -1, true, 2, CLASS_BY_DOMAIN },
        { "in other letters", "TRUNK.example", -1, true, 2, CLASS_BY_DOMAIN },
        { "below a trunk's domain", "a.trunk.example", -1, true, 0, CLASS_BY_DEFAULT },
        { "another trunk's domain from a trunk's address", "trunk.example", 3, true, 2,
                CLASS_BY_DOMAIN },
        { "no trunk's domain from a trunk's address", "other.example", 3, true, 3,
                CLASS_BY_SOURCE },
        { "no domain", "", -1, true, 0, CLASS_BY_DEFAULT },
        { "no domain, no phones", "", -1, false, -1, CLASS_BY_DEFAULT },
        { "no trunk's domain, no phones", "other.example", -1, false, -1, CLASS_BY_DEFAULT },
    };
    struct scene scene;
    const char *by;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct gw_class *class;

        build(&scene, SNAPSHOT_MODE_SIP, rows[i].others, false);
        class = classify_from_domain(&scene.iface, rows[i].domain,
                rows[i].source < 0 ? NULL : &scene.classes[rows[i].source], &by);
        if (class != (rows[i].class < 0 ? NULL : &scene.classes[rows[i].class]))
            fail_msg("%s: another class", rows[i].why);
        assert_string_equal(by, rows[i].by);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_source),
        cmocka_unit_test(a_peer_without_an_address_is_of_no_class_by_it),
        cmocka_unit_test(by_path),
        cmocka_unit_test(near_a_path),
        cmocka_unit_test(by_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
