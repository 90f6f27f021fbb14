/* Whose request it is: From, Request-URI and Via in the forms that stand in real and in hostile heads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sip.h"

#define BAD NULL

static enum sip_result
read_request(const char *uri, const char *via, const char *from, struct sip_head *head,
        struct cg_buf *text, const char **why)
{
    enum sip_result result;
    size_t used;

    cg_buf_init(text, 64 * 1024);
    cg_buf_addf(text,
            "REGISTER %s SIP/2.0\r\nMax-Forwards: 70\r\n%s\r\nFrom: %s\r\nTo: <sip:b@h>\r\n"
            "Call-ID: 1\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n",
            uri, via, from);
    assert_false(text->failed);
    *why = "";
    result = sip_read((const uint8_t *)text->data, text->len, &used, head, why);
    /* However much of it is there: never another request than the whole one. */
    for (size_t cut = 0; cut < text->len; cut++) {
        struct sip_head part;
        const char *part_why;
        enum sip_result early = sip_read((const uint8_t *)text->data, cut, &used, &part, &part_why);

        if (early != SIP_MORE && (early != SIP_BAD || result != SIP_BAD))
            fail_msg("'%s': %d when cut at %zu", text->data, early, cut);
    }
    return result;
}

#define HOST63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HOST252                                                                                    \
    HOST63 "." HOST63 "." HOST63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const char *from;
    const char *domain; /* BAD: refused */
} froms[] = {
    /* clang-format off */
    { "<sip:a@phone.example>", "phone.example" },
    { "<sip:a@phone.example>;tag=1", "phone.example" },
    { "sip:a@phone.example", "phone.example" },
    { "sip:a@phone.example;tag=1", "phone.example" },
    { "sip:a@phone.example ; tag = 1", "phone.example" },
    { "sip:phone.example;tag=1", "phone.example" },
    { "<sips:a@phone.example>", "phone.example" },
    { "<SIP:a@Phone.EXAMPLE>", "phone.example" },
    { "<sip:phone.example>", "phone.example" },
    { "<sip:a@phone.example.>", "phone.example" },
    { "<sip:a@pbx>", "pbx" },
    { "<sip:a@pbx.>", "pbx" },
    { "<sip:a@old_pbx.example>", "old_pbx.example" },
    { "<sip:a@xn--bcher-kva.example>", "xn--bcher-kva.example" },
    { "<sip:a@" HOST252 "a>", HOST252 "a" },

    /* What stands before it. */
    { "Bell <sip:a@phone.example>", "phone.example" },
    { "A. G. Bell <sip:a@phone.example>", "phone.example" },
    { "Bell<sip:a@phone.example>", "phone.example" },
    { "\"\" <sip:a@phone.example>", "phone.example" },
    { "\"Bell, A\"<sip:a@phone.example>", "phone.example" },
    { "\"<sip:a@trunk.example>\" <sip:a@phone.example>", "phone.example" },
    { "\"a\\\" <sip:a@trunk.example>;\" <sip:a@phone.example>", "phone.example" },
    { "\"a\\\\\" <sip:a@phone.example>", "phone.example" },
    { "\"B\xc3\xa9ll \xff\" <sip:a@phone.example>", "phone.example" },
    { "\"Bell\r\n A\" <sip:a@phone.example>", "phone.example" },
    { "\"Bell\"\r\n <sip:a@phone.example>", "phone.example" },
    { "token1~` token2'+_ token3*%!.- <sip:a@phone.example>", "phone.example" },
    { "\"a\\\" <sip:a@phone.example>", BAD },
    { "\"a <sip:a@phone.example>", BAD },
    { "a\" <sip:a@phone.example>", BAD },
    { "\"a\" \"b\" <sip:a@phone.example>", BAD },
    { "\"a\" b <sip:a@phone.example>", BAD },
    { "\"a\" sip:a@phone.example", BAD },
    { "\"a\\\r\n b\" <sip:a@phone.example>", BAD },
    { "Bell, A <sip:a@phone.example>", BAD },
    { "B\xc3\xa9ll <sip:a@phone.example>", BAD },
    { "sip:a@phone.example <sip:a@trunk.example>", BAD },
    { "(a) <sip:a@phone.example>", BAD },

    /* What stands behind it. */
    { "<sip:a@phone.example>;x;y=z;w=\"a;b<>\\\"\";tag=1", "phone.example" },
    { "<sip:a@phone.example>;x=[2001:db8::1]", "phone.example" },
    { "<sip:a@phone.example>;tag=YWJj/w==", "phone.example" },
    { "<sip:a@phone.example>\r\n ;\r\n tag\r\n =\r\n 1", "phone.example" },
    { "<sip:a@phone.example> <sip:a@trunk.example>", BAD },
    { "<sip:a@phone.example>, <sip:a@trunk.example>", BAD },
    { "sip:a@phone.example, sip:a@trunk.example", BAD },
    { "sip:a@phone.example,sip:a@trunk.example", BAD },
    { "<sip:a@phone.example>@trunk.example", BAD },
    { "<sip:a@phone.example>;@trunk.example", BAD },
    { "<sip:a@phone.example>;x=a@trunk.example", BAD },
    { "<sip:a@phone.example>;", BAD },
    { "<sip:a@phone.example>;;tag=1", BAD },
    { "<sip:a@phone.example>;=1", BAD },
    { "<sip:a@phone.example>;tag=", BAD },
    { "<sip:a@phone.example>;x=\"a", BAD },
    { "<sip:a@phone.example>>", BAD },
    { "<sip:a@phone.example", BAD },
    { "sip:a@phone.example>", BAD },
    { "<<sip:a@phone.example>>", BAD },
    { "<>", BAD },
    { "<sip:>", BAD },
    { "*", BAD },

    /* Without brackets, what follows ";" is of the field, and "?" must not be (RFC 3261 section 20). */
    { "sip:phone.example;x@trunk.example", BAD },
    { "sip:a@phone.example?x=y", BAD },
    { "sip:a@phone.example;x=y?z", BAD },

    /* User part: "@" escaped, ";" and "?" of the user (RFC 3261 section 19.1.1), numbers, passwords. */
    { "<sip:a%40trunk.example@phone.example>", "phone.example" },
    { "<sip:trunk.example;x=y@phone.example>", "phone.example" },
    { "<sip:trunk.example?x=y@phone.example>", "phone.example" },
    { "<sip:trunk.example:5061@phone.example>", "phone.example" },
    { "<sip:null-%00-null@phone.example>", "phone.example" },
    { "<sip:+1-212-555-1212;phone-context=trunk.example@phone.example;user=phone>", "phone.example" },
    { "<sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@phone.example>", "phone.example" },
    { "<sip:a@trunk.example@phone.example>", BAD },
    { "<sip:a@phone.example@trunk.example>", BAD },
    { "<sip:a@phone.example;x=@trunk.example>", BAD },
    { "<sip:a@phone.example?x=@trunk.example>", BAD },
    { "<sip:@phone.example>", BAD },
    { "<sip::x@phone.example>", BAD },
    { "<sip:a:@phone.example>", BAD }, /* good by the grammar, but not to osip */
    { "<sip:a:b:c@phone.example>", BAD },
    { "<sip:a:b;c@phone.example>", BAD },
    { "<sip:a%4@phone.example>", BAD },
    { "<sip:a%zz@phone.example>", BAD },
    { "<sip:a%@phone.example>", BAD },
    { "<sip:[a]@phone.example>", BAD },
    { "<sip:a#b@phone.example>", BAD },
    { "<sip:\xc3\xa9@phone.example>", BAD },

    /* Blanks within brackets (RFC 4475 section 3.1.2.14), folds within the URI. */
    { "< sip:a@phone.example>", BAD },
    { "<sip:a@phone.example >", BAD },
    { "<sip:a @phone.example>", BAD },
    { "<sip:a@ phone.example>", BAD },
    { "<sip:a@phone\r\n .example>", BAD },
    { "<\r\n sip:a@phone.example>", BAD },
    { "sip: a@phone.example", BAD },
    { "sip :a@phone.example", BAD },

    /* Parameters, ports and headers of the URI are read and passed over. */
    { "<sip:a@phone.example:5061>", "phone.example" },
    { "<sip:a@phone.example:0>", "phone.example" },
    { "<sip:a@phone.example;transport=tls;lr;maddr=trunk.example>", "phone.example" },
    { "<sip:a@phone.example;x=[::1]:$&+/%41>", "phone.example" },
    { "<sip:a@phone.example?Subject=x&Priority=>", "phone.example" },
    { "<sip:a@phone.example:5061;lr?x=y>;tag=1", "phone.example" },
    { "<sip:a@phone.example:>", BAD },
    { "<sip:a@phone.example:65536>", BAD },
    { "<sip:a@phone.example:005061>", BAD },
    { "<sip:a@phone.example:5061a>", BAD },
    { "<sip:a@phone.example:-1>", BAD },
    { "<sip:a@phone.example;>", BAD },
    { "<sip:a@phone.example;=x>", BAD },
    { "<sip:a@phone.example;x=>", BAD },
    { "<sip:a@phone.example?>", BAD },
    { "<sip:a@phone.example?x>", BAD },
    { "<sip:a@phone.example/trunk.example>", BAD },
    { "<sip://a@phone.example>", BAD },
    { "<sip://trunk.example/a@phone.example>", BAD },
    { "<sip:/a@phone.example>", "phone.example" },

    /* Hosts. */
    { "<sip:a@192.0.2.1>", "192.0.2.1" },
    { "<sip:a@[2001:DB8:0:0::1]>", "2001:db8::1" },
    { "<sip:a@[2001:db8::1]:5061;lr>", "2001:db8::1" },
    { "<sip:[2001:db8::1]>", "2001:db8::1" },
    { "<sip:a@[::ffff:192.0.2.1]>", "192.0.2.1" },
    { "<sip:a@[::ffff:c000:201]>", "192.0.2.1" },
    { "<sip:a@%70hone.example>", BAD },
    { "<sip:a@phone.example%2e>", BAD },
    { "<sip:a@phone.example..>", BAD },
    { "<sip:a@phone..example>", BAD },
    { "<sip:a@.phone.example>", BAD },
    { "<sip:a@.>", BAD },
    { "<sip:a@-phone.example>", BAD },
    { "<sip:a@phone.example->", BAD },
    { "<sip:a@*.example>", BAD },
    { "<sip:a@b\xc3\xbc" "cher.example>", BAD },
    { "<sip:a@" HOST63 "a.example>", BAD },
    { "<sip:a@" HOST252 "aa>", BAD },
    { "<sip:a@192.0.2.01>", BAD },
    { "<sip:a@192.0.2>", BAD },
    { "<sip:a@192.0.2.1.>", BAD },
    { "<sip:a@192.0.2.256>", BAD },
    { "<sip:a@3221225985>", BAD },
    { "<sip:a@0xc0000201>", BAD },
    { "<sip:a@0xc0.0.2.0x1>", BAD },
    { "<sip:a@2001:db8::1>", BAD },
    { "<sip:a@[2001:db8::1>", BAD },
    { "<sip:a@2001:db8::1]>", BAD },
    { "<sip:a@[2001:db8::1%25eth0]>", BAD },
    { "<sip:a@[192.0.2.1]>", BAD },
    { "<sip:a@[phone.example]>", BAD },
    { "<sip:a@[]>", BAD },
    { "<sip:a@[2001:db8::1].example>", BAD },

    /* Other schemes: tel has no domain; the rest is refused, as Kamailio finds domains in urn. */
    { "<tel:+1-212-555-1212>;tag=1", "" },
    { "tel:+12125551212;tag=1", "" },
    { "<tel:863-1234;phone-context=trunk.example>", "" },
    { "<tel:a@trunk.example>", BAD },
    { "<tel:trunk.example>", BAD },
    { "<tel:>", BAD },
    { "<urn:x:trunk.example>", BAD },
    { "<urn:trunk.example>", BAD },
    { "<http://trunk.example/>", BAD },
    { "<pres:a@trunk.example>", BAD },
    { "<sipx:a@trunk.example>", BAD },
    { "<1sip:a@phone.example>", BAD },
    { "<:a@phone.example>", BAD },
    { "<a@phone.example>", BAD },
    { "phone.example", BAD },
    /* clang-format on */
};

