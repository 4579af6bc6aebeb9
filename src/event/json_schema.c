/*
 * A subset of JSON Schema, compiled once and checked against jsonb as it is stored.
 *
 * What a schema says is kept as a tree of plain structs whose strings and numbers point into the
 * schema's own jsonb. Checking follows that tree and looks up what it names, so that it costs what
 * the schema says and not what the value holds; text is made for a message alone. Numbers are
 * compared as numeric. A keyword that is not known is refused when the schema is compiled: a check
 * that somebody wrote down and nobody makes would be worse than none.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "event/json_schema.h"
#include "event/json_text.h"

/* Steps from a schema's root to its deepest keyword; each nested schema is one or two. */
#define DEPTH_MAX 100
#define SHOWN_LIST_MAX 300 /* bytes of an enum in a message */

typedef struct Property
{
	const char *name;
	int length;
	bool required;
	bool declared;		  /* in properties; else in required alone */
	BmJsonSchema *schema; /* NULL: any value */
} Property;

struct BmJsonSchema
{
	int kinds;		 /* bits; 0: any */
	Numeric minimum; /* NULL: none */
	Numeric maximum; /* NULL: none */
	int max_length;	 /* characters; -1: any */
	int allowed_count;
	JsonbValue *allowed; /* enum, if allowed_count > 0 */
	int property_count;
	Property *properties;
	bool others_refused;  /* properties that are not declared */
	BmJsonSchema *others; /* NULL: any value */
	BmJsonSchema *items;  /* NULL: any value */
};

static BmJsonSchema *compile(const JsonbValue *source, const BmJsonStep *at);
static bool conforms(const BmJsonSchema *schema, const JsonbValue *value,
					 const BmJsonStep *at, BmJsonMismatch *mismatch);

/* What both halves ask of values ---------------------------------------------------------- */

static int
compare_numbers(Numeric a, Numeric b)
{
	return DatumGetInt32(
		DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

static bool
is_integer(Numeric number)
{
	return DatumGetInt32(
			   DirectFunctionCall1(numeric_min_scale, NumericGetDatum(number))) == 0;
}

static bool
same_value(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvString:
			return a->val.string.len == b->val.string.len &&
				   memcmp(a->val.string.val, b->val.string.val, a->val.string.len) == 0;
		case jbvNumeric:
			return compare_numbers(a->val.numeric, b->val.numeric) == 0;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvBinary:
			return compareJsonbContainers(a->val.binary.data, b->val.binary.data) == 0;
		default:
			return true;
	}
}

static bool
is_object(const JsonbValue *value)
{
	return bm_json_kind(value) == BM_JSON_OBJECT;
}

/* Steps through an array's elements or an object's pairs; key is set for the latter alone. */
static bool
next_member(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value)
{
	switch (JsonbIteratorNext(iterator, key, true))
	{
		case WJB_ELEM:
			*value = *key;
			return true;
		case WJB_KEY:
			(void) JsonbIteratorNext(iterator, value, true);
			return true;
		default:
			return false;
	}
}

static JsonbIterator *
begin_members(const JsonbValue *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container->val.binary.data);
	JsonbValue begin;

	(void) JsonbIteratorNext(&iterator, &begin, true);
	return iterator;
}

/* Compiling ------------------------------------------------------------------------------- */

static void
malformed(const char *keyword, const char *must_be, const JsonbValue *found,
		  const BmJsonStep *at)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("keyword \"%s\" in properties_schema must be %s, not %s",
						   keyword, must_be, bm_json_describe(found)),
					errdetail("This is at \"%s\".", bm_json_pointer(at))));
}

static void
compile_type_name(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	int kind = value->type != jbvString
				   ? 0
				   : bm_json_kind_named(value->val.string.val, value->val.string.len);

	if (kind == 0 || (schema->kinds & kind) != 0)
		malformed("type",
				  "object, array, string, number, integer, boolean or null, "
				  "or an array of some of these, each once",
				  value, at);
	schema->kinds |= kind;
}

static void
compile_type(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	JsonbIterator *names;
	JsonbValue key;
	JsonbValue name;

	if (bm_json_kind(value) != BM_JSON_ARRAY)
	{
		compile_type_name(schema, value, at);
		return;
	}
	names = begin_members(value);
	for (int i = 0; next_member(&names, &key, &name); i++)
	{
		BmJsonStep step = bm_json_step_to_index(at, i);

		compile_type_name(schema, &name, &step);
	}
	if (schema->kinds == 0)
		malformed("type", "a type or an array of at least one", value, at);
}

