#include "control/api/access.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define COOKIE "certgate-session"
#define MAX_SESSIONS 64
#define MAX_SOURCES 64
#define SOURCE_SIZE 64
#define SECRET_SIZE 32
/* The user of a session that a link began: whoever could open the socket. */
#define LINK_USER "console link"

struct session {
    char token[ACCESS_TOKEN_SIZE]; /* "": free */
    char user[STORE_NAME_SIZE];
    char password[STORE_VALUE_SIZE]; /* its hash; with another the session is over */
    bool by_link;
    int64_t since;
    int64_t used;
};

/* Where passwords are tried from. */
struct source {
    char name[SOURCE_SIZE]; /* "": free */
    int64_t tries[ACCESS_TRIES]; /* when, in a ring */
    unsigned next;
    int64_t last;
};

struct access_state {
    uint8_t secret[SECRET_SIZE]; /* of what changes have to carry */
    struct session sessions[MAX_SESSIONS];
    char link[ACCESS_TOKEN_SIZE];
    int64_t link_until;
    /* Salt of nobody's password, so that a user that is not there takes as long as one that is. */
    char nobody[CRYPT_GENSALT_OUTPUT_SIZE];
    struct source sources[MAX_SOURCES];
};

const char *
access_role_name(enum access_role role)
{
    static const char *const names[] = { "nobody", "auditor", "operator", "administrator" };

    return names[role];
}

static enum access_role
role_from_name(const char *name)
{
    for (unsigned i = ACCESS_AUDITOR; i < ACCESS_ROLES; i++)
        if (strcmp(name, access_role_name((enum access_role)i)) == 0)
            return (enum access_role)i;
    return ACCESS_NOBODY;
}

static void
to_hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static bool
make_token(char out[ACCESS_TOKEN_SIZE])
{
    uint8_t bytes[(ACCESS_TOKEN_SIZE - 1) / 2];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    to_hex(bytes, sizeof(bytes), out);
    return true;
}

static bool
same_token(const char *a, const char *b)
{
    return strlen(a) == ACCESS_TOKEN_SIZE - 1 && strlen(b) == ACCESS_TOKEN_SIZE - 1 &&
            CRYPTO_memcmp(a, b, ACCESS_TOKEN_SIZE - 1) == 0;
}

struct access_state *
access_new(void)
{
    struct access_state *state = calloc(1, sizeof(*state));

    if (state != NULL &&
            (RAND_bytes(state->secret, sizeof(state->secret)) != 1 ||
                    crypt_gensalt_rn("$y$", 0, NULL, 0, state->nobody, sizeof(state->nobody)) ==
                            NULL)) {
        free(state);
        state = NULL;
    }
    return state;
}

void
access_free(struct access_state *state)
{
    if (state == NULL)
        return;
    OPENSSL_cleanse(state, sizeof(*state));
    free(state);
}

/* ---- users ------------------------------------------------------------------------------------- */

static bool
user_setting(const struct store_view *view, const char *user, const char *what,
        struct store_setting *out)
{
    char name[STORE_NAME_SIZE];

    return view != NULL &&
            (size_t)snprintf(name, sizeof(name), "user.%s.%s", user, what) < sizeof(name) &&
            store_get(view, name, out, NULL) == STORE_OK && out->is_set;
}

static enum access_role
role_of(const struct store_view *view, const char *user)
{
    struct store_setting setting;

    return user_setting(view, user, "role", &setting) ? role_from_name(setting.value)
                                                      : ACCESS_NOBODY;
}

struct by_certificate {
    const char *sha256;
    char user[STORE_NAME_SIZE];
};

static bool
find_certificate(void *arg, const struct store_setting *setting)
{
    static const char before[] = "user.", after[] = ".certificate";
    struct by_certificate *wanted = arg;
    size_t len = strlen(setting->name);

    if (!setting->is_set || strncmp(setting->name, before, sizeof(before) - 1) != 0 ||
            len < sizeof(before) + sizeof(after) ||
            strcmp(setting->name + len - (sizeof(after) - 1), after) != 0 ||
            strcmp(setting->value, wanted->sha256) != 0)
        return true;
    (void)snprintf(wanted->user, sizeof(wanted->user), "%.*s",
            (int)(len - (sizeof(before) - 1) - (sizeof(after) - 1)),
            setting->name + sizeof(before) - 1);
    return false;
}

/* ---- what the connection says ------------------------------------------------------------------ */

static int
descriptor_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

