/*
 * One attempt to run a report.
 *
 * The runner claims in one committed transaction, executes and records success in a second,
 * and records a failure in a third: "succeeded without data" and "data without success" cannot be.
 * Everything here but bm_run_execute() is C on the heap, so the report's SQL can neither forge it
 * nor bend it by settings. Every function wants the report's lock to be held.
 */
#include "postgres.h"

#include <limits.h>
#include <signal.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "storage/latch.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "report/access.h"
#include "report/retry.h"
#include "report/run.h"
#include "report/schedule.h"
#include "report/state.h"

/* Makes the claim on the state: by compare-and-swap on the last slot. */
static bool
claim_slot(const BmReport *report, BmReportState *state, TimestampTz now)
{
	TimestampTz slot =
		bm_schedule_latest(report->schedule, report->timezone, state->next_slot, now);

	/* Without a last slot the report is new, or the clock was set back: the history knows. */
	if (state->last_slot != BM_NO_TIME ? slot <= state->last_slot
									   : bm_history_has_slot(report->id, slot))
		return false;
	if (!bm_schedule_next(report->schedule, report->timezone, Max(now, slot),
						  &state->next_slot))
		state->next_slot = BM_NO_TIME;
	state->last_slot = slot;
	state->chain_trigger = BM_TRIGGER_SCHEDULE;
	state->chain_slot = slot;
	return true;
}

static bool
claim_state(const BmReport *report, BmReportState *state, TimestampTz now)
{
	switch (bm_state_due(state, bm_request_exists(report->id), now))
	{
		case BM_DUE_NOTHING:
			return false;
		case BM_DUE_SLOT:
			if (claim_slot(report, state, now))
				break;
			/* The clock went back: this slot ran. Skip to the next. */
			if (!bm_schedule_next(report->schedule, report->timezone,
								  Max(now, state->last_slot), &state->next_slot))
				state->next_slot = BM_NO_TIME;
			bm_state_put(state);
			return false;
		case BM_DUE_REQUEST:
			state->chain_trigger = BM_TRIGGER_REQUEST;
			state->chain_slot = BM_NO_TIME;
			break;
		case BM_DUE_RETRY:
			break;
	}
	state->attempt++;
	state->next_attempt_at = BM_NO_TIME;
	return true;
}

void
bm_run_set_window(const BmReport *report, BmRun *run)
{
	run->has_window = report->bucket != NULL;
	if (run->has_window)
		run->window = bm_bucket_window(report->bucket, report->lookback,
									   pg_tzset(report->timezone), run->started_at);
}

/* Claims what is due, or nothing: the caller commits. */
bool
bm_run_claim(const BmReport *report, BmRun *run)
{
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();

	if (state == NULL || !claim_state(report, state, now))
		return false;
	run->report_id = report->id;
	run->trigger = state->chain_trigger;
	run->slot = state->chain_slot;
	run->attempt = state->attempt;
	run->started_at = now;
	bm_run_set_window(report, run);
	bm_history_begin(run);
	bm_request_delete(report->id);
	state->run_id = run->run_id;
	bm_state_put(state);
	return true;
}

/* The window as $1 and $2, or no parameters. */
static ParamListInfo
make_parameters(const BmRun *run)
{
	ParamListInfo params;

	if (!run->has_window)
		return NULL;
	params = makeParamList(2);
	for (int i = 0; i < 2; i++)
	{
		params->params[i].value =
			TimestampTzGetDatum(i == 0 ? run->window.start : run->window.end);
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = TIMESTAMPTZOID;
	}
	return params;
}

/* Reports whose SQL this session is running: one may call run_report() on another. */
static List *executing = NIL;

bool
bm_run_is_executing(int64 report_id)
{
	ListCell *cell;

	foreach(cell, executing)
		if (*(int64 *) lfirst(cell) == report_id)
			return true;
	return false;
}

static bool timer_registered = false;
static TimeoutId timer;
static volatile sig_atomic_t timed_out = false;

