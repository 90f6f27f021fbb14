/* What each wrong line of certgate.conf is answered with, and what a right one becomes. */
#include "settings/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static char folder[] = "/tmp/certgate-settings-XXXXXX";
static char path[sizeof(folder) + sizeof("/certgate.conf")];

static int
make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    (void)snprintf(path, sizeof(path), "%s/certgate.conf", folder);
    return 0;
}

static int
drop_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static struct settings *
load(const char *text, struct cg_buf *problems)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    cg_buf_init(problems, 64 * 1024);
    return settings_load(path, NULL, problems);
}

#define HEAD                                                                                       \
    "store = false tcs = \"tcs\"\n"                                                                \
    "identity \"gw\" { certificate = \"gw.pem\" key = \"/etc/gw.key\" }\n"                         \
    "interface \"web\" {\n"                                                                        \
    "  listen = {\"127.0.0.1:8443\"}\n"                                                            \
    "  backend = \"127.0.0.1:80\"\n"                                                               \
    "  identity = \"gw\"\n" /* line 6 */
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LINE7(text) HEAD "  " text "\n}\n"

static void
the_least_that_is_needed(void **state)
{
    struct cg_buf problems;
    struct settings *settings = load(LINE7(""), &problems);
    const struct snapshot_interface *web;
    char expected[256];

    (void)state;
    if (settings == NULL)
        fail_msg("%s", cg_buf_text(&problems));
    assert_int_equal(settings->interface_count, 1);
    web = &settings->interfaces[0];
    assert_string_equal(web->name, "web");
    assert_int_equal(web->rules.level, CG_LEVEL_MEDIUM);
    assert_int_equal(web->service, CG_SERVICE_HTTPS);
    assert_int_equal(web->role, CG_ROLE_INBOUND);
    assert_true(web->rules.require_certificate);
    assert_false(web->rules.latched || web->rules.ca_eku || web->rules.partial_chain);
    assert_int_equal(web->rules.max_depth, 10);
    assert_int_equal(web->min_tls, TLS1_2_VERSION);
    assert_int_equal(web->handshake_timeout_ms, 10000);
    assert_int_equal(web->idle_timeout_ms, 3600000);
    assert_int_equal(web->session_timeout_s, 7200);
    assert_int_equal(web->max_connections, 8192);
    assert_int_equal(web->rules.allowance_count, 0);
    assert_string_equal(settings->node, "certgate");
    assert_true(settings->workers >= 1);
    assert_int_equal(web->presented_count, 1);
    assert_true(web->offer_chain);
    assert_string_equal(settings->identities[0].key, "/etc/gw.key");
    /* Paths are relative to the file's own folder. */
    (void)snprintf(expected, sizeof(expected), "%s/gw.pem", folder);
    assert_string_equal(settings->identities[0].certificate, expected);
    (void)snprintf(expected, sizeof(expected), "%s/tcs", folder);
    assert_string_equal(settings->tcs, expected);
    settings_free(settings);
    cg_buf_release(&problems);
    settings_free(NULL);
}

static void
everything_set(void **state)
{
    struct cg_buf problems;
    struct settings *settings = load(
            "node = \"a\" workers = 3 log = \"stdout\" state = \"/s\" user = \"u\"\n" LINE7(
                    "service = \"sip\" level = \"high+remote\" names = {\"a.example\", "
                    "\"192.0.2.1\"}\n"
                    "sip-domains = {\"s.example\"} allow = {\"allow-sha1-chain until "
                    "2027-06-30\"}\n"
                    "latched = true require-certificate = false enforce-ca-eku = true\n"
                    "partial-chain = true max-path-depth = 32 min-tls = \"1.3\"\n"
                    "handshake-timeout = \"100ms\" session-timeout = \"0s\" max-connections = 1\n"
                    "proxy = \"v2\" proxy-from = {\"192.0.2.0/24\", \"2001:db8::/32\"}"),
            &problems);
    const struct snapshot_interface *it;

    (void)state;
    if (settings == NULL)
        fail_msg("%s", cg_buf_text(&problems));
    it = &settings->interfaces[0];
    assert_int_equal(settings->workers, 3);
    assert_int_equal(it->rules.level, CG_LEVEL_HIGH_REMOTE);
    assert_int_equal(it->service, CG_SERVICE_SIP);
    assert_int_equal(it->rules.name_count, 2);
    assert_string_equal(it->rules.names[1], "192.0.2.1");
    assert_string_equal(it->rules.sip_domains[0], "s.example");
    assert_int_equal(it->rules.allowances[0].allowance, CG_ALLOW_SHA1_CHAIN);
    assert_int_equal(it->rules.allowances[0].until, INT64_C(1814399999));
    assert_true(it->rules.latched && it->rules.ca_eku && it->rules.partial_chain &&
            !it->rules.require_certificate);
    assert_int_equal(it->rules.max_depth, 32);
    assert_int_equal(it->min_tls, TLS1_3_VERSION);
    assert_int_equal(it->handshake_timeout_ms, 100);
    assert_int_equal(it->session_timeout_s, 0);
    assert_int_equal(it->max_connections, 1);
    assert_int_equal(it->proxy, SNAPSHOT_PROXY_V2);
    assert_int_equal(it->proxy_from_count, 2);
    settings_free(settings);
    cg_buf_release(&problems);
}

