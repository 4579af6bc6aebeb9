/*
 * SQL functions that tell the worker what to do with a registered report: request, pause, resume, reset,
 * cancel.
 *
 * Pausing is a word in the registry, which a runner reads when it claims: it neither waits for a run nor
 * ends one. What changes where a report stands takes the report's lock, and fails where it is running.
 */
#include "postgres.h"

#include <signal.h>

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/clock.h"
#include "base/table.h"
#include "report/access.h"
#include "report/history.h"
#include "report/lock.h"
#include "report/manage.h"
#include "report/notify.h"
#include "report/run.h"
#include "report/state.h"
#include "report/watermark.h"

PG_FUNCTION_INFO_V1(bizmetrics_request_run);
PG_FUNCTION_INFO_V1(bizmetrics_request_runs);
PG_FUNCTION_INFO_V1(bizmetrics_pause_report);
PG_FUNCTION_INFO_V1(bizmetrics_pause_reports);
PG_FUNCTION_INFO_V1(bizmetrics_resume_report);
PG_FUNCTION_INFO_V1(bizmetrics_resume_reports);
PG_FUNCTION_INFO_V1(bizmetrics_reset_report);
PG_FUNCTION_INFO_V1(bizmetrics_cancel_run);

static void
require_worker(const char *what)
{
	const char *problem = bm_worker_problem != NULL
							  ? bm_worker_problem()
							  : "bizmetrics is not in shared_preload_libraries";

	if (problem != NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the worker cannot run %s", what),
			 errdetail("In this server, %s.", problem),
			 bm_worker_problem == NULL
				 ? errhint(
					   "Set shared_preload_libraries = 'bizmetrics' and restart the "
					   "server, or use bizmetrics.run_report() as the report's owner.")
				 : errhint("Mend that, or use bizmetrics.run_report() as the report's "
						   "owner.")));
}

static bool
is_quarantined(const BmReport *report)
{
	const BmReportState *state = bm_state_get(report->id);

	return state != NULL && bm_state_phase(state) == BM_PHASE_QUARANTINED;
}

static void
request(const BmReport *report)
{
	bm_request_insert(report->id, bm_clock_now(), GetUserNameFromId(GetUserId(), false));
	bm_registry_notify();
}

Datum
bizmetrics_request_run(PG_FUNCTION_ARGS)
{
	BmReport *report = bm_report_argument(fcinfo);

	PreventCommandIfReadOnly("request_run()");
	bm_require_manager(report);
	require_worker(psprintf("report \"%s\"", report->name));
	if (is_quarantined(report))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("report \"%s\" is in quarantine", report->name),
				 errdetail("It crashed %d times in a row.", BM_CRASHES_TO_QUARANTINE),
				 errhint("Find out why, then use bizmetrics.resume_report().")));
	request(report);
	PG_RETURN_VOID();
}

/* Calls a function for every report that the caller may manage; says for how many it did something. */
static int
for_all(bool (*function)(BmReport *))
{
	int count = 0;
	ListCell *cell;

	foreach(cell, bm_report_list())
		if (bm_may_manage(lfirst(cell)) && function(lfirst(cell)))
			count++;
	return count;
}

static bool
request_unless_kept(BmReport *report)
{
	if (report->paused || is_quarantined(report))
		return false;
	request(report);
	return true;
}

Datum
bizmetrics_request_runs(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("request_runs()");
	require_worker("reports");
	PG_RETURN_INT32(for_all(request_unless_kept));
}

/* Says whether that is a change; the caller has the registry's lock. */
static bool
set_paused(BmReport *report, bool paused)
{
	if (report->paused == paused)
		return false;
	report->paused = paused;
	bm_report_update(report);
	return true;
}

static bool
set_pause(BmReport *report)
{
	return set_paused(report, true);
}

static bool
end_pause(BmReport *report)
{
	return set_paused(report, false);
}

/* Lifts the quarantine of a report, if it is in one. */
void
bm_report_resume(const BmReport *report)
{
	BmReportState *state;

	if (!is_quarantined(report))
		return;
	bm_report_lock_or_fail(report);
	state = bm_state_get(report->id);
	if (bm_state_phase(state) != BM_PHASE_QUARANTINED)
		return;
	(void) bm_state_apply(state, BM_CAUSE_RESUMED);
	bm_state_put(state);
	bm_registry_notify();
}

