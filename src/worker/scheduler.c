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
#include "worker/watchdog.h"
#include "worker/worker.h"

/* How long an idle scheduler stays: less than DROP DATABASE waits for others to leave. */
#define LINGER USECS_PER_SEC

/* Waits after a runner could not be started, or ended without having claimed anything. */
#define FIRST_BACKOFF (2 * USECS_PER_SEC)
#define LAST_BACKOFF (60 * USECS_PER_SEC)

/* An attempt may be under way whose runner another scheduler started, before it crashed. */
#define FOREIGN_RUNNER_CHECK (30 * USECS_PER_SEC)

typedef struct Runner
{
	int64 report_id;
	BackgroundWorkerHandle *handle;
} Runner;

/* A report that stays due although a runner was started for it, or could not be. */
typedef struct Trouble
{
	int64 report_id;
	int64 claims; /* as they stood when the runner was started */
	int64 backoff;
	TimestampTz retry_at; /* by the real clock */
} Trouble;

/* A report that a runner is to be started for. */
typedef struct DueReport
{
	const BmReport *report;
	int64 claims;
	TimestampTz since;
} DueReport;

static MemoryContext scheduler_context;
static List *runners = NIL;
static List *troubles = NIL;

BackgroundWorkerHandle *
bm_scheduler_start(Oid database)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker.bgw_library_name, "bizmetrics", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "bm_scheduler_main", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "bizmetrics scheduler for database %u",
			 database);
	strlcpy(worker.bgw_type, "bizmetrics scheduler", BGW_MAXLEN);
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/* Says whether any ended. */
static void
reap_runners(void)
{
	ListCell *cell;

	foreach(cell, runners)
	{
		Runner *runner = lfirst(cell);
		pid_t pid;

		if (GetBackgroundWorkerPid(runner->handle, &pid) != BGWH_STOPPED)
			continue;
		runners = foreach_delete_current(runners, cell);
		pfree(runner->handle);
		pfree(runner);
	}
}

static bool
has_runner(int64 report_id)
{
	ListCell *cell;

	foreach(cell, runners)
		if (((Runner *) lfirst(cell))->report_id == report_id)
			return true;
	return false;
}

static Trouble *
find_trouble(int64 report_id)
{
	ListCell *cell;

	foreach(cell, troubles)
		if (((Trouble *) lfirst(cell))->report_id == report_id)
			return lfirst(cell);
	return NULL;
}

static void
forget_trouble(int64 report_id)
{
	Trouble *trouble = find_trouble(report_id);

	if (trouble == NULL)
		return;
	troubles = list_delete_ptr(troubles, trouble);
	pfree(trouble);
}

/* A report that was dropped troubles nobody: its trouble would keep us here. */
static void
forget_gone_troubles(const List *reports)
{
	ListCell *cell;
	ListCell *other;

	foreach(cell, troubles)
	{
		bool gone = true;

		foreach(other, reports)
			if (((BmReport *) lfirst(other))->id == ((Trouble *) lfirst(cell))->report_id)
				gone = false;
		if (!gone)
			continue;
		pfree(lfirst(cell));
		troubles = foreach_delete_current(troubles, cell);
	}
}

/* A number that every claim changes. */
static int64
claims_of(const BmReportState *state)
{
	return (state->last_slot == BM_NO_TIME ? 0 : state->last_slot) + state->attempt +
		   state->consecutive_failures +
		   (state->last_success_at == BM_NO_TIME ? 0 : state->last_success_at);
}

/*
 * May a runner be started for this report now? One that was started and claimed nothing could not
 * log in, say: it waits for longer each time. Says so once an episode.
 */
static bool
may_start(const DueReport *due)
{
	Trouble *trouble = find_trouble(due->report->id);

	if (trouble == NULL || trouble->claims != due->claims)
		return true;
	if (trouble->retry_at > GetCurrentTimestamp())
		return false;
	if (trouble->backoff == FIRST_BACKOFF)
		ereport(LOG,
				(errmsg("no runner could begin report \"%s\"", due->report->name),
				 errhint("It stays due. The log says why its owner could not log in.")));
	return true;
}

/* A runner was started: if the report is still due when it has ended, it waits. */
static void
expect_claim(const DueReport *due)
{
	Trouble *trouble = find_trouble(due->report->id);

	if (trouble == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(scheduler_context);

		trouble = palloc0(sizeof(Trouble));
		trouble->report_id = due->report->id;
		troubles = lappend(troubles, trouble);
		MemoryContextSwitchTo(old);
	}
	trouble->backoff = trouble->claims == due->claims && trouble->backoff > 0
						   ? Min(trouble->backoff * 2, LAST_BACKOFF)
						   : FIRST_BACKOFF;
	trouble->claims = due->claims;
	trouble->retry_at = GetCurrentTimestamp() + trouble->backoff;
}

