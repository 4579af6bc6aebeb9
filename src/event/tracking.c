/*
 * What the rows of a tracked table become: an event, by the argument of its trigger.
 *
 * The argument is a JSON object. It stands in the trigger's definition, so pg_dump carries it with
 * the table, and no table of ours does. The names of the events and entity_type are templates; what
 * holds an id names a column, or is a template where it has braces; occurred_at names a column, and
 * so do the items of columns and properties.
 *
 * Whether an UPDATE changed one of the columns is looked at here. In the trigger's WHEN it would
 * cost half as much for each row, but the executor reads and prepares the condition anew for each
 * statement, which costs a statement of one row twice as much as all of this. Each statement also
 * copies all triggers of its table with their arguments: hence one trigger and one argument.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "event/template.h"
#include "event/tracking.h"

typedef struct Column
{
	AttrNumber number;
	char *name;
	Oid type; /* the base type of a domain */
	bool by_value;
	int16 length;
	FmgrInfo output;
	FmgrInfo to_jsonb;
} Column;

struct BmTracking
{
	int column_count;
	Column *columns; /* each that is mentioned, once */
	BmTemplate *event_names[BM_OPERATIONS];
	BmTemplate *texts[BM_EVENT_COLUMNS];
	int occurred_at; /* index of a column, or -1 */
	int watched_count;
	int *
		watched; /* indexes of the columns whose change makes an update an event; none: any */
	int property_count;
	int *properties; /* indexes of columns */
};

/* A tracking that is being made. */
typedef struct Making
{
	BmTracking *tracking;
	Relation rel;
	const char *trigger; /* NULL: there is none yet */
	Jsonb *argument;
} Making;

/* A row on its way. */
typedef struct Row
{
	const BmTracking *tracking;
	TupleDesc desc;
	HeapTuple tuple;
} Row;

static const char *const operation_keys[BM_OPERATIONS] = {
	BM_EMIT_INSERT,
	BM_EMIT_UPDATE,
	BM_EMIT_DELETE,
};

static const struct
{
	const char *key;
	BmEventColumn column;
	bool names_column; /* unless it has braces */
} text_keys[] = {
	{BM_EMIT_ENTITY_TYPE, BM_EVENT_ENTITY_TYPE, false},
	{BM_EMIT_ENTITY_ID, BM_EVENT_ENTITY_ID, true},
	{BM_EMIT_ACTOR_USER_ID, BM_EVENT_ACTOR_USER_ID, true},
	{BM_EMIT_COMPANY_ID, BM_EVENT_COMPANY_ID, true},
	{BM_EMIT_DEDUPE_KEY, BM_EVENT_DEDUPE_KEY, true},
};

/*
 * The number of a column that has values in a trigger. Raises 42703 where there is none, and names
 * the trigger where there is one.
 */
static int
column_number(const Making *making, const char *name)
{
	Relation rel = making->rel;
	int number = SPI_fnumber(RelationGetDescr(rel), name);

	if (number <= 0 && making->trigger == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("column \"%s\" of table \"%s\" does not exist", name,
							   RelationGetRelationName(rel))));
	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("trigger \"%s\" logs column \"%s\" of table \"%s\", which does "
						"not exist",
						making->trigger, name, RelationGetRelationName(rel)),
				 errdetail("The column was renamed or dropped after the table was "
						   "tracked."),
				 errhint("Run bizmetrics.untrack_table() and bizmetrics.track_table() "
						 "with the columns that there are now.")));
	return number;
}

/* A polymorphic function asks the expression that calls it for the type. */
static void
prepare_to_jsonb(FmgrInfo *function, Form_pg_attribute att)
{
	Const *argument = makeNullConst(att->atttypid, att->atttypmod, att->attcollation);

	fmgr_info_cxt(F_TO_JSONB, function, CurrentMemoryContext);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument),
											 InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL),
					   function);
}

