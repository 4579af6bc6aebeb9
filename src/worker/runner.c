/*
 * A runner: a process that is logged in as a role and makes attempts to run its reports.
 *
 * Nothing in this process has more rights than the owner but the C code that keeps the books. The
 * order is: lock, claim (committed), execute and record success (one transaction), or record the
 * failure (another one). A runner that is terminated in between, as all are when the server is shut down,
 * records that at its exit; one that dies leaves a claim whose lock can be had. Then
 * the session is cleared (session.c), and the next report's turn comes.
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
#include "worker/worker.h"

BackgroundWorkerHandle *
bm_runner_start(BmRunnerId id, const char *owner)
{
	return bm_process_start_for("runner", owner, (Datum) 0, &id, sizeof(id));
}

/* The attempt that this process claimed, until it is done with: for record_termination(). */
static const BmReport *claimed_report = NULL;
static BmRun claimed_run;
static const BmRunEnd *claimed_end = NULL; /* NULL: it has none yet */
static volatile sig_atomic_t terminated = false;

static void
note_termination(SIGNAL_ARGS)
{
	terminated = true;
	die(postgres_signal_arg);
}

/* A transaction of our own, whatever the owner's settings say of his. */
static void
begin_bookkeeping(void)
{
	StartTransactionCommand();
	XactReadOnly = false;
	XactIsoLevel = XACT_READ_COMMITTED;
	/* The books wait for no standby; with it off, they wait for nothing. */
	if (synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		(void) set_config_option("synchronous_commit", "local", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	PushActiveSnapshot(GetTransactionSnapshot());
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

	begin_bookkeeping();
	MemoryContextSwitchTo(context);
	if (!bm_session_is_current())
		claimed = CLAIM_SESSION_IS_STALE;
	else if (bm_report_lock(report_id, true) &&
			 (*report = bm_report_get(report_id)) != NULL &&
			 bm_report_owner(*report) == GetSessionUserId() &&
			 bm_owner_problem((*report)->owner) == NULL && bm_run_claim(*report, run))
	{
		ResetSequenceCaches(); /* the run's id is nothing to lastval() */
		claimed_report = *report;
		claimed_run = *run;
		claimed = CLAIM_MADE;
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
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

/* Can the books be written without waiting for whoever locks them? */
static bool
books_are_free(void)
{
	return bm_table_lock_at_once("reports", AccessShareLock) &&
		   bm_table_lock_at_once("report_state", RowExclusiveLock) &&
		   bm_table_lock_at_once("runs", RowExclusiveLock);
}

/* After the report's transaction was rolled back. Without the lock it is no longer ours to say. */
static void
record_end(const BmReport *report, const BmRun *run, const BmRunEnd *failed, bool wait)
{
	BmRunEnd end = *failed;

	begin_bookkeeping();
	if ((wait || books_are_free()) && bm_report_lock(report->id, true))
		bm_run_failed(report, run, &end);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
record_failure(const BmReport *report, const BmRun *run, bool timed_out)
{
	BmRunEnd end = bm_run_end_failed(run, timed_out);

	claimed_end = &end;
	record_end(report, run, &end, true);
	claimed_end = NULL;
}

/*
 * At the exit of a process that was terminated. Nothing can interrupt it here, so it waits for nobody: an
 * attempt whose end cannot be recorded is taken for crashed.
 */
static void
record_termination(int code, Datum arg)
{
	BmRunEnd end = {.state = BM_RUN_FAILED,
					.sqlerrcode = ERRCODE_ADMIN_SHUTDOWN,
					.message = "the runner was terminated while the report ran",
					.interrupted = true};

	if (!terminated || claimed_report == NULL)
		return;
	if (claimed_end != NULL)
		end = *claimed_end;
	AbortOutOfAnyTransaction();
	listen_to_cancel(false);
	(void) bm_run_stop_timer(DT_NOEND);
	record_end(claimed_report, &claimed_run, &end, false);
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
		record_failure(report, run, timed_out);
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
			claimed_report = NULL;
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
	begin_bookkeeping();
	bm_session_begin();
	(void) bm_report_get(BM_NO_ID);
	(void) bm_state_get(BM_NO_ID);
	(void) bm_request_exists(BM_NO_ID);
	(void) bm_history_has_slot(BM_NO_ID, BM_NO_TIME);
	(void) bm_totals_have_slot(BM_NO_ID, BM_NO_TIME);
	PopActiveSnapshot();
	CommitTransactionCommand();
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
