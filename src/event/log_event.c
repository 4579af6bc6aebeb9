/* bizmetrics.log_event(): checks what the caller states and stores the event. */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "event/event.h"

#define SHOWN_BYTES 40

PG_FUNCTION_INFO_V1(bizmetrics_log_event);

/* The function's arguments, in their order, and the column each goes to. */
static const BmEventColumn argument_columns[] = {
	BM_EVENT_NAME,		  BM_EVENT_PROPERTIES,	BM_EVENT_ACTOR_USER_ID,
	BM_EVENT_COMPANY_ID,  BM_EVENT_ENTITY_TYPE, BM_EVENT_ENTITY_ID,
	BM_EVENT_OCCURRED_AT, BM_EVENT_DEDUPE_KEY,	BM_EVENT_REQUEST_ID,
};

/* Characters, or where there are no more bytes than the limit allows characters: bytes. */
static int
text_length(Datum value, int limit)
{
	text *t = DatumGetTextPP(value);
	int bytes = VARSIZE_ANY_EXHDR(t);

	return bytes <= limit ? bytes : pg_mbstrlen_with_len(VARDATA_ANY(t), bytes);
}

/* The beginning of a value, for a message: the rest may be long, and is nobody's but the caller's. */
static char *
beginning(const char *text)
{
	int length = strlen(text);
	int shown = pg_mbcliplen(text, length, SHOWN_BYTES);

	return shown < length ? psprintf("%.*s...", shown, text) : pstrdup(text);
}

/* Throws 22004 no name, 22023 an empty one, 22001 one that is too long. */
void
bm_event_check_name(Datum name, bool isnull)
{
	int length;

	if (isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("event_name must not be NULL"),
						errhint("Say what happened, for example 'order_paid'.")));
	length = text_length(name, BM_EVENT_NAME_MAX);
	if (length == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("event_name must not be empty"),
						errhint("Say what happened, for example 'order_paid'.")));
	if (length > BM_EVENT_NAME_MAX)
		ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
						errmsg("event_name \"%s\" is too long",
							   beginning(TextDatumGetCString(name))),
						errdetail("It has %d characters, and %d are allowed.", length,
								  BM_EVENT_NAME_MAX),
						errhint("Put what varies into properties.")));
}

static const char *
jsonb_kind(Jsonb *value)
{
	JsonbValue scalar;

	if (JB_ROOT_IS_ARRAY(value) && !JB_ROOT_IS_SCALAR(value))
		return "array";
	(void) JsonbExtractScalar(&value->root, &scalar);
	switch (scalar.type)
	{
		case jbvString:
			return "string";
		case jbvNumeric:
			return "number";
		case jbvBool:
			return "boolean";
		default:
			return "null";
	}
}

static void
check_properties(BmEvent *event)
{
	Jsonb *properties;

	if (event->isnull[BM_EVENT_PROPERTIES])
	{
		event->values[BM_EVENT_PROPERTIES] =
			DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
		event->isnull[BM_EVENT_PROPERTIES] = false;
		return;
	}
	properties = DatumGetJsonbP(event->values[BM_EVENT_PROPERTIES]);
	if (!JB_ROOT_IS_OBJECT(properties))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("properties must be a JSON object, not %s \"%s\"",
						jsonb_kind(properties),
						beginning(JsonbToCString(NULL, &properties->root,
												 VARSIZE(properties)))),
				 errhint("Give names to the values, for example '{\"value\": 1}'.")));
}

static void
check_occurred_at(BmEvent *event)
{
	if (event->isnull[BM_EVENT_OCCURRED_AT])
	{
		event->values[BM_EVENT_OCCURRED_AT] =
			TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
		event->isnull[BM_EVENT_OCCURRED_AT] = false;
	}
	else if (TIMESTAMP_NOT_FINITE(
				 DatumGetTimestampTz(event->values[BM_EVENT_OCCURRED_AT])))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("occurred_at must be a finite time, not \"%s\"",
							   timestamptz_to_str(DatumGetTimestampTz(
								   event->values[BM_EVENT_OCCURRED_AT]))),
						errhint("Leave it out for an event of now.")));
}