static void
reads_the_domain_of_a_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++) {
        struct sip_head head;
        struct cg_buf text;
        const char *why;
        enum sip_result result =
                read_request("sip:h", "Via: SIP/2.0/TLS h", froms[i].from, &head, &text, &why);

        if (froms[i].domain == BAD
                        ? result != SIP_BAD
                        : result != SIP_HEAD || strcmp(head.from_domain, froms[i].domain) != 0)
            fail_msg("'%s': %d '%s' (%s)", froms[i].from, result, head.from_domain, why);
        cg_buf_release(&text);
    }
}

static const struct {
    const char *uri;
    const char *domain;
} uris[] = {
    { "sip:Proxy.example", "proxy.example" },
    { "sips:b@proxy.example:5061;lr", "proxy.example" },
    { "sip:user;par=u%40example.net@proxy.example", "proxy.example" },
    { "sip:b@proxy.example?Route=%3Csip:x%3E", "proxy.example" },
    { "sip:b@[2001:db8::1]", "2001:db8::1" },
    { "tel:+12125551212", "" },
    { "urn:service:sos", "" },
    { "soap.beep://192.0.2.103:3002", "" },
    { "nobodyKnowsThisScheme:totallyopaquecontent", "" },
    { "sip:b@proxy..example", BAD },
    { "sip:b@proxy.example:70000", BAD },
    { "sip:b@proxy.example;", BAD },
    { "proxy.example", BAD },
    { "*", BAD },
    { "sip:", BAD },
    { "urn:", BAD },
    { "http://a\"b", BAD },
    { "http://a>b", BAD },
};