/* Lists of every length, the same value twice among them. */
static void
lists(void **state)
{
    static const struct {
        const char *text;
        size_t count;
    } lengths[] = { { "names = {}", 0 }, { "names = {\"a.example\"}", 1 },
        { "names = \"a.example\"", 1 }, { "names = {\"a.example\", \"a.example\"}", 2 },
        { "names = {\"a.example\", \"b.example\", \"a.example\"}", 3 } };

    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct cg_buf problems;
        char text[1024];
        struct settings *settings;

        (void)snprintf(text, sizeof(text), HEAD "  %s\n}\n", lengths[i].text);
        settings = load(text, &problems);
        if (settings == NULL)
            fail_msg("%s: %s", lengths[i].text, cg_buf_text(&problems));
        assert_int_equal(settings->interfaces[0].rules.name_count, lengths[i].count);
        settings_free(settings);
        cg_buf_release(&problems);
    }
}

/* As many identities as there may be on one interface, in their order, and one more. */
static void
several_identities(void **state)
{
    (void)state;
    for (unsigned count = SNAPSHOT_MAX_PRESENTED; count <= SNAPSHOT_MAX_PRESENTED + 1; count++) {
        struct cg_buf text, list, problems;
        struct settings *settings;

        cg_buf_init(&text, 16 * 1024);
        cg_buf_init(&list, 16 * 1024);
        cg_buf_add(&text, "tcs = \"tcs\"\n");
        for (unsigned i = count; i-- != 0;) {
            cg_buf_addf(&text, "identity \"i%u\" { certificate = \"a\" key = \"a\" }\n", i);
            cg_buf_addf(&list, "%s\"i%u\"", list.len == 0 ? "" : ", ", count - 1 - i);
        }
        cg_buf_addf(&text,
                "interface \"web\" {\n  listen = {\"127.0.0.1:1\"} backend = \"unix:/b\" "
                "offer-chain = false\n  identity = {%s}\n}\n",
                cg_buf_text(&list));
        settings = load(cg_buf_text(&text), &problems);
        if (count <= SNAPSHOT_MAX_PRESENTED) {
            const struct snapshot_interface *it;

            if (settings == NULL)
                fail_msg("%s", cg_buf_text(&problems));
            it = &settings->interfaces[0];
            assert_int_equal(it->presented_count, count);
            assert_string_equal(settings->identities[it->presented[0]].name, "i0");
            assert_string_equal(settings->identities[it->presented[count - 1]].name, "i15");
            assert_false(it->offer_chain);
        } else {
            assert_null(settings);
            assert_non_null(strstr(cg_buf_text(&problems), "more than 16 identities\n"));
        }
        settings_free(settings);
        cg_buf_release(&problems);
        cg_buf_release(&list);
        cg_buf_release(&text);
    }
}

static void
custom_checks(void **state)
{
    struct cg_buf problems;
    struct settings *settings =
            load(LINE7("level = \"custom\" checks = {\"in-date\", \"chain\"}"), &problems);

    (void)state;
    if (settings == NULL)
        fail_msg("%s", cg_buf_text(&problems));
    assert_int_equal(settings->interfaces[0].rules.level, CG_LEVEL_CUSTOM);
    assert_int_equal(
            settings->interfaces[0].rules.checks, 1u << CG_CHECK_IN_DATE | 1u << CG_CHECK_CHAIN);
    settings_free(settings);
    cg_buf_release(&problems);
}

