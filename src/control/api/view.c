#include "control/api/view.h"

bool
api_view(struct api_request *request, struct store_view *out)
{
    struct cg_error err = { "" };
    enum store_status status;

    if (request->control->unusable != NULL) {
        api_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "internal", "%s",
                request->control->unusable);
        return false;
    }
    if (request->control->store == NULL || request->control->candidate == NULL) {
        api_error(request, MHD_HTTP_CONFLICT, "invalid",
                "this node keeps everything in %s (store = false)",
                request->control->options.config);
        return false;
    }
    status = store_now(request->control->store, out, &err);
    if (status != STORE_OK)
        api_store_error(request, status, &err);
    return status == STORE_OK;
}
