/* What is not the API: the console's files, and the link that lets a browser in. */
#ifndef CONTROL_API_PAGES_H
#define CONTROL_API_PAGES_H

#include "control/api/request.h"

enum MHD_Result pages_answer(struct api_request *request, struct access_state *access,
        enum access_way way, const char *url, const char *method);

#endif
