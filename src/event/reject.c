/*
 * Events that could not be stored: tried in a subtransaction, and kept in bizmetrics.event_rejects with
 * the reason, for whoever sent them may not be able to do anything about it.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "event/event.h"
#include "event/event_json.h"
#include "event/reject.h"

/* Columns of bizmetrics.event_rejects. */
enum
{
	REJECT_ID,
	REJECT_VIA,
	REJECT_SOURCE,
	REJECT_ITEM,
	REJECT_PAYLOAD,
	REJECT_SQLSTATE,
	REJECT_MESSAGE,
	REJECT_DETAIL,
	REJECT_HINT,
	REJECT_REJECTED_AT,
	REJECT_CONTEXT,
	REJECT_IMPORTED_BY,
	REJECT_COLUMNS
};

/*
 * Does such an error come of what the event says, and not of who stores it or of the server's state?
 * A far time may ask for one partition too many (53400), a message may have no mapping (42704).
 */
bool
bm_event_is_to_blame(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_DATA_EXCEPTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION):
		case ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED):
		case ERRCODE_TO_CATEGORY(ERRCODE_PLPGSQL_ERROR):
			return true;
	}
	return sqlerrcode == ERRCODE_UNDEFINED_OBJECT ||
		   sqlerrcode == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
}

/*
 * Does something in a subtransaction. NULL: it is done; else why not, and nothing of it is left. An
 * error that no event is to blame for is raised.
 */
ErrorData *
bm_event_try(void (*action)(void *), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(arg);
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
	if (error != NULL && !bm_event_is_to_blame(error->sqlerrcode))
		ReThrowError(error);
	return error;
}

/* What the session says of who acts, as an event that says nothing else. */
static Jsonb *
context_of_session(void)
{
	BmEvent event;

	memset(event.isnull, true, sizeof(event.isnull));
	bm_context_fill(&event);
	return bm_event_to_json(&event);
}

void
bm_reject_store(const BmReject *reject, const ErrorData *error)
{
	Relation rel = bm_table_open("event_rejects", RowExclusiveLock);
	Datum values[REJECT_COLUMNS];
	bool nulls[REJECT_COLUMNS] = {false};

	values[REJECT_ID] = Int64GetDatum(bm_next_id("reject_id_seq"));
	nulls[REJECT_ITEM] = reject->item < 0;
	values[REJECT_ITEM] = Int64GetDatum(reject->item);
	values[REJECT_PAYLOAD] = JsonbPGetDatum(reject->payload);
	values[REJECT_REJECTED_AT] =
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	values[REJECT_CONTEXT] = JsonbPGetDatum(context_of_session());
	bm_table_set_text(values, nulls, REJECT_VIA, reject->via);
	bm_table_set_text(values, nulls, REJECT_SOURCE, reject->source);
	bm_table_set_text(values, nulls, REJECT_SQLSTATE,
					  unpack_sql_state(error->sqlerrcode));
	bm_table_set_text(values, nulls, REJECT_MESSAGE, error->message);
	bm_table_set_text(values, nulls, REJECT_DETAIL, error->detail);
	bm_table_set_text(values, nulls, REJECT_HINT, error->hint);
	bm_table_set_text(values, nulls, REJECT_IMPORTED_BY, reject->imported_by);
	bm_table_insert(rel, values, nulls);
	table_close(rel, NoLock);
}
