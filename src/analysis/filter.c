/*
 * filter.c
 *	  Conditions on the columns and properties of an event, written as JSON.
 *
 * Numbers are compared as numbers, texts byte by byte, as the columns are. A comparison with what is
 * missing or null is unknown and so does not hold, "<>" included: as in SQL. What is of another type
 * is different, neither less nor greater.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "analysis/filter.h"
#include "base/compat.h"

#define PROPERTIES "properties"

typedef enum Operator
{
	OP_EQUAL,
	OP_NOT_EQUAL,
	OP_LESS,
	OP_LESS_EQUAL,
	OP_GREATER,
	OP_GREATER_EQUAL,
	OP_IN,
	OP_NOT_IN,
	OP_CONTAINS,
	OP_EXISTS
} Operator;

static const struct
{
	const char *name;
	Operator op;
} operators[] = {{"=", OP_EQUAL},		{"<>", OP_NOT_EQUAL},  {"<", OP_LESS},
				 {"<=", OP_LESS_EQUAL}, {">", OP_GREATER},	   {">=", OP_GREATER_EQUAL},
				 {"in", OP_IN},			{"not in", OP_NOT_IN}, {"@>", OP_CONTAINS},
				 {"exists", OP_EXISTS}};

static const struct
{
	const char *name;
	BmEventColumn column;
} text_columns[] = {
	{"event_name", BM_EVENT_NAME},		 {"actor_user_id", BM_EVENT_ACTOR_USER_ID},
	{"company_id", BM_EVENT_COMPANY_ID}, {"entity_type", BM_EVENT_ENTITY_TYPE},
	{"entity_id", BM_EVENT_ENTITY_ID},	 {"request_id", BM_EVENT_REQUEST_ID}};

struct BmField
{
	BmEventColumn column;
	bool has_id; /* the text has the event's id before it */
	int keys;	 /* of the path in properties */
	char **key;
};

typedef struct Test
{
	BmField *field;
	Operator op;
	int operands;
	JsonbValue *operand;
} Test;

struct BmFilter
{
	int tests;
	int room;
	Test *test;
};

pg_noreturn static void
bad_path(const char *name, const char *problem)
{
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("field \"%s\" has %s", name, problem),
		errhint("Write a key behind each point, such as properties.plan, one with points "
				"or of nothing in quotes."));
}

/* Copies the key in quotes that begins here, where two are one; returns what is behind it. */
static const char *
parse_quoted_key(const char *name, const char *at, char *key)
{
	for (at++; *at != '"' || at[1] == '"'; at++)
	{
		if (*at == '\0')
			bad_path(name, "a quote without an end");
		*key++ = *at;
		at += *at == '"';
	}
	*key = '\0';
	return at + 1;
}

static BmField *
parse_path(const char *name)
{
	BmField *field = palloc0(sizeof(BmField));
	const char *at = name + strlen(PROPERTIES);

	field->column = BM_EVENT_PROPERTIES;
	field->key = palloc(strlen(name) * sizeof(char *));
	while (*at == '.')
	{
		char *key = pstrdup(++at);

		if (*at == '"')
			at = parse_quoted_key(name, at, key);
		else
		{
			Size length = strcspn(at, ".");

			if (length == 0)
				bad_path(name, "an empty key");
			key[length] = '\0';
			at += length;
		}
		field->key[field->keys++] = key;
	}
	if (*at != '\0')
		bad_path(name, "a key that goes on behind its quotes");
	return field;
}

char *
bm_field_of_property(const char *key)
{
	StringInfoData name;

	initStringInfo(&name);
	appendStringInfoString(&name, PROPERTIES ".\"");
	for (; *key != '\0'; key++)
	{
		appendStringInfoChar(&name, *key);
		if (*key == '"')
			appendStringInfoChar(&name, '"');
	}
	appendStringInfoChar(&name, '"');
	return name.data;
}

