/* Certificates that hold nothing but names, for tests of what names mean. */
#ifndef TEST_NAMES_PRESENTED_H
#define TEST_NAMES_PRESENTED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "names/names.h"

/* One GeneralName of a row; the length counts NUL bytes inside. */
#define SAN(kind, text)                                                                            \
    {                                                                                              \
        CG_NAME_##kind,                                                                            \
        {                                                                                          \
            (const uint8_t *)(text), sizeof(text) - 1                                              \
        }                                                                                          \
    }
#define MAX_PRESENTED 4

/* A row's names end at the first without data. */
static inline struct cg_cert
presented_cert(struct cg_general_name *names)
{
    struct cg_cert cert = { .version = 3, .san = names };

    while (cert.san_count < MAX_PRESENTED && names[cert.san_count].value.data != NULL)
        cert.san_count++;
    cert.has_san = cert.san_count != 0;
    return cert;
}

#endif