static void
check_dedupe_key(const BmEvent *event)
{
	int length;

	if (event->isnull[BM_EVENT_DEDUPE_KEY])
		return;
	length = text_length(event->values[BM_EVENT_DEDUPE_KEY], BM_DEDUPE_KEY_MAX);
	if (length > BM_DEDUPE_KEY_MAX)
		ereport(
			ERROR,
			(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
			 errmsg("dedupe_key \"%s\" is too long",
					beginning(TextDatumGetCString(event->values[BM_EVENT_DEDUPE_KEY]))),
			 errdetail("It has %d characters, and %d are allowed.", length,
					   BM_DEDUPE_KEY_MAX),
			 errhint("Use a hash of it.")));
}

/* Indexed columns must fit an index's entry, whatever their characters. */
static void
check_ids(const BmEvent *event)
{
	static const BmEventColumn columns[] = {BM_EVENT_ACTOR_USER_ID, BM_EVENT_COMPANY_ID,
											BM_EVENT_ENTITY_TYPE, BM_EVENT_ENTITY_ID};

	for (int i = 0; i < lengthof(columns); i++)
	{
		BmEventColumn column = columns[i];

		if (!event->isnull[column] &&
			text_length(event->values[column], BM_ID_MAX) > BM_ID_MAX)
			ereport(ERROR, (errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
							errmsg("%s \"%s\" is too long", bm_event_column_names[column],
								   beginning(TextDatumGetCString(event->values[column]))),
							errdetail("It may have %d characters.", BM_ID_MAX),
							errhint("Put long values into properties.")));
	}
}

/* What this transaction says of it. */
void
bm_event_stamp(BmEvent *event)
{
	event->values[BM_EVENT_RECORDED_AT] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	event->values[BM_EVENT_XACT_ID] = Int64GetDatum(0);
	event->isnull[BM_EVENT_RECORDED_AT] = event->isnull[BM_EVENT_XACT_ID] = false;
}

/*
 * Checks what is stated of an event and fills what is left out, in the name of the current role. Its
 * id is left in *id, to which the event points.
 */
void
bm_event_prepare(BmEvent *event, pg_uuid_t *id)
{
	bm_event_check_name(event->values[BM_EVENT_NAME], event->isnull[BM_EVENT_NAME]);
	check_properties(event);
	check_occurred_at(event);
	check_dedupe_key(event);
	bm_event_type_check(event);
	bm_context_fill(event);
	check_ids(event);

	bm_uuid_v7(id);
	event->values[BM_EVENT_ID] = UUIDPGetDatum(id);
	event->isnull[BM_EVENT_ID] = false;
	bm_event_stamp(event);
}

/*
 * Checks an event and stores it as the current role. Its id is left in *id; the first event's where
 * the dedupe key was seen before.
 */
void
bm_event_log(BmEvent *event, pg_uuid_t *id)
{
	PreventCommandIfReadOnly("log_event()");
	PreventCommandIfParallelMode("log_event()");
	bm_event_prepare(event, id);
	(void) bm_event_store(event);
}

/*
 * Stores an event of the past, which has its own id and time, and neither the session's settings nor
 * the types of today. False where its dedupe key was seen before; 23505 where its id was.
 */
bool
bm_event_log_history(BmEvent *event)
{
	static const BmEventColumn required[] = {BM_EVENT_ID, BM_EVENT_OCCURRED_AT};

	bm_event_check_name(event->values[BM_EVENT_NAME], event->isnull[BM_EVENT_NAME]);
	for (int i = 0; i < lengthof(required); i++)
		if (event->isnull[required[i]])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be NULL", bm_event_column_names[required[i]])));
	check_properties(event);
	check_occurred_at(event);
	check_dedupe_key(event);
	check_ids(event);
	bm_event_stamp(event);
	return bm_event_store(event);
}

/* The arguments of log_event(), or of a function that has the same. */
void
bm_event_from_arguments(FunctionCallInfo fcinfo, BmEvent *event)
{
	for (int i = 0; i < lengthof(argument_columns); i++)
	{
		event->values[argument_columns[i]] = PG_GETARG_DATUM(i);
		event->isnull[argument_columns[i]] = PG_ARGISNULL(i);
	}
}

Datum
bizmetrics_log_event(PG_FUNCTION_ARGS)
{
	BmEvent event;
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

	bm_event_from_arguments(fcinfo, &event);
	bm_event_log(&event, id);
	PG_RETURN_UUID_P(id);
}
