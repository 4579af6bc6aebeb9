/*
 * The scheduler of one database: starts a runner for every report that is due.
 *
 * The launcher starts it when there is something to do, and it leaves when there is nothing for a
 * while. It runs nobody's SQL: it reads the registry and writes states in C, as the bootstrap
 * superuser. What a report does is claimed and recorded by its runner (runner.c).
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/table.h"
#include "report/claim.h"
#include "report/lock.h"
#include "report/notify.h"
#include "report/registry.h"
#include "report/run.h"
#include "report/schedule.h"
#include "report/state.h"
#include "worker/adopt.h"
#include "worker/dispatch.h"
#include "worker/watchdog.h"
#include "worker/worker.h"

/* An attempt may be under way whose runner another scheduler started, before it crashed. */
#define FOREIGN_RUNNER_CHECK (30 * USECS_PER_SEC)

static MemoryContext scheduler_context;

BackgroundWorkerHandle *
bm_scheduler_start(Oid database)
{
	return bm_process_start("scheduler", database);
}

/* Why this report cannot run now, or NULL. */
static const char *
report_problem(const BmReport *report)
{
	const char *problem = bm_owner_problem(report->owner);

	if (problem != NULL)
		return problem;
	if (!bm_role_may(bm_report_owner(report), ACL_CONNECT, DatabaseRelationId,
					 MyDatabaseId))
		return psprintf("role \"%s\" may not connect to this database", report->owner);
	return bm_report_problem(report);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Notes in the state what keeps the report from running, or that nothing does any more. */
static void
note_problem(const BmReport *report, BmReportState *state, const char *problem)
{
	if (problem != NULL)
	{
		ereport(LOG, (errmsg("report \"%s\" cannot run: %s", report->name, problem)));
		bm_notify_broken(report, problem);
	}
	state->broken_reason = problem != NULL ? pstrdup(problem) : NULL;
	bm_state_put(state);
}

/*
 * Brings the state into line with the world, which takes the report's lock: buries an attempt that
 * crashed, adopts a report that was restored, notes what keeps it from running. Returns the
 * state, or NULL where somebody else has the lock.
 */
BmReportState *
bm_tend_report(const BmReport *report)
{
	BmReportState *state = bm_state_get(report->id);
	const char *problem = report_problem(report);

	if (state != NULL && state->adopted && state->pid == 0 &&
		same_text(state->broken_reason, problem) &&
		!bm_state_is_off(state, report, bm_clock_now()))
		return state;
	/* It may have been dropped since it was listed: without a row it has no state. */
	if (!bm_report_lock(report->id, false) || bm_report_get(report->id) == NULL)
		return NULL;
	(void) bm_run_bury(report,
					   state != NULL && bm_watchdog_terminated(report, state->run_id));
	state = bm_state_get(report->id);
	if (state == NULL || !state->adopted)
	{
		bm_adopt(report, state);
		state = bm_state_get(report->id);
	}
	if (bm_state_is_off(state, report, bm_clock_now()))
		bm_state_set_right(state, report, bm_clock_now());
	if (!same_text(state->broken_reason, problem))
		note_problem(report, state, problem);
	return state;
}

/* Looks at one report: is a runner to be started, or when to look again? */
static TimestampTz
serve_report(const BmReport *report, BmDueReport **due)
{
	BmReportState *state;
	TimestampTz now = bm_clock_now();
	TimestampTz next;
	BmLook look;

	if (bm_dispatch_has(report->id))
		return bm_watchdog_look(report); /* its end wakes us */
	state = bm_tend_report(report);
	if (state == NULL)
		return Min(now + FOREIGN_RUNNER_CHECK, bm_watchdog_look(report));
	if (state->broken_reason != NULL)
	{
		bm_dispatch_forget(report->id);
		/* Nothing tells us when a role or a grant comes back: look at each slot. */
		return bm_schedule_next(report->schedule, report->timezone, report->match_days,
								now, &next)
				   ? next
				   : DT_NOEND;
	}
	/* Its runner logs in before the slot, and claims it then. */
	look = bm_claim_look(report, now + BM_LEAD);
	if (bm_state_due(state, &look) == BM_DUE_NOTHING)
	{
		bm_dispatch_forget(report->id);
		return bm_state_wake(state, &look);
	}
	next = bm_state_wake(state, &look);
	*due = bm_dispatch_due(report, look.requested ? Min(next, now) : next);
	return DT_NOEND;
}

/* One look at one report in a subtransaction: a broken row keeps nobody else from running. */
static TimestampTz
serve_report_safely(const BmReport *report, BmDueReport **due)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile TimestampTz next = DT_NOEND;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		next = serve_report(report, due);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		*due = NULL;
		next = bm_clock_now() + USECS_PER_MINUTE;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return next;
}

/* Looks at every report: which are due, and when to look again for the others. */
static List *
find_due_reports(TimestampTz *wake)
{
	List *due_reports = NIL;
	List *reports = bm_report_list();
	ListCell *cell;

	bm_dispatch_forget_gone(reports);
	foreach(cell, reports)
	{
		BmDueReport *due = NULL;
		TimestampTz next = serve_report_safely(lfirst(cell), &due);

		*wake = Min(*wake, next);
		if (due != NULL)
			due_reports = lappend(due_reports, due);
	}
	return due_reports;
}

