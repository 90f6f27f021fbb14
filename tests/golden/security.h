#ifndef TESTS_GOLDEN_SECURITY_H
#define TESTS_GOLDEN_SECURITY_H

#include <stdbool.h>
#include <stdio.h>

#include "snapshot/security.h"

/* A row, and what libssl negotiates by it with a client that offers everything; false on failure. */
bool write_security(FILE *out, enum security security);

#endif
