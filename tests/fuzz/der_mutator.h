/*
 * Mutation of inputs that hold DER: a change to one element keeps the lengths around it right, so that the
 * change is read and not the broken frame. Targets that want it are built with der_mutator.c, which libFuzzer
 * finds by its name.
 */
#ifndef TESTS_FUZZ_DER_MUTATOR_H
#define TESTS_FUZZ_DER_MUTATOR_H

#include <stddef.h>
#include <stdint.h>

/* Octets in front of the DER: each target that is linked with der_mutator.c defines it. */
extern const size_t fuzz_prefix;

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t len, size_t max); /* libFuzzer's own */

#endif
