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
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "report/access.h"
#include "report/after.h"
#include "report/claim.h"
#include "report/compute.h"
#include "report/lock.h"
#include "report/notify.h"
#include "report/retry.h"
#include "report/run.h"
#include "report/state.h"

/* After a crash, which may have ended the whole server. */
#define CRASH_BACKOFF (5 * USECS_PER_MINUTE)

/* What a report's SQL waits for a lock, where its role or database does not say: others wait behind it. */
#define DEFAULT_LOCK_TIMEOUT "30s"

/* The attempt that the state tells of. */
static BmRun
run_under_way(const BmReportState *state)
{
	BmRun run = {.run_id = state->run_id,
				 .report_id = state->report_id,
				 .slot = state->chain_slot,
				 .attempt = state->attempt,
				 .trigger = state->chain_trigger,
				 .has_window = state->has_window,
				 .window = state->window,
				 .started_at = state->started_at,
				 .pid = state->pid};

	return run;
}

/* Claims what is due, or nothing: the caller commits. The history has the attempt once it has ended. */
bool
bm_run_claim(const BmReport *report, BmRun *run)
{
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();

	if (state == NULL)
		return false;
	if (bm_state_is_off(state, report, now))
		bm_state_set_right(state, report, now);
	if (!bm_claim_next(report, state, now))
		return false;
	state->run_id = bm_history_next_id();
	state->started_at = now;
	state->pid = MyProcPid;
	*run = run_under_way(state);
	state->has_window = false;
	bm_request_delete(report->id);
	bm_state_put(state);
	return true;
}

/* The process that is at a run, or 0. */
static int
process_of_run(int64 report_id, int64 run_id)
{
	const BmReportState *state = bm_state_get(report_id);
	BmRunRow row;

	if (state != NULL && state->run_id == run_id)
		return state->pid;
	return bm_history_find(run_id, &row) && row.state == BM_RUN_RUNNING ? row.pid : 0;
}

/*
 * Sends a signal to the process that is at a run; says whether. It is looked for once more under its lock, which the
 * process takes before it goes on to something else: what was meant for one attempt reaches no other.
 */
