/*
 * From the blocks of certgate.conf to interfaces as workers serve them: defaults that depend on other
 * settings, trunks and lines put on their interfaces, and the rules between settings.
 */
#ifndef SETTINGS_ASSEMBLE_H
#define SETTINGS_ASSEMBLE_H

#include "settings/rows.h"

/* Where problems go: one line each, "FILE:LINE: sentence". */
struct problems {
    const char *path;
    struct cg_buf *text;
    size_t count;
};

void problem_add(struct problems *problems, int line, const char *text);

/*
 * Fills settings->interfaces from the blocks, taking over what they own. Every problem is told; the
 * result is of use only when there was none.
 */
void assemble(struct settings *settings, struct block *blocks, size_t count,
        struct settings_level management, struct settings_level telephony,
        struct problems *problems);

#endif
