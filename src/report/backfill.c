/*
 * bizmetrics.backfill_report(): computes the windows of a past time anew, batch by batch.
 *
 * Each batch is a transaction, under the report's lock, with its progress: so it stands beside the
 * schedule, whose runs take their turn between two batches, and goes on where it stopped when it is called
 * again. The newest windows come first, for they are looked at first.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/table.h"
#include "report/claim.h"
#include "report/compute.h"
#include "report/lock.h"
#include "report/manage.h"
#include "report/retry.h"
#include "report/run.h"
#include "report/select.h"
#include "report/state.h"

PG_FUNCTION_INFO_V1(bizmetrics_backfill_report);

#define POLL_MSECS 50
#define MOST_POLLS_FOR_A_RUN 40

/* Columns of bizmetrics.report_backfills. */
enum
{
	BACKFILL_REPORT_ID,
	BACKFILL_START,
	BACKFILL_END,
	BACKFILL_DONE_FROM,
	BACKFILL_DONE_BUCKETS,
	BACKFILL_TOTAL_BUCKETS,
	BACKFILL_ROW_COUNT,
	BACKFILL_STARTED_AT,
	BACKFILL_SECONDS,
	BACKFILL_UPDATED_AT,
	BACKFILL_FINISHED_AT,
	BACKFILL_MESSAGE,
	BACKFILL_COLUMNS
};

typedef struct Backfill
{
	int64 report_id;
	BmWindow window;
	TimestampTz done_from; /* windows from here on are done */
	int64 done_buckets;
	int64 total_buckets;
	int64 row_count;
	TimestampTz started_at;
	float8 seconds; /* of work */
	bool is_finished;
	char *message; /* the error that stopped it, or NULL */
} Backfill;

/* Where a backfill of the report stopped; false where there is none, or it has ended. */
static bool
get_backfill(Backfill *backfill)
{
	Relation rel = bm_table_open("report_backfills", AccessShareLock);
	HeapTuple row = bm_table_get(rel, "report_backfills_pkey", INT8OID,
								 Int64GetDatum(backfill->report_id));
	Datum v[BACKFILL_COLUMNS];
	bool n[BACKFILL_COLUMNS];

	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		backfill->window.start = DatumGetTimestampTz(v[BACKFILL_START]);
		backfill->window.end = DatumGetTimestampTz(v[BACKFILL_END]);
		backfill->done_from = DatumGetTimestampTz(v[BACKFILL_DONE_FROM]);
		backfill->done_buckets = DatumGetInt64(v[BACKFILL_DONE_BUCKETS]);
		backfill->total_buckets = DatumGetInt64(v[BACKFILL_TOTAL_BUCKETS]);
		backfill->row_count = DatumGetInt64(v[BACKFILL_ROW_COUNT]);
		backfill->started_at = DatumGetTimestampTz(v[BACKFILL_STARTED_AT]);
		backfill->seconds = DatumGetFloat8(v[BACKFILL_SECONDS]);
		backfill->is_finished = !n[BACKFILL_FINISHED_AT];
	}
	table_close(rel, AccessShareLock);
	return row != NULL && !backfill->is_finished;
}

static void
put_backfill(const Backfill *backfill)
{
	Relation rel = bm_table_open("report_backfills", RowExclusiveLock);
	TimestampTz now = bm_clock_now();
	Datum v[BACKFILL_COLUMNS];
	bool n[BACKFILL_COLUMNS] = {false};

	v[BACKFILL_REPORT_ID] = Int64GetDatum(backfill->report_id);
	v[BACKFILL_START] = TimestampTzGetDatum(backfill->window.start);
	v[BACKFILL_END] = TimestampTzGetDatum(backfill->window.end);
	v[BACKFILL_DONE_FROM] = TimestampTzGetDatum(backfill->done_from);
	v[BACKFILL_DONE_BUCKETS] = Int64GetDatum(backfill->done_buckets);
	v[BACKFILL_TOTAL_BUCKETS] = Int64GetDatum(backfill->total_buckets);
	v[BACKFILL_ROW_COUNT] = Int64GetDatum(backfill->row_count);
	v[BACKFILL_STARTED_AT] = TimestampTzGetDatum(backfill->started_at);
	v[BACKFILL_SECONDS] = Float8GetDatum(backfill->seconds);
	v[BACKFILL_UPDATED_AT] = TimestampTzGetDatum(now);
	v[BACKFILL_FINISHED_AT] = TimestampTzGetDatum(now);
	n[BACKFILL_FINISHED_AT] = backfill->done_from > backfill->window.start;
	bm_table_set_text(v, n, BACKFILL_MESSAGE, backfill->message);
	bm_table_put(rel, "report_backfills_pkey", backfill->report_id, v, n);
	table_close(rel, NoLock);
}

void
bm_backfill_delete(int64 report_id)
{
	Relation rel = bm_table_open("report_backfills", RowExclusiveLock);

	bm_table_delete_key(rel, "report_backfills_pkey", report_id);
	table_close(rel, NoLock);
}