/* Two identities, and an interface whose identity is in the text. */
#define MORE(text)                                                                                 \
    "store = false tcs = \"tcs\" identity \"gw\" { certificate = \"a\" key = \"a\" }\n"            \
    "identity \"b\" { certificate = \"b\" key = \"b\" }\n"                                         \
    "interface \"web\" {\n  listen = {\"127.0.0.1:1\"} " text "\n}\n"

/* clang-format off */
static const struct {
    const char *text;
    const char *problem; /* without the file's name */
} rows[] = {
    { LINE7("levle = \"high\""), ":7: unknown setting 'levle'; did you mean 'level'?\n" },
    { LINE7("colour = \"red\""), ":7: unknown setting 'colour'\n" },
    { LINE7("level = \"none\"\n level = \"high\""), ":8: 'level' stands twice\n" },
    { LINE7("listen = {\"127.0.0.1:1\"}"), ":7: 'listen' stands twice\n" },
    { LINE7("listen = \"127.0.0.1:1\""), ":7: 'listen' stands twice\n" },
    { LINE7("names = {\"a.example\", \"b.example\"} names = {\"a.example\"}"), ":7: 'names' stands twice\n" },
    { LINE7("partial-chain = true partial-chain = true"), ":7: 'partial-chain' stands twice\n" },
    { "tcs = \"a\"\n" LINE7(""), ":2: 'tcs' stands twice\n" },
    { "workers = 1 workers = 2\n" LINE7(""), ":1: 'workers' stands twice\n" },
    { "identity \"a\" { key = \"a\" certificate = \"b\" key = \"c\" }\n" LINE7(""), ":1: 'key' stands twice\n" },
    { LINE7("workers = 2"), ":7: 'workers' cannot stand here\n" },
    { "level = \"high\"\n" LINE7(""), ":1: 'level' cannot stand here\n" },
    { LINE7("level = \"higher\""),
      ":7: level: 'higher' is not none, low, medium, high, medium+remote, high+remote or custom\n" },
    { LINE7("level = \"High\""),
      ":7: level: 'High' is not none, low, medium, high, medium+remote, high+remote or custom\n" },
    { LINE7("revocation = \"on\""), ":7: revocation: 'on' is not off, soft or hard\n" },
    { LINE7("level = \"custom\" checks = {\"chain\", \"revocation\"}"),
      ":7: checks: 'revocation' is not the id of a check of a level; see 'certgate help checks'\n" },
    { "crl = {\"ldap://a.example/b\"}\n" LINE7(""),
      ":10: crl: 'ldap://a.example/b' is neither a file nor an http or https URL\n" },
    { "crl = {\"a\", \"b\"} crl = {\"a\"}\n" LINE7(""), ":1: 'crl' stands twice\n" },
    { LINE7("service = \"http\""), ":7: service: 'http' is not https, sip or line\n" },
    { LINE7("max-path-depth = 0"), ":7: max-path-depth: '0' is not a number from 1 to 32\n" },
    { LINE7("max-path-depth = 33"), ":7: max-path-depth: '33' is not a number from 1 to 32\n" },
    { LINE7("max-path-depth = -1"), ":7: max-path-depth: '-1' is not a number from 1 to 32\n" },
    { LINE7("max-connections = 0"), ":7: max-connections: '0' is not a number from 1 to 1000000\n" },
    { LINE7("handshake-timeout = \"99ms\""), ":7: handshake-timeout: '99ms' is not a duration from 100ms to 2m\n" },
    { LINE7("handshake-timeout = \"121s\""), ":7: handshake-timeout: '121s' is not a duration from 100ms to 2m\n" },
    { LINE7("idle-timeout = \"25h\""), ":7: idle-timeout: '25h' is not a duration from 1s to 24h\n" },
    { LINE7("session-timeout = \"never\""), ":7: session-timeout: 'never' is not a duration from 0s to 24h\n" },
    { LINE7("min-tls = \"1.1\""), ":7: min-tls: '1.1' is not 1.2 or 1.3\n" },
    { LINE7("proxy = \"v3\""), ":7: proxy: 'v3' is not off, v1 or v2\n" },
    { LINE7("proxy-from = {\"192.0.2.1/24\"}"),
      ":7: proxy-from: '192.0.2.1/24' is not an address or network such as 192.0.2.0/24, with no bit set after the prefix\n" },
    { LINE7("names = {\"*.example\"}"), ":7: names: '*.example' is not a DNS name (in A-labels) or an IP address\n" },
    { LINE7("sip-domains = {\"a b\"}"), ":7: sip-domains: 'a b' is not a SIP domain (in A-labels)\n" },
    { LINE7("allow = {\"allow-everything\"}"),
      ":7: allow: 'allow-everything' is not an allowance, once, optionally 'NAME until YYYY-MM-DD'\n" },
    { LINE7("allow = {\"allow-sha1-chain until 2027-02-29\"}"),
      ":7: allow: 'allow-sha1-chain until 2027-02-29' is not an allowance, once, optionally 'NAME until YYYY-MM-DD'\n" },
    { LINE7("allow = {\"allow-sha1-chain\", \"allow-sha1-chain\"}"),
      ":7: allow: 'allow-sha1-chain' is not an allowance, once, optionally 'NAME until YYYY-MM-DD'\n" },
    { LINE7("allow = {\"admitted-by-administrator\"}"),
      ":7: allow: 'admitted-by-administrator' is not an allowance, once, optionally 'NAME until YYYY-MM-DD'\n" },
    { LINE7("admit = {\"" HEX " until 2027-06-30: a\", \"" HEX " until 2027-07-30: b\"}"),
      ":7: admit: '" HEX " until 2027-07-30: b' is not a certificate, once, as 'SHA256 until YYYY-MM-DD: REASON', or until an RFC 3339 time in UTC\n" },
    { LINE7("level = \"custom\""), ":8: interface 'web': level custom needs 'checks'\n" },
    { LINE7("checks = {\"chain\"}"), ":8: interface 'web': 'checks' counts only with level = custom\n" },
    { LINE7("level = \"custom\" checks = {\"chian\"}"),
      ":7: checks: 'chian' is not the id of a check of a level; see 'certgate help checks'\n"
      ":8: interface 'web': level custom needs 'checks'\n" },
    { LINE7("service = \"line\" level = \"high+remote\""),
      ":8: interface 'web': remote levels are not offered for lines; use medium or high\n" },
    { LINE7("service = \"sip\" level = \"medium+remote\" names = {\"a.example\"}"),
      ":8: interface 'web': level medium+remote on SIP needs 'sip-domains'\n" },
    { LINE7("service = \"sip\" level = \"high+remote\" sip-domains = {\"a.example\"}"),
      ":8: interface 'web': level high+remote on SIP needs 'names'\n" },
    { "store = false tcs = \"tcs\"\nidentity \"gw\" { certificate = \"a\" key = \"b\" }\ninterface \"web\" {\n"
      "  listen = {\"127.0.0.1:1\"} identity = \"gw\"\n}\n", ":5: interface 'web': 'backend' is missing\n" },
    { "store = false tcs = \"tcs\"\nidentity \"gw\" { certificate = \"a\" key = \"b\" }\ninterface \"web\" {\n"
      "  listen = {\"127.0.0.1:1\"} backend = \"unix:/b\"\n}\n", ":5: interface 'web': 'identity' is missing\n" },
    { "store = false tcs = \"tcs\"\ninterface \"web\" {\n  listen = {\"127.0.0.1:1\"} backend = \"unix:/b\"\n  identity = \"gw\"\n}\n",
      ":4: identity: 'gw' is not the name of an identity block above\n" },
    { "store = false tcs = \"tcs\"\nidentity \"gw\" { certificate = \"a\" }\n", ":2: identity 'gw': 'key' is missing\n" },
    { MORE("backend = \"unix:/b\" identity = {\"gw\", \"b\", \"gw\"}"), ":5: interface 'web': identity 'gw' stands twice\n" },
    { MORE("role = \"outbound\" connect = \"a.example:443\" identity = {\"gw\", \"b\"}"),
      ":5: interface 'web': several identities count only with role = inbound\n" },
    { MORE("role = \"outbound\" connect = \"a.example:443\" offer-chain = false"),
      ":5: interface 'web': 'offer-chain' counts only with an identity\n" },
    { MORE("backend = \"unix:/b\" identity = {}"), ":5: interface 'web': 'identity' is missing\n" },
    { "log-max-size = \"999KB\"\n" LINE7(""), ":1: log-max-size: '999KB' is not a size from 1MB to 1000GB, or off\n" },
    { "log-max-age = \"59s\"\n" LINE7(""), ":1: log-max-age: '59s' is not a duration from 1m to 366d, or off\n" },
    { "log-keep = 0\n" LINE7(""), ":1: log-keep: '0' is not a number from 1 to 100\n" },
    { "log-keep = 101\n" LINE7(""), ":1: log-keep: '101' is not a number from 1 to 100\n" },
    { "log-keep = 1 log-keep = 2\n" LINE7(""), ":1: 'log-keep' stands twice\n" },
    { "log-sync = yes\n" LINE7(""), ":1: log-sync: 'yes' is not true or false\n" },
    { "log-to = \"mail\"\n" LINE7(""), ":1: log-to: 'mail' is not syslog, journald or both, each also as KIND:/path/of/its/socket\n" },
    { "log-to = \"syslog:dev/log\"\n" LINE7(""), ":1: log-to: 'syslog:dev/log' is not syslog, journald or both, each also as KIND:/path/of/its/socket\n" },
    { "audit = always\n" LINE7(""), ":1: audit: 'always' is not best-effort or required\n" },
    { "disk-reserve = \"11GB\"\n" LINE7(""), ":1: disk-reserve: '11GB' is not a size up to 10GB, or off\n" },
    { "log-too = \"syslog\"\n" LINE7(""), ":1: unknown setting 'log-too'; did you mean 'log-to'?\n" },
    { "workers = 65\n" LINE7(""), ":1: workers: '65' is not a number from 0 (one per core) to 64\n" },
    { "workers = -1\n" LINE7(""), ":1: workers: '-1' is not a number from 0 (one per core) to 64\n" },
    { "workers = many\n" LINE7(""), ":1: invalid integer value for option 'workers'\n" },
    { "node = \"0123456789012345678901234567890123456789012345678901234567890123\"\n" LINE7(""),
      ":1: node: the name is longer than 63 characters\n" },
    { LINE7("") "line \"hq\" {\n  interface = \"web\"\n}\n", ":11: line 'hq': 'path' is missing\n" },
    { LINE7("") "line \"hq\" {\n  path = \"/hq\"\n}\n", ":11: line 'hq': 'interface' is missing\n" },
    { LINE7("") "line \"hq\" {\n  interface = \"wbe\" path = \"/hq\"\n}\n", ":11: line 'hq': there is no interface 'wbe'\n" },
    { LINE7("") "line \"hq\" {\n  interface = \"web\" path = \"/hq\" level = \"medium+remote\"\n}\n",
      ":11: line 'hq': remote levels are not offered for lines; use medium or high\n" },
    { LINE7("") "line \"hq\" {\n  interface = \"web\" path = \"hq\"\n}\n",
      ":10: path: 'hq' is not a path such as /line/hq, without a query\n:11: line 'hq': 'path' is missing\n" },
    { LINE7("") "trunk \"t\" {\n  interface = \"web\" sip-domains = {\"a.example\"}\n}\n",
      ":11: trunk 't': interface 'web' is not an inbound one of service sip\n" },
    { LINE7("") "trunk \"t\" {\n  sip-domains = {\"a.example\"}\n}\n", ":11: trunk 't': 'interface' is missing\n" },
    { LINE7("role = \"outbound\" connect = \"a.example:443\" proxy = \"v1\""),
      ":8: interface 'web': 'backend' counts only with role = inbound\n"
      ":8: interface 'web': 'proxy' counts only with role = inbound\n" },
    { LINE7("service-security = \"unsecure+secure\" listen-plain = {\"127.0.0.1:2\"} require-certificate = true"),
      ":8: interface 'web': require-certificate = true cannot hold at service-security unsecure+secure: "
      "without TLS nobody shows one\n" },
    { LINE7("service = \"sip\" phones = true") "trunk \"t\" {\n  interface = \"web\" level = \"medium\" "
      "sip-domains = {\"a.example\"} sip-match = \"every-request\"\n}\n",
      ":11: trunk 't': sip-match = every-request counts only at a level with the check sip-domain\n" },
    { LINE7("") "line \"web\" {\n  transport = \"websocket-client\" connect = \"a.example:443\" "
      "listen = {\"127.0.0.1:2\"}\n}\n",
      ":11: line 'web': there is an interface of this name\n" },
    { "management = \"hihg\"\n" LINE7(""),
      ":1: management: 'hihg' is not none, low, medium, high, medium+remote or high+remote\n" },
    { LINE7("") LINE7(""), ":9: 'store' stands twice\n:9: 'tcs' stands twice\n:10: identity 'gw' stands twice\n:16: interface 'web' stands twice\n" },
    { "store = false tcs = \"tcs\"\n", ": there is no interface block: nothing to serve\n" },
};
/* clang-format on */