static void
cancel_on_timeout(void)
{
	timed_out = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/* Cancels what the session is doing once the report's time is up. */
void
bm_run_start_timer(const BmReport *report)
{
	timed_out = false;
	if (report->timeout == NULL)
		return;
	if (!timer_registered)
		timer = RegisterTimeout(USER_TIMEOUT, cancel_on_timeout);
	timer_registered = true;
	enable_timeout_after(timer,
						 (int) Min(bm_interval_usecs(report->timeout) / 1000, INT_MAX));
}

/* Was the time up? */
bool
bm_run_stop_timer(void)
{
	if (timer_registered)
		disable_timeout(timer, false);
	return timed_out;
}

static bool
writes_rows(int result)
{
	switch (result)
	{
		case SPI_OK_INSERT:
		case SPI_OK_UPDATE:
		case SPI_OK_DELETE:
		case SPI_OK_MERGE:
		case SPI_OK_INSERT_RETURNING:
		case SPI_OK_UPDATE_RETURNING:
		case SPI_OK_DELETE_RETURNING:
			return true;
		default:
			return false;
	}
}

/* Runs the query's commands one after the other; says how many rows they wrote. */
static uint64
execute_commands(const char *query, const BmRun *run)
{
	SPIExecuteOptions options = {.params = make_parameters(run)};
	uint64 row_count = 0;
	ListCell *cell;

	foreach(cell, pg_parse_query(query))
	{
		RawStmt *command = lfirst_node(RawStmt, cell);
		const char *text = query + command->stmt_location;
		int result;

		if (command->stmt_len > 0)
			text = pnstrdup(text, command->stmt_len);
		options.dest = CreateDestReceiver(DestNone);
		result = SPI_execute_extended(text, &options);
		if (result < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a report cannot execute this: %s",
							SPI_result_code_string(result)),
					 errhint("Transaction control has no place in a report's query.")));
		if (writes_rows(result))
			row_count += SPI_processed;
	}
	return row_count;
}

/*
 * Runs the report's SQL as the current role and says how many rows it wrote. The caller made
 * the transaction, or subtransaction, whose failure undoes it. What the SQL sets ends with it.
 */
uint64
bm_run_execute(const BmReport *report, const BmRun *run)
{
	int nest_level = NewGUCNestLevel();
	Oid target = bm_report_target(report, false);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	int64 *id = palloc(sizeof(int64));
	volatile uint64 row_count = 0;

	*id = report->id;
	executing = lappend(executing, id);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		if (bm_table_ownercheck(target, GetUserId()))
			bm_access_share_target(target);
		(void) set_config_option("search_path", report->search_path, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		row_count = execute_commands(report->query, run);
		SPI_finish();
		AtEOXact_GUC(false, nest_level);
	}
	PG_FINALLY();
	{
		executing = list_delete_ptr(executing, id);
		pfree(id);
	}
	PG_END_TRY();
	return row_count;
}

/* A manual run stands beside the chain of attempts, and is not in the state. */
static bool
is_under_way(const BmReportState *state, const BmRun *run)
{
	return run->trigger == BM_TRIGGER_MANUAL || state->run_id == run->run_id;
}

/* In the transaction that wrote the report's rows. */
void
bm_run_succeeded(const BmReport *report, const BmRun *run, uint64 row_count)
{
	BmRunEnd end = {.state = BM_RUN_SUCCEEDED, .row_count = row_count};
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();

	if (state == NULL || !is_under_way(state, run))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("report \"%s\" lost its claim while it ran", report->name)));
	bm_history_end(run->run_id, &end, now);
	if (run->trigger == BM_TRIGGER_MANUAL)
	{
		state->consecutive_failures = 0;
		state->last_success_at = now;
	}
	else
		bm_state_attempt_succeeded(state, now);
	bm_state_put(state);
}

static double
random_fraction(void)
{
	return pg_prng_double(&pg_global_prng_state);
}

static bool
is_final(const BmRunEnd *end)
{
	return end->state == BM_RUN_CANCELLED ||
		   (end->state == BM_RUN_FAILED && bm_retry_is_permanent(end->sqlerrcode));
}

/*
 * After the transaction that failed. Does nothing where the attempt is recorded already: while
 * its lock was lost, somebody else took it for a crash.
 */
void
bm_run_failed(const BmReport *report, const BmRun *run, BmRunEnd *end)
{
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();

	if (state == NULL || !is_under_way(state, run))
		return;
	bm_history_end(run->run_id, end, now);
	if (run->trigger == BM_TRIGGER_MANUAL)
		return;
	bm_state_attempt_failed(state, report, now, is_final(end), random_fraction());
	bm_state_put(state);
}

/*
 * Records as crashed an attempt that is claimed although its lock could be had: its runner ended
 * before it did. Says whether there was one.
 */
bool
bm_run_bury(const BmReport *report)
{
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();
	BmRunEnd end = {.state = BM_RUN_CRASHED,
					.sqlerrcode = ERRCODE_CRASH_SHUTDOWN,
					.message = "the runner ended before the report did"};

	if (state == NULL || state->run_id == BM_NO_ID)
		return false;
	bm_history_end(state->run_id, &end, now);
	bm_state_attempt_failed(state, report, now, false, random_fraction());
	bm_state_put(state);
	return true;
}

/* How an attempt that raised this error ended; the texts are the error's. */
BmRunEnd
bm_run_end_of_error(const ErrorData *error, bool timed_out)
{
	BmRunEnd end = {.state = BM_RUN_FAILED,
					.sqlerrcode = error->sqlerrcode,
					.message = error->message,
					.detail = error->detail};

	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		end.state = timed_out ? BM_RUN_TIMED_OUT : BM_RUN_CANCELLED;
	return end;
}
