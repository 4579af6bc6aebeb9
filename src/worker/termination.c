/*
 * The attempt that this process claimed, until it is done with, and what becomes of it where the process is ended in
 * good order: by a shutdown, a restart or pg_terminate_backend().
 *
 * That is no fault of the report: it has failed, is not taken for crashed, and the next attempt need not wait. The
 * process records so itself, at its exit; one that dies leaves a claim whose lock can be had.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "base/table.h"
#include "report/lock.h"
#include "report/registry.h"
#include "report/run.h"
#include "worker/termination.h"

static BmRun claimed;					   /* without an id: there is none */
static const BmRunEnd *claimed_end = NULL; /* NULL: it has none yet */

/* A transaction of our own, whatever the owner's settings say of his. */
void
bm_books_begin(void)
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

void
bm_books_end(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* The process has claimed an attempt. */
void
bm_attempt_begin(const BmRun *run)
{
	claimed = *run;
	claimed_end = NULL;
}

/* It is recorded how it ended. */
void
bm_attempt_end(void)
{
	claimed = (BmRun){0};
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
record_end(const BmRunEnd *failed, bool wait)
{
	BmRunEnd end = *failed;
	const BmReport *report;

	bm_books_begin();
	if ((wait || books_are_free()) && bm_report_lock(claimed.report_id, true) &&
		(report = bm_report_get(claimed.report_id)) != NULL)
		bm_run_failed(report, &claimed, &end);
	bm_books_end();
}

/* The attempt has failed, outside of a transaction. */
void
bm_attempt_record_failure(const BmRunEnd *end)
{
	claimed_end = end;
	record_end(end, true);
	claimed_end = NULL;
}

/*
 * At the exit of a process that is terminated. Nothing can interrupt it here, so it waits for nobody: an
 * attempt whose end cannot be recorded is taken for crashed.
 */
void
bm_attempt_record_termination(void)
{
	BmRunEnd end = {.state = BM_RUN_FAILED,
					.sqlerrcode = ERRCODE_ADMIN_SHUTDOWN,
					.message = "the runner was terminated while the report ran",
					.interrupted = true};

	if (claimed.report_id == 0)
		return;
	AbortOutOfAnyTransaction();
	(void) bm_run_stop_timer(DT_NOEND);
	record_end(claimed_end != NULL ? claimed_end : &end, false);
}