bool
bm_run_signal(int64 report_id, int64 run_id, int signal_number)
{
	int pid = process_of_run(report_id, run_id);
	bool sent;

	if (pid == 0)
		return false;
	bm_signals_lock(pid);
	sent = process_of_run(report_id, run_id) == pid &&
		   bm_report_signal(report_id, pid, signal_number);
	bm_signals_unlock(pid);
	return sent;
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

/* One timer serves the reports that run within each other: for whose time is up first. */
static bool timer_registered = false;
static TimeoutId timer;
static TimestampTz ends_at = DT_NOEND;
static volatile sig_atomic_t timed_out = false;

static void
cancel_on_timeout(void)
{
	timed_out = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
set_timer(TimestampTz at)
{
	ends_at = at;
	timed_out = false;
	if (!timer_registered && at == DT_NOEND)
		return;
	if (!timer_registered)
		timer = RegisterTimeout(USER_TIMEOUT, cancel_on_timeout);
	timer_registered = true;
	if (at == DT_NOEND)
		disable_timeout(timer, false);
	else
		enable_timeout_at(timer, at);
}

/*
 * Cancels what the session is doing once the report's time is up, or that of the one it runs in,
 * which this returns: for bm_run_stop_timer().
 */
TimestampTz
bm_run_start_timer(const BmReport *report)
{
	TimestampTz outer = ends_at;
	TimestampTz own = DT_NOEND;

	if (report->timeout != NULL)
		own = GetCurrentTimestamp() +
			  Min(bm_interval_usecs(report->timeout), INT_MAX * INT64CONST(1000));
	if (!timed_out || outer == DT_NOEND)
		set_timer(Min(outer, own));
	return outer;
}

/* Was the report's own time up? */
bool
bm_run_stop_timer(TimestampTz outer)
{
	bool own = timed_out && ends_at < outer;

	if (ends_at < outer)
		set_timer(outer);
	return own;
}

static void
set_for_run(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

/*
 * What the report's SQL finds in force: its search_path, a limit on waits, and which run it is. And no compilation,
 * unless somebody has set jit: what is new is little, which the planner does not know, and to compile the commands
 * takes longer than they do.
 */
static void
set_settings(const BmReport *report, const BmRun *run)
{
	bm_guc_set_locally("search_path", report->search_path);
	if (LockTimeout == 0)
		set_for_run("lock_timeout", DEFAULT_LOCK_TIMEOUT);
	if (bm_setting_source("jit") <= PGC_S_DYNAMIC_DEFAULT)
		set_for_run("jit", "off");
	set_for_run("timezone", report->timezone);
	set_for_run("bizmetrics.scheduled_for",
				run->slot == BM_NO_TIME ? "" : timestamptz_to_str(run->slot));
	set_for_run("bizmetrics.attempt", psprintf("%d", run->attempt));
	set_for_run("bizmetrics.run_id", psprintf(INT64_FORMAT, run->run_id));
	set_for_run("bizmetrics.trigger", bm_trigger_name(run->trigger));
}

/* What an attempt, or a batch of a backfill, computes: see run_as_report(). */
typedef struct Work
{
	BmRun *run;
	bool whole;
	const BmPiece *piece; /* NULL: a step of the run */
	bool more;
	uint64 rows;
} Work;

static void
do_work(const BmReport *report, Work *work)
{
	if (work->piece != NULL)
		work->rows = bm_compute_batch(report, work->piece);
	else
		work->more = bm_compute_step(report, work->run, work->whole);
}

/*
 * Runs SQL of the report's as the current role. The caller made the transaction, or subtransaction, whose failure
 * undoes it, and pushed its snapshot. What the SQL sets ends with it.
 */
static void
run_as_report(const BmReport *report, Work *work)
{
	int nest_level = NewGUCNestLevel();
	Oid target = bm_report_target(report, false);
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	int64 *id = palloc(sizeof(int64));

	*id = report->id;
	executing = lappend(executing, id);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		/* Before anything is written: a snapshot does not know its own transaction for a running one. */
		if (work->run->snapshot == (Datum) 0)
			work->run->snapshot = bm_increment_snapshot();
		if (bm_table_ownercheck(target, GetUserId()))
			bm_access_share_target(target);
		set_settings(report, work->run);
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		do_work(report, work);
		SPI_finish();
		AtEOXact_GUC(false, nest_level);
	}
	PG_FINALLY();
	{
		executing = list_delete_ptr(executing, id);
		pfree(id);
	}
	PG_END_TRY();
}

/* Runs a step of an attempt, or all of it; true where there is more. */
bool
bm_run_execute(const BmReport *report, BmRun *run, bool whole)
{
	Work work = {.run = run, .whole = whole};

	run_as_report(report, &work);
	return work.more;
}

/* So many windows in a row that fail, and it is not the windows. */
#define MOST_FAILED_IN_A_ROW 32

static bool
is_of_many_buckets(const BmReport *report, BmWindow window)
{
	return bm_bucket_of(report->bucket, pg_tzset(report->timezone), window.start).end <
		   window.end;
}

/*
 * After a part of an attempt met an error and was rolled back: is there more to do? A window whose data cannot be
 * computed does not keep those that follow from it: it stays pending, and the attempt fails at its end. Of a
 * step of many buckets each is tried by itself. Where all was one part, before is what the attempt was before it, and
 * what it did is done again step by step. Each window leaves what is pending with the transaction that computes it, or
 * not at all: no event is lost or counted twice.
 */
bool
bm_run_goes_on(const BmReport *report, BmRun *run, const BmRun *before, bool whole,
			   ErrorData *error)
{
	BmRun part = *run;
	bool is_of_data = bm_retry_is_of_data(error->sqlerrcode);
	bool may = part.is_computing && is_of_data;
	bool is_many = may && is_of_many_buckets(report, part.step);

	*run = *before;
	if (run->locates)
		return false;
	if (is_of_data && part.instead != BM_INSTEAD_NOTHING)
	{
		run->by_windows = part.instead == BM_INSTEAD_BY_WINDOWS;
		run->locates = part.instead == BM_INSTEAD_LOCATE;
		run->error = run->locates ? error : NULL;
		return true;
	}
	if (may && whole &&
		(is_many || part.has_others || part.has_added || part.windows > 0))
		return true;
	if (is_many && !whole)
	{
		run->is_narrow = true;
		run->narrow_to = part.step.end;
		return true;
	}
	if (!may || run->error == NULL)
		run->error = error;
	if (!may)
		return false;
	if (run->failed++ == 0)
		run->first_failed = part.step;
	run->past = part.step.end;
	return part.has_others && ++run->failed_in_a_row < MOST_FAILED_IN_A_ROW;
}

/* Computes a window beside the schedule; says how many rows that wrote. */
uint64
bm_run_backfill(const BmReport *report, const BmPiece *piece)
{
	BmRun run = {
		.report_id = report->id, .slot = BM_NO_TIME, .trigger = BM_TRIGGER_MANUAL};
	Work work = {.run = &run, .piece = piece};

	run_as_report(report, &work);
	return work.rows;
}

/* A manual run stands beside the chain of attempts, and is not in the state. */
static bool
is_under_way(const BmReportState *state, const BmRun *run)
{
	return run->trigger == BM_TRIGGER_MANUAL ||
		   (state->pid != 0 && state->run_id == run->run_id);
}

/* No slot up to this time is owed to the reports that run after it. */
static TimestampTz
done_by(const BmReport *report, const BmRun *run)
{
	return report->misfire == BM_MISFIRE_EACH && run->slot != BM_NO_TIME
			   ? run->slot
			   : run->started_at;
}

/* In the transaction of a step that others follow: shows how far the attempt is. */
void
bm_run_progress(const BmRun *run)
{
	BmReportState *state = bm_state_get(run->report_id);

	if (state == NULL || !is_under_way(state, run))
		return;
	state->has_window = run->has_window;
	state->window = run->window;
	bm_state_put(state);
}

/* In the transaction that wrote the report's rows. */
void
bm_run_succeeded(const BmReport *report, const BmRun *run)
{
	BmRunEnd end = {.state = BM_RUN_SUCCEEDED, .row_count = run->row_count};
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();

	if (state == NULL || !is_under_way(state, run))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("report \"%s\" lost its claim while it ran", report->name)));
	bm_history_put(run, &end, now);
	if (run->trigger == BM_TRIGGER_MANUAL)
	{
		(void) bm_state_apply(state, BM_CAUSE_MANUAL_SUCCESS);
		/* The worker sees the ends of its own attempts. */
		if (bm_after_has_followers(report->name))
			bm_registry_notify();
	}
	else
	{
		(void) bm_state_apply(state, BM_CAUSE_SUCCEEDED);
		bm_claim_settle(report, state, run->started_at, now);
	}
	if (run->has_expired)
	{
		state->expired_to = run->expired_to;
		namestrcpy(&state->expired_column, report->retention_column);
	}
	state->last_success_at = now;
	state->done_until = Max(state->done_until, done_by(report, run));
	bm_state_put(state);
	bm_notify_success(report, run->slot, run->run_id);
}