/* The index of a column among those that are mentioned. */
static int
find_column(Making *making, const char *name)
{
	BmTracking *tracking = making->tracking;
	int number = column_number(making, name);
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(making->rel), number - 1);
	Column *column;
	Oid output;
	bool is_varlena;

	for (int i = 0; i < tracking->column_count; i++)
		if (tracking->columns[i].number == number)
			return i;
	if (att->attgenerated != '\0' && att->attgenerated != ATTRIBUTE_GENERATED_STORED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\" is generated when it is read",
						name, RelationGetRelationName(making->rel)),
				 errhint("Make it STORED, or log what it is computed from.")));
	column = &tracking->columns[tracking->column_count];
	column->number = number;
	column->name = pstrdup(name);
	column->type = getBaseType(att->atttypid);
	column->by_value = att->attbyval;
	column->length = att->attlen;
	getTypeOutputInfo(att->atttypid, &output, &is_varlena);
	fmgr_info_cxt(output, &column->output, CurrentMemoryContext);
	prepare_to_jsonb(&column->to_jsonb, att);
	return tracking->column_count++;
}

static void
bad_argument(const char *key)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("emit_event() cannot read \"%s\" of its argument", key),
					errhint("Let bizmetrics.track_table() write it.")));
}

/* The string of a key, or NULL. */
static char *
read_string(Jsonb *argument, const char *key)
{
	JsonbValue value;

	if (getKeyJsonValueFromContainer(&argument->root, key, strlen(key), &value) == NULL)
		return NULL;
	if (value.type != jbvString)
		bad_argument(key);
	return pnstrdup(value.val.string.val, value.val.string.len);
}

static BmTemplate *
read_template(Making *making, const char *key, const char *name, bool names_column)
{
	char *text = read_string(making->argument, key);
	BmTemplate *template;

	if (text == NULL)
		return NULL;
	template = names_column ? bm_template_parse_reference(name, text)
							: bm_template_parse(name, text);
	for (int i = 0; i < template->count; i++)
		if (template->parts[i].is_reference)
			template->parts[i].id = find_column(making, template->parts[i].text);
	return template;
}

/* The indexes of the columns that the array of a key names; their number is left in *count. */
static int *
read_columns(Making *making, const char *key, int *count)
{
	JsonbValue array;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;
	int *columns;

	*count = 0;
	if (getKeyJsonValueFromContainer(&making->argument->root, key, strlen(key), &array) ==
		NULL)
		return NULL;
	if (array.type != jbvBinary || !JsonContainerIsArray(array.val.binary.data))
		bad_argument(key);
	columns = palloc(sizeof(int) * Max(JsonContainerSize(array.val.binary.data), 1));
	iterator = JsonbIteratorInit(array.val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (item.type != jbvString)
			bad_argument(key);
		columns[(*count)++] =
			find_column(making, pnstrdup(item.val.string.val, item.val.string.len));
	}
	return columns;
}

static int
read_time_column(Making *making)
{
	char *name = read_string(making->argument, BM_EMIT_OCCURRED_AT);
	int index;
	Oid type;

	if (name == NULL)
		return -1;
	index = find_column(making, name);
	type = making->tracking->columns[index].type;
	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("occurred_at column \"%s\" is of type %s", name,
							   format_type_be(type)),
						errhint("Name a column of type timestamp with time zone.")));
	return index;
}

static bool
is_known_key(const JsonbValue *key)
{
	static const char *const keys[] = {
		BM_EMIT_INSERT,		   BM_EMIT_UPDATE,		BM_EMIT_DELETE,
		BM_EMIT_COLUMNS,	   BM_EMIT_ENTITY_TYPE, BM_EMIT_ENTITY_ID,
		BM_EMIT_ACTOR_USER_ID, BM_EMIT_COMPANY_ID,	BM_EMIT_OCCURRED_AT,
		BM_EMIT_PROPERTIES,	   BM_EMIT_DEDUPE_KEY,
	};

	for (int i = 0; i < lengthof(keys); i++)
		if (strlen(keys[i]) == key->val.string.len &&
			memcmp(keys[i], key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

/* A key that is misspelt in a trigger written by hand would be missed in every event. */
static void
check_keys(Jsonb *argument)
{
	JsonbIterator *iterator = JsonbIteratorInit(&argument->root);
	JsonbIteratorToken token;
	JsonbValue key;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
		if (token == WJB_KEY && !is_known_key(&key))
			bad_argument(pnstrdup(key.val.string.val, key.val.string.len));
}

static Jsonb *
parse_argument(const char *argument)
{
	Jsonb *object =
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(argument)));

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("emit_event() needs a JSON object as its argument"),
						errhint("Let bizmetrics.track_table() write it.")));
	return object;
}