static void
compile_enum(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	JsonbIterator *values;
	JsonbValue key;
	int size = 0;

	if (bm_json_kind(value) == BM_JSON_ARRAY)
		size = JsonContainerSize(value->val.binary.data);
	if (size == 0)
		malformed("enum", "an array of at least one value", value, at);
	schema->allowed = palloc(sizeof(JsonbValue) * size);
	values = begin_members(value);
	while (schema->allowed_count < size)
		(void) next_member(&values, &key, &schema->allowed[schema->allowed_count++]);
}

static void
compile_minimum(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	if (value->type != jbvNumeric)
		malformed("minimum", "a number", value, at);
	schema->minimum = value->val.numeric;
}

static void
compile_maximum(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	if (value->type != jbvNumeric)
		malformed("maximum", "a number", value, at);
	schema->maximum = value->val.numeric;
}

static void
compile_max_length(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	Numeric number = value->type == jbvNumeric ? value->val.numeric : NULL;

	if (number == NULL || !is_integer(number) ||
		compare_numbers(number, int64_to_numeric(0)) < 0)
		malformed("maxLength", "an integer of at least 0", value, at);
	/* No string is as long as the greatest integer. */
	schema->max_length =
		compare_numbers(number, int64_to_numeric(PG_INT32_MAX)) >= 0
			? -1
			: DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(number)));
}

static BmJsonSchema *
compile_nested(const char *keyword, const char *must_be, const JsonbValue *value,
			   const BmJsonStep *at)
{
	if (!is_object(value))
		malformed(keyword, must_be, value, at);
	return compile(value, at);
}

static Property *
find_or_add_property(BmJsonSchema *schema, const JsonbValue *name)
{
	Property *property;

	for (int i = 0; i < schema->property_count; i++)
	{
		property = &schema->properties[i];
		if (property->length == name->val.string.len &&
			memcmp(property->name, name->val.string.val, property->length) == 0)
			return property;
	}
	if (schema->property_count == 0)
		schema->properties = palloc(sizeof(Property));
	else
		schema->properties =
			repalloc(schema->properties, sizeof(Property) * (schema->property_count + 1));
	property = &schema->properties[schema->property_count++];
	memset(property, 0, sizeof(Property));
	property->name = name->val.string.val;
	property->length = name->val.string.len;
	return property;
}

static void
compile_required(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	const char *must_be = "an array of different strings";
	JsonbIterator *names;
	JsonbValue key;
	JsonbValue name;

	if (bm_json_kind(value) != BM_JSON_ARRAY)
		malformed("required", must_be, value, at);
	names = begin_members(value);
	for (int i = 0; next_member(&names, &key, &name); i++)
	{
		BmJsonStep step = bm_json_step_to_index(at, i);
		Property *property;

		if (name.type != jbvString)
			malformed("required", must_be, &name, &step);
		property = find_or_add_property(schema, &name);
		if (property->required)
			malformed("required", must_be, &name, &step);
		property->required = true;
	}
}

static void
compile_properties(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	const char *must_be = "an object of schemas";
	JsonbIterator *pairs;
	JsonbValue name;
	JsonbValue nested;

	if (!is_object(value))
		malformed("properties", must_be, value, at);
	pairs = begin_members(value);
	while (next_member(&pairs, &name, &nested))
	{
		BmJsonStep step =
			bm_json_step_to_key(at, name.val.string.val, name.val.string.len);
		BmJsonSchema *compiled = compile_nested("properties", must_be, &nested, &step);
		Property *property = find_or_add_property(schema, &name);

		property->declared = true;
		property->schema = compiled;
	}
}

static void
compile_additional(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	if (value->type == jbvBool)
		schema->others_refused = !value->val.boolean;
	else
		schema->others =
			compile_nested("additionalProperties", "a schema or a boolean", value, at);
}

static void
compile_items(BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at)
{
	schema->items = compile_nested("items", "a schema", value, at);
}

/* Annotations say something to readers and nothing to us. */
static const struct
{
	const char *name;
	void (*compile)(BmJsonSchema *, const JsonbValue *, const BmJsonStep *);
} keywords[] = {
	{"type", compile_type},
	{"required", compile_required},
	{"properties", compile_properties},
	{"additionalProperties", compile_additional},
	{"items", compile_items},
	{"enum", compile_enum},
	{"minimum", compile_minimum},
	{"maximum", compile_maximum},
	{"maxLength", compile_max_length},
	{"title", NULL},
	{"description", NULL},
	{"default", NULL},
	{"examples", NULL},
	{"$schema", NULL},
};

