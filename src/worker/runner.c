/*
 * A runner: a process that is logged in as a report's owner and makes one attempt to run it.
 *
 * Nothing in this process has more rights than the owner but the C code that keeps the books. The
 * order is: lock, claim (committed), execute and record success (one transaction), or record the
 * failure (another one). A runner that dies in between leaves a claim whose lock can be had.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "report/lock.h"
#include "report/registry.h"
#include "report/run.h"
#include "worker/worker.h"

StaticAssertDecl(sizeof(BmRunnerTask) <= BGW_EXTRALEN,
				 "a runner's task must fit bgw_extra");

BackgroundWorkerHandle *
bm_runner_start(const BmRunnerTask *task, const char *report)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	memcpy(worker.bgw_extra, task, sizeof(BmRunnerTask));
	strlcpy(worker.bgw_library_name, "bizmetrics", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "bm_runner_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "bizmetrics runner for %s", report);
	strlcpy(worker.bgw_type, "bizmetrics runner", BGW_MAXLEN);
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/* A transaction of our own, whatever default_transaction_read_only says of the owner's. */
static void
begin_bookkeeping(void)
{
	StartTransactionCommand();
	XactReadOnly = false;
	PushActiveSnapshot(GetTransactionSnapshot());
}

/* Takes the lock for the session and commits the claim; false where there is nothing to do. */
static bool
claim(int64 report_id, MemoryContext context, BmReport **report, BmRun *run)
{
	bool claimed = false;

	begin_bookkeeping();
	MemoryContextSwitchTo(context);
	if (bm_report_lock(report_id, true) && (*report = bm_report_get(report_id)) != NULL &&
		bm_report_owner(*report) == GetSessionUserId() &&
		bm_owner_problem((*report)->owner) == NULL)
		claimed = bm_run_claim(*report, run);
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return claimed;
}

/* In the transaction of the report: the lock once more (see lock.c), then the snapshot. */
static void
execute(const BmReport *report, const BmRun *run)
{
	uint64 row_count;

	StartTransactionCommand();
	if (!bm_report_lock(report->id, false))
		elog(ERROR, "the lock of report \"%s\" was lost", report->name);
	bm_run_start_timer(report);
	PushActiveSnapshot(GetTransactionSnapshot());
	row_count = bm_run_execute(report, run);
	bm_run_succeeded(report, run, row_count);
	PopActiveSnapshot();
	CommitTransactionCommand();
	(void) bm_run_stop_timer();
}

/* After the report's transaction was rolled back. Without the lock it is no longer ours to say. */
static void
record_failure(const BmReport *report, const BmRun *run, const ErrorData *error,
			   bool timed_out)
{
	BmRunEnd end = bm_run_end_of_error(error, timed_out);

	begin_bookkeeping();
	if (bm_report_lock(report->id, true))
		bm_run_failed(report, run, &end);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

static void
make_attempt(const BmReport *report, const BmRun *run)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		execute(report, run);
	}
	PG_CATCH();
	{
		ErrorData *error;
		bool timed_out = bm_run_stop_timer();

		HOLD_INTERRUPTS();
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
		MemoryContextSwitchTo(context);
		record_failure(report, run, error, timed_out);
	}
	PG_END_TRY();
}

/* Says in the log which report a message is about. */
static void
add_context(void *arg)
{
	errcontext("report \"%s\"", ((const BmReport *) arg)->name);
}

void
bm_runner_main(Datum arg)
{
	BmRunnerTask task;
	MemoryContext context;
	BmReport *report = NULL;
	BmRun run = {0};
	ErrorContextCallback callback;

	memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof(task));
	bm_worker_setup();
	Assert(OidIsValid(task.owner));
	BackgroundWorkerInitializeConnectionByOid(task.database, task.owner, 0);
	/* As the owner, also where ALTER ROLE ... SET role says otherwise. */
	SetConfigOption("role", "none", PGC_USERSET, PGC_S_SESSION);
	context = AllocSetContextCreate(TopMemoryContext, "bizmetrics runner",
									ALLOCSET_DEFAULT_SIZES);
	if (!claim(task.report_id, context, &report, &run))
		return;
	pgstat_report_appname(psprintf("bizmetrics:%s", report->name));
	debug_query_string = report->query;
	pgstat_report_activity(STATE_RUNNING, report->query);
	callback.callback = add_context;
	callback.arg = report;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	make_attempt(report, &run);
	bm_report_unlock(report->id);
	error_context_stack = callback.previous;
	pgstat_report_activity(STATE_IDLE, NULL);
	pgstat_report_stat(true);
}