/* The problems, each line of which must begin with the file's name, without it; the caller frees them. */
static char *
without_path(const char *text)
{
    char *out = calloc(1, strlen(text) + 1);

    assert_non_null(out);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n") + 1;

        if (strncmp(text, path, strlen(path)) != 0)
            fail_msg("the file is not named: %s", text);
        (void)strncat(out, text + strlen(path), len - strlen(path));
        text += len;
    }
    return out;
}

static void
wrong_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cg_buf problems;
        struct settings *settings = load(rows[i].text, &problems);
        char *text = without_path(cg_buf_text(&problems));

        if (settings != NULL)
            fail_msg("accepted: %s", rows[i].text);
        if (strcmp(text, rows[i].problem) != 0)
            fail_msg("%s where %s was expected", text, rows[i].problem);
        free(text);
        cg_buf_release(&problems);
    }
}

/* Every problem of a file in one go, each on a line of its own. */
static void
all_problems_at_once(void **state)
{
    struct cg_buf problems;
    size_t lines = 0;

    (void)state;
    assert_null(load(LINE7("level = \"higher\"\n min-tls = \"9\"\n levle = \"x\""), &problems));
    for (const char *c = cg_buf_text(&problems); *c != '\0'; c++)
        lines += *c == '\n';
    /* libconfuse stops at an unknown name, so that is the last one. */
    assert_int_equal(lines, 3);
    cg_buf_release(&problems);
}