BmField *
bm_field_parse(const char *name)
{
	if (strcmp(name, PROPERTIES) == 0 ||
		strncmp(name, PROPERTIES ".", strlen(PROPERTIES ".")) == 0)
		return parse_path(name);
	for (int i = 0; i < lengthof(text_columns); i++)
	{
		BmField *field;

		if (strcmp(name, text_columns[i].name) != 0)
			continue;
		field = palloc0(sizeof(BmField));
		field->column = text_columns[i].column;
		return field;
	}
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("unknown field \"%s\" of an event", name),
		errhint("Name event_name, actor_user_id, company_id, entity_type, entity_id or "
				"request_id, or a property as properties.%s.",
				name));
}

List *
bm_field_path(const BmField *field)
{
	List *path = NIL;

	for (int i = 0; i < lengthof(text_columns); i++)
		if (text_columns[i].column == field->column)
			path = lappend(path, unconstify(char *, text_columns[i].name));
	if (field->column == BM_EVENT_PROPERTIES)
		path = lappend(path, pstrdup(PROPERTIES));
	for (int i = 0; i < field->keys; i++)
		path = lappend(path, field->key[i]);
	return path;
}

BmField *
bm_field_with_id(BmField *field)
{
	field->has_id = true;
	return field;
}

uint32
bm_field_columns(const BmField *field)
{
	return (uint32) 1 << field->column | (uint32) field->has_id << BM_EVENT_ID;
}

/* Where the key leads to, an element of an array by its number; NULL: nowhere. */
static JsonbValue *
step_into(JsonbContainer *container, const char *key)
{
	char *end;
	unsigned long index;

	if (JsonContainerIsObject(container))
		return getKeyJsonValueFromContainer(container, key, strlen(key), NULL);
	if (!JsonContainerIsArray(container) || *key < '0' || *key > '9')
		return NULL;
	index = strtoul(key, &end, 10);
	if (*end != '\0' || index >= JsonContainerSize(container))
		return NULL;
	return getIthJsonbValueFromContainer(container, (uint32) index);
}

/* What the field of an event is, NULL where it is missing or null. */
static JsonbValue *
field_value(const BmField *field, const BmEvent *event)
{
	JsonbValue *value;

	if (event->isnull[field->column])
		return NULL;
	value = palloc(sizeof(JsonbValue));
	if (field->column != BM_EVENT_PROPERTIES)
	{
		text *found = DatumGetTextPP(event->values[field->column]);

		value->type = jbvString;
		value->val.string.val = VARDATA_ANY(found);
		value->val.string.len = VARSIZE_ANY_EXHDR(found);
		return value;
	}
	value->type = jbvBinary;
	value->val.binary.data = &DatumGetJsonbP(event->values[field->column])->root;
	for (int i = 0; i < field->keys; i++)
	{
		if (value->type != jbvBinary)
			return NULL;
		value = step_into(value->val.binary.data, field->key[i]);
		if (value == NULL)
			return NULL;
	}
	return value->type == jbvNull ? NULL : value;
}

static bool
field_text(const BmField *field, const BmEvent *event, char **text, uint32 *length)
{
	const JsonbValue *value = field_value(field, event);

	if (value == NULL)
		return false;
	switch (value->type)
	{
		case jbvString:
			*text = value->val.string.val;
			*length = value->val.string.len;
			return true;
		case jbvNumeric:
			*text = DatumGetCString(
				DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
			break;
		case jbvBool:
			*text = value->val.boolean ? "true" : "false";
			break;
		default:
			*text = JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
	}
	*length = strlen(*text);
	return true;
}

bool
bm_field_text(const BmField *field, const BmEvent *event, char **text, uint32 *length)
{
	char *with_id;

	if (!field_text(field, event, text, length))
		return false;
	if (!field->has_id)
		return true;
	with_id = palloc(UUID_LEN + *length);
	memcpy(with_id, DatumGetUUIDP(event->values[BM_EVENT_ID])->data, UUID_LEN);
	memcpy(with_id + UUID_LEN, *text, *length);
	*text = with_id;
	*length += UUID_LEN;
	return true;
}

static void
bad_operand(const char *op, const char *expected)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("operator \"%s\" of a filter has a wrong operand", op),
			errhint("Give it %s.", expected));
}