static int64
count_buckets(const BmReport *report, BmWindow window)
{
	pg_tz *zone = pg_tzset(report->timezone);
	int64 count = 0;

	for (TimestampTz at = window.start; at < window.end; count++)
	{
		CHECK_FOR_INTERRUPTS();
		at = bm_bucket_of(report->bucket, zone, at).end;
	}
	return count;
}

/* The batch before done_from: of the width that was asked for, in whole buckets, or of one step. */
static BmWindow
next_batch(const BmReport *report, const Backfill *backfill, const Interval *width)
{
	pg_tz *zone = pg_tzset(report->timezone);
	BmWindow batch = {.end = backfill->done_from};
	TimestampTz start;

	if (width != NULL)
		start = DatumGetTimestampTz(DirectFunctionCall2(
			timestamptz_mi_interval, TimestampTzGetDatum(backfill->done_from),
			IntervalPGetDatum(width)));
	else
		start = bm_increment_step_back(report, backfill->done_from);
	batch.start = bm_bucket_of(report->bucket, zone, start).start;
	if (batch.start < start) /* no wider than asked for, if a bucket fits */
		batch.start = bm_bucket_of(report->bucket, zone, start).end;
	if (batch.start >= batch.end)
		batch.start = bm_bucket_of(report->bucket, zone, batch.end - 1).start;
	batch.start = Max(batch.start, backfill->window.start);
	return batch;
}

static void
wait_a_moment(long msecs)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, msecs,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
begin_transaction(void)
{
	SPI_commit();
	EnsurePortalSnapshotExists();
}

/* Lets a run of the report that is due come first. */
static void
yield_to_run(int64 report_id)
{
	for (int i = 0; i < MOST_POLLS_FOR_A_RUN; i++)
	{
		BmReport *report = bm_report_get(report_id);
		BmReportState *state = bm_state_get(report_id);
		BmLook look;

		if (report == NULL || state == NULL || bm_worker_problem == NULL ||
			bm_worker_problem() != NULL)
			return;
		look = bm_claim_look(report, bm_clock_now());
		if (bm_state_due(state, &look) == BM_DUE_NOTHING)
			return;
		begin_transaction();
		wait_a_moment(POLL_MSECS);
	}
}

static void
check_report(const BmReport *report)
{
	const char *problem = NULL;

	if (report->bucket == NULL)
		problem = "it has no bucket";
	else if (report->strategy == BM_APPEND || bm_query_calls(report->query, "new_events"))
		problem = "it only adds what is new";
	else if (report->strategy == BM_DELTA && bm_watermark_get(report)->snapshot == 0)
		problem = "it has not run yet, and its first run computes everything";
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("report \"%s\" cannot be backfilled: %s", report->name,
							   problem)));
}

/*
 * One transaction at a time has the report's lock: for as long as a run needs it, it is waited for. What the
 * report was when the backfill began must still hold then.
 */
static void
lock_unchanged(const BmReport *report)
{
	BmReport *now_is;

	while (!bm_report_lock(report->id, false))
	{
		begin_transaction();
		wait_a_moment(POLL_MSECS);
	}
	now_is = bm_report_get(report->id);
	if (now_is == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("report \"%s\" was dropped while it was backfilled",
							   report->name)));
	if (now_is->definition != report->definition ||
		bm_report_owner(now_is) != GetUserId())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("report \"%s\" was altered while it was backfilled",
							   report->name),
						errhint("Its next run computes everything anew.")));
	check_report(now_is);
}

/* Computes a batch in a subtransaction; NULL, or the error that it met. */
static ErrorData *
try_batch(const BmReport *report, BmWindow batch, uint64 *rows)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		*rows = bm_run_backfill(report, bm_piece(batch, NULL));
		PopActiveSnapshot();
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
	return error;
}

static void
tell_progress(const BmReport *report, const Backfill *backfill, BmWindow batch,
			  uint64 rows)
{
	ereport(INFO, (errmsg("report \"%s\": %s to %s, " UINT64_FORMAT " rows; " INT64_FORMAT
						  " of " INT64_FORMAT " buckets are done",
						  report->name, pstrdup(timestamptz_to_str(batch.start)),
						  pstrdup(timestamptz_to_str(batch.end)), rows,
						  backfill->done_buckets, backfill->total_buckets)));
}

/* Stores why it stops here, and stops. */
static void
stop(Backfill *backfill, ErrorData *error)
{
	backfill->message = error->message;
	put_backfill(backfill);
	begin_transaction();
	ReThrowError(error);
}

/* The error of a batch: waits, for another attempt to be made, or stops. */
static void
after_error(const BmReport *report, Backfill *backfill, ErrorData *error, int attempt)
{
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		bm_retry_is_permanent(error->sqlerrcode) || attempt >= report->max_attempts)
		stop(backfill, error);
	ereport(WARNING, (errcode(error->sqlerrcode),
					  errmsg("report \"%s\": a batch failed and is tried again: %s",
							 report->name, error->message)));
	begin_transaction();
	wait_a_moment((long) (bm_retry_delay(report->backoff, report->backoff_length, attempt,
										 pg_prng_double(&pg_global_prng_state)) /
						  1000));
}