static void
what_cannot_be_read(void **state)
{
    static const char *const texts[] = { "", "interface {", "\"", "interface \"web\" { listen = {",
        "listen = }", "tcs = \"a\" tcs", "node = \"${HOME", "interface \"web\" { } }", "\x01\xff",
        "{" };
    struct cg_buf problems;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_null(load(texts[i], &problems));
        if (strncmp(cg_buf_text(&problems), path, strlen(path)) != 0)
            fail_msg("'%s': %s", texts[i], cg_buf_text(&problems));
        cg_buf_release(&problems);
    }
    cg_buf_init(&problems, 1000);
    assert_null(settings_load("/nowhere/certgate.conf", NULL, &problems));
    assert_string_equal(cg_buf_text(&problems),
            "/nowhere/certgate.conf: cannot be read: No such file or directory\n");
    cg_buf_release(&problems);
    assert_null(settings_load("/", NULL, &problems)); /* and the process lives on */
    assert_string_equal(cg_buf_text(&problems), "/: cannot be read: Is a directory\n");
    cg_buf_release(&problems);
}

/* After a file that was refused the next one is read as if it were the first: nothing is left over. */
static void
nothing_is_left_over(void **state)
{
    struct cg_buf problems;
    struct settings *settings;

    (void)state;
    assert_null(load(LINE7("names = {\"a.example\"} levle = \"high\""), &problems));
    cg_buf_release(&problems);
    settings = load(LINE7(""), &problems);
    if (settings == NULL)
        fail_msg("%s", cg_buf_text(&problems));
    assert_int_equal(settings->interfaces[0].rules.name_count, 0);
    settings_free(settings);
    cg_buf_release(&problems);
}

