/* An event as a JSON object: what log_events() takes, and what event_rejects keeps. */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "event/event_json.h"
#include "event/json_text.h"

/* The columns that log_event() has an argument for. */
static bool
is_argument(int column)
{
	return column != BM_EVENT_ID;
}

/* The column that a key names, or -1. */
static int
column_named(const JsonbValue *key)
{
	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
		if (is_argument(c) && strlen(bm_event_column_names[c]) == key->val.string.len &&
			memcmp(bm_event_column_names[c], key->val.string.val, key->val.string.len) ==
				0)
			return c;
	return -1;
}

static void
refuse_kind(BmEventColumn column, const char *wanted, const JsonbValue *value)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("%s must be %s, not %s", bm_event_column_names[column], wanted,
						   bm_json_describe(value))));
}

static Datum
string_text(const JsonbValue *value)
{
	return PointerGetDatum(
		cstring_to_text_with_len(value->val.string.val, value->val.string.len));
}

/* A string, or of an id a number too. */
static Datum
read_text(BmEventColumn column, const JsonbValue *value)
{
	bool is_id = column == BM_EVENT_ACTOR_USER_ID || column == BM_EVENT_COMPANY_ID ||
				 column == BM_EVENT_ENTITY_ID;

	if (value->type == jbvString)
		return string_text(value);
	if (value->type != jbvNumeric || !is_id)
		refuse_kind(column, is_id ? "a string or a number" : "a string", value);
	return CStringGetTextDatum(DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric))));
}

static Datum
read_time(BmEventColumn column, const JsonbValue *value)
{
	char text[MAXDATELEN + 1];

	if (value->type != jbvString)
		refuse_kind(column, "a string with a time", value);
	if (value->val.string.len > MAXDATELEN)
		ereport(ERROR, (errcode(ERRCODE_INVALID_DATETIME_FORMAT),
						errmsg("occurred_at is no time: %s", bm_json_describe(value))));
	memcpy(text, value->val.string.val, value->val.string.len);
	text[value->val.string.len] = '\0';
	return DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static void
read_value(BmEventColumn column, const JsonbValue *value, BmEvent *event)
{
	JsonbValue copy = *value;

	if (value->type == jbvNull)
		return;
	event->isnull[column] = false;
	if (column == BM_EVENT_PROPERTIES)
		event->values[column] = JsonbPGetDatum(JsonbValueToJsonb(&copy));
	else if (column == BM_EVENT_OCCURRED_AT)
		event->values[column] = read_time(column, value);
	else
		event->values[column] = read_text(column, value);
}

/* Reads an element of an array or a root. What it leaves out is NULL. Throws 22023, 22007, 22008. */
void
bm_event_from_json(const JsonbValue *value, BmEvent *event)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	int column = -1;

	memset(event->isnull, true, sizeof(event->isnull));
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("an event must be a JSON object, not %s",
							   bm_json_describe(value)),
						errhint("For example {\"event_name\": \"order_paid\"}.")));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE)
			read_value(column, &part, event);
		if (token != WJB_KEY)
			continue;
		column = column_named(&part);
		if (column < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("an event has no key %s", bm_json_describe(&part)),
					 errhint("Its keys are the arguments of log_event(): event_name, "
							 "properties, actor_user_id, company_id, entity_type, "
							 "entity_id, occurred_at, dedupe_key and request_id.")));
	}
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	bm_json_push_string(state, token, text, strlen(text));
}

/* What bm_event_from_json() reads, without what is NULL. */
Jsonb *
bm_event_to_json(const BmEvent *event)
{
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
	{
		if (!is_argument(c) || event->isnull[c])
			continue;
		push_text(&state, WJB_KEY, bm_event_column_names[c]);
		if (c == BM_EVENT_PROPERTIES)
			bm_json_push_json(&state, DatumGetJsonbP(event->values[c]));
		else if (c == BM_EVENT_OCCURRED_AT)
		{
			char text[MAXDATELEN + 1];

			JsonEncodeDateTime(text, event->values[c], TIMESTAMPTZOID, NULL);
			push_text(&state, WJB_VALUE, text);
		}
		else
			push_text(&state, WJB_VALUE, TextDatumGetCString(event->values[c]));
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
