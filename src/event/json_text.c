/*
 * Parts of a JSON document in messages: a value, its kind, and the way to it as a JSON pointer.
 *
 * The way is a chain of steps on the stack of whoever goes down a document, and is written out only
 * where something is wrong.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "event/json_text.h"

#define SHOWN_VALUE_MAX 60 /* bytes of a value */

static const struct
{
	const char *name;
	int kind;
} kinds[] = {
	{"object", BM_JSON_OBJECT},	  {"array", BM_JSON_ARRAY},
	{"string", BM_JSON_STRING},	  {"number", BM_JSON_NUMBER},
	{"integer", BM_JSON_INTEGER}, {"boolean", BM_JSON_BOOLEAN},
	{"null", BM_JSON_NULL},
};

const BmJsonStep bm_json_root = {NULL, NULL, 0, 0, 0};

static void
append_pointer(StringInfo out, const BmJsonStep *step)
{
	if (step->up == NULL)
		return;
	append_pointer(out, step->up);
	appendStringInfoChar(out, '/');
	if (step->key == NULL)
		appendStringInfo(out, "%d", step->index);
	for (int i = 0; i < step->length; i++)
	{
		if (step->key[i] == '~')
			appendStringInfoString(out, "~0");
		else if (step->key[i] == '/')
			appendStringInfoString(out, "~1");
		else
			appendStringInfoChar(out, step->key[i]);
	}
}

/* As RFC 6901 writes it. */
char *
bm_json_pointer(const BmJsonStep *step)
{
	StringInfoData out;

	initStringInfo(&out);
	append_pointer(&out, step);
	return out.data;
}

/* A whole document as a value. */
void
bm_json_root_value(Jsonb *json, JsonbValue *value)
{
	if (JsonbExtractScalar(&json->root, value))
		return;
	value->type = jbvBinary;
	value->val.binary.data = &json->root;
	value->val.binary.len = VARSIZE(json) - VARHDRSZ;
}

/* As a key or a value of what is being built. */
void
bm_json_push_string(JsonbParseState **state, JsonbIteratorToken token, const char *text,
					int length)
{
	JsonbValue string;

	string.type = jbvString;
	string.val.string.val = unconstify(char *, text);
	string.val.string.len = length;
	(void) pushJsonbValue(state, token, &string);
}

/* As a value of the object that is being built. */
void
bm_json_push_json(JsonbParseState **state, Jsonb *json)
{
	JsonbValue value;

	bm_json_root_value(json, &value);
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

int
bm_json_kind(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return BM_JSON_NULL;
		case jbvString:
			return BM_JSON_STRING;
		case jbvNumeric:
			return BM_JSON_NUMBER;
		case jbvBool:
			return BM_JSON_BOOLEAN;
		case jbvBinary:
			return JsonContainerIsObject(value->val.binary.data) ? BM_JSON_OBJECT
																 : BM_JSON_ARRAY;
		default:
			elog(ERROR, "unexpected jsonb value of type %d", value->type);
	}
	return 0;
}

/* The kind that a schema calls so, or 0. */
int
bm_json_kind_named(const char *name, int length)
{
	for (int i = 0; i < lengthof(kinds); i++)
		if (length == strlen(kinds[i].name) && memcmp(name, kinds[i].name, length) == 0)
			return kinds[i].kind;
	return 0;
}

/* The names of the kinds whose bits are set: "string or null". */
char *
bm_json_kind_names(int bits)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < lengthof(kinds); i++)
		if (bits & kinds[i].kind)
			appendStringInfo(&out, "%s%s", out.len > 0 ? " or " : "", kinds[i].name);
	return out.data;
}

/* The value as JSON, cut where it is long. */
char *
bm_json_text(const JsonbValue *value)
{
	JsonbValue copy = *value;
	Jsonb *json = JsonbValueToJsonb(&copy);
	char *text = JsonbToCString(NULL, &json->root, VARSIZE(json));
	int length = strlen(text);

	if (length <= SHOWN_VALUE_MAX)
		return text;
	return psprintf("%.*s...", pg_mbcliplen(text, length, SHOWN_VALUE_MAX), text);
}

/* Its kind, and what a scalar is. */
char *
bm_json_describe(const JsonbValue *value)
{
	int kind = bm_json_kind(value);

	if (kind == BM_JSON_NULL)
		return bm_json_kind_names(kind);
	if (value->type == jbvBinary)
		return psprintf("%s%s",
						JsonContainerSize(value->val.binary.data) == 0 ? "empty " : "",
						bm_json_kind_names(kind));
	return psprintf("%s %s", bm_json_kind_names(kind), bm_json_text(value));
}
