/* SQL functions on a registered report: drop_report, run_report, and the guard. */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/table.h"
#include "report/access.h"
#include "report/history.h"
#include "report/increment.h"
#include "report/lock.h"
#include "report/manage.h"
#include "report/registry.h"
#include "report/run.h"
#include "report/state.h"
#include "report/totals.h"
#include "report/watermark.h"

#define LOCK_TRIES 10
#define LOCK_PAUSE_USECS 20000

PG_FUNCTION_INFO_V1(bizmetrics_drop_report);
PG_FUNCTION_INFO_V1(bizmetrics_run_report);
PG_FUNCTION_INFO_V1(bizmetrics_guard_report);

BmReport *
bm_report_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name must not be NULL")));
	return bm_report_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

/* A runner that has just recorded its end needs an instant to let go of the lock. */
bool
bm_report_lock_soon(const BmReport *report)
{
	for (int i = 0; i < LOCK_TRIES; i++)
	{
		if (bm_report_lock(report->id, false))
			return true;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(LOCK_PAUSE_USECS);
	}
	return false;
}

void
bm_report_lock_or_fail(const BmReport *report)
{
	if (bm_run_is_executing(report->id) || !bm_report_lock_soon(report))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("report \"%s\" is running", report->name),
				 errhint("Try again when it has ended: see bizmetrics.report_status.")));
}

Datum
bizmetrics_drop_report(PG_FUNCTION_ARGS)
{
	BmReport *report;

	PreventCommandIfReadOnly("drop_report()");
	bm_registry_lock();
	report = bm_report_argument(fcinfo);
	bm_require_manager(report);
	bm_report_lock_or_fail(report);
	bm_request_delete(report->id);
	bm_history_delete(report->id);
	bm_totals_delete(report->id);
	bm_state_delete(report->id);
	bm_watermark_delete(report->id);
	bm_backfill_delete(report->id);
	bm_change_delete(report->id, PG_INT64_MAX);
	bm_report_delete(report);
	PG_RETURN_VOID();
}

/* run_report() runs SQL in the caller's session: only the owner, not acting as or through others. */
void
bm_require_owner_session(const BmReport *report)
{
	Oid owner = bm_report_owner(report);

	if (!OidIsValid(owner) || GetUserId() != owner || GetSessionUserId() != owner)
	{
		bm_require_manager(report);
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be logged in as the owner of report \"%s\" to run it here",
						report->name),
				 errhint("Use bizmetrics.request_run(), which lets the worker run it as "
						 "its owner.")));
	}
	if (bm_report_problem(report) != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("report \"%s\" cannot run: %s", report->name,
							   bm_report_problem(report)),
						errhint("Drop it and create it anew.")));
	if (superuser_arg(owner) && !bm_guc_allow_superuser_reports)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("report \"%s\" would run as a superuser", report->name),
						errhint("Register it for a plain role.")));
}

/*
 * What has been read is a snapshot, and a snapshot does not know its own transaction for a running one: events
 * that this transaction logs later would never be new. Nor may it be older than the lock.
 */
static void
require_fresh_transaction(const BmReport *report)
{
	if (!bm_increment_is_incremental(report))
		return;
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("report \"%s\" cannot run in a transaction that has written",
						report->name),
				 errhint("Let run_report() be the first command of its transaction, or "
						 "use bizmetrics.request_run().")));
	if (IsolationUsesXactSnapshot())
		ereport(
			ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("report \"%s\" cannot run in a transaction of this isolation level",
					report->name),
			 errhint("Use READ COMMITTED.")));
}

/* A restored report runs once its target is whole again: see worker/adopt.c. */
static void
adopt_by_hand(const BmReport *report)
{
	BmReportState *state = bm_state_get(report->id);

	if (state != NULL && state->adopted)
		return;
	if (report->target_has_key && !bm_target_has_key(bm_report_target(report, false)))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("report \"%s\" is not restored yet", report->name),
						errdetail("Its target %s has no primary key.", report->target)));
	bm_state_put(bm_state_create(report, true));
}

/* Who cancels or shuts down means the whole command; whose time is up is the report. */
static bool
means_command(const ErrorData *error, bool timed_out)
{
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		return !timed_out;
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION;
}

