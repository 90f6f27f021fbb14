#include "control/peers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/say.h"
#include "inventory/inventory.h"
#include "journal/entry.h"

/* A record is in the inventory at the latest after this time. */
#define FLUSH_MS 2000

struct peers {
    struct inventory *inventory;
    struct repeats *repeats;
    int64_t flush_ms; /* INT64_MAX: nothing waits */
    bool failing; /* and that was said */
};

static void
note(struct peers *peers, enum cg_status status, const struct cg_error *err)
{
    if (status != CG_OK && !peers->failing)
        say("peers are not written to the inventory: %s", err->text);
    if (status == CG_OK && peers->failing)
        say("peers are written to the inventory again");
    peers->failing = status != CG_OK;
}

struct peers *
peers_open(const char *state)
{
    struct peers *peers = calloc(1, sizeof(*peers));
    struct cg_error notice = { "" }, err = { "no memory" };
    char path[4096];

    if (peers != NULL && snprintf(path, sizeof(path), "%s/inventory.db", state) < (int)sizeof(path))
        peers->inventory = inventory_open(path, NULL, &notice, &err);
    if (peers == NULL || peers->inventory == NULL) {
        say("there is no inventory of peers: %s", err.text);
        free(peers);
        return NULL;
    }
    if (notice.text[0] != '\0')
        say("%s", notice.text);
    peers->repeats = repeats_new(); /* without memory for it every record is parsed */
    peers->flush_ms = INT64_MAX;
    return peers;
}

static void
on_settled(void *arg, const struct journal_entry *entry, unsigned times)
{
    struct peers *peers = arg;
    struct cg_error err = { "" };

    note(peers, inventory_add(peers->inventory, entry, times, &err), &err);
}

static void
flush_later(struct peers *peers, int64_t now_ms)
{
    if (peers->flush_ms == INT64_MAX)
        peers->flush_ms = now_ms + FLUSH_MS;
}

void
peers_take(struct peers *peers, const struct journal_entry *entry, const char *json, size_t len,
        int64_t now_ms)
{
    if (peers == NULL)
        return;
    on_settled(peers, entry, 1);
    repeats_keep(peers->repeats, json, len, entry, on_settled, peers);
    flush_later(peers, now_ms);
}

const struct repeat *
peers_repeat(struct peers *peers, const char *json, size_t len, int64_t now_ms)
{
    const struct repeat *repeat = peers == NULL ? NULL : repeats_count(peers->repeats, json, len);

    if (repeat != NULL)
        flush_later(peers, now_ms);
    return repeat;
}

void
peers_take_chain(struct peers *peers, struct cg_span chain, int64_t now_ms)
{
    struct cg_error err = { "" };

    if (peers == NULL)
        return;
    note(peers, inventory_add_chain(peers->inventory, chain, &err), &err);
    flush_later(peers, now_ms);
}

void
peers_flush(struct peers *peers, int64_t now_ms)
{
    struct cg_error err = { "" };

    if (peers == NULL || peers->flush_ms == INT64_MAX || now_ms < peers->flush_ms)
        return;
    peers->flush_ms = INT64_MAX;
    repeats_settle(peers->repeats, on_settled, peers);
    note(peers, inventory_flush(peers->inventory, &err), &err);
}

int64_t
peers_next_ms(const struct peers *peers)
{
    return peers == NULL ? INT64_MAX : peers->flush_ms;
}

void
peers_close(struct peers *peers)
{
    if (peers == NULL)
        return;
    repeats_settle(peers->repeats, on_settled, peers);
    repeats_free(peers->repeats);
    inventory_close(peers->inventory);
    free(peers);
}

struct inventory *
peers_inventory(struct peers *peers)
{
    if (peers == NULL)
        return NULL;
    repeats_settle(peers->repeats, on_settled, peers);
    return peers->inventory;
}