static double
random_fraction(void)
{
	return pg_prng_double(&pg_global_prng_state);
}

/* When an attempt that ended so may be followed by another one: after a crash not soon. */
static TimestampTz
next_attempt(const BmReport *report, const BmReportState *state, const BmRunEnd *end,
			 TimestampTz now)
{
	int64 delay = bm_retry_delay(report->backoff, report->backoff_length, state->attempt,
								 random_fraction());

	if (end->interrupted)
		return now;
	return now + (end->state == BM_RUN_CRASHED ? Max(delay, CRASH_BACKOFF) : delay);
}

/* Why no other attempt is made of the run, or NULL. */
static const char *
why_final(const BmReport *report, const BmReportState *state, const BmRunEnd *end,
		  TimestampTz next_attempt_at)
{
	if (end->state == BM_RUN_CRASHED &&
		state->consecutive_crashes + 1 >= BM_CRASHES_TO_QUARANTINE)
		return "quarantined";
	if (end->state == BM_RUN_CANCELLED)
		return "cancelled";
	if (end->state == BM_RUN_FAILED && (bm_retry_is_permanent(end->sqlerrcode) ||
										(report->retry_on == BM_RETRY_ON_TRANSIENT &&
										 !bm_retry_is_transient(end->sqlerrcode))))
		return "permanent";
	if (state->attempt >= report->max_attempts)
		return "max_attempts";
	if (report->misfire != BM_MISFIRE_EACH && state->next_slot != BM_NO_TIME &&
		!report->paused && next_attempt_at >= state->next_slot)
		return "superseded";
	return NULL;
}

/*
 * Records the end of an attempt that did not succeed, and what follows. Nobody knows when one that crashed
 * ended: slots that fired since it began count as missed.
 */
