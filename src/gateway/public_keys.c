#include "gateway/public_keys.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PLACES 512 /* some 3 KB each once it is taken */
#define MAX_KEY 256 /* octets; a key on a named curve has at most 158 */
#define MAX_SPKI 1024 /* with a curve in numbers; none of ours is longer */
#define MAX_FUNCTIONS 32
#define KEY_TYPE "EC" /* SM2 has the same algorithm identifier */

/* What OpenSSL's decoder made of these octets. */
struct known {
    uint8_t spki[MAX_KEY];
    size_t len; /* 0: free */
    int selection;
    void *key; /* owned; what it is only OpenSSL's functions know */
};

static struct {
    OSSL_FUNC_BIO_read_ex_fn *read;
    OSSL_FUNC_BIO_new_membuf_fn *new_membuf;
    OSSL_FUNC_BIO_free_fn *free_bio;
    OSSL_FUNC_decoder_decode_fn *decode;
    OSSL_FUNC_keymgmt_dup_fn *copy;
    OSSL_FUNC_keymgmt_free_fn *free_key;
    OSSL_DISPATCH functions[MAX_FUNCTIONS];
    struct known places[PLACES];
} keys;

/* One key on its way through OpenSSL's decoder. */
struct input {
    uint8_t bytes[MAX_SPKI];
    size_t len;
    int selection;
    OSSL_CALLBACK *taken;
    void *arg;
};

/* FNV-1a; a place is compared whole, so that nothing hangs on it but speed. */
static struct known *
place_of(const uint8_t *spki, size_t len)
{
    uint32_t hash = 0x811c9dc5u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ spki[i]) * 0x01000193u;
    return &keys.places[(hash ^ hash >> 16) % PLACES];
}

static bool
knows(const struct known *place, const struct input *input)
{
    return place->len != 0 && place->len == input->len && place->selection == input->selection &&
            memcmp(place->spki, input->bytes, input->len) == 0;
}

/* A copy of the key that OpenSSL's decoder tells of; NULL where it is not to be remembered. */
static void *
copy_of(const OSSL_PARAM params[], const struct input *input)
{
    const OSSL_PARAM *reference = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_REFERENCE);
    const OSSL_PARAM *type = OSSL_PARAM_locate_const(params, OSSL_OBJECT_PARAM_DATA_TYPE);
    const int whole = OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
    const char *name = NULL;
    void *key = NULL;

    if (input->len > MAX_KEY || (input->selection & whole) != whole || reference == NULL ||
            reference->data_size != sizeof(key) || type == NULL ||
            OSSL_PARAM_get_utf8_string_ptr(type, &name) != 1 || strcmp(name, KEY_TYPE) != 0)
        return NULL;
    memcpy(&key, reference->data, sizeof(key));
    return key != NULL ? keys.copy(key, input->selection) : NULL;
}

/* OpenSSL has decoded it: a copy stays here, once the key itself has been taken. */
static int
remember(const OSSL_PARAM params[], void *arg)
{
    struct input *input = arg;
    struct known *place = place_of(input->bytes, input->len);
    void *key = copy_of(params, input);
    const int ok = input->taken(params, input->arg);

    if (ok != 1 || key == NULL) {
        keys.free_key(key);
        return ok;
    }
    keys.free_key(place->key);
    memcpy(place->spki, input->bytes, input->len);
    place->len = input->len;
    place->selection = input->selection;
    place->key = key;
    return ok;
}

/* As OpenSSL's decoder tells of a key: it is taken over by whoever loads it. */
static int
hand_out(const struct known *place, OSSL_CALLBACK *taken, void *arg)
{
    void *key = keys.copy(place->key, place->selection);
    int type = OSSL_OBJECT_PKEY, ok;
    char name[] = KEY_TYPE;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof(key)),
        OSSL_PARAM_construct_end(),
    };

    if (key == NULL)
        return 0;
    ok = taken(params, arg);
    keys.free_key(key); /* NULL once it was taken */
    return ok;
}

static int
decode(void *context, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *taken, void *arg,
        OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    struct input input = { .selection = selection, .taken = taken, .arg = arg };
    const struct known *place;
    OSSL_CORE_BIO *again;
    int ok;

    if (keys.read(in, input.bytes, sizeof(input.bytes), &input.len) != 1 ||
            input.len == sizeof(input.bytes))
        return 1; /* no key of ours; another decoder may know it */
    place = place_of(input.bytes, input.len);
    if (knows(place, &input))
        return hand_out(place, taken, arg);
    again = keys.new_membuf(input.bytes, (int)input.len);
    if (again == NULL)
        return 0;
    ok = keys.decode(context, again, selection, remember, &input, passphrase, passphrase_arg);
    keys.free_bio(again);
    return ok;
}

static void
take_core(const OSSL_DISPATCH *core)
{
    for (; core->function_id != 0; core++)
        if (core->function_id == OSSL_FUNC_BIO_READ_EX)
            keys.read = OSSL_FUNC_BIO_read_ex(core);
        else if (core->function_id == OSSL_FUNC_BIO_NEW_MEMBUF)
            keys.new_membuf = OSSL_FUNC_BIO_new_membuf(core);
        else if (core->function_id == OSSL_FUNC_BIO_FREE)
            keys.free_bio = OSSL_FUNC_BIO_free(core);
}

static void
take_keymgmt(const OSSL_DISPATCH *keymgmt)
{
    for (; keymgmt->function_id != 0; keymgmt++)
        if (keymgmt->function_id == OSSL_FUNC_KEYMGMT_DUP)
            keys.copy = OSSL_FUNC_keymgmt_dup(keymgmt);
        else if (keymgmt->function_id == OSSL_FUNC_KEYMGMT_FREE)
            keys.free_key = OSSL_FUNC_keymgmt_free(keymgmt);
}

/* All its functions but for the one that decodes, which is ours. */
static bool
take_decoder(const OSSL_DISPATCH *decoder)
{
    size_t count = 0;

    for (; decoder->function_id != 0 && count < MAX_FUNCTIONS - 1; decoder++) {
        keys.functions[count] = *decoder;
        if (decoder->function_id == OSSL_FUNC_DECODER_DECODE) {
            keys.decode = OSSL_FUNC_decoder_decode(decoder);
            keys.functions[count].function = (void (*)(void))decode;
        }
        count++;
    }
    keys.functions[count] = (OSSL_DISPATCH) { 0, NULL };
    return decoder->function_id == 0;
}

const OSSL_DISPATCH *
public_keys_remember(
        const OSSL_DISPATCH *core, const OSSL_DISPATCH *decoder, const OSSL_DISPATCH *keymgmt)
{
    take_core(core);
    take_keymgmt(keymgmt);
    return take_decoder(decoder) && keys.read != NULL && keys.new_membuf != NULL &&
                    keys.free_bio != NULL && keys.decode != NULL && keys.copy != NULL &&
                    keys.free_key != NULL
            ? keys.functions
            : NULL;
}
