/*
 * bizmetrics.ingest(): an event from another service's message, or a reject that tells why not.
 *
 * A message that cannot become an event must not stop its consumer, who would get it again for ever.
 * So it is tried in a subtransaction, and an error that comes of what the message says is stored
 * beside it. What the consumer or the server is to blame for is raised: a missing right, a
 * read-only transaction, a deadlock, a full disk, a cancelled query.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "event/message.h"

/* Columns of bizmetrics.event_rejects. */
enum
{
	REJECT_ID,
	REJECT_SOURCE,
	REJECT_PAYLOAD,
	REJECT_SQLSTATE,
	REJECT_MESSAGE,
	REJECT_DETAIL,
	REJECT_HINT,
	REJECT_REJECTED_AT,
	REJECT_COLUMNS
};

/* What try_ingest() returns. */
enum
{
	TRY_EVENT_ID,
	TRY_SQLSTATE,
	TRY_MESSAGE,
	TRY_DETAIL,
	TRY_HINT,
	TRY_COLUMNS
};

PG_FUNCTION_INFO_V1(bizmetrics_ingest);
PG_FUNCTION_INFO_V1(bizmetrics_try_ingest);

/* Is the message to blame? A far time may ask for one partition too many (53400). */
static bool
is_bad_message(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION):
		case ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED):
		case ERRCODE_TO_CATEGORY(ERRCODE_PLPGSQL_ERROR):
			return true;
	}
	return sqlstate == ERRCODE_UNDEFINED_OBJECT ||
		   sqlstate == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
}

/* Raises. False: the message is not wanted. */
static bool
store_message(const char *source, Jsonb *payload, pg_uuid_t *id)
{
	BmMessage message = bm_message_read(payload);
	BmMapping *mapping = bm_mapping_load(source, message.source_event);
	BmEvent event;

	if (!bm_message_fill(&message, mapping, source, &event))
		return false;
	bm_event_log(&event, id);
	return true;
}

/* NULL where the message became an event (*stored) or is not wanted, else why it did not. */
static ErrorData *
try_message(const char *source, Jsonb *payload, pg_uuid_t *id, bool *stored)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	*stored = false;
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		*stored = store_message(source, payload, id);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && !is_bad_message(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
store_reject(const char *source, Jsonb *payload, const ErrorData *error)
{
	Relation rel = bm_table_open("event_rejects", RowExclusiveLock);
	Datum values[REJECT_COLUMNS];
	bool nulls[REJECT_COLUMNS] = {false};

	values[REJECT_ID] = Int64GetDatum(bm_next_id("reject_id_seq"));
	values[REJECT_PAYLOAD] = JsonbPGetDatum(payload);
	values[REJECT_REJECTED_AT] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	set_text(values, nulls, REJECT_SOURCE, source);
	set_text(values, nulls, REJECT_SQLSTATE, unpack_sql_state(error->sqlerrcode));
	set_text(values, nulls, REJECT_MESSAGE, error->message);
	set_text(values, nulls, REJECT_DETAIL, error->detail);
	set_text(values, nulls, REJECT_HINT, error->hint);
	bm_table_insert(rel, values, nulls);
	table_close(rel, NoLock);
}

/* The rights are the caller's matter, and not the message's. */
static void
check_caller(FunctionCallInfo fcinfo, const char *command)
{
	static const char *const names[] = {"source", "payload"};

	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be NULL", names[i])));
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	bm_event_check_writer(bm_event_parent(), GetUserId());
}

Datum
bizmetrics_ingest(PG_FUNCTION_ARGS)
{
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));
	char *source;
	Jsonb *payload;
	bool stored;
	ErrorData *error;

	check_caller(fcinfo, "ingest()");
	source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	payload = PG_GETARG_JSONB_P(1);
	error = try_message(source, payload, id, &stored);
	if (error != NULL)
		store_reject(source, payload, error);
	if (!stored)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(id);
}

/* For replay_rejects(): the same, but the reason is returned. */
Datum
bizmetrics_try_ingest(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[TRY_COLUMNS] = {0};
	bool nulls[TRY_COLUMNS];
	pg_uuid_t id;
	bool stored;
	ErrorData *error;

	check_caller(fcinfo, "replay_rejects()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	error = try_message(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_JSONB_P(1), &id,
						&stored);
	memset(nulls, true, sizeof(nulls));
	nulls[TRY_EVENT_ID] = !stored;
	values[TRY_EVENT_ID] = UUIDPGetDatum(&id);
	if (error != NULL)
	{
		set_text(values, nulls, TRY_SQLSTATE, unpack_sql_state(error->sqlerrcode));
		set_text(values, nulls, TRY_MESSAGE, error->message);
		set_text(values, nulls, TRY_DETAIL, error->detail);
		set_text(values, nulls, TRY_HINT, error->hint);
	}
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