/*
 * Runs the report's SQL, or a step of it, in a subtransaction; NULL, or the error that undid it. The last part records the
 * success.
 */
static ErrorData *
try_part(const BmReport *report, BmRun *run, bool whole, TimestampTz outer, bool *more)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		*more = bm_run_execute(report, run, whole);
		if (!*more && run->error == NULL)
		{
			(void) bm_run_stop_timer(outer);
			bm_run_succeeded(report, run);
		}
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

/* Makes an attempt in the current transaction; says how it ended. */
BmRunEnd
bm_run_attempt(const BmReport *report, BmRun *run)
{
	BmRunEnd end = {.state = BM_RUN_SUCCEEDED};
	TimestampTz outer = bm_run_start_timer(report);
	bool whole = true;
	bool more = true;
	bool timed_out;

	while (more)
	{
		BmRun before = *run;
		ErrorData *error = try_part(report, run, whole, outer, &more);

		if (error != NULL)
			more = bm_run_goes_on(report, run, &before, whole, error);
		whole = false;
	}
	timed_out = bm_run_stop_timer(outer);
	end.row_count = run->row_count;
	if (run->error == NULL)
		return end;
	if (means_command(run->error, timed_out))
		ReThrowError(run->error);
	/* A time that was up only after the error is nothing to the caller's command. */
	if (timed_out && run->error->sqlerrcode != ERRCODE_QUERY_CANCELED)
		QueryCancelPending = false;
	end = bm_run_end_failed(run, timed_out);
	bm_run_failed(report, run, &end);
	return end;
}

static Datum
run_result(FunctionCallInfo fcinfo, const BmRun *run, const BmRunEnd *end)
{
	TupleDesc desc;
	Datum v[5] = {0};
	bool n[5] = {false, false, true, true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	v[0] = Int64GetDatum(run->run_id);
	v[1] = CStringGetTextDatum(bm_run_state_name(end->state));
	if (end->state == BM_RUN_SUCCEEDED)
	{
		v[2] = Int64GetDatum((int64) end->row_count);
		n[2] = false;
	}
	else
	{
		v[3] = CStringGetTextDatum(unpack_sql_state(end->sqlerrcode));
		v[4] = CStringGetTextDatum(end->message);
		n[3] = n[4] = false;
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), v, n));
}

Datum
bizmetrics_run_report(PG_FUNCTION_ARGS)
{
	BmReport *report = bm_report_argument(fcinfo);
	BmRun run = {0};
	BmRunEnd end;

	PreventCommandIfReadOnly("run_report()");
	bm_require_owner_session(report);
	require_fresh_transaction(report);
	bm_report_lock_or_fail(report);
	PushActiveSnapshot(GetTransactionSnapshot());
	run.snapshot = bm_increment_snapshot();
	PopActiveSnapshot();
	adopt_by_hand(report);
	(void) bm_run_bury(report, false);
	run.report_id = report->id;
	run.trigger = BM_TRIGGER_MANUAL;
	run.slot = BM_NO_TIME;
	run.attempt = 1;
	run.started_at = bm_clock_now();
	run.pid = MyProcPid;
	run.run_id = bm_history_next_id();
	bm_history_put(&run, NULL, BM_NO_TIME);
	end = bm_run_attempt(report, &run);
	bm_signals_await();
	return run_result(fcinfo, &run, &end);
}

/*
 * BEFORE INSERT OR UPDATE on bizmetrics.reports, for what does not come from create_report():
 * a restore, mostly. Nobody may store a report that runs as a role he could not become.
 */
Datum
bizmetrics_guard_report(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple row;
	bool isnull;
	Datum name;
	Oid owner;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "bizmetrics_guard_report is a trigger function");
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
													 : trigger->tg_trigtuple;
	name = heap_getattr(row,
						SPI_fnumber(RelationGetDescr(trigger->tg_relation), "owner_name"),
						RelationGetDescr(trigger->tg_relation), &isnull);
	owner = isnull ? InvalidOid : get_role_oid(TextDatumGetCString(name), true);
	if (!superuser() &&
		(!OidIsValid(owner) || !bm_member_can_set_role(GetUserId(), owner)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to store a report that runs as \"%s\"",
							   isnull ? "" : TextDatumGetCString(name))));
	bm_registry_notify();
	return PointerGetDatum(row);
}