/* The user at the other end of a local socket. */
static bool
peer_user(struct MHD_Connection *connection, uid_t *out)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (getsockopt(descriptor_of(connection), SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
        return false;
    *out = peer.uid;
    return true;
}

static const char *
header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The certificate as RFC 9440 section 2.2 has it: base64 between colons. */
static bool
forwarded_certificate(struct MHD_Connection *connection, char out[2 * CG_SHA256_SIZE + 1])
{
    const char *field = header(connection, "Client-Cert");
    size_t len = field == NULL ? 0 : strlen(field);
    uint8_t digest[CG_SHA256_SIZE], *der = NULL;
    bool ok = false;
    int got;

    /* Whole groups of four between the colons, and no more than a certificate may have. */
    if (len < 6 || len > 64 * 1024 || field[0] != ':' || field[len - 1] != ':' ||
            (len - 2) % 4 != 0)
        return false;
    der = malloc(len);
    got = der == NULL ? -1 : EVP_DecodeBlock(der, (const unsigned char *)field + 1, (int)(len - 2));
    for (size_t i = len - 2; got > 0 && i > len - 4 && field[i] == '='; i--)
        got--;
    if (got > 0 && EVP_Digest(der, (size_t)got, digest, NULL, EVP_sha256(), NULL) == 1) {
        to_hex(digest, sizeof(digest), out);
        ok = true;
    }
    free(der);
    return ok;
}

/* Only who was admitted without an allowance, and by a certificate, is somebody. */
static void
find_by_certificate(
        struct MHD_Connection *connection, const struct store_view *view, struct access *out)
{
    const char *verdict = header(connection, "Certgate-Verdict");
    struct by_certificate wanted = { .sha256 = out->certificate };

    if (verdict == NULL || strncmp(verdict, "accept;", 7) != 0 ||
            !forwarded_certificate(connection, out->certificate) || view == NULL)
        return;
    if (store_settings(view, find_certificate, &wanted, NULL) != STORE_OK || wanted.user[0] == '\0')
        return;
    (void)snprintf(out->user, sizeof(out->user), "%s", wanted.user);
    out->role = role_of(view, wanted.user);
    out->via = "certificate";
}

/* ---- sessions ---------------------------------------------------------------------------------- */

static struct session *
find_session(struct access_state *state, struct MHD_Connection *connection, int64_t now)
{
    const char *token = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, COOKIE);

    for (size_t i = 0; token != NULL && i < MAX_SESSIONS; i++) {
        struct session *it = &state->sessions[i];

        if (!same_token(it->token, token))
            continue;
        if (now - it->used > ACCESS_IDLE_S || now - it->since > ACCESS_LONGEST_S ||
                now < it->since) {
            it->token[0] = '\0';
            return NULL;
        }
        it->used = now;
        return it;
    }
    return NULL;
}

/* A place for a new one, of a link where there is no hash: a free one, or the one that was not used for the longest time. */
static bool
begin_session(struct access_state *state, const char *user, const char *hash, int64_t now,
        char token[ACCESS_TOKEN_SIZE])
{
    struct session *place = &state->sessions[0];

    for (size_t i = 0; i < MAX_SESSIONS && place->token[0] != '\0'; i++)
        if (state->sessions[i].token[0] == '\0' || state->sessions[i].used < place->used)
            place = &state->sessions[i];
    if (!make_token(token))
        return false;
    *place = (struct session) { .by_link = hash == NULL, .since = now, .used = now };
    (void)snprintf(place->token, sizeof(place->token), "%s", token);
    (void)snprintf(place->user, sizeof(place->user), "%s", user);
    (void)snprintf(place->password, sizeof(place->password), "%s", hash == NULL ? "" : hash);
    return true;
}

static void
find_by_session(struct access_state *state, struct MHD_Connection *connection,
        const struct store_view *view, int64_t now, struct access *out)
{
    const struct session *session = find_session(state, connection, now);
    struct store_setting password;

    if (session == NULL ||
            (!session->by_link &&
                    (!user_setting(view, session->user, "password", &password) ||
                            strcmp(password.value, session->password) != 0)))
        return;
    (void)snprintf(out->user, sizeof(out->user), "%s", session->user);
    out->role = session->by_link ? ACCESS_ADMINISTRATOR : role_of(view, session->user);
    out->via = "session";
}

/* What a change has to carry: other sites' pages cannot read it, and cannot set a header of this name. */
static void
make_csrf(const struct access_state *state, struct MHD_Connection *connection, struct access *out)
{
    const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, COOKIE);
    char text[STORE_NAME_SIZE + 2 * ACCESS_TOKEN_SIZE];
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    (void)snprintf(text, sizeof(text), "%s %s %.64s", out->via, out->user,
            strcmp(out->via, "session") == 0 && cookie != NULL ? cookie : "");
    if (HMAC(EVP_sha256(), state->secret, SECRET_SIZE, (const uint8_t *)text, strlen(text), mac,
                &len) == NULL ||
            len != CG_SHA256_SIZE)
        out->role = ACCESS_NOBODY;
    else
        to_hex(mac, len, out->csrf);
}

void
access_find(struct access_state *state, enum access_way way, struct MHD_Connection *connection,
        uid_t workers, const struct store_view *view, int64_t now, struct access *out)
{
    uid_t user;

    *out = (struct access) { .role = ACCESS_NOBODY, .via = "" };
    if (way == ACCESS_SOCKET) {
        if (!peer_user(connection, &user))
            return;
        (void)snprintf(out->user, sizeof(out->user), "uid %u", (unsigned)user);
        out->role = ACCESS_ADMINISTRATOR; /* the socket's mode lets nobody else in */
        out->via = "socket";
        return;
    }
    if (way == ACCESS_CONSOLE) {
        if (!peer_user(connection, &user) || (user != workers && user != geteuid()))
            return;
        find_by_certificate(connection, view, out);
    }
    if (out->role == ACCESS_NOBODY)
        find_by_session(state, connection, view, now, out);
    if (out->role != ACCESS_NOBODY)
        make_csrf(state, connection, out);
}