static void
compile_keyword(BmJsonSchema *schema, const JsonbValue *keyword, const JsonbValue *value,
				const BmJsonStep *up)
{
	BmJsonStep at =
		bm_json_step_to_key(up, keyword->val.string.val, keyword->val.string.len);

	for (int i = 0; i < lengthof(keywords); i++)
		if (at.length == strlen(keywords[i].name) &&
			memcmp(at.key, keywords[i].name, at.length) == 0)
		{
			if (keywords[i].compile != NULL)
				keywords[i].compile(schema, value, &at);
			return;
		}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("keyword \"%.*s\" in properties_schema is not supported",
						   at.length, at.key),
					errdetail("This is at \"%s\".", bm_json_pointer(&at)),
					errhint("Supported are type, required, properties, "
							"additionalProperties, items, enum, minimum, maximum and "
							"maxLength, and as annotations title, description, default, "
							"examples and $schema.")));
}

/* The schema at this place, which is an object. The result is in the current context. */
static BmJsonSchema *
compile(const JsonbValue *source, const BmJsonStep *at)
{
	BmJsonSchema *schema = palloc0(sizeof(BmJsonSchema));
	JsonbIterator *pairs = begin_members(source);
	JsonbValue name;
	JsonbValue value;

	check_stack_depth();
	if (at->depth > DEPTH_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("properties_schema is nested too deeply"),
						errdetail("At most %d steps may lead from its root to a schema.",
								  DEPTH_MAX)));
	schema->max_length = -1;
	while (next_member(&pairs, &name, &value))
		compile_keyword(schema, &name, &value, at);
	return schema;
}

static void
root_value(Jsonb *json, JsonbValue *value)
{
	value->type = jbvBinary;
	value->val.binary.data = &json->root;
	value->val.binary.len = VARSIZE(json) - VARHDRSZ;
}

/*
 * The schema, in this context; it points into source, which has to live as long and be detoasted.
 * Throws 22023 what is no schema or beyond the subset, 54000 one that is too deep.
 */
BmJsonSchema *
bm_json_schema_compile(Jsonb *source, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	JsonbValue value;
	BmJsonSchema *schema;

	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("properties_schema must be a JSON object"),
						errhint("For example '{\"required\": [\"value\"]}'.")));
	root_value(source, &value);
	schema = compile(&value, &bm_json_root);
	MemoryContextSwitchTo(old);
	return schema;
}

/* Checking -------------------------------------------------------------------------------- */

static bool
refuse(BmJsonMismatch *mismatch, const BmJsonStep *at, char *expected, char *found)
{
	mismatch->pointer = bm_json_pointer(at);
	mismatch->expected = expected;
	mismatch->found = found;
	return false;
}

static char *
list_allowed(const BmJsonSchema *schema)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, schema->allowed_count > 1 ? "one of " : "");
	for (int i = 0; i < schema->allowed_count; i++)
	{
		if (i > 0)
			appendStringInfoString(&out, ", ");
		if (out.len > SHOWN_LIST_MAX)
		{
			appendStringInfoString(&out, "...");
			break;
		}
		appendStringInfoString(&out, bm_json_text(&schema->allowed[i]));
	}
	return out.data;
}

static bool
kind_conforms(const BmJsonSchema *schema, const JsonbValue *value, int kind)
{
	if (schema->kinds == 0 || (schema->kinds & kind) != 0)
		return true;
	return kind == BM_JSON_NUMBER && (schema->kinds & BM_JSON_INTEGER) != 0 &&
		   is_integer(value->val.numeric);
}

static bool
is_allowed(const BmJsonSchema *schema, const JsonbValue *value)
{
	if (schema->allowed_count == 0)
		return true;
	for (int i = 0; i < schema->allowed_count; i++)
		if (same_value(&schema->allowed[i], value))
			return true;
	return false;
}

static bool
number_conforms(const BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at,
				BmJsonMismatch *mismatch)
{
	Numeric number = value->val.numeric;

	if (schema->minimum != NULL && compare_numbers(number, schema->minimum) < 0)
		return refuse(mismatch, at,
					  psprintf("at least %s", numeric_normalize(schema->minimum)),
					  bm_json_describe(value));
	if (schema->maximum != NULL && compare_numbers(number, schema->maximum) > 0)
		return refuse(mismatch, at,
					  psprintf("at most %s", numeric_normalize(schema->maximum)),
					  bm_json_describe(value));
	return true;
}