/* Which setting each level is of: what a change of that setting would reach. */
static void
where_levels_come_from(void **state)
{
    static const char sip[] =
            "  listen = {\"127.0.0.1:%d\"} backend = \"127.0.0.1:80\" identity = \"gw\""
            " service = \"sip\" phones = true\n";
    static const struct {
        const char *name;
        enum snapshot_level_from from;
        enum cg_level level;
    } expected[] = {
        { "web", SNAPSHOT_LEVEL_MANAGEMENT, CG_LEVEL_LOW },
        { "  with-level", SNAPSHOT_LEVEL_OWN, CG_LEVEL_HIGH },
        { "  plain-line", SNAPSHOT_LEVEL_MANAGEMENT, CG_LEVEL_LOW },
        { "sip", SNAPSHOT_LEVEL_TELEPHONY, CG_LEVEL_HIGH },
        { "  inherits", SNAPSHOT_LEVEL_TELEPHONY, CG_LEVEL_HIGH },
        { "  own-trunk", SNAPSHOT_LEVEL_OWN, CG_LEVEL_NONE },
        { "sip-own", SNAPSHOT_LEVEL_OWN, CG_LEVEL_MEDIUM },
        { "  of-own", SNAPSHOT_LEVEL_OWN, CG_LEVEL_MEDIUM },
    };
    char text[4096];
    int len = snprintf(text, sizeof(text),
            "management = \"low\"\ntelephony = \"high\"\n" LINE7(
                    "") "line \"with-level\" { interface = \"web\" path = \"/a\" }\n"
                        "line \"plain-line\" { interface = \"web\" path = \"/b\" security = "
                        "\"medium\" }\n"
                        "interface \"sip\" {\n");
    struct cg_buf problems;
    struct settings *settings;
    size_t next = 0;

    (void)state;
    len += snprintf(text + len, sizeof(text) - (size_t)len, sip, 5061);
    len += snprintf(text + len, sizeof(text) - (size_t)len,
            "}\ninterface \"sip-own\" { level = \"medium\"\n");
    len += snprintf(text + len, sizeof(text) - (size_t)len, sip, 5062);
    (void)snprintf(text + len, sizeof(text) - (size_t)len,
            "}\ntrunk \"inherits\" { interface = \"sip\" from = {\"192.0.2.1\"} }\n"
            "trunk \"own-trunk\" { interface = \"sip\" from = {\"192.0.2.2\"} level = \"none\" }\n"
            "trunk \"of-own\" { interface = \"sip-own\" from = {\"192.0.2.3\"} }\n");
    settings = load(text, &problems);
    if (settings == NULL)
        fail_msg("%s", cg_buf_text(&problems));
    for (size_t i = 0; i < settings->interface_count; i++) {
        const struct snapshot_interface *it = &settings->interfaces[i];

        for (size_t j = 0; j <= it->class_count; j++, next++) {
            const struct snapshot_rules *rules = j == 0 ? &it->rules : &it->classes[j - 1].rules;
            const char *name = expected[next].name + strspn(expected[next].name, " ");

            assert_true(next < COUNT(expected));
            assert_string_equal(j == 0 ? it->name : it->classes[j - 1].name, name);
            if (rules->level_from != expected[next].from || rules->level != expected[next].level)
                fail_msg("%s: level %s, from %d", name, cg_level_name(rules->level),
                        (int)rules->level_from);
        }
    }
    assert_int_equal(next, COUNT(expected));
    settings_free(settings);
    cg_buf_release(&problems);
}

