/*
 * A runner: a process that is logged in as a role and makes attempts to run its reports.
 *
 * Nothing in this process has more rights than the owner but the C code that keeps the books. The
 * order is: lock, claim (committed), execute and record success (one transaction), or record the
 * failure (another one). Of one that is terminated in between, as all are when the server is shut down,
 * see termination.c. Then the session is cleared (session.c), and the next report's turn comes.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "commands/sequence.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/table.h"
#include "report/lock.h"
#include "report/registry.h"
#include "report/run.h"
#include "report/totals.h"
#include "worker/pool.h"
#include "worker/session.h"
#include "worker/termination.h"
#include "worker/worker.h"

BackgroundWorkerHandle *
bm_runner_start(BmRunnerId id, const char *owner)
{
	return bm_process_start_for("runner", owner, (Datum) 0, &id, sizeof(id));
}

static volatile sig_atomic_t terminated = false;

static void
note_termination(SIGNAL_ARGS)
{
	terminated = true;
	die(postgres_signal_arg);
}

/* How an attempt to claim a report ended. */
typedef enum Claim
{
	CLAIM_MADE,
	CLAIM_NOTHING_TO_DO,
	CLAIM_SESSION_IS_STALE
} Claim;

/* Takes the lock for the session and commits the claim. */
static Claim
claim(int64 report_id, MemoryContext context, BmReport **report, BmRun *run)
{
	Claim claimed = CLAIM_NOTHING_TO_DO;

	bm_books_begin();
	MemoryContextSwitchTo(context);
	bm_signals_await();
	if (!bm_session_is_current())
		claimed = CLAIM_SESSION_IS_STALE;
	else if (bm_report_lock(report_id, true) &&
			 (*report = bm_report_get(report_id)) != NULL &&
			 bm_report_owner(*report) == GetSessionUserId() &&
			 bm_owner_problem((*report)->owner) == NULL && bm_run_claim(*report, run))
	{
		ResetSequenceCaches(); /* the run's id is nothing to lastval() */
		bm_attempt_begin(run);
		claimed = CLAIM_MADE;
	}
	bm_books_end();
	MemoryContextSwitchTo(context);
	return claimed;
}

/*
 * Only the report is cancelled, never the books: whoever cancels may send the signal while its end is being
 * recorded.
 */
static void
listen_to_cancel(bool listen)
{
	pqsignal(SIGINT, listen ? StatementCancelHandler : SIG_IGN);
}

/* In a transaction of the report: the lock once more (see lock.c), then the snapshot. True where there is more. */
static bool
execute_step(const BmReport *report, BmRun *run)
{
	bool more;

	CHECK_FOR_INTERRUPTS();
	StartTransactionCommand();
	if (!bm_report_lock(report->id, false))
		elog(ERROR, "the lock of report \"%s\" was lost", report->name);
	PushActiveSnapshot(GetTransactionSnapshot());
	more = bm_run_execute(report, run, false);
	if (more || run->error != NULL)
		bm_run_progress(run);
	else
		bm_run_succeeded(report, run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	return more;
}

static void
record_termination(int code, Datum arg)
{
	if (!terminated)
		return;
	listen_to_cancel(false);
	bm_attempt_record_termination();
}

/* Rolls back a step, and gives the error that it met. */
static ErrorData *
roll_back(MemoryContext context)
{
	ErrorData *error;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(context);
	EmitErrorReport();
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	RESUME_INTERRUPTS();
	MemoryContextSwitchTo(context);
	return error;
}

/* Makes the attempt, step by step: see bm_run_goes_on() for those that fail. */
static void
make_attempt(const BmReport *report, BmRun *run)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool more = true;
	bool timed_out;

	listen_to_cancel(true);
	(void) bm_run_start_timer(report);
	while (more)
	{
		BmRun before = *run;

		PG_TRY();
		{
			more = execute_step(report, run);
		}
		PG_CATCH();
		{
			more = bm_run_goes_on(report, run, &before, false, roll_back(context));
		}
		PG_END_TRY();
	}
	listen_to_cancel(false);
	timed_out = bm_run_stop_timer(DT_NOEND);
	QueryCancelPending = false;
	if (run->error != NULL)
	{
		BmRunEnd end = bm_run_end_failed(run, timed_out);

		bm_attempt_record_failure(&end);
	}
}