static void
reads_the_domain_of_a_request_uri(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct sip_head head;
        struct cg_buf text;
        const char *why;
        enum sip_result result =
                read_request(uris[i].uri, "Via: SIP/2.0/TLS h", "<sip:a@h>", &head, &text, &why);

        if (uris[i].domain == BAD
                        ? result != SIP_BAD
                        : result != SIP_HEAD || strcmp(head.request_domain, uris[i].domain) != 0)
            fail_msg("'%s': %d '%s' (%s)", uris[i].uri, result, head.request_domain, why);
        cg_buf_release(&text);
    }
}

static const struct {
    const char *via;
    const char *alias; /* the bytes that would be cut, "" none, BAD: refused */
} vias[] = {
    /* clang-format off */
    { "Via: SIP/2.0/TLS h.example", "" },
    { "Via: SIP/2.0/TLS h.example;branch=z9hG4bK1;rport", "" },
    { "Via: SIP/2.0/TLS h.example;alias;branch=1", ";alias" },
    { "v: SIP/2.0/TLS h.example:5061;branch=1;alias", ";alias" },
    { "Via: SIP/2.0/TLS h;branch=1 ; ALIAS ;x", " ; ALIAS" },
    { "Via: SIP/2.0/TLS h;branch=1\r\n ;\r\n alias\r\n ;x", "\r\n ;\r\n alias" },
    { "Via: SIP/2.0/TLS h;alias=x;y", ";alias=x" },
    { "Via: SIP/2.0/TLS h;alias = \"x;y\";y", ";alias = \"x;y\"" },
    { "Via: SIP/2.0/TLS h;alias, SIP/2.0/UDP g", ";alias" },
    { "Via: SIP/2.0/TLS h, SIP/2.0/UDP g;alias", "" },
    { "Via: SIP/2.0/TLS h\r\nVia: SIP/2.0/UDP g;alias", "" },
    { "v: SIP/2.0/TLS h\r\nVia: SIP/2.0/UDP g;alias", "" },
    { "Via: SIP/2.0/TLS h;alias\r\nv: SIP/2.0/UDP g;alias", ";alias" },
    { "Via: SIP/2.0/TLS h;x=\";alias\"", "" },
    { "Via: SIP/2.0/TLS h;aliases;x=alias", "" },
    { "Via: SIP  /   2.0 / TLS   spindle.example   : 5061 ;   alias", " ;   alias" },
    { "Via: SIP/2.0/TLS [2001:db8::1]:5061;received=2001:db8::2;alias", ";alias" },
    { "Via: SIP/2.0/TLS 192.0.2.1;received=[2001:db8::2]", "" },
    { "Via: SIP/2.0/UNKNOWN h;x", "" },
    { "Via: SIP/2.0/TLS h;alias;alias", BAD },
    { "Via: SIP/2.0/TLS h;alias;x;Alias=1", BAD },
    { "Via: ", BAD },
    { "Via: SIP/2.0/TLS", BAD },
    { "Via: SIP/2.0 h", BAD },
    { "Via: SIP/2.0/TLS ;alias", BAD },
    { "Via: SIP/2.0/TLS h;", BAD },
    { "Via: SIP/2.0/TLS h;;alias", BAD },
    { "Via: SIP/2.0/TLS h,", BAD },
    { "Via: ,SIP/2.0/TLS h", BAD },
    { "Via: SIP/2.0/TLS h x", BAD },
    { "Via: SIP/2.0/TLS h:70000", BAD },
    { "Via: SIP/2.0/TLS h (comment)", BAD },
    { "Via: SIP/2.0/TLS h;x=\"y\r\nX: \"", BAD },
    { "Via: SIP/2.0/TLS h\r\nVia: SIP/2.0/TLS (g", BAD },
    /* clang-format on */
};

