/*
 * Service security: the row as it is written, and below it what libssl makes of it: a client that offers
 * all there is shakes hands again and again, each time without what was chosen before.
 */
#include "security.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "base/buf.h"
#include "support/mint.h"
#include "unit/gateway/tls_pair.h"

#define SUITES                                                                                     \
    {                                                                                              \
        "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256",        \
                "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"                               \
    }
#define MAX_CHOSEN 256

struct scene {
    SSL_CTX *client;
    SSL_CTX *server;
    struct identity rsa;
    struct identity ec;
};

static struct identity
identity_by(const char *key)
{
    EVP_PKEY *pkey = mint_key(key);

    EVP_PKEY_up_ref(pkey);
    return identity_of(pkey);
}

/* As the gateway sets a context up, but for what concerns the peer's certificate. */
static bool
open_scene(struct scene *scene, const struct security_info *info)
{
    size_t groups = 0;

    *scene = (struct scene) { .client = SSL_CTX_new(TLS_client_method()),
        .server = SSL_CTX_new(TLS_server_method()),
        .rsa = identity_by("RSA-2048"),
        .ec = identity_by("P-256") };
    if (scene->client == NULL || scene->server == NULL)
        return false;
    while (info->groups[groups] != 0)
        groups++;
    SSL_CTX_set_security_level(scene->client, 0);
    SSL_CTX_set_security_level(scene->server, 2);
    SSL_CTX_set_options(scene->server, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    return SSL_CTX_set_min_proto_version(scene->client, 0) == 1 &&
            SSL_CTX_set_min_proto_version(scene->server, info->min_tls) == 1 &&
            SSL_CTX_set_cipher_list(scene->server, info->ciphers) == 1 &&
            SSL_CTX_set_ciphersuites(scene->server, info->suites) == 1 &&
            SSL_CTX_set1_groups(scene->server, info->groups, (long)groups) == 1 &&
            SSL_CTX_use_certificate(scene->server, scene->rsa.cert) == 1 &&
            SSL_CTX_use_PrivateKey(scene->server, scene->rsa.key) == 1 &&
            SSL_CTX_use_certificate(scene->server, scene->ec.cert) == 1 &&
            SSL_CTX_use_PrivateKey(scene->server, scene->ec.key) == 1;
}

static void
close_scene(struct scene *scene)
{
    SSL_CTX_free(scene->client);
    SSL_CTX_free(scene->server);
    identity_release(&scene->rsa);
    identity_release(&scene->ec);
    ERR_clear_error();
}

/* The cipher that is agreed on; NULL where no handshake comes about. */
static const char *
agreed(struct scene *scene, int version)
{
    const char *name = NULL;
    struct tls_pair pair;

    if (SSL_CTX_set_min_proto_version(scene->client, version) != 1 ||
            SSL_CTX_set_max_proto_version(scene->client, version) != 1)
        return NULL;
    tls_pair_open(&pair, scene->client, scene->server);
    if (tls_pair_shake(&pair))
        name = SSL_CIPHER_get_name(SSL_get_current_cipher(pair.client));
    tls_pair_close(&pair);
    ERR_clear_error();
    return name;
}

static bool
offer_all_but(struct scene *scene, int version, const char *const *chosen, size_t count)
{
    static const char *const suites[] = SUITES;
    bool suite = version == TLS1_3_VERSION;
    struct cg_buf list;
    bool ok;

    cg_buf_init(&list, 64 * 1024);
    cg_buf_add(&list, suite ? "" : "ALL:COMPLEMENTOFALL");
    for (size_t i = 0; suite && i < sizeof(suites) / sizeof(suites[0]); i++) {
        bool free = true;

        for (size_t j = 0; j < count; j++)
            free = free && strcmp(suites[i], chosen[j]) != 0;
        if (free)
            cg_buf_addf(&list, "%s%s", list.len == 0 ? "" : ":", suites[i]);
    }
    for (size_t i = 0; !suite && i < count; i++)
        cg_buf_addf(&list, ":!%s", chosen[i]);
    ok = suite ? SSL_CTX_set_ciphersuites(scene->client, cg_buf_text(&list)) == 1
               : SSL_CTX_set_cipher_list(scene->client, cg_buf_text(&list)) == 1;
    cg_buf_release(&list);
    return ok;
}

static bool
write_ciphers(FILE *out, struct scene *scene, int version, const char *title)
{
    const char *chosen[MAX_CHOSEN];
    size_t count = 0;

    fprintf(out, "\n%s\n", title);
    while (count < MAX_CHOSEN) {
        if (!offer_all_but(scene, version, chosen, count))
            return false;
        chosen[count] = agreed(scene, version);
        if (chosen[count] == NULL)
            break;
        fprintf(out, "  %s\n", chosen[count]);
        count++;
    }
    if (count == 0)
        fprintf(out, "  none\n");
    return count < MAX_CHOSEN && offer_all_but(scene, version, NULL, 0);
}

/* Each alone, in both versions: 1.3 does not know all of them. */
static bool
write_groups(FILE *out, struct scene *scene)
{
    static const char *const groups[] = { "X25519", "X448", "P-256", "P-384", "P-521", "P-224",
        "P-192", "secp256k1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "ffdhe2048",
        "ffdhe3072" };

    fprintf(out, "\nlibssl agrees on a key by\n");
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        bool in12, in13;

        if (SSL_CTX_set1_groups_list(scene->client, groups[i]) != 1 ||
                SSL_CTX_set_cipher_list(scene->client, "ECDHE+AESGCM:DHE+AESGCM") != 1)
            return false;
        in12 = agreed(scene, TLS1_2_VERSION) != NULL;
        in13 = agreed(scene, TLS1_3_VERSION) != NULL;
        if (in12 || in13)
            fprintf(out, "  %s%s\n", groups[i], in12 && in13 ? "" : in12 ? " (1.2)" : " (1.3)");
    }
    return true;
}

