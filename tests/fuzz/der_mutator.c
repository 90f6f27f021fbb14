#include "der_mutator.h"

#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

#define MAX_ELEMENTS 1024
#define MAX_BYTES (128 * 1024)
#define NO_PARENT SIZE_MAX

/* One element: where its header and contents lie, and what it lies in. */
struct element {
    size_t start;
    size_t contents;
    size_t end;
    size_t parent;
};

struct tree {
    struct element elements[MAX_ELEMENTS];
    size_t count;
};

/* A splice: [from, to) gives way to these bytes. */
struct splice {
    size_t from, to;
    uint8_t bytes[MAX_BYTES];
    size_t len;
};

static unsigned state;

/* Numerical Recipes' generator: all that is wanted is that a seed repeats its choices. */
static size_t
choose(size_t below)
{
    state = state * 1664525u + 1013904223u;
    return below == 0 ? 0 : (state >> 8) % below;
}

static bool
read_header(const uint8_t *data, size_t at, size_t end, struct element *out)
{
    size_t octets, len;

    if (end - at < 2 || (data[at] & 0x1f) == 0x1f)
        return false;
    octets = data[at + 1] < 0x80 ? 0 : data[at + 1] & 0x7fu;
    if (data[at + 1] == 0x80 || octets > 3 || end - at - 2 < octets)
        return false;
    len = octets == 0 ? data[at + 1] : 0;
    for (size_t i = 0; i < octets; i++)
        len = len << 8 | data[at + 2 + i];
    out->start = at;
    out->contents = at + 2 + octets;
    out->end = out->contents + len;
    return out->end <= end;
}

/* The elements that fill [at, end) exactly; nothing is added when they do not. */
static bool
read_elements(struct tree *tree, const uint8_t *data, size_t at, size_t end, size_t parent)
{
    size_t before = tree->count;
    struct element element;

    while (at < end) {
        if (tree->count == MAX_ELEMENTS || !read_header(data, at, end, &element)) {
            tree->count = before;
            return false;
        }
        element.parent = parent;
        tree->elements[tree->count++] = element;
        at = element.end;
    }
    return true;
}

/* Constructed elements, and the strings that hold DER: extnValue, subjectPublicKey, signatures. */
static void
read_tree(struct tree *tree, const uint8_t *data, size_t at, size_t len)
{
    tree->count = 0;
    (void)read_elements(tree, data, at, len, NO_PARENT);
    for (size_t i = 0; i < tree->count; i++) {
        const struct element *element = &tree->elements[i];
        uint8_t tag = data[element->start];

        if ((tag & 0x20) != 0 || tag == 0x04)
            (void)read_elements(tree, data, element->contents, element->end, i);
        else if (tag == 0x03 && element->end - element->contents > 1)
            (void)read_elements(tree, data, element->contents + 1, element->end, i);
    }
}

static size_t
put_length(uint8_t *out, size_t len)
{
    size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;

    out[0] = (uint8_t)(octets == 0 ? len : 0x80 | octets);
    for (size_t i = 0; i < octets; i++)
        out[1 + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
    return 1 + octets;
}

/* Puts bytes in the place of [from, to); the new length, or 0 when there is no room. */
static size_t
replace(uint8_t *data, size_t len, size_t max, size_t from, size_t to, const uint8_t *bytes,
        size_t count)
{
    if (len - (to - from) + count > max)
        return 0;
    memmove(data + from + count, data + to, len - to);
    memcpy(data + from, bytes, count);
    return len - (to - from) + count;
}

/* The splice, and the lengths of all that it lies in. */
static size_t
apply(uint8_t *data, size_t len, size_t max, const struct tree *tree, size_t parent,
        const struct splice *splice)
{
    size_t grown = splice->len - (splice->to - splice->from); /* may wrap, and wraps back */
    size_t size = replace(data, len, max, splice->from, splice->to, splice->bytes, splice->len);

    for (; size != 0 && parent != NO_PARENT; parent = tree->elements[parent].parent) {
        const struct element *element = &tree->elements[parent];
        uint8_t header[4];
        size_t count = put_length(header, element->end - element->contents + grown);

        size = replace(data, size, max, element->start + 1, element->contents, header, count);
        grown += count - (element->contents - element->start - 1);
    }
    return size;
}

static void
copy_into(struct splice *splice, const uint8_t *bytes, size_t len)
{
    splice->len = len < MAX_BYTES ? len : MAX_BYTES;
    memcpy(splice->bytes, bytes, splice->len);
}

static size_t
mutate_element(uint8_t *data, size_t len, size_t max, const struct tree *tree)
{
    static struct splice splice;
    size_t which = choose(tree->count);
    const struct element *element = &tree->elements[which];
    const struct element *other = &tree->elements[choose(tree->count)];
    size_t parent = element->parent;

    splice.from = element->start;
    splice.to = element->end;
    splice.len = 0;
    switch (choose(6)) {
    case 0: /* left out */
        break;
    case 1: /* another in its place */
        copy_into(&splice, data + other->start, other->end - other->start);
        break;
    case 2: /* another beside it */
        splice.to = splice.from;
        copy_into(&splice, data + other->start, other->end - other->start);
        break;
    case 3: /* another's contents */
        splice.from = element->contents;
        copy_into(&splice, data + other->contents, other->end - other->contents);
        parent = which;
        break;
    case 4: /* another type */
        data[element->start] =
                (uint8_t)(choose(2) == 0 ? choose(256) : data[other->start] ^ (choose(2) << 5));
        return len;
    default: /* other contents */
        splice.from = element->contents;
        copy_into(&splice, data + element->contents, element->end - element->contents);
        splice.len = LLVMFuzzerMutate(splice.bytes, splice.len,
                splice.len + 64 < MAX_BYTES ? splice.len + 64 : MAX_BYTES);
        parent = which;
        break;
    }
    return apply(data, len, max, tree, parent, &splice);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t len, size_t max, unsigned seed)
{
    static struct tree tree;
    size_t size;

    state = seed;
    if (len > fuzz_prefix && len <= MAX_BYTES && choose(5) != 0) {
        read_tree(&tree, data, fuzz_prefix, len);
        if (tree.count != 0) {
            size = mutate_element(data, len, max, &tree);
            if (size != 0)
                return size;
        }
    }
    return LLVMFuzzerMutate(data, len, max);
}