static bool
string_conforms(const BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at,
				BmJsonMismatch *mismatch)
{
	int length = value->val.string.len;

	/* A character has at least one byte. */
	if (schema->max_length < 0 || length <= schema->max_length)
		return true;
	length = pg_mbstrlen_with_len(value->val.string.val, length);
	if (length <= schema->max_length)
		return true;
	return refuse(mismatch, at, psprintf("at most %d characters", schema->max_length),
				  psprintf("%d characters", length));
}

static bool
items_conform(const BmJsonSchema *schema, const JsonbValue *array, const BmJsonStep *at,
			  BmJsonMismatch *mismatch)
{
	JsonbIterator *elements;
	JsonbValue key;
	JsonbValue element;

	if (schema->items == NULL)
		return true;
	elements = begin_members(array);
	for (int i = 0; next_member(&elements, &key, &element); i++)
	{
		BmJsonStep step = bm_json_step_to_index(at, i);

		if (!conforms(schema->items, &element, &step, mismatch))
			return false;
	}
	return true;
}

static bool
is_declared(const BmJsonSchema *schema, const JsonbValue *name)
{
	for (int i = 0; i < schema->property_count; i++)
	{
		Property *property = &schema->properties[i];

		if (property->length == name->val.string.len &&
			memcmp(property->name, name->val.string.val, property->length) == 0)
			return property->declared;
	}
	return false;
}

/* Only for an object that has properties besides the declared ones. */
static bool
others_conform(const BmJsonSchema *schema, const JsonbValue *object, const BmJsonStep *at,
			   BmJsonMismatch *mismatch)
{
	JsonbIterator *pairs = begin_members(object);
	JsonbValue name;
	JsonbValue value;

	while (next_member(&pairs, &name, &value))
	{
		BmJsonStep step =
			bm_json_step_to_key(at, name.val.string.val, name.val.string.len);

		if (is_declared(schema, &name))
			continue;
		if (schema->others_refused)
			return refuse(mismatch, &step, "no such property", bm_json_describe(&value));
		if (!conforms(schema->others, &value, &step, mismatch))
			return false;
	}
	return true;
}

static bool
object_conforms(const BmJsonSchema *schema, const JsonbValue *object,
				const BmJsonStep *at, BmJsonMismatch *mismatch)
{
	JsonbContainer *container = object->val.binary.data;
	int declared = 0;

	for (int i = 0; i < schema->property_count; i++)
	{
		Property *property = &schema->properties[i];
		BmJsonStep step = bm_json_step_to_key(at, property->name, property->length);
		JsonbValue value;

		if (getKeyJsonValueFromContainer(container, property->name, property->length,
										 &value) == NULL)
		{
			if (property->required)
				return refuse(mismatch, &step, "a value", "none");
			continue;
		}
		declared += property->declared;
		if (property->schema != NULL &&
			!conforms(property->schema, &value, &step, mismatch))
			return false;
	}
	if (declared == JsonContainerSize(container) ||
		(!schema->others_refused && schema->others == NULL))
		return true;
	return others_conform(schema, object, at, mismatch);
}

static bool
conforms(const BmJsonSchema *schema, const JsonbValue *value, const BmJsonStep *at,
		 BmJsonMismatch *mismatch)
{
	int kind = bm_json_kind(value);

	check_stack_depth();
	if (!kind_conforms(schema, value, kind))
		return refuse(mismatch, at, bm_json_kind_names(schema->kinds),
					  bm_json_describe(value));
	if (!is_allowed(schema, value))
		return refuse(mismatch, at, list_allowed(schema), bm_json_describe(value));
	switch (kind)
	{
		case BM_JSON_NUMBER:
			return number_conforms(schema, value, at, mismatch);
		case BM_JSON_STRING:
			return string_conforms(schema, value, at, mismatch);
		case BM_JSON_ARRAY:
			return items_conform(schema, value, at, mismatch);
		case BM_JSON_OBJECT:
			return object_conforms(schema, value, at, mismatch);
		default:
			return true;
	}
}

/* Does this object conform? If not, *mismatch says where and why, in the current context. */
bool
bm_json_schema_conforms(const BmJsonSchema *schema, Jsonb *object,
						BmJsonMismatch *mismatch)
{
	JsonbValue value;

	root_value(object, &value);
	return conforms(schema, &value, &bm_json_root, mismatch);
}