/* The template of an operation's event as it was written, or NULL. */
const char *
bm_tracking_event_name(const char *argument, BmOperation operation)
{
	return read_string(parse_argument(argument), operation_keys[operation]);
}

/*
 * In the current memory context, for as long as the relation cache says that the table has not
 * changed. trigger is NULL before there is one. Raises 42703, 42804, 22023 or 22P02.
 */
BmTracking *
bm_tracking_create(Relation rel, const char *trigger, const char *argument)
{
	BmTracking *tracking = palloc0(sizeof(BmTracking));
	Making making = {tracking, rel, trigger, parse_argument(argument)};

	check_keys(making.argument);
	tracking->columns =
		palloc0(sizeof(Column) * Max(RelationGetNumberOfAttributes(rel), 1));
	for (int i = 0; i < BM_OPERATIONS; i++)
		tracking->event_names[i] =
			read_template(&making, operation_keys[i], "event name", false);
	for (int i = 0; i < lengthof(text_keys); i++)
		tracking->texts[text_keys[i].column] = read_template(
			&making, text_keys[i].key, text_keys[i].key, text_keys[i].names_column);
	tracking->occurred_at = read_time_column(&making);
	tracking->watched = read_columns(&making, BM_EMIT_COLUMNS, &tracking->watched_count);
	tracking->properties =
		read_columns(&making, BM_EMIT_PROPERTIES, &tracking->property_count);
	return tracking;
}

/*
 * The value as text, as a cast has it, but times in ISO 8601 and in UTC: a key must not depend on
 * the DateStyle and TimeZone of the session that writes the row.
 */
