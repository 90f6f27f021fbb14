/* What a refused request is answered with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/sip.h"

#define ID "abcdefghijklmnopqrstuvwxyz"

static const struct {
    const char *what;
    const char *head;
    const char *answer; /* NULL: none */
} rows[] = {
    { "a request",
            "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=1\r\nMax-Forwards: 70\r\n"
            "From: \"A\" <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 7@h\r\nCSeq: 2 INVITE\r\n"
            "Subject: secret\r\nContent-Length: 0\r\n\r\n",
            "SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/TLS h;branch=1\r\n"
            "From: \"A\" <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=" ID "\r\nCall-ID: 7@h\r\n"
            "CSeq: 2 INVITE\r\nCertgate-Incident: " ID "\r\nContent-Length: 0\r\n\r\n" },
    { "compact names, several Vias, folds",
            "BYE sip:b@h SIP/2.0\r\nl:0\r\nv:SIP/2.0/TLS h, SIP/2.0/TLS g\r\nt:sip:b@h\r\n"
            "v: SIP/2.0/UDP f\r\nf:\"A\r\n B\" <sip:a@h>\r\ni : 7\r\ncseq: 2 BYE\r\n\r\n",
            "SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/TLS h, SIP/2.0/TLS g\r\nTo: sip:b@h;tag=" ID
            "\r\nVia: SIP/2.0/UDP f\r\nFrom: \"A\r\n B\" <sip:a@h>\r\nCall-ID: 7\r\nCSeq: 2 BYE\r\n"
            "Certgate-Incident: " ID "\r\nContent-Length: 0\r\n\r\n" },
    { "a To with a tag keeps it",
            "BYE sip:b@h SIP/2.0\r\nv: SIP/2.0/TLS h\r\nf: sip:a@h\r\nt: <sip:b@h;x=tag>;TAG=x\r\n"
            "i: 7\r\nCSeq: 2 BYE\r\nl: 0\r\n\r\n",
            "SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/TLS h\r\nFrom: sip:a@h\r\n"
            "To: <sip:b@h;x=tag>;TAG=x\r\nCall-ID: 7\r\nCSeq: 2 BYE\r\nCertgate-Incident: " ID
            "\r\nContent-Length: 0\r\n\r\n" },
    { "a tag in the URI is none",
            "BYE sip:b@h SIP/2.0\r\nv: SIP/2.0/TLS h\r\nf: sip:a@h\r\nt: <sip:b@h;tag=x>\r\n"
            "i: 7\r\nCSeq: 2 BYE\r\nl: 0\r\n\r\n",
            "SIP/2.0 403 Forbidden\r\nVia: SIP/2.0/TLS h\r\nFrom: sip:a@h\r\n"
            "To: <sip:b@h;tag=x>;tag=" ID "\r\nCall-ID: 7\r\nCSeq: 2 BYE\r\nCertgate-Incident: " ID
            "\r\nContent-Length: 0\r\n\r\n" },
    { "ACK",
            "ACK sip:b@h SIP/2.0\r\nv: SIP/2.0/TLS h\r\nf: sip:a@h\r\nt: sip:b@h\r\ni: 7\r\n"
            "CSeq: 2 ACK\r\nl: 0\r\n\r\n",
            NULL },
    { "a response",
            "SIP/2.0 200 OK\r\nv: SIP/2.0/TLS h\r\nf: sip:a@h\r\nt: sip:b@h\r\ni: 7\r\n"
            "CSeq: 2 BYE\r\nl: 0\r\n\r\n",
            NULL },
    { "a To that is no address",
            "BYE sip:b@h SIP/2.0\r\nv: SIP/2.0/TLS h\r\nf: sip:a@h\r\nt: Bell, A <sip:b@h>\r\n"
            "i: 7\r\nCSeq: 2 BYE\r\nl: 0\r\n\r\n",
            NULL },
};

static void
answers_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const uint8_t *data = (const uint8_t *)rows[i].head;
        size_t len = strlen(rows[i].head), used;
        const char *why = "";
        struct sip_head head;
        struct cg_buf out;
        bool ok;

        cg_buf_init(&out, 64 * 1024);
        if (sip_read(data, len, &used, &head, &why) != SIP_HEAD || used != len)
            fail_msg("%s: %s", rows[i].what, why);
        ok = sip_answer(data, len, 403, "Forbidden", ID, &out);
        if (ok != (rows[i].answer != NULL) ||
                strcmp(cg_buf_text(&out), ok ? rows[i].answer : "") != 0)
            fail_msg("%s: '%s'", rows[i].what, cg_buf_text(&out));
        /* What we write, we would read as one response. */
        if (ok &&
                (sip_read((const uint8_t *)out.data, out.len, &used, &head, &why) != SIP_HEAD ||
                        head.status != 403 || used != out.len))
            fail_msg("%s: its answer is no response (%s)", rows[i].what, why);
        cg_buf_release(&out);
    }
}

static void
says_so_when_there_is_no_room(void **state)
{
    struct cg_buf out;

    (void)state;
    cg_buf_init(&out, 100);
    assert_false(sip_answer(
            (const uint8_t *)rows[0].head, strlen(rows[0].head), 403, "Forbidden", ID, &out));
    cg_buf_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_requests),
        cmocka_unit_test(says_so_when_there_is_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