/* Ids are text, so a number that a column is compared with is text too. */
static JsonbValue
operand_for(const BmField *field, const JsonbValue *value)
{
	JsonbValue operand = *value;

	if (field->column == BM_EVENT_PROPERTIES || value->type == jbvString)
		return operand;
	if (value->type != jbvNumeric)
		bad_operand("=", "a text or a number, where it is for a column");
	operand.type = jbvString;
	operand.val.string.val = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	operand.val.string.len = strlen(operand.val.string.val);
	return operand;
}

static Test *
add_test(BmFilter *filter, BmField *field, Operator op, int operands)
{
	Test *test;

	if (filter->tests == filter->room)
	{
		filter->room = filter->room * 2 + 4;
		filter->test = filter->test == NULL
						   ? palloc(filter->room * sizeof(Test))
						   : repalloc(filter->test, filter->room * sizeof(Test));
	}
	test = &filter->test[filter->tests++];
	test->field = field;
	test->op = op;
	test->operands = 0;
	test->operand = palloc(Max(operands, 1) * sizeof(JsonbValue));
	return test;
}

static void
add_list(BmFilter *filter, BmField *field, Operator op, const JsonbValue *list)
{
	JsonbContainer *container = list->val.binary.data;
	int count;
	Test *test;

	if (list->type != jbvBinary || !JsonContainerIsArray(container))
		bad_operand(op == OP_IN ? "in" : "not in", "an array of values");
	count = JsonContainerSize(container);
	test = add_test(filter, field, op, count);
	for (int i = 0; i < count; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(container, i);

		if (value->type == jbvBinary || value->type == jbvNull)
			bad_operand(op == OP_IN ? "in" : "not in",
						"an array of texts, numbers and booleans");
		test->operand[test->operands++] = operand_for(field, value);
	}
}

static void
add_operation(BmFilter *filter, BmField *field, const char *name, const JsonbValue *value)
{
	Operator op;
	int i = 0;
	Test *test;

	while (i < lengthof(operators) && strcmp(operators[i].name, name) != 0)
		i++;
	if (i == lengthof(operators))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown operator \"%s\" in a filter", name),
				errhint("Use =, <>, <, <=, >, >=, in, not in, @> or exists."));
	op = operators[i].op;
	if (op == OP_IN || op == OP_NOT_IN)
	{
		add_list(filter, field, op, value);
		return;
	}
	if (op == OP_EXISTS && value->type != jbvBool)
		bad_operand(name, "true or false");
	if (op == OP_CONTAINS &&
		(value->type != jbvBinary || field->column != BM_EVENT_PROPERTIES))
		bad_operand(name, "an object or an array, for properties");
	if (op < OP_IN && (value->type == jbvBinary || value->type == jbvNull))
		bad_operand(name, "a text, a number or a boolean");
	test = add_test(filter, field, op, 1);
	test->operand[test->operands++] = op < OP_IN ? operand_for(field, value) : *value;
}

/* One key of the filter: what the field must be. */
static void
add_field(BmFilter *filter, const char *name, const JsonbValue *value)
{
	BmField *field = bm_field_parse(name);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;

	if (value->type == jbvNull)
	{
		Test *test = add_test(filter, field, OP_EXISTS, 1);

		test->operand[test->operands].type = jbvBool;
		test->operand[test->operands++].val.boolean = false;
		return;
	}
	if (value->type != jbvBinary)
	{
		add_operation(filter, field, "=", value);
		return;
	}
	if (JsonContainerIsArray(value->val.binary.data))
	{
		add_list(filter, field, OP_IN, value);
		return;
	}
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char *op;

		if (token != WJB_KEY)
			continue;
		op = pnstrdup(item.val.string.val, item.val.string.len);
		JsonbIteratorNext(&iterator, &item, true);
		add_operation(filter, field, op, &item);
	}
}

BmFilter *
bm_filter_parse(const Jsonb *json)
{
	BmFilter *filter = palloc0(sizeof(BmFilter));
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("a filter must be a JSON object"),
				errhint("Write, for example, {\"properties.plan\": \"pro\"}."));
	iterator = JsonbIteratorInit((JsonbContainer *) &json->root);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char *name;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(item.val.string.val, item.val.string.len);
		JsonbIteratorNext(&iterator, &item, true);
		add_field(filter, name, &item);
	}
	return filter;
}