static void
finds_the_alias_of_the_topmost_via(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
        struct sip_head head;
        struct cg_buf text;
        const char *why;
        enum sip_result result =
                read_request("sip:h", vias[i].via, "<sip:a@h>", &head, &text, &why);

        if (vias[i].alias == BAD ? result != SIP_BAD
                                 : result != SIP_HEAD || head.alias_len != strlen(vias[i].alias) ||
                                memcmp(text.data + head.alias_at, vias[i].alias, head.alias_len) !=
                                        0)
            fail_msg("'%s': %d, %zu bytes at %zu (%s)", vias[i].via, result, head.alias_len,
                    head.alias_at, why);
        cg_buf_release(&text);
    }
}

/* With the bytes cut out, the head is still one, and without alias. */
static void
a_head_without_its_alias_is_a_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vias) / sizeof(vias[0]); i++) {
        struct sip_head head, cut;
        struct cg_buf text, rest;
        const char *why;
        size_t used;

        if (vias[i].alias == BAD || vias[i].alias[0] == '\0')
            continue;
        read_request("sip:h", vias[i].via, "<sip:a@h>", &head, &text, &why);
        cg_buf_init(&rest, 64 * 1024);
        cg_buf_add_bytes(&rest, text.data, head.alias_at);
        cg_buf_add_bytes(&rest, text.data + head.alias_at + head.alias_len,
                text.len - head.alias_at - head.alias_len);
        if (sip_read((const uint8_t *)rest.data, rest.len, &used, &cut, &why) != SIP_HEAD ||
                cut.alias_len != 0 || used != rest.len)
            fail_msg("'%s' without its alias (%s)", vias[i].via, why);
        cg_buf_release(&rest);
        cg_buf_release(&text);
    }
}

static void
values_have_a_longest(void **state)
{
    (void)state;
    for (size_t more = 0; more <= 1; more++) {
        char from[GW_MAX_SIP_VALUE + 2];
        struct sip_head head;
        const char *why, *wanted = more == 0 ? "" : "a malformed From";
        size_t used, len = GW_MAX_SIP_VALUE + more;
        struct cg_buf text;

        memset(from, 'x', sizeof(from));
        memcpy(from, "<sip:a@h>;", 10);
        from[len] = '\0';
        cg_buf_init(&text, 64 * 1024);
        cg_buf_addf(&text,
                "REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nf: %s\r\nt: sip:b@h\r\n"
                "i: 1\r\nCSeq: 1 REGISTER\r\nl: 0\r\n\r\n",
                from);
        why = "";
        (void)sip_read((const uint8_t *)text.data, text.len, &used, &head, &why);
        assert_string_equal(why, wanted);
        cg_buf_release(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_domain_of_a_from),
        cmocka_unit_test(reads_the_domain_of_a_request_uri),
        cmocka_unit_test(finds_the_alias_of_the_topmost_via),
        cmocka_unit_test(a_head_without_its_alias_is_a_head),
        cmocka_unit_test(values_have_a_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
