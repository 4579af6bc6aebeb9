/*
 * bizmetrics.ingest(): an event from another service's message, or a reject that tells why not.
 *
 * A message that cannot become an event must not stop its consumer, who would get it again for ever.
 * So it is tried in a subtransaction, and an error that comes of what the message says is stored
 * beside it. What the consumer or the server is to blame for is raised: a missing right, a
 * read-only transaction, a deadlock, a full disk, a cancelled query.
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "event/event_json.h"
#include "event/json_text.h"
#include "event/message.h"
#include "event/reject.h"

/* What try_reject() returns. */
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
PG_FUNCTION_INFO_V1(bizmetrics_try_reject);

/* A message that is tried, and what comes of it. */
typedef struct Attempt
{
	const char *source;
	Jsonb *payload;
	const TimestampTz *came_at; /* NULL: now */
	pg_uuid_t id;
	bool stored; /* false: it is not wanted */
} Attempt;

/* An event that says no time happened when it came. */
static void
store(Attempt *attempt, BmEvent *event)
{
	if (event->isnull[BM_EVENT_OCCURRED_AT] && attempt->came_at != NULL)
	{
		event->values[BM_EVENT_OCCURRED_AT] = TimestampTzGetDatum(*attempt->came_at);
		event->isnull[BM_EVENT_OCCURRED_AT] = false;
	}
	bm_event_log(event, &attempt->id);
	attempt->stored = true;
}

static void
store_message(void *arg)
{
	Attempt *attempt = arg;
	BmMessage message = bm_message_read(attempt->payload);
	BmMapping *mapping = bm_mapping_load(attempt->source, message.source_event);
	BmEvent event;

	if (!bm_message_fill(&message, mapping, attempt->source, &event))
		return;
	store(attempt, &event);
}

static void
store_event(void *arg)
{
	Attempt *attempt = arg;
	JsonbValue value;
	BmEvent event;

	bm_json_root_value(attempt->payload, &value);
	bm_event_from_json(&value, &event);
	store(attempt, &event);
}

/* The rights are the caller's matter, and not the message's. */
static void
check_caller(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	bm_event_check_writer(bm_event_parent(), GetUserId());
}

Datum
bizmetrics_ingest(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"source", "payload"};
	Attempt *attempt = palloc0(sizeof(Attempt));
	ErrorData *error;

	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be NULL", names[i])));
	check_caller("ingest()");
	attempt->source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	attempt->payload = PG_GETARG_JSONB_P(1);
	error = bm_event_try(store_message, attempt);
	if (error != NULL)
	{
		BmReject reject = {"ingest", attempt->source, -1, attempt->payload};

		bm_reject_store(&reject, error);
	}
	if (!attempt->stored)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(&attempt->id);
}

/* Tries a reject as if its own session did; context is NULL where that said nothing. */
static ErrorData *
try_again(Attempt *attempt, Jsonb *context)
{
	BmEvent filled;
	ErrorData *volatile error = NULL;
	JsonbValue value;

	memset(filled.isnull, true, sizeof(filled.isnull));
	if (context != NULL)
	{
		bm_json_root_value(context, &value);
		bm_event_from_json(&value, &filled);
	}
	bm_context_borrow(&filled);
	PG_TRY();
	{
		error =
			bm_event_try(attempt->source != NULL ? store_message : store_event, attempt);
	}
	PG_FINALLY();
	{
		bm_context_borrow(NULL);
	}
	PG_END_TRY();
	return error;
}

/* For replay_rejects(): tries a reject again, and returns the reason if it fails again. */
Datum
bizmetrics_try_reject(PG_FUNCTION_ARGS)
{
	Attempt attempt = {0};
	TimestampTz came_at;
	TupleDesc desc;
	Datum values[TRY_COLUMNS] = {0};
	bool nulls[TRY_COLUMNS];
	ErrorData *error;

	check_caller("replay_rejects()");
	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("payload must not be NULL")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	attempt.payload = PG_GETARG_JSONB_P(1);
	if (!PG_ARGISNULL(0))
		attempt.source = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(2))
	{
		came_at = PG_GETARG_TIMESTAMPTZ(2);
		attempt.came_at = &came_at;
	}
	error = try_again(&attempt, PG_ARGISNULL(3) ? NULL : PG_GETARG_JSONB_P(3));
	memset(nulls, true, sizeof(nulls));
	nulls[TRY_EVENT_ID] = !attempt.stored;
	values[TRY_EVENT_ID] = UUIDPGetDatum(&attempt.id);
	if (error != NULL)
	{
		bm_table_set_text(values, nulls, TRY_SQLSTATE,
						  unpack_sql_state(error->sqlerrcode));
		bm_table_set_text(values, nulls, TRY_MESSAGE, error->message);
		bm_table_set_text(values, nulls, TRY_DETAIL, error->detail);
		bm_table_set_text(values, nulls, TRY_HINT, error->hint);
	}
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
