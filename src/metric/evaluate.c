/*
 * Asking the query of a metric or an alert.
 *
 * It runs as the current role, which is the one that registered it, in a subtransaction of its own,
 * for its own time at most, and may not write: what it raises is told to the caller, and the others
 * are asked nevertheless. Each sees what is committed when it begins, also under REPEATABLE READ: what was
 * counted up to goes forward only.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "metric/evaluate.h"

#define ROWS_AT_A_TIME 1000

/* Distinguishes our lock from advisory locks that SQL takes, and from those of reports. */
#define OWNER_LOCK_CLASS 0xB13

/*
 * One at a time asks for a role's metrics and alerts, or changes them, to the end of the transaction. SQL
 * can neither take nor release it.
 */
void
bm_evaluate_lock(Oid owner)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, owner, OWNER_LOCK_CLASS);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/*
 * The active snapshot as pg_snapshot's text, in which the current transaction, if it has an id, is still
 * under way: what it stored is not read yet as far as the next look is concerned.
 */
const char *
bm_snapshot_text(void)
{
	char *text = DatumGetCString(
		OidFunctionCall1(F_PG_SNAPSHOT_OUT, OidFunctionCall0(F_PG_CURRENT_SNAPSHOT)));
	FullTransactionId own = GetTopFullTransactionIdIfAny();
	uint64 id = U64FromFullTransactionId(own);
	char *rest;
	uint64 xmin = strtou64(text, &rest, 10);
	uint64 xmax = strtou64(rest + 1, &rest, 10);
	StringInfoData result;
	bool is_in = !FullTransactionIdIsValid(own) || id >= xmax;
	const char *comma = "";

	initStringInfo(&result);
	appendStringInfo(&result, UINT64_FORMAT ":" UINT64_FORMAT ":",
					 !is_in && id < xmin ? id : xmin, xmax);
	rest++;
	while (*rest != '\0')
	{
		uint64 running = strtou64(rest, &rest, 10);

		if (!is_in && id <= running)
		{
			appendStringInfo(&result, "%s" UINT64_FORMAT, comma, id);
			comma = ",";
			is_in = true;
		}
		if (running != id)
			appendStringInfo(&result, "%s" UINT64_FORMAT, comma, running);
		comma = ",";
		if (*rest == ',')
			rest++;
	}
	if (!is_in)
		appendStringInfo(&result, "%s" UINT64_FORMAT, comma, id);
	return result.data;
}

/* False where the session has a limit of its own, which then is in force. */
static bool
start_timer(int64 timeout)
{
	if (get_timeout_active(STATEMENT_TIMEOUT))
		return false;
	enable_timeout_after(STATEMENT_TIMEOUT, (int) Min(timeout / 1000, (int64) INT_MAX));
	return true;
}

static void
stop_timer(bool started)
{
	if (started)
		disable_timeout(STATEMENT_TIMEOUT, false);
}

static void
ask(BmEvaluation *evaluation)
{
	Portal portal;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	portal = SPI_cursor_open_with_args(NULL, evaluation->query, evaluation->nargs,
									   evaluation->types, evaluation->values, NULL, true,
									   CURSOR_OPT_NO_SCROLL);
	do
	{
		SPI_cursor_fetch(portal, true, ROWS_AT_A_TIME);
		for (uint64 i = 0; i < SPI_processed; i++)
			evaluation->row(evaluation->arg, SPI_tuptable->vals[i],
							SPI_tuptable->tupdesc);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	SPI_finish();
	if (evaluation->end != NULL)
		evaluation->end(evaluation->arg);
}

/* Is the whole command meant, and not this query? */
static bool
means_command(const ErrorData *error, bool over_time)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return !over_time;
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

/* NULL, or the error that the query ended with, in the caller's memory. */
ErrorData *
bm_evaluate(BmEvaluation *evaluation)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	TimestampTz begun = GetCurrentTimestamp();
	ErrorData *volatile error = NULL;
	volatile bool timer = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		int nest_level = NewGUCNestLevel();

		bm_guc_set_locally("search_path", evaluation->search_path);
		PushActiveSnapshot(GetLatestSnapshot());
		evaluation->snapshot = bm_snapshot_text();
		timer = start_timer(evaluation->timeout);
		ask(evaluation);
		stop_timer(timer);
		PopActiveSnapshot();
		AtEOXact_GUC(false, nest_level);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		bool over_time =
			timer && GetCurrentTimestamp() - begun >= evaluation->timeout - 1000;

		stop_timer(timer);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (means_command(error, over_time))
			ReThrowError(error);
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			error->message = "the query took longer than its timeout";
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}