bool
access_is_meant(const struct access *access, struct MHD_Connection *connection)
{
    /* No name that begins with Certgate-: those are the gateway's, which lets none of a peer through. */
    const char *sent = header(connection, "X-Csrf-Token");

    return access->csrf[0] == '\0' || (sent != NULL && same_token(access->csrf, sent));
}

/* ---- beginning and ending ---------------------------------------------------------------------- */

/*
 * Through an interface it is the peer, whom the gateway names last in X-Forwarded-For; on loopback all are one,
 * for everybody there can be anybody.
 */
static void
source_name(enum access_way way, struct MHD_Connection *connection, char out[SOURCE_SIZE])
{
    const char *forwarded = way == ACCESS_CONSOLE ? header(connection, "X-Forwarded-For") : NULL;
    const char *last = forwarded == NULL ? NULL : strrchr(forwarded, ',');

    last = last == NULL ? forwarded : last + 1;
    while (last != NULL && *last == ' ')
        last++;
    (void)snprintf(out, SOURCE_SIZE, "%.*s", SOURCE_SIZE - 1,
            last == NULL || *last == '\0' ? "local" : last);
}

/* Its place, or that of whoever has not tried for longest. */
static struct source *
find_source(struct access_state *state, const char *name)
{
    struct source *place = &state->sources[0];

    for (size_t i = 0; i < MAX_SOURCES; i++)
        if (strcmp(state->sources[i].name, name) == 0)
            return &state->sources[i];
    for (size_t i = 0; i < MAX_SOURCES; i++)
        if (state->sources[i].last < place->last)
            place = &state->sources[i];
    *place = (struct source) { .next = 0 };
    (void)snprintf(place->name, sizeof(place->name), "%s", name);
    return place;
}

static bool
may_try(struct source *source, int64_t now)
{
    int64_t *oldest = &source->tries[source->next];

    if (*oldest != 0 && now - *oldest < ACCESS_TRIES_S && now >= *oldest)
        return false;
    *oldest = source->last = now;
    source->next = (source->next + 1) % ACCESS_TRIES;
    return true;
}

static bool
password_fits(const char *password, const char *hash)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char *made = data == NULL ? NULL : crypt_r(password, hash, data);
    bool fits = made != NULL && made[0] != '*' && strlen(made) == strlen(hash) &&
            CRYPTO_memcmp(made, hash, strlen(hash)) == 0;

    if (data != NULL)
        OPENSSL_cleanse(data, sizeof(*data));
    free(data);
    return fits;
}

enum access_try
access_login(struct access_state *state, enum access_way way, struct MHD_Connection *connection,
        const struct store_view *view, const char *user, const char *password, int64_t now,
        char token[ACCESS_TOKEN_SIZE])
{
    char name[SOURCE_SIZE];
    struct source *source;
    struct store_setting hash;
    bool known =
            user_setting(view, user, "password", &hash) && role_of(view, user) != ACCESS_NOBODY;

    source_name(way, connection, name);
    source = find_source(state, name);
    if (!may_try(source, now))
        return ACCESS_TOO_OFTEN;
    if (!password_fits(password, known ? hash.value : state->nobody) || !known)
        return ACCESS_WRONG;
    /* Whoever knew it does not count. */
    source->next = (source->next + ACCESS_TRIES - 1) % ACCESS_TRIES;
    source->tries[source->next] = 0;
    return begin_session(state, user, hash.value, now, token) ? ACCESS_GOOD : ACCESS_WRONG;
}

bool
access_link(struct access_state *state, int64_t now, char link[ACCESS_TOKEN_SIZE])
{
    if (!make_token(state->link))
        return false;
    state->link_until = now + ACCESS_LINK_S;
    (void)snprintf(link, ACCESS_TOKEN_SIZE, "%s", state->link);
    return true;
}

enum access_try
access_login_link(
        struct access_state *state, const char *link, int64_t now, char token[ACCESS_TOKEN_SIZE])
{
    bool good = same_token(state->link, link) && now <= state->link_until;

    if (!good)
        return ACCESS_WRONG;
    OPENSSL_cleanse(state->link, sizeof(state->link));
    return begin_session(state, LINK_USER, NULL, now, token) ? ACCESS_GOOD : ACCESS_WRONG;
}

void
access_logout(struct access_state *state, struct MHD_Connection *connection)
{
    const char *token = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, COOKIE);

    for (size_t i = 0; token != NULL && i < MAX_SESSIONS; i++)
        if (same_token(state->sessions[i].token, token))
            state->sessions[i].token[0] = '\0';
}
