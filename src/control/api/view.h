/* What handlers share about the store. */
#ifndef CONTROL_API_VIEW_H
#define CONTROL_API_VIEW_H

#include "control/api/request.h"

/* The generation in force. False, and the answer is set, where the node has no store. */
bool api_view(struct api_request *request, struct store_view *out);

#endif