static void
end_attempt(const BmReport *report, BmReportState *state, BmRunEnd *end, TimestampTz now)
{
	bool crashed = end->state == BM_RUN_CRASHED;
	BmRun run = run_under_way(state);
	TimestampTz next_attempt_at = next_attempt(report, state, end, now);
	BmCause cause = crashed ? BM_CAUSE_CRASHED : BM_CAUSE_FAILED;

	if (!crashed)
		bm_claim_settle(report, state, run.started_at, now);
	end->reason = why_final(report, state, end, next_attempt_at);
	if (end->reason != NULL)
		cause = crashed ? BM_CAUSE_CRASHED_LAST : BM_CAUSE_GAVE_UP;
	if (end->reason != NULL && strcmp(end->reason, "quarantined") == 0)
	{
		cause = BM_CAUSE_CRASHED_AGAIN;
		ereport(LOG,
				(errmsg("report \"%s\" is in quarantine: it crashed %d times in a row",
						report->name, BM_CRASHES_TO_QUARANTINE),
				 errhint("Find out why, then use bizmetrics.resume_report().")));
	}
	if (bm_state_apply(state, cause) & BM_BACK_OFF)
		state->next_attempt_at = next_attempt_at;
	bm_history_put(&run, end, now);
	bm_state_put(state);
	if (end->reason != NULL)
		bm_notify_failure(report, run.slot, run.run_id);
}

/* Did it end, by whatever cancelled it, when its time was up? */
static bool
is_over_time(const BmReport *report, const BmRun *run, TimestampTz now)
{
	return report->timeout != NULL &&
		   now - run->started_at >= bm_interval_usecs(report->timeout);
}

/* Its process was terminated when its time was up. */
static void
set_overdue(BmRunEnd *end)
{
	end->state = BM_RUN_TIMED_OUT;
	end->sqlerrcode = ERRCODE_QUERY_CANCELED;
	end->message = "the report did not end when its time was up, and was terminated";
	end->interrupted = false;
}

/*
 * After the transaction that failed. Does nothing where the attempt is recorded already: while
 * its lock was lost, somebody else took it for a crash. Goes by the report as it is now.
 */
void
bm_run_failed(const BmReport *report, const BmRun *run, BmRunEnd *end)
{
	BmReportState *state = bm_state_get(report->id);
	BmReport *now_is = bm_report_get(report->id);
	TimestampTz now = bm_clock_now();

	if (state == NULL || now_is == NULL || !is_under_way(state, run))
		return;
	if (run->trigger == BM_TRIGGER_MANUAL)
	{
		bm_history_put(run, end, now);
		bm_notify_failure(report, run->slot, run->run_id);
		return;
	}
	if (end->state == BM_RUN_CANCELLED && is_over_time(now_is, run, now))
		end->state = BM_RUN_TIMED_OUT;
	if (end->interrupted && is_over_time(now_is, run, now))
		set_overdue(end);
	end_attempt(now_is, state, end, now);
}

/*
 * Records an attempt that is claimed although its lock could be had: its runner ended before it did, by
 * a crash or because its time was up and it had to be terminated. Says whether there was one.
 */
bool
bm_run_bury(const BmReport *report, bool terminated)
{
	BmReportState *state = bm_state_get(report->id);
	BmRunEnd end = {.state = BM_RUN_CRASHED,
					.sqlerrcode = ERRCODE_CRASH_SHUTDOWN,
					.message = "the runner ended before the report did"};

	if (state == NULL || state->pid == 0)
		return false;
	if (terminated)
		set_overdue(&end);
	end_attempt(report, state, &end, bm_clock_now());
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

/* How an attempt ended that has failed, with which of its windows did. */
BmRunEnd
bm_run_end_failed(const BmRun *run, bool timed_out)
{
	BmRunEnd end = bm_run_end_of_error(run->error, timed_out);
	StringInfoData detail;

	if (run->failed == 0 && !run->has_culprit)
		return end;
	initStringInfo(&detail);
	if (end.detail != NULL)
		appendStringInfo(&detail, "%s\n", end.detail);
	end.detail = detail.data;
	if (run->has_culprit)
	{
		appendStringInfo(
			&detail, "It fails for the event %s of %s.",
			DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&run->culprit))),
			timestamptz_to_str(run->culprit_at));
		end.detail = detail.data;
		return end;
	}
	appendStringInfo(&detail, "The bucket from %s",
					 timestamptz_to_str(run->first_failed.start));
	appendStringInfo(&detail, " to %s", timestamptz_to_str(run->first_failed.end));
	if (run->failed > 1)
		appendStringInfo(&detail, ", the first of %d that failed,", run->failed);
	appendStringInfoString(&detail,
						   run->has_added ? " is not complete" : " stays as it was");
	appendStringInfoString(&detail, run->windows > 0 ? "; others were computed." : ".");
	end.detail = detail.data;
	return end;
}