static void
the_decision_log(void **state)
{
    struct cg_buf problems;
    struct settings *settings = load(LINE7(""), &problems);

    (void)state;
    assert_non_null(settings);
    assert_int_equal(settings->recording.max_bytes, 100000000);
    assert_int_equal(settings->recording.max_age_s, 0);
    assert_int_equal(settings->recording.keep, 10);
    assert_false(settings->recording.sync);
    assert_false(settings->recording.required);
    assert_int_equal(settings->recording.told_count, 0);
    assert_int_equal(settings->recording.reserve, 8000000);
    settings_free(settings);
    cg_buf_release(&problems);
    settings = load(
            "log-max-size = off log-max-age = 1d log-keep = 100 log-sync = true audit = required\n"
            "log-to = \" journald:/run/j  syslog \" log-to-accepted = true disk-reserve = "
            "off\n" LINE7(""),
            &problems);
    assert_non_null(settings);
    assert_int_equal(settings->recording.max_bytes, 0);
    assert_int_equal(settings->recording.max_age_s, 86400);
    assert_int_equal(settings->recording.keep, 100);
    assert_true(settings->recording.sync);
    assert_true(settings->recording.required);
    assert_true(settings->recording.told_accepted);
    assert_int_equal(settings->recording.told_count, 2);
    assert_int_equal(settings->recording.told[0].kind, SETTINGS_JOURNALD);
    assert_string_equal(settings->recording.told[0].socket, "/run/j");
    assert_string_equal(settings->recording.told[1].socket, "/dev/log");
    assert_int_equal(settings->recording.reserve, 0);
    settings_free(settings);
    cg_buf_release(&problems);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_decision_log),
        cmocka_unit_test(where_levels_come_from),
        cmocka_unit_test(the_least_that_is_needed),
        cmocka_unit_test(everything_set),
        cmocka_unit_test(lists),
        cmocka_unit_test(several_identities),
        cmocka_unit_test(custom_checks),
        cmocka_unit_test(wrong_lines),
        cmocka_unit_test(all_problems_at_once),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(nothing_is_left_over),
    };

    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
