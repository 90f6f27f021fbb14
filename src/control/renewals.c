#include "control/renewals.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/error.h"
#include "control/commit.h"
#include "control/say.h"
#include "control/watch.h"
#include "identity/key.h"
#include "input/input.h"

/* Certificate and key are two files: what does not fit together is looked at again so often … */
#define TRIES 30
#define AGAIN_MS 1000
/* … and what is fine, while no generation can be made, for as long as it takes. */
#define BUSY_MS 5000

#define WATCHED 1u

struct renewals {
    struct watch *watch;
    uint64_t followed; /* generation whose files are watched */
    int64_t again_ms; /* INT64_MAX: not before something changes */
    unsigned tries;
};

struct renewals *
renewals_new(void)
{
    struct renewals *renewals = calloc(1, sizeof(*renewals));

    if (renewals == NULL)
        return NULL;
    renewals->again_ms = INT64_MAX;
    renewals->watch = watch_new();
    if (renewals->watch != NULL)
        return renewals;
    free(renewals);
    return NULL;
}

void
renewals_free(struct renewals *renewals)
{
    if (renewals == NULL)
        return;
    watch_free(renewals->watch);
    free(renewals);
}

int
renewals_fd(const struct renewals *renewals)
{
    return renewals == NULL ? -1 : watch_fd(renewals->watch);
}

int64_t
renewals_next_ms(const struct renewals *renewals)
{
    int64_t next;

    if (renewals == NULL)
        return INT64_MAX;
    next = watch_next_ms(renewals->watch);
    return renewals->again_ms < next ? renewals->again_ms : next;
}

/* Both files of each identity that has files; the store's have none that anybody else would change. */
static void
follow(struct renewals *renewals, const struct control *control, int64_t now)
{
    const struct settings *settings = control->candidate->settings;
    struct watch_item items[2 * SNAPSHOT_MAX_IDENTITIES];
    size_t count = 0;

    if (renewals->followed == control->generation)
        return;
    renewals->followed = control->generation;
    for (size_t i = 0; i < settings->identity_count; i++) {
        const struct settings_identity *it = &settings->identities[i];

        if (it->certificate == NULL)
            continue;
        items[count++] = (struct watch_item) { it->certificate, false, WATCHED };
        items[count++] = (struct watch_item) { it->key, false, WATCHED };
    }
    if (!watch_set(renewals->watch, items, count, now))
        say("the files of our certificates cannot be watched: renewals need a reload");
}

/* By name: what is served may be older than what the file says now. */
static const struct snapshot_identity *
find_in_force(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->identity_count; i++)
        if (strcmp(snapshot->identities[i].name, name) == 0)
            return &snapshot->identities[i];
    return NULL;
}

static bool
is_in_force(const struct input_list *list, const struct snapshot_identity *now)
{
    bool same = now != NULL && list->count == now->chain_count;

    for (size_t i = 0; same && i < list->count; i++) {
        const uint8_t *der;
        size_t len;

        der = cg_cert_get0_der(list->certs[i], &len);
        same = len == now->chain[i].len && memcmp(der, now->chain[i].data, len) == 0;
    }
    return same;
}

/* CG_OK when the files hold an identity; *renewed is then set where it is another than the one in force. */
static enum cg_status
look_at(const struct settings_identity *it, const struct snapshot_identity *now, bool *renewed,
        struct cg_error *err)
{
    struct input_list list = { 0 };
    EVP_PKEY *key = NULL;
    enum cg_status status = input_load(it->certificate, NULL, &list, err);

    if (status == CG_OK)
        status = identity_key_load(it->key, &key, err);
    if (status == CG_OK && !identity_key_fits(list.certs[0], key))
        status = cg_fail(err, CG_E_USAGE,
                "the key in %s is not the key of the first certificate in %s", it->key,
                it->certificate);
    if (status == CG_OK && !is_in_force(&list, now)) {
        *renewed = true;
        say("identity '%s': %s was renewed", it->name, it->certificate);
    }
    EVP_PKEY_free(key);
    input_list_release(&list);
    return status;
}

/* The configuration file is not read again: what an administrator has begun to write there is not asked for. */
static void
load(struct renewals *renewals, struct control *control, int64_t now)
{
    struct commit commit = { .author = { (int64_t)time(NULL), "certgated",
                                     "the files of an identity have changed" },
        .force = true };
    struct cg_buf problems;

    cg_buf_init(&problems, 1024 * 1024);
    switch (commit_run(control, &commit, &problems)) {
    case COMMIT_MADE:
    case COMMIT_SAME:
        break;
    case COMMIT_BUSY:
        if (renewals->tries++ == 0) {
            say("renewed certificates are loaded later:");
            say_problems(&problems);
        }
        renewals->again_ms = now + BUSY_MS;
        break;
    default:
        say("renewed certificates cannot be put in force, generation %llu stays:",
                (unsigned long long)control->generation);
        say_problems(&problems);
    }
    cg_buf_release(&problems);
}

static void
look(struct renewals *renewals, struct control *control, int64_t now)
{
    const struct settings *settings = control->candidate->settings;
    struct cg_error err = { "" };
    bool renewed = false;

    renewals->again_ms = INT64_MAX;
    for (size_t i = 0; i < settings->identity_count; i++) {
        const struct settings_identity *it = &settings->identities[i];

        if (it->certificate == NULL ||
                look_at(it, find_in_force(&control->candidate->snapshot, it->name), &renewed,
                        &err) == CG_OK)
            continue;
        if (++renewals->tries < TRIES)
            renewals->again_ms = now + AGAIN_MS;
        else
            say("identity '%s': what is in its files cannot be loaded, the certificate in force "
                "stays: %s",
                    it->name, err.text);
        return;
    }
    if (renewed)
        load(renewals, control, now);
}

void
renewals_step(struct renewals *renewals, struct control *control, int64_t now_ms)
{
    if (renewals == NULL || control->candidate == NULL || control->stopping ||
            control->unusable != NULL)
        return;
    follow(renewals, control, now_ms);
    if (watch_run(renewals->watch, now_ms) != 0)
        renewals->tries = 0;
    else if (now_ms < renewals->again_ms)
        return;
    look(renewals, control, now_ms);
}
