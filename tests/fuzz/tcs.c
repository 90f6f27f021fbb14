/* What an administrator imports: PEM, DER, PKCS#7 and PKCS#12, told apart by their contents. */
#include "der_mutator.h"
#include "fuzz.h"
#include "input/input.h"

const size_t fuzz_prefix = 0;

static void
load(const uint8_t *data, size_t len, const char *password, struct input_list *list)
{
    size_t before = list->count;
    struct cg_error err = { "" };
    enum cg_status status = input_load_bytes("input", data, len, password, list, &err);

    FUZZ_CHECK(status == CG_OK || list->count == before, "refused, but %zu certificates remain",
            list->count - before);
    FUZZ_CHECK(status == CG_OK || err.text[0] != '\0', "refused without a reason");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct cg_store *store = cg_store_new();
    struct input_list list = { 0 };

    FUZZ_CHECK(store != NULL, "no memory");
    load(data, len, NULL, &list);
    load(data, len, "secret", &list);
    for (size_t i = 0; i < list.count; i++)
        FUZZ_CHECK(cg_store_add(store, list.certs[i], NULL) == CG_OK, "certificate %zu", i);
    FUZZ_CHECK(cg_store_freeze(store, NULL) == CG_OK, "cannot be frozen");
    for (size_t i = 0; i < list.count; i++)
        FUZZ_CHECK(cg_store_contains(store, cg_cert_get0_sha256(list.certs[i])), "%zu is lost", i);
    cg_store_free(store);
    input_list_release(&list);
    return 0;
}
