/* The part of JSON Schema that the properties of a registered event type can be checked by. */
#ifndef BM_EVENT_JSON_SCHEMA_H
#define BM_EVENT_JSON_SCHEMA_H

#include "utils/jsonb.h"

typedef struct BmJsonSchema BmJsonSchema;

/* Where and why a value does not conform, for a message. */
typedef struct BmJsonMismatch
{
	char *pointer; /* JSON pointer (RFC 6901) of the part; empty: the whole */
	char *expected;
	char *found;
} BmJsonMismatch;

extern BmJsonSchema *bm_json_schema_compile(Jsonb *source, MemoryContext context);
extern bool bm_json_schema_conforms(const BmJsonSchema *schema, Jsonb *object,
									BmJsonMismatch *mismatch);

#endif
