/* Parts of a JSON document: their kinds, the way to them, and how messages show them. */
#ifndef BM_EVENT_JSON_TEXT_H
#define BM_EVENT_JSON_TEXT_H

#include "utils/jsonb.h"

/* Kinds of values, as bits. A number without a fraction is an integer too. */
enum
{
	BM_JSON_OBJECT = 1 << 0,
	BM_JSON_ARRAY = 1 << 1,
	BM_JSON_STRING = 1 << 2,
	BM_JSON_NUMBER = 1 << 3,
	BM_JSON_INTEGER = 1 << 4,
	BM_JSON_BOOLEAN = 1 << 5,
	BM_JSON_NULL = 1 << 6
};

/* The way to a part of a document, from its end: kept on the stack, written out for a message. */
typedef struct BmJsonStep
{
	const struct BmJsonStep *up; /* NULL: this is the root, which has no name */
	const char *key;			 /* NULL: an element of an array */
	int length;
	int index;
	int depth;
} BmJsonStep;

extern const BmJsonStep bm_json_root;

static inline BmJsonStep
bm_json_step_to_key(const BmJsonStep *up, const char *key, int length)
{
	BmJsonStep step = {up, key, length, 0, up->depth + 1};

	return step;
}

static inline BmJsonStep
bm_json_step_to_index(const BmJsonStep *up, int index)
{
	BmJsonStep step = {up, NULL, 0, index, up->depth + 1};

	return step;
}

extern void bm_json_root_value(Jsonb *json, JsonbValue *value);
extern void bm_json_push_string(JsonbParseState **state, JsonbIteratorToken token,
								const char *text, int length);
extern void bm_json_push_json(JsonbParseState **state, Jsonb *json);
extern char *bm_json_pointer(const BmJsonStep *step);
extern int bm_json_kind(const JsonbValue *value);
extern int bm_json_kind_named(const char *name, int length);
extern char *bm_json_kind_names(int bits);
extern char *bm_json_text(const JsonbValue *value);
extern char *bm_json_describe(const JsonbValue *value);

#endif