static char *
column_text(Column *column, Datum value)
{
	char time[MAXDATELEN + 1];
	const int utc = 0;
	char *text;
	int length;

	switch (column->type)
	{
		case DATEOID:
		case TIMESTAMPOID:
			return pstrdup(JsonEncodeDateTime(time, value, column->type, NULL));
		case TIMESTAMPTZOID:
			return pstrdup(JsonEncodeDateTime(time, value, column->type, &utc));
		case BOOLOID:
			return pstrdup(DatumGetBool(value) ? "true" : "false");
	}
	text = OutputFunctionCall(&column->output, value);
	if (column->type == BPCHAROID)
	{
		for (length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
			text[length - 1] = '\0';
	}
	return text;
}

static char *
look_up(const BmTemplatePart *part, const void *context)
{
	const Row *row = context;
	Column *column = &row->tracking->columns[part->id];
	bool isnull;
	Datum value = heap_getattr(row->tuple, column->number, row->desc, &isnull);

	return isnull ? NULL : column_text(column, value);
}

static void
fill_text(const Row *row, const BmTemplate *template, BmEventColumn column,
		  BmEvent *event)
{
	char *text = template != NULL ? bm_template_fill(template, look_up, row) : NULL;

	event->isnull[column] = text == NULL;
	event->values[column] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
fill_time(const Row *row, BmEvent *event)
{
	const Column *column;
	bool isnull;
	Datum value;

	event->isnull[BM_EVENT_OCCURRED_AT] = true;
	if (row->tracking->occurred_at < 0)
		return;
	column = &row->tracking->columns[row->tracking->occurred_at];
	value = heap_getattr(row->tuple, column->number, row->desc, &isnull);
	if (isnull)
		return;
	if (column->type == TIMESTAMPOID)
		value = DirectFunctionCall1(timestamp_timestamptz, value);
	else if (column->type == DATEOID)
		value = DirectFunctionCall1(date_timestamptz, value);
	event->values[BM_EVENT_OCCURRED_AT] = value;
	event->isnull[BM_EVENT_OCCURRED_AT] = false;
}

static void
push_key(JsonbParseState **state, const char *name)
{
	JsonbValue key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	(void) pushJsonbValue(state, WJB_KEY, &key);
}

static void
push_column(JsonbParseState **state, const Row *row, Column *column)
{
	JsonbValue value;
	bool isnull;
	Datum datum = heap_getattr(row->tuple, column->number, row->desc, &isnull);

	push_key(state, column->name);
	value.type = jbvNull;
	if (!isnull)
	{
		Jsonb *json = DatumGetJsonbP(FunctionCall1(&column->to_jsonb, datum));

		if (!JsonbExtractScalar(&json->root, &value))
		{
			value.type = jbvBinary;
			value.val.binary.data = &json->root;
			value.val.binary.len = VARSIZE(json) - VARHDRSZ;
		}
	}
	(void) pushJsonbValue(state, WJB_VALUE, &value);
}

/* As stored: 1.0 and 1.00 differ, and so do 'a' and 'A' of a type that compares them as equal. */
static bool
differs(const Column *column, const Row *row, const Row *old_row)
{
	bool isnull;
	bool old_isnull;
	Datum value = heap_getattr(row->tuple, column->number, row->desc, &isnull);
	Datum old = heap_getattr(old_row->tuple, column->number, old_row->desc, &old_isnull);

	if (isnull || old_isnull)
		return isnull != old_isnull;
	return !datum_image_eq(value, old, column->by_value, column->length);
}

/* "old": what the properties that changed were before; left out where none did. */
static void
push_old_values(JsonbParseState **state, const Row *row, const Row *old_row)
{
	const BmTracking *tracking = row->tracking;
	bool begun = false;

	for (int i = 0; i < tracking->property_count; i++)
	{
		Column *column = &tracking->columns[tracking->properties[i]];

		if (!differs(column, row, old_row))
			continue;
		if (!begun)
		{
			push_key(state, BM_TRACKING_OLD_VALUES);
			(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
			begun = true;
		}
		push_column(state, old_row, column);
	}
	if (begun)
		(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
fill_properties(const Row *row, HeapTuple old_tuple, BmEvent *event)
{
	const BmTracking *tracking = row->tracking;
	Row old_row = {tracking, row->desc, old_tuple};
	JsonbParseState *state = NULL;
	JsonbValue *object;

	event->isnull[BM_EVENT_PROPERTIES] = true;
	if (tracking->property_count == 0)
		return;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < tracking->property_count; i++)
		push_column(&state, row, &tracking->columns[tracking->properties[i]]);
	if (old_tuple != NULL)
		push_old_values(&state, row, &old_row);
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	event->values[BM_EVENT_PROPERTIES] = JsonbPGetDatum(JsonbValueToJsonb(object));
	event->isnull[BM_EVENT_PROPERTIES] = false;
}

/* Did the update change one of the columns that are watched, or where none is any? */
static bool
is_change(const Row *row, const Row *old_row)
{
	const BmTracking *tracking = row->tracking;

	for (int i = 0; i < tracking->watched_count; i++)
		if (differs(&tracking->columns[tracking->watched[i]], row, old_row))
			return true;
	for (int i = 0; tracking->watched_count == 0 && i < row->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(row->desc, i);
		Column column = {
			.number = att->attnum, .by_value = att->attbyval, .length = att->attlen};

		if (!att->attisdropped && differs(&column, row, old_row))
			return true;
	}
	return false;
}

/*
 * The event that the row is; old_row is what it was before an UPDATE, else NULL. False: it is none,
 * for nothing is logged of this operation, nothing that matters changed, or the event's name has a
 * NULL column. Runs the output functions and casts to json of the columns' types, as the current
 * role.
 */
bool
bm_tracking_fill(const BmTracking *tracking, BmOperation operation, TupleDesc desc,
				 HeapTuple row, HeapTuple old_row, BmEvent *event)
{
	Row current = {tracking, desc, row};
	Row old = {tracking, desc, old_row};

	if (tracking->event_names[operation] == NULL ||
		(old_row != NULL && !is_change(&current, &old)))
		return false;
	memset(event->isnull, true, sizeof(event->isnull));
	fill_text(&current, tracking->event_names[operation], BM_EVENT_NAME, event);
	if (event->isnull[BM_EVENT_NAME])
		return false;
	for (int i = 0; i < lengthof(text_keys); i++)
		fill_text(&current, tracking->texts[text_keys[i].column], text_keys[i].column,
				  event);
	fill_time(&current, event);
	fill_properties(&current, old_row, event);
	return true;
}
