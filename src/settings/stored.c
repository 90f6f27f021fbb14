#include "settings/stored.h"

#include <stdlib.h>
#include <string.h>

/* Longest value of the store: all allowances with their dates need 150 octets. */
#define VALUE_SIZE 256

/* Where a setting of a block is in the store: its name stands between these two. */
static const struct stored_row {
    enum block_kind kind;
    const char *row;
    const char *before;
    const char *after;
} stored_rows[] = {
    { BLOCK_INTERFACE, "level", "interface.", ".level" },
    { BLOCK_INTERFACE, "service-security", "service.", ".security" },
    { BLOCK_INTERFACE, "allow", "interface.", ".allow" },
    { BLOCK_INTERFACE, "live", "interface.", ".live" },
    { BLOCK_TRUNK, "level", "trunk.", ".level" },
    { BLOCK_LINE, "level", "line.", ".level" },
};

#define STORED_COUNT (sizeof(stored_rows) / sizeof(stored_rows[0]))

/* Of the whole node, for blocks that do not say it themselves. */
static const char *const inherited[] = { "partial-chain", "max-path-depth" };

static void
stored_name(const struct stored_row *row, const struct block *block, char name[SETTINGS_NAME_SIZE])
{
    (void)snprintf(name, SETTINGS_NAME_SIZE, "%s%s%s", row->before, block->name, row->after);
}

bool
stored_collect(struct settings *settings, const char *name, const char *value, bool latched)
{
    struct settings_given *grown = realloc(
                                  settings->given, (settings->given_count + 1) * sizeof(*grown)),
                          *it;

    if (grown == NULL)
        return false;
    settings->given = grown;
    it = &grown[settings->given_count];
    (void)snprintf(it->name, sizeof(it->name), "%s", name);
    it->latched = latched;
    it->value = strdup(value);
    if (it->value == NULL)
        return false;
    settings->given_count++;
    return true;
}

/* A list becomes its values with commas between them. */
static bool
collect_row(struct settings *settings, const struct stored_row *row, cfg_opt_t *option,
        const struct block *block)
{
    char name[SETTINGS_NAME_SIZE];
    struct cg_buf value;
    bool ok;

    cg_buf_init(&value, VALUE_SIZE);
    for (unsigned i = 0; i < cfg_opt_size(option); i++)
        cg_buf_addf(&value, "%s%s", i == 0 ? "" : ", ", cfg_opt_getnstr(option, i));
    stored_name(row, block, name);
    ok = !value.failed &&
            stored_collect(settings, name, cg_buf_text(&value),
                    block->rules.latched && strcmp(row->row, "level") == 0);
    cg_buf_release(&value);
    return ok;
}

bool
stored_collect_block(struct settings *settings, cfg_t *section, const struct block *block)
{
    for (size_t i = 0; i < STORED_COUNT; i++) {
        const struct stored_row *row = &stored_rows[i];

        if (row->kind != block->kind || !block_gives(block, row->row))
            continue;
        /* A level made of single checks is none that the store knows. */
        if (strcmp(row->row, "level") == 0 && block->rules.level == CG_LEVEL_CUSTOM)
            continue;
        if (!collect_row(settings, row, cfg_getopt(section, row->row), block))
            return false;
    }
    return true;
}

static void
give(struct block *block, const char *name)
{
    block->given |= (uint64_t)1 << (row_find(name) - rows);
}

static void
take_back(struct block *block, const char *name)
{
    block->given &= ~((uint64_t)1 << (row_find(name) - rows));
}

/* The values of a list, which the store keeps with commas between them. */
static void
read_list(struct block *block, const struct row *row, char *value)
{
    char *save = NULL;

    for (char *one = strtok_r(value, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
        while (*one == ' ')
            one++;
        (void)row->read(block, one, row);
    }
}

/* The store has validated the value when it was set. */
static void
apply_row(const struct stored_row *stored, struct block *block, char *value, bool latched)
{
    const struct row *row = row_find(stored->row);

    if (strcmp(stored->row, "level") == 0) {
        block->rules.checks = 0;
        take_back(block, "checks");
        block->rules.latched = latched;
    }
    if (strcmp(stored->row, "allow") == 0)
        block->rules.allowance_count = 0;
    give(block, stored->row);
    if (row->list)
        read_list(block, row, value);
    else
        (void)row->read(block, value, row);
}

void
stored_apply(const struct settings_overlay *overlay, struct block *block)
{
    char name[SETTINGS_NAME_SIZE], value[VALUE_SIZE];
    bool latched;

    if (overlay == NULL)
        return;
    for (size_t i = 0; i < STORED_COUNT; i++) {
        if (stored_rows[i].kind != block->kind)
            continue;
        stored_name(&stored_rows[i], block, name);
        if (overlay->get(overlay->arg, name, value, sizeof(value), &latched))
            apply_row(&stored_rows[i], block, value, latched);
    }
    for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
        const struct row *row = row_find(inherited[i]);

        if (!block_gives(block, inherited[i]) &&
                overlay->get(overlay->arg, inherited[i], value, sizeof(value), &latched))
            (void)row->read(block, value, row);
    }
}

void
stored_level(const struct settings_overlay *overlay, const char *name, struct settings_level *level)
{
    char value[VALUE_SIZE];

    if (overlay != NULL && overlay->get(overlay->arg, name, value, sizeof(value), &level->latched))
        (void)cg_level_from_name(value, &level->level);
}

bool
stored_add_identities(const struct settings_overlay *overlay, struct settings *settings)
{
    if (overlay == NULL || overlay->identity_count == 0)
        return true;
    settings->identities = calloc(overlay->identity_count, sizeof(*settings->identities));
    if (settings->identities == NULL)
        return false;
    for (size_t i = 0; i < overlay->identity_count; i++)
        (void)snprintf(settings->identities[settings->identity_count++].name, SNAPSHOT_NAME_SIZE,
                "%s", overlay->identities[i]);
    return true;
}
