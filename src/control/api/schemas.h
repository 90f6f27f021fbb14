/* The shapes of bodies and answers, as JSON Schema in the form that OpenAPI 3.0 takes. */
#ifndef CONTROL_API_SCHEMAS_H
#define CONTROL_API_SCHEMAS_H

#include <stddef.h>

extern const struct api_schema {
    const char *name;
    const char *json;
} api_schemas[];
extern const size_t api_schema_count;

#endif
