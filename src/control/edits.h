/* Edits of the store as the admin API has them: {"op": "set", "name": …, "value": …}. */
#ifndef CONTROL_EDITS_H
#define CONTROL_EDITS_H

#include <jansson.h>

#include "control/node.h"
#include "input/input.h"

struct edits {
    struct control *control;
    const json_t *list;
    json_t *notes; /* what came along: "3 certificates added, 1 was there already" */
    int64_t now;
};

/* Makes them all on an open change; a commit_edit of a struct edits. */
enum store_status edits_make(void *arg, struct store_change *change, struct cg_error *err);

/* True for those that an operator may make. */
bool edits_is_for_operators(const char *op);

/* PEM as it is, anything else from base64; the caller frees *out, whatever is returned. */
bool edits_decode(const char *text, uint8_t **out, size_t *len);
/* Certificates of a body: PEM, or DER, PKCS#7 or PKCS#12 in base64. */
enum store_status edits_read_certificates(
        const char *data, const char *passphrase, struct input_list *list, struct cg_error *err);
/* Adds them to the trust store; *added grows by those that were not there. */
enum store_status edits_add_list(struct store_change *change, const struct input_list *list,
        uint64_t *added, struct cg_error *err);

#endif