static void
write_list(FILE *out, const char *title, const char *list)
{
    fprintf(out, "\n%s\n  ", title);
    for (const char *c = list; *c != '\0'; c++)
        if (*c == ':')
            fputs("\n  ", out);
        else
            fputc(*c, out);
    fputc('\n', out);
}

static void
write_row(FILE *out, const struct security_info *info)
{
    fprintf(out, "%s\n\nport without TLS: %s\nport with TLS: %s\n", info->id,
            info->plain ? "open" : "closed", info->tls ? "open" : "closed");
    if (!info->tls)
        return;
    fprintf(out, "client certificate: %s\n",
            info->require_certificate ? "required" : "not required");
    fprintf(out, "lowest version: 1.%d\n", (info->min_tls & 0xff) - 1);
    write_list(out, "TLS 1.3 suites", info->suites);
    write_list(out, "TLS 1.2 ciphers", info->ciphers);
    fprintf(out, "\ngroups\n");
    for (size_t i = 0; info->groups[i] != 0; i++)
        fprintf(out, "  %s\n", OBJ_nid2sn(info->groups[i]));
}

bool
write_security(FILE *out, enum security security)
{
    static const struct {
        int version;
        const char *title;
    } versions[] = {
        { TLS1_3_VERSION, "libssl negotiates in TLS 1.3" },
        { TLS1_2_VERSION, "libssl negotiates in TLS 1.2" },
        { TLS1_1_VERSION, "libssl negotiates in TLS 1.1" },
        { TLS1_VERSION, "libssl negotiates in TLS 1.0" },
    };
    const struct security_info *info = security_info(security);
    struct scene scene;
    bool ok;

    write_row(out, info);
    if (!info->tls)
        return true;
    ok = open_scene(&scene, info);
    for (size_t i = 0; ok && i < sizeof(versions) / sizeof(versions[0]); i++)
        ok = write_ciphers(out, &scene, versions[i].version, versions[i].title);
    ok = ok && write_groups(out, &scene);
    close_scene(&scene);
    return ok;
}