/* Computes what is kept of a batch, in an attempt; NULL, or the error that it met. */
static ErrorData *
attempt_batch(const BmReport *report, BmWindow batch, uint64 *rows)
{
	batch.start = Max(batch.start, bm_increment_kept_from(report));
	return batch.start < batch.end ? try_batch(report, batch, rows) : NULL;
}

/* Computes the batch before what is done, with all its attempts. */
static void
do_batch(const BmReport *report, Backfill *backfill, const Interval *width)
{
	BmWindow batch = next_batch(report, backfill, width);
	ErrorData *error = NULL;
	uint64 rows = 0;
	TimestampTz began = 0;

	for (int attempt = 1;; attempt++)
	{
		lock_unchanged(report);
		began = GetCurrentTimestamp();
		error = attempt_batch(report, batch, &rows);
		if (error == NULL)
			break;
		after_error(report, backfill, error, attempt);
	}
	backfill->done_from = batch.start;
	backfill->done_buckets += count_buckets(report, batch);
	backfill->row_count += (int64) rows;
	backfill->seconds +=
		(double) (GetCurrentTimestamp() - began) / (double) USECS_PER_SEC;
	put_backfill(backfill);
	begin_transaction();
	tell_progress(report, backfill, batch, rows);
}

static void
check_call(FunctionCallInfo fcinfo)
{
	CallContext *call = (CallContext *) fcinfo->context;

	PreventCommandDuringRecovery("backfill_report()");
	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("backfill_report() must not be called in a transaction block"),
				 errhint("It commits each batch: let CALL be a statement of its own.")));
}

/* The buckets that are asked for, those that may be computed; false where there are none. */
static bool
find_window(FunctionCallInfo fcinfo, const BmReport *report, BmWindow *window)
{
	pg_tz *zone = pg_tzset(report->timezone);
	TimestampTz kept_from = bm_increment_kept_from(report);

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("from_time and to_time must not be NULL")));
	window->start = PG_GETARG_TIMESTAMPTZ(1);
	window->end = PG_GETARG_TIMESTAMPTZ(2);
	if (TIMESTAMP_NOT_FINITE(window->start) || TIMESTAMP_NOT_FINITE(window->end) ||
		window->start >= window->end)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("from_time must be finite and before to_time")));
	window->start = bm_bucket_of(report->bucket, zone, window->start).start;
	window->end = bm_bucket_of(report->bucket, zone, window->end - 1).end;
	if (window->start < kept_from)
		ereport(NOTICE, (errmsg("buckets before %s stay as they are",
								timestamptz_to_str(kept_from)),
						 errdetail("Events of before were pruned, or rows of before have "
								   "had their time.")));
	window->start = Max(window->start, kept_from);
	return window->start < window->end;
}

/* Goes on where one of the same window stopped, or begins a new one, which can be seen from now on. */
static void
begin_backfill(const BmReport *report, BmWindow window, Backfill *backfill)
{
	lock_unchanged(report);
	backfill->report_id = report->id;
	if (!get_backfill(backfill) || backfill->window.start != window.start ||
		backfill->window.end != window.end)
	{
		memset(backfill, 0, sizeof(Backfill));
		backfill->report_id = report->id;
		backfill->window = window;
		backfill->done_from = window.end;
		backfill->total_buckets = count_buckets(report, window);
		backfill->started_at = bm_clock_now();
	}
	put_backfill(backfill);
	begin_transaction();
}

/* Under the backfill's lock. */
static void
do_backfill(const BmReport *report, BmWindow window, const Interval *width)
{
	Backfill backfill = {0};

	begin_backfill(report, window, &backfill);
	while (backfill.done_from > backfill.window.start)
	{
		do_batch(report, &backfill, width);
		yield_to_run(report->id);
	}
}

/* Names of events that the report's SELECT gives, as its runs see it: what was pruned of others is nothing to it. */
static void
read_events(BmReport *report)
{
	int nest_level = NewGUCNestLevel();

	bm_guc_set_locally("search_path", report->search_path);
	report->events = bm_compute_report(report)->events;
	AtEOXact_GUC(false, nest_level);
}

/* backfill_report(name, from_time, to_time, batch) */
Datum
bizmetrics_backfill_report(PG_FUNCTION_ARGS)
{
	MemoryContext memory = CurrentMemoryContext;
	BmReport *report;
	Interval *width = PG_ARGISNULL(3) ? NULL : PG_GETARG_INTERVAL_P(3);
	BmWindow window;

	check_call(fcinfo);
	report = bm_report_argument(fcinfo);
	bm_require_owner_session(report);
	check_report(report);
	if (width != NULL && bm_interval_usecs(width) <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("batch must be positive")));
	read_events(report);
	if (!find_window(fcinfo, report, &window))
		PG_RETURN_VOID();
	if (!bm_backfill_lock(report->id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session is backfilling report \"%s\"", report->name),
				 errhint("See bizmetrics.backfill_progress, and call this when it has "
						 "ended.")));
	PG_TRY();
	{
		if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		MemoryContextSwitchTo(memory);
		do_backfill(report, window, width);
		SPI_finish();
	}
	PG_FINALLY();
	{
		bm_backfill_unlock(report->id);
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}