/* Says in the log which report a message is about. */
static void
add_context(void *arg)
{
	errcontext("report \"%s\"", ((const BmReport *) arg)->name);
}

/* Makes the attempt that was claimed, with what pg_stat_activity and the log say of it. */
static void
run_report(const BmReport *report, BmRun *run)
{
	ErrorContextCallback callback = {.previous = error_context_stack,
									 .callback = add_context,
									 .arg = unconstify(BmReport *, report)};

	pgstat_report_appname(psprintf("bizmetrics:%s", report->name));
	debug_query_string = report->query;
	pgstat_report_activity(STATE_RUNNING, report->query);
	error_context_stack = &callback;
	make_attempt(report, run);
	error_context_stack = callback.previous;
	debug_query_string = NULL;
	QueryCancelPending = false; /* a cancellation that came too late is nobody's */
}

/* Claims a report and runs it; false where the session cannot be used for another one. */
static bool
serve(int64 report_id, MemoryContext context)
{
	BmReport *report = NULL;
	BmRun run = {0};

	switch (claim(report_id, context, &report, &run))
	{
		case CLAIM_SESSION_IS_STALE:
			bm_pool_give_back();
			return false;
		case CLAIM_NOTHING_TO_DO:
			break;
		case CLAIM_MADE:
			bm_pool_claimed();
			run_report(report, &run);
			bm_attempt_end();
			break;
	}
	return bm_session_clear(); /* of the report's lock too */
}

static void
rest(void)
{
	pgstat_report_appname("bizmetrics runner");
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(true);
}

/* Waits for a report to run; false where the runner is to leave. */
static bool
next_report(int64 *report_id)
{
	TimestampTz idle_since = 0;
	TimestampTz next;

	for (;;)
	{
		switch (bm_pool_take(report_id, &next))
		{
			case BM_POOL_RUN:
				return true;
			case BM_POOL_LEAVE:
				return false;
			case BM_POOL_WAIT:
				break;
		}
		if (idle_since == 0)
		{
			rest();
			idle_since = GetCurrentTimestamp();
		}
		if (!bm_scheduler_is_there(MyDatabaseId))
			return false;
		if (next == DT_NOEND && GetCurrentTimestamp() >= idle_since + BM_LINGER)
			return false;
		(void) bm_wait_until(next != DT_NOEND ? next : bm_clock_now() + BM_LINGER);
	}
}

/* Reads what a claim will read, for the first report's slot may be near. */
static void
log_in(void)
{
	bm_books_begin();
	bm_session_begin();
	(void) bm_report_get(BM_NO_ID);
	(void) bm_state_get(BM_NO_ID);
	(void) bm_request_exists(BM_NO_ID);
	(void) bm_history_has_slot(BM_NO_ID, BM_NO_TIME);
	(void) bm_totals_have_slot(BM_NO_ID, BM_NO_TIME);
	bm_books_end();
}

void
bm_runner_main(Datum arg)
{
	BmRunnerId id;
	Oid database;
	Oid owner;
	int64 report_id;
	MemoryContext context;

	memcpy(&id, MyBgworkerEntry->bgw_extra, sizeof(id));
	bm_worker_setup();
	pqsignal(SIGTERM, note_termination);
	listen_to_cancel(false);
	if (!bm_pool_enter(id, &database, &owner))
		return;
	BackgroundWorkerInitializeConnectionByOid(database, owner, 0);
	before_shmem_exit(record_termination, (Datum) 0);
	bm_session_set_role();
	context = AllocSetContextCreate(TopMemoryContext, "bizmetrics runner",
									ALLOCSET_DEFAULT_SIZES);
	log_in();
	MemoryContextSwitchTo(context);
	while (next_report(&report_id) && serve(report_id, context))
	{
		MemoryContextReset(context);
		pgstat_report_stat(false);
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
	pgstat_report_stat(true);
}
