/* The clock and connected peers, in a real worker: one that is set back is as good a reason as one that runs on. */
#include <stdio.h>

#include "tls_pair.h"
#include "worker_scene.h"

#define HOUR 3600

/* A TLS server whose certificate holds from an hour before the scene's time to an hour after, or for longer. */
struct tls_end {
    SSL_CTX *ctx;
    SSL *ssl;
    int listener;
    int fd;
};

static void
tls_end_open(struct tls_end *end, struct sockaddr_in *at, int64_t from)
{
    struct identity identity = identity_of(EVP_EC_gen("P-256"));

    ASN1_TIME_set(X509_getm_notBefore(identity.cert), (time_t)from);
    ASN1_TIME_set(X509_getm_notAfter(identity.cert), (time_t)(SCENE_TIME + HOUR));
    X509_sign(identity.cert, identity.key, EVP_sha256());
    *at = loopback(0, 0);
    end->listener = listen_on(at, 4);
    end->ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(end->ctx, identity.cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(end->ctx, identity.key), 1);
    identity_release(&identity);
}

static void
tls_end_serve(struct tls_end *end)
{
    struct pollfd ready = { .fd = end->listener, .events = POLLIN };

    assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
    end->fd = accept(end->listener, NULL, NULL); /* it blocks: TLS is the other process's turn */
    assert_true(end->fd >= 0);
    end->ssl = SSL_new(end->ctx);
    SSL_set_fd(end->ssl, end->fd);
    assert_int_equal(SSL_accept(end->ssl), 1);
}

static void
tls_end_close(struct tls_end *end)
{
    SSL_free(end->ssl);
    SSL_CTX_free(end->ctx);
    close(end->fd);
    close(end->listener);
}

static void
the_clock_ends_a_connection_whichever_way_it_goes(void **state)
{
    static const struct {
        const char *why;
        int64_t from; /* the certificate holds from here */
        int64_t now; /* the clock, once the connection is there */
        const char *reason;
    } rows[] = {
        { "run on", SCENE_TIME - HOUR, SCENE_TIME + HOUR + 1, "\"reason\":\"expired\"" },
        { "set back", SCENE_TIME - HOUR, SCENE_TIME - HOUR - 1, "\"reason\":\"not-yet-valid\"" },
        { "set back to before this program was built", 0, GW_CLOCK_FLOOR - 1,
                "\"reason\":\"time-unknown\"" },
    };
    struct worker_scene *scene = *state;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct snapshot_interface iface;
        struct sockaddr_in at;
        struct tls_end end;
        const char *json;
        char byte;
        int local;

        tls_end_open(&end, &at, rows[i].from);
        scene_start(scene);
        iface = scene_interface(ntohs(at.sin_port));
        iface.live = SNAPSHOT_LIVE_CLOSE;
        scene_generation(scene, iface);
        scene_addresses(scene, 1);
        local = connect_to(&scene->local);
        tls_end_serve(&end);
        assert_holds(rows[i].why, scene_receive(scene, IPC_RECORD), "\"verdict\":\"accept\"");
        scene_set_clock(scene, rows[i].now);
        json = scene_receive(scene, IPC_RECORD);
        assert_holds(rows[i].why, json, rows[i].reason);
        assert_holds(rows[i].why, json, "\"live\":\"close\"");
        assert_int_equal(SSL_read(end.ssl, &byte, 1), 0);
        assert_int_equal(SSL_get_shutdown(end.ssl), SSL_RECEIVED_SHUTDOWN);
        tls_end_close(&end);
        close(local);
        scene_stop(scene);
    }
}

static int
make(void **state)
{
    static struct worker_scene scene;

    *state = &scene;
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_clock_ends_a_connection_whichever_way_it_goes, make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