/* False where no process can be had: the report stays due. */
static bool
start_runner(const BmReport *report)
{
	BmRunnerTask task = {MyDatabaseId, bm_report_owner(report), report->id};
	MemoryContext old = MemoryContextSwitchTo(scheduler_context);
	/* Without an owner, who may be gone since we looked, it would log in as a superuser. */
	BackgroundWorkerHandle *handle =
		OidIsValid(task.owner) ? bm_runner_start(&task, report->name) : NULL;

	if (handle != NULL)
	{
		Runner *runner = palloc(sizeof(Runner));

		runner->report_id = report->id;
		runner->handle = handle;
		runners = lappend(runners, runner);
	}
	MemoryContextSwitchTo(old);
	return handle != NULL;
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

	if (state != NULL && state->adopted && state->run_id == BM_NO_ID &&
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
serve_report(const BmReport *report, DueReport **due)
{
	BmReportState *state;
	TimestampTz now = bm_clock_now();
	TimestampTz next;
	BmLook look;

	if (has_runner(report->id))
		return bm_watchdog_look(report); /* its end wakes us */
	state = bm_tend_report(report);
	if (state == NULL)
		return Min(now + FOREIGN_RUNNER_CHECK, bm_watchdog_look(report));
	if (state->broken_reason != NULL)
	{
		forget_trouble(report->id);
		/* Nothing tells us when a role or a grant comes back: look at each slot. */
		return bm_schedule_next(report->schedule, report->timezone, now, &next)
				   ? next
				   : DT_NOEND;
	}
	look = bm_claim_look(report, now);
	if (bm_state_due(state, &look) == BM_DUE_NOTHING)
	{
		forget_trouble(report->id);
		return bm_state_wake(state, &look);
	}
	*due = palloc(sizeof(DueReport));
	(*due)->report = report;
	(*due)->claims = claims_of(state);
	(*due)->since = Min(bm_state_wake(state, &look), now);
	return DT_NOEND;
}

/* One look at one report in a subtransaction: a broken row keeps nobody else from running. */
static TimestampTz
serve_report_safely(const BmReport *report, DueReport **due)
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

	forget_gone_troubles(reports);
	foreach(cell, reports)
	{
		DueReport *due = NULL;
		TimestampTz next = serve_report_safely(lfirst(cell), &due);

		*wake = Min(*wake, next);
		if (due != NULL)
			due_reports = lappend(due_reports, due);
	}
	return due_reports;
}

static int
compare_due(const ListCell *a, const ListCell *b)
{
	TimestampTz left = ((DueReport *) lfirst(a))->since;
	TimestampTz right = ((DueReport *) lfirst(b))->since;

	return left < right ? -1 : left > right;
}

/* Starts as many as may run, those first that have waited longest; says when to look again. */
static TimestampTz
start_runners(List *due_reports)
{
	static bool reported = false;
	bool short_of_processes = false;
	TimestampTz wake = DT_NOEND;
	ListCell *cell;

	list_sort(due_reports, compare_due);
	foreach(cell, due_reports)
	{
		DueReport *due = lfirst(cell);

		if (list_length(runners) >= bm_guc_max_runners)
			break; /* the end of one wakes us */
		if (!may_start(due))
			wake = bm_clock_now() + FIRST_BACKOFF;
		else if (start_runner(due->report))
			expect_claim(due);
		else
		{
			if (!reported)
				ereport(
					LOG,
					(errmsg("no process is free for report \"%s\"", due->report->name),
					 errhint(
						 "It stays due. If this persists, raise max_worker_processes.")));
			reported = short_of_processes = true;
			wake = bm_clock_now() + FIRST_BACKOFF;
		}
	}
	reported = short_of_processes; /* once an episode */
	return wake;
}

/* One pass. Runners are started once the states that they will read are committed. */
static TimestampTz
serve_reports(void)
{
	TimestampTz wake = DT_NOEND;
	TimestampTz retry;
	TimestampTz maintenance;
	List *due_reports = NIL;
	MemoryContext pass = AllocSetContextCreate(
		scheduler_context, "bizmetrics scheduler pass", ALLOCSET_DEFAULT_SIZES);

	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(pass);
	if (OidIsValid(get_extension_oid("bizmetrics", true)))
		due_reports = find_due_reports(&wake);
	else
		forget_gone_troubles(NIL);
	PopActiveSnapshot();
	CommitTransactionCommand();

	StartTransactionCommand();
	retry = start_runners(due_reports);
	CommitTransactionCommand();
	MemoryContextSwitchTo(scheduler_context);
	MemoryContextDelete(pass);
	maintenance = bm_maintenance_serve();
	wake = Min(wake, retry);
	return Min(wake, maintenance);
}

/* Nothing is due for a while; or nothing came of it, where a clock was stopped. */
static bool
is_worth_leaving(TimestampTz wake, TimestampTz busy_at)
{
	return wake > bm_clock_now() + LINGER || GetCurrentTimestamp() > busy_at + 2 * LINGER;
}

void
bm_scheduler_main(Datum arg)
{
	Oid database = DatumGetObjectId(arg);
	TimestampTz busy_at = GetCurrentTimestamp();

	bm_worker_setup();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	pgstat_report_appname("bizmetrics scheduler");
	/* Who drops the extension meets us in its tables: we are to be the one who gives way. */
	SetConfigOption("deadlock_timeout", "10ms", PGC_SUSET, PGC_S_OVERRIDE);
	scheduler_context = AllocSetContextCreate(TopMemoryContext, "bizmetrics scheduler",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scheduler_context);
	bm_scheduler_attach(database);
	for (;;)
	{
		TimestampTz wake;

		reap_runners();
		bm_maintenance_reap();
		(void) bm_database_take_change(database);
		pgstat_report_activity(STATE_RUNNING, "looking for due reports");
		wake = serve_reports();
		bm_scheduler_looked(database);
		pgstat_report_stat(true);
		pgstat_report_activity(STATE_IDLE, NULL);
		if (runners != NIL || troubles != NIL || bm_maintenance_is_running())
			busy_at = GetCurrentTimestamp();
		else if (is_worth_leaving(wake, busy_at) && bm_scheduler_leave(database, wake))
			break;
		bm_wait_until(wake);
	}
}
