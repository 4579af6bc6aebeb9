/*
 * bizmetrics.run_due_reports(): what the worker does, in a session of the reports' owner.
 *
 * For servers that do not preload the library: pg_cron calls it every minute, as each owner. It
 * is a procedure that commits as it goes, in the order of runner.c: lock, claim (committed), execute
 * and record success (one transaction), or record the failure (another one). Lock and claim are the
 * worker's, so that a slot runs once, whoever comes first; so is what is recorded of an attempt whose session is
 * terminated. Where the worker serves the database it does nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "report/claim.h"
#include "report/history.h"
#include "report/history_prune.h"
#include "report/lock.h"
#include "report/registry.h"
#include "report/run.h"
#include "report/state.h"
#include "worker/termination.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(bizmetrics_run_due_reports);
PG_FUNCTION_INFO_V1(bizmetrics_worker_problem);

/* Why nobody would run reports of this database, or NULL. */
Datum
bizmetrics_worker_problem(PG_FUNCTION_ARGS)
{
	const char *problem = bm_worker_problem != NULL
							  ? bm_worker_problem()
							  : "bizmetrics is not in shared_preload_libraries";

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

static bool
worker_is_here(void)
{
	return bm_worker_problem != NULL && bm_worker_problem() == NULL;
}

/* Our books are kept whatever the owner's settings say of his transactions. */
static void
begin_bookkeeping(void)
{
	if (!FirstSnapshotSet)
		XactIsoLevel = XACT_READ_COMMITTED;
	EnsurePortalSnapshotExists();
	XactReadOnly = false;
}

/* Is there something to run? Brings the report's state into line by the way. */
static bool
is_due(int64 report_id)
{
	BmReport *report;
	BmReportState *state = NULL;
	bool due = false;
	BmLook look;

	begin_bookkeeping();
	report = bm_report_get(report_id);
	if (report != NULL && bm_report_owner(report) == GetUserId())
		state = bm_tend_report(report);
	if (state != NULL && state->broken_reason == NULL)
	{
		look = bm_claim_look(report, bm_clock_now());
		due = bm_state_due(state, &look) != BM_DUE_NOTHING;
	}
	SPI_commit();
	return due;
}

/* The caller has the session's lock. */
static bool
claim(int64 report_id, BmReport **report, BmRun *run)
{
	bool claimed;

	begin_bookkeeping();
	*report = bm_report_get(report_id);
	claimed = *report != NULL && bm_report_owner(*report) == GetUserId() &&
			  bm_run_claim(*report, run);
	if (claimed)
		bm_attempt_begin(run);
	SPI_commit();
	return claimed;
}

/* What was not recorded with the attempt: its commit failed, or it was cancelled. */
static void
record_failure(const BmReport *report, const BmRun *run, const ErrorData *error)
{
	BmRunEnd end = bm_run_end_of_error(error, false);

	SPI_rollback();
	begin_bookkeeping();
	if (bm_report_lock(report->id, false))
		bm_run_failed(report, run, &end);
	SPI_commit();
}

static void
make_attempt(const BmReport *report, BmRun *run)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		BmRunEnd end;

		EnsurePortalSnapshotExists();
		if (!bm_report_lock(report->id, false))
			elog(ERROR, "the lock of report \"%s\" was lost", report->name);
		end = bm_run_attempt(report, run);
		SPI_commit();
		if (end.state != BM_RUN_SUCCEEDED)
			ereport(WARNING,
					(errcode(end.sqlerrcode),
					 errmsg("report \"%s\" failed: %s", report->name, end.message)));
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		record_failure(report, run, error);
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("report \"%s\" failed: %s", report->name, error->message)));
	}
	PG_END_TRY();
}

/* Says whether there was an attempt. */
static bool
run_if_due(int64 report_id)
{
	volatile bool claimed = false;

	if (!is_due(report_id) || !bm_report_lock(report_id, true))
		return false;
	PG_TRY();
	{
		BmReport *report;
		BmRun run = {0};

		claimed = claim(report_id, &report, &run);
		if (claimed)
		{
			pgstat_report_appname(psprintf("bizmetrics:%s", report->name));
			make_attempt(report, &run);
			bm_signals_await();
		}
	}
	PG_FINALLY();
	{
		bm_attempt_end();
		pgstat_report_appname(application_name);
		bm_report_unlock(report_id);
	}
	PG_END_TRY();
	return claimed;
}

/* There is no worker that would. */
static void
prune_history(int64 report_id)
{
	begin_bookkeeping();
	bm_history_prune_report(report_id);
	SPI_commit();
}

/* At the exit of the session, which with an attempt under way has been terminated. */
static void
record_termination(int code, Datum arg)
{
	bm_attempt_record_termination();
}

/* Runs each due report once; says whether there was one. */
static bool
run_all_once(void)
{
	MemoryContext old = CurrentMemoryContext;
	MemoryContext pass =
		AllocSetContextCreate(old, "bizmetrics pass", ALLOCSET_DEFAULT_SIZES);
	bool any = false;
	ListCell *cell;

	MemoryContextSwitchTo(pass);
	begin_bookkeeping();
	foreach(cell, bm_report_list())
	{
		BmReport *report = lfirst(cell);

		if (bm_report_owner(report) != GetUserId() || !run_if_due(report->id))
			continue;
		prune_history(report->id);
		any = true;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(pass);
	return any;
}

static void
check_call(FunctionCallInfo fcinfo)
{
	CallContext *call = (CallContext *) fcinfo->context;

	PreventCommandDuringRecovery("run_due_reports()");
	if (call == NULL || !IsA(call, CallContext) || call->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("run_due_reports() must not be called in a transaction block"),
				 errhint("It commits each run: let CALL be a statement of its own.")));
	if (GetUserId() != GetSessionUserId())
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be logged in as \"%s\" to run its reports",
							   GetUserNameFromId(GetUserId(), false)),
						errhint("Let pg_cron's job have this role as its username.")));
}

Datum
bizmetrics_run_due_reports(PG_FUNCTION_ARGS)
{
	static bool watched = false;

	check_call(fcinfo);
	if (!watched)
		before_shmem_exit(record_termination, (Datum) 0);
	watched = true;
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	SPI_commit(); /* CALL began a transaction of the owner's */
	while (!worker_is_here() && run_all_once())
		;
	SPI_finish();
	PG_RETURN_VOID();
}