/* Is the extension there, and of the library's version? Where it is not, that is told of once. */
static bool
is_usable(TimestampTz *wake)
{
	const char *problem = NULL;

	if (!OidIsValid(get_extension_oid("bizmetrics", true)))
		return false;
	problem = bm_tables_problem();
	if (bm_database_set_trouble(MyDatabaseId, problem != NULL) && problem != NULL)
		ereport(LOG,
				(errmsg("bizmetrics runs nothing in database \"%s\": %s",
						get_database_name(MyDatabaseId), problem),
				 errhint("Use ALTER EXTENSION bizmetrics UPDATE there, or restart the "
						 "server where the library is the older one: "
						 "bizmetrics.doctor() says which. It goes on by itself.")));
	/* Nobody tells us of the update. */
	if (problem != NULL)
		*wake = bm_clock_now() + USECS_PER_MINUTE;
	return problem == NULL;
}

/* One pass. Runners are started once the states that they will read are committed. */
static TimestampTz
serve_reports(void)
{
	TimestampTz wake = DT_NOEND;
	TimestampTz retry;
	TimestampTz maintenance = DT_NOEND;
	List *due_reports = NIL;
	bool usable;
	MemoryContext pass = AllocSetContextCreate(
		scheduler_context, "bizmetrics scheduler pass", ALLOCSET_DEFAULT_SIZES);

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(pass);
	bm_dispatch_begin();
	usable = is_usable(&wake);
	if (usable)
		due_reports = find_due_reports(&wake);
	else
		bm_dispatch_forget_gone(NIL);
	PopActiveSnapshot();
	CommitTransactionCommand();

	StartTransactionCommand();
	retry = bm_dispatch(due_reports);
	CommitTransactionCommand();
	MemoryContextSwitchTo(scheduler_context);
	MemoryContextDelete(pass);
	if (usable)
		maintenance = bm_maintenance_serve();
	wake = Min(wake, retry);
	return Min(wake, maintenance);
}

/* Nothing is due for a while; or nothing came of it, where a clock was stopped. */
static bool
is_worth_leaving(TimestampTz wake, TimestampTz busy_at)
{
	return wake > bm_clock_now() + BM_LINGER ||
		   GetCurrentTimestamp() > busy_at + 2 * BM_LINGER;
}

static bool
leave(Oid database, TimestampTz wake)
{
	/* The clock stands still before it: our return would not bring it nearer. */
	if (wake <= bm_clock_now() + BM_LINGER)
		wake += BM_LEAD;
	return bm_scheduler_leave(database, wake);
}

/* Whatever the database is set to. No standby that does not answer keeps reports from running. */
static void
set_up_session(void)
{
	SetConfigOption("default_transaction_isolation", "read committed", PGC_SUSET,
					PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
	if (synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		SetConfigOption("synchronous_commit", "local", PGC_SUSET, PGC_S_OVERRIDE);
	/* Who drops the extension meets us in its tables: we are to be the one who gives way. */
	SetConfigOption("deadlock_timeout", "10ms", PGC_SUSET, PGC_S_OVERRIDE);
}

void
bm_scheduler_main(Datum arg)
{
	Oid database = DatumGetObjectId(arg);
	TimestampTz busy_at = GetCurrentTimestamp();
	TimestampTz wake = DT_NOBEGIN;
	TimestampTz waited_until = DT_NOBEGIN; /* by the real clock: ours may stand still */
	bool reloaded = false;

	bm_worker_setup();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	pgstat_report_appname("bizmetrics scheduler");
	set_up_session();
	scheduler_context = AllocSetContextCreate(TopMemoryContext, "bizmetrics scheduler",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scheduler_context);
	bm_dispatch_init(scheduler_context);
	bm_scheduler_attach(database);
	for (;;)
	{
		bool ended = bm_dispatch_reap();

		bool maintained = bm_maintenance_is_running();

		bm_maintenance_reap();
		bm_process_woke(database);
		if (bm_database_take_change(database) || ended || reloaded ||
			maintained != bm_maintenance_is_running() || bm_clock_now() >= wake ||
			GetCurrentTimestamp() >= waited_until)
		{
			pgstat_report_activity(STATE_RUNNING, "looking for due reports");
			wake = serve_reports();
			waited_until = wake == DT_NOEND
							   ? DT_NOEND
							   : GetCurrentTimestamp() + (wake - bm_clock_now());
			bm_scheduler_looked(database);
			pgstat_report_stat(true);
			pgstat_report_activity(STATE_IDLE, NULL);
		}
		if (bm_dispatch_is_busy() || bm_maintenance_is_running())
			busy_at = GetCurrentTimestamp();
		else if (is_worth_leaving(wake, busy_at) && leave(database, wake))
			break;
		/* A wait for a lock may have swallowed what was to wake us. */
		reloaded =
			bm_wait_until(bm_database_is_changed(database) ? bm_clock_now() : wake);
	}
}
