/* The shapes of bodies and answers: schemas.json, as OpenAPI 3.0 takes them. */
#ifndef CONTROL_API_SCHEMAS_H
#define CONTROL_API_SCHEMAS_H

extern const char api_schemas[];

#endif
