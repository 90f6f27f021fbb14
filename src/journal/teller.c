#include "journal/teller.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "journal/words.h"

#define IDENT "certgated"
/* Longer values are cut: a subject may have 64 KiB. */
#define MAX_FIELD 2000
/* All fields of a record; journald takes datagrams of some 200 KiB. */
#define MAX_DATAGRAM (32 * 1024)

void
journal_teller_init(
        struct journal_teller *teller, enum journal_teller_kind kind, const char *socket)
{
    *teller = (struct journal_teller) { .kind = kind, .socket = socket, .fd = -1 };
}

void
journal_teller_release(struct journal_teller *teller)
{
    if (teller->fd >= 0)
        close(teller->fd);
    teller->fd = -1;
}

/* ---- the socket -------------------------------------------------------------------------------- */

static bool
connect_to(struct journal_teller *teller)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    if (strlen(teller->socket) >= sizeof(to.sun_path))
        return false;
    memcpy(to.sun_path, teller->socket, strlen(teller->socket) + 1);
    teller->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (teller->fd >= 0 && connect(teller->fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return true;
    journal_teller_release(teller);
    return false;
}

/* A service that was started again has another socket of the same name: one more attempt. */
static bool
send_all(struct journal_teller *teller, const struct cg_buf *text)
{
    const bool fresh = teller->fd < 0;
    ssize_t sent;

    if (text->failed || (fresh && !connect_to(teller)))
        return false;
    sent = send(teller->fd, text->data, text->len, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EMSGSIZE && !fresh) {
        journal_teller_release(teller);
        if (!connect_to(teller))
            return false;
        sent = send(teller->fd, text->data, text->len, MSG_NOSIGNAL);
    }
    return sent == (ssize_t)text->len;
}

/* ---- messages ---------------------------------------------------------------------------------- */

static void
syslog_head(struct cg_buf *out, int priority, int64_t seconds)
{
    const time_t time = (time_t)seconds;
    struct tm local = { 0 };
    char when[32] = "";

    /* The local time, and the day filled up with a blank (RFC 3164 section 4.1.2). */
    (void)localtime_r(&time, &local);
    (void)strftime(when, sizeof(when), "%b %e %H:%M:%S", &local);
    cg_buf_addf(out, "<%d>%s " IDENT "[%d]: ", LOG_AUTHPRIV | priority, when, (int)getpid());
}

/* "NAME=value" and a newline; what is empty is left out. No value has a newline in it once it is clean. */
static void
field(struct cg_buf *out, const char *name, const char *value)
{
    struct cg_buf clean;

    if (value[0] == '\0')
        return;
    cg_buf_init(&clean, MAX_FIELD);
    journal_add_clean(&clean, value);
    cg_buf_addf(out, "%s=%s\n", name, cg_buf_text(&clean));
    cg_buf_release(&clean);
}

static void
journald_head(struct cg_buf *out, int priority, const char *words)
{
    cg_buf_addf(out,
            "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=" IDENT "\nSYSLOG_PID=%d\n",
            priority, LOG_AUTHPRIV >> 3, (int)getpid());
    field(out, "MESSAGE", words);
}

static void
decision_fields(struct cg_buf *out, const struct journal_entry *entry)
{
    const struct {
        const char *name, *value;
    } fields[] = {
        { "CERTGATE_TOPIC", "decision" },
        { "CERTGATE_NODE", entry->node },
        { "CERTGATE_INCIDENT", entry->incident },
        { "CERTGATE_TIME", entry->time },
        { "CERTGATE_INTERFACE", entry->interface },
        { "CERTGATE_SERVICE", entry->service },
        { "CERTGATE_ROLE", entry->role },
        { "CERTGATE_PEER", entry->peer },
        { "CERTGATE_CLASS", entry->class },
        { "CERTGATE_VERDICT", entry->verdict },
        { "CERTGATE_LEVEL", entry->level },
        { "CERTGATE_REASON", entry->reason },
        { "CERTGATE_SUBJECT", entry->subject },
        { "CERTGATE_SHA256", entry->sha256 },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        field(out, fields[i].name, fields[i].value);
}

bool
journal_tell_decision(struct journal_teller *teller, const struct journal_entry *entry)
{
    const int priority = entry->accepted ? LOG_INFO : LOG_NOTICE;
    struct cg_buf text, words;
    bool told;

    cg_buf_init(&text, MAX_DATAGRAM);
    cg_buf_init(&words, JOURNAL_MAX_WORDS + 1);
    journal_words(entry, &words);
    if (teller->kind == JOURNAL_SYSLOG) {
        syslog_head(&text, priority, entry->time_ms / 1000);
        cg_buf_add(&text, cg_buf_text(&words));
    } else {
        journald_head(&text, priority, cg_buf_text(&words));
        decision_fields(&text, entry);
    }
    told = send_all(teller, &text);
    cg_buf_release(&text);
    cg_buf_release(&words);
    return told;
}

bool
journal_tell(struct journal_teller *teller, int priority, int64_t time, const char *topic,
        const char *words)
{
    struct cg_buf text;
    bool told;

    cg_buf_init(&text, MAX_DATAGRAM);
    if (teller->kind == JOURNAL_SYSLOG) {
        syslog_head(&text, priority, time);
        journal_add_clean(&text, words);
    } else {
        journald_head(&text, priority, words);
        field(&text, "CERTGATE_TOPIC", topic);
    }
    told = send_all(teller, &text);
    cg_buf_release(&text);
    return told;
}
