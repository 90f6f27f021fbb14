/* Certificates as the admin API shows them. */
#ifndef CONTROL_API_CERTIFICATES_H
#define CONTROL_API_CERTIFICATES_H

#include <jansson.h>

#include "base/buf.h"
#include "store/store.h"

/* An entry of the trust store. */
json_t *certificates_trusted(const struct store_cert *cert, int64_t now);
/* One that somebody may want to add: the same, and whether it is there already. */
json_t *certificates_inspected(
        const struct cg_cert *cert, const struct store_view *view, int64_t now);
/* RFC 7468. */
void certificates_add_pem(struct cg_buf *out, const uint8_t *der, size_t len);

#endif
