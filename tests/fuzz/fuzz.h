/*
 * What every fuzz target shares. A target is one file that exports LLVMFuzzerTestOneInput: libFuzzer
 * drives it (tests/fuzz/run), and replay.c runs its committed corpus in the ordinary tests.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What must hold whatever the input is; a crash is what the fuzzer notices. */
#define FUZZ_CHECK(condition, ...)                                                                 \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The moment at which targets judge: 2026-11-24T00:00:00Z, as in the other tests. */
#define FUZZ_NOW INT64_C(1795478400)

#endif