uint32
bm_filter_columns(const BmFilter *filter)
{
	uint32 columns = 0;

	for (int i = 0; i < filter->tests; i++)
		columns |= bm_field_columns(filter->test[i].field);
	return columns;
}

int
bm_filter_hints(const BmFilter *filter, BmFilterHint *hint, int room)
{
	int count = 0;

	for (int i = 0; i < filter->tests && count < room; i++)
	{
		const Test *test = &filter->test[i];
		BmEventColumn column = test->field->column;

		if (test->op == OP_EQUAL && column != BM_EVENT_PROPERTIES)
			hint[count++] = (BmFilterHint){
				column, "=", TEXTOID,
				PointerGetDatum(cstring_to_text_with_len(test->operand->val.string.val,
														 test->operand->val.string.len))};
		else if (test->op == OP_CONTAINS && test->field->keys == 0)
			hint[count++] =
				(BmFilterHint){column, "@>", JSONBOID,
							   PointerGetDatum(JsonbValueToJsonb(test->operand))};
	}
	return count;
}

/* Orders two scalars of one type; false where they are of different ones. */
static bool
compare(const JsonbValue *a, const JsonbValue *b, int *order)
{
	int shorter;

	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvString:
			shorter = Min(a->val.string.len, b->val.string.len);
			*order = memcmp(a->val.string.val, b->val.string.val, shorter);
			if (*order == 0)
				*order = a->val.string.len - b->val.string.len;
			return true;
		case jbvNumeric:
			*order = DatumGetInt32(DirectFunctionCall2(numeric_cmp,
													   NumericGetDatum(a->val.numeric),
													   NumericGetDatum(b->val.numeric)));
			return true;
		case jbvBool:
			*order = (int) a->val.boolean - (int) b->val.boolean;
			return true;
		default:
			return false;
	}
}

/* As the operator @> of jsonb, whose special case of a bare value in an array has no use here. */
static bool
contains(const JsonbValue *value, const JsonbValue *part)
{
	JsonbIterator *whole_at;
	JsonbIterator *part_at;

	if (value->type != jbvBinary || JsonContainerIsArray(value->val.binary.data) !=
										JsonContainerIsArray(part->val.binary.data))
		return false;
	whole_at = JsonbIteratorInit(value->val.binary.data);
	part_at = JsonbIteratorInit(part->val.binary.data);
	return JsonbDeepContains(&whole_at, &part_at);
}

/* Of a list: is it one of them, or where that is not asked for, none? */
static bool
is_listed(const Test *test, const JsonbValue *value)
{
	int order;

	for (int i = 0; i < test->operands; i++)
		if (compare(value, &test->operand[i], &order) && order == 0)
			return test->op == OP_IN;
	return test->op == OP_NOT_IN;
}

static bool
test_holds(const Test *test, const BmEvent *event)
{
	const JsonbValue *value = field_value(test->field, event);
	int order;

	if (test->op == OP_EXISTS)
		return (value != NULL) == test->operand[0].val.boolean;
	if (value == NULL)
		return false;
	if (test->op == OP_CONTAINS)
		return contains(value, &test->operand[0]);
	if (test->op == OP_IN || test->op == OP_NOT_IN)
		return is_listed(test, value);
	if (!compare(value, &test->operand[0], &order))
		return test->op == OP_NOT_EQUAL;
	switch (test->op)
	{
		case OP_EQUAL:
			return order == 0;
		case OP_NOT_EQUAL:
			return order != 0;
		case OP_LESS:
			return order < 0;
		case OP_LESS_EQUAL:
			return order <= 0;
		case OP_GREATER:
			return order > 0;
		default:
			return order >= 0;
	}
}

bool
bm_filter_holds(const BmFilter *filter, const BmEvent *event)
{
	for (int i = 0; i < filter->tests; i++)
		if (!test_holds(&filter->test[i], event))
			return false;
	return true;
}