static BmReport *
report_to_change(FunctionCallInfo fcinfo, const char *function)
{
	BmReport *report;

	PreventCommandIfReadOnly(function);
	bm_registry_lock();
	report = bm_report_argument(fcinfo);
	bm_require_manager(report);
	return report;
}

Datum
bizmetrics_pause_report(PG_FUNCTION_ARGS)
{
	(void) set_pause(report_to_change(fcinfo, "pause_report()"));
	PG_RETURN_VOID();
}

Datum
bizmetrics_resume_report(PG_FUNCTION_ARGS)
{
	BmReport *report = report_to_change(fcinfo, "resume_report()");

	(void) end_pause(report);
	bm_report_resume(report);
	PG_RETURN_VOID();
}

Datum
bizmetrics_pause_reports(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("pause_reports()");
	bm_registry_lock();
	PG_RETURN_INT32(for_all(set_pause));
}

Datum
bizmetrics_resume_reports(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("resume_reports()");
	bm_registry_lock();
	PG_RETURN_INT32(for_all(end_pause));
}

Datum
bizmetrics_reset_report(PG_FUNCTION_ARGS)
{
	BmReport *report = report_to_change(fcinfo, "reset_report()");
	BmReportState *state;

	bm_report_lock_or_fail(report);
	(void) bm_run_bury(report, false);
	state = bm_state_get(report->id);
	/* One that was restored has no state yet, or is on its way to one. */
	if (state != NULL && state->adopted)
		bm_state_put(bm_state_start_over(report, state, BM_CAUSE_RESET));
	bm_watermark_delete(report->id);
	bm_registry_notify();
	PG_RETURN_VOID();
}

/* As for pg_cancel_backend(), whoever may signal backends may, but for a superuser's. */
static bool
may_cancel(const BmReport *report)
{
	Oid owner = bm_report_owner(report);

	return bm_may_manage(report) ||
		   (has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND) &&
			!(OidIsValid(owner) && superuser_arg(owner)));
}

/* The run waits for its next attempt, if this was its last one: it gets none. */
static bool
cancel_retry(const BmReport *report, int64 run_id)
{
	BmReportState *state;

	if (bm_run_is_executing(report->id) || !bm_report_lock_soon(report))
		return false;
	state = bm_state_get(report->id);
	if (state == NULL || bm_state_phase(state) != BM_PHASE_RETRYING ||
		state->run_id != run_id)
		return false;
	bm_history_set_reason(report->id, state->chain_slot, run_id, "cancelled");
	bm_notify_failure(report, state->chain_slot, run_id);
	(void) bm_state_apply(state, BM_CAUSE_CANCELLED);
	bm_state_put(state);
	bm_registry_notify();
	return true;
}

/* The report that a run is of, or NULL; and the process that is at it, or 0. */
static BmReport *
report_of_run(int64 run_id, int *pid)
{
	ListCell *cell;
	BmRunRow run;

	foreach(cell, bm_report_list())
	{
		BmReport *report = lfirst(cell);
		const BmReportState *state = bm_state_get(report->id);

		if (state == NULL || state->run_id != run_id)
			continue;
		*pid = state->pid;
		return report;
	}
	if (!bm_history_find(run_id, &run))
		return NULL;
	*pid = run.state == BM_RUN_RUNNING ? run.pid : 0;
	return bm_report_get(run.report_id);
}

Datum
bizmetrics_cancel_run(PG_FUNCTION_ARGS)
{
	int64 run_id = PG_GETARG_INT64(0);
	BmReport *report;
	int pid;

	PreventCommandIfReadOnly("cancel_run()");
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("run_id must not be NULL")));
	report = run_id != BM_NO_ID ? report_of_run(run_id, &pid) : NULL;
	if (report == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("run " INT64_FORMAT " does not exist", run_id),
						errhint("The view bizmetrics.report_runs lists the runs.")));
	if (!may_cancel(report))
		bm_require_manager(report);
	if (pid != 0)
		PG_RETURN_BOOL(bm_run_signal(report->id, run_id, SIGINT));
	PG_RETURN_BOOL(cancel_retry(report, run_id));
}
