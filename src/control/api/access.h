/* Who asks the admin API, and what they may do. */
#ifndef CONTROL_API_ACCESS_H
#define CONTROL_API_ACCESS_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* In order: each may what those before it may. */
enum access_role {
    ACCESS_NOBODY,
    ACCESS_AUDITOR, /* reads everything */
    ACCESS_OPERATOR, /* also admits certificates, confirms and reloads */
    ACCESS_ADMINISTRATOR,
    ACCESS_ROLES
};
const char *access_role_name(enum access_role role);

enum access_way {
    ACCESS_SOCKET, /* the state directory's socket */
    ACCESS_CONSOLE, /* the socket that a certgate interface has as its backend */
    ACCESS_LOOPBACK
};

#define ACCESS_TOKEN_SIZE 65 /* 256 bits in hex */
/* A session that is not used for so long is over, and after so long any. */
#define ACCESS_IDLE_S (30 * 60)
#define ACCESS_LONGEST_S (12 * 3600)
/* `certgate console` prints a link that is good once, for so long. */
#define ACCESS_LINK_S 300
/* A password costs a tenth of a second of everybody's time: so many tries of one source in that many seconds. */
#define ACCESS_TRIES 10
#define ACCESS_TRIES_S 60

struct access {
    char user[STORE_NAME_SIZE];
    enum access_role role;
    const char *via; /* "socket", "certificate" or "session" */
    char csrf[ACCESS_TOKEN_SIZE]; /* what a change has to carry; "": nothing */
    char certificate[2 * CG_SHA256_SIZE + 1]; /* "": none */
};

struct access_state;
struct access_state *access_new(void);
void access_free(struct access_state *state);

/*
 * Who it is. A password or link is not looked at here: these make sessions.
 *
 * user   of the workers, from whom the console's socket takes connections
 * view   of the store, for the roles of users; NULL: there are no users
 */
void access_find(struct access_state *state, enum access_way way, struct MHD_Connection *connection,
        uid_t user, const struct store_view *view, int64_t now, struct access *out);

/* True when a change carries what keeps other sites' pages from making it. */
bool access_is_meant(const struct access *access, struct MHD_Connection *connection);

enum access_try { ACCESS_GOOD, ACCESS_WRONG, ACCESS_TOO_OFTEN };
/* Begins a session; token is what the cookie holds. */
enum access_try access_login(struct access_state *state, enum access_way way,
        struct MHD_Connection *connection, const struct store_view *view, const char *user,
        const char *password, int64_t now, char token[ACCESS_TOKEN_SIZE]);
/* The same by a link, which is then spent. */
enum access_try access_login_link(
        struct access_state *state, const char *link, int64_t now, char token[ACCESS_TOKEN_SIZE]);
/* A new link. False without randomness. */
bool access_link(struct access_state *state, int64_t now, char link[ACCESS_TOKEN_SIZE]);
/* Ends the connection's session. */
void access_logout(struct access_state *state, struct MHD_Connection *connection);

#endif
