/*
 * Maintenance: what has to be done to a database from time to time, whether or not reports run.
 *
 * The scheduler of the database, which knows when it falls due, starts a process for it. That
 * one is connected as the bootstrap superuser, as autovacuum is, and switches to the owner of what
 * it changes, security-restricted, wherever that could run an expression or a trigger of
 * somebody. Tasks run one after the other, each in transactions of its own. Their rows in
 * bizmetrics.maintenance say when each ran last and whether it fails; CREATE EXTENSION makes
 * them, so that a restore is not disturbed: it has made its partitions before the first task
 * falls due. A row of another cluster or database came with a copy, and begins anew, as does one
 * from a time yet to come.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/clock.h"
#include "base/table.h"
#include "event/event.h"
#include "report/history_prune.h"
#include "report/lock.h"
#include "report/prune.h"
#include "report/registry.h"
#include "worker/adopt.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(bizmetrics_postpone_maintenance);

/* Where there is nothing to maintain, a task is looked at this seldom. */
#define IDLE_INTERVAL USECS_PER_DAY

/* Who waits for a lock keeps writers waiting behind him: he gives up soon, and tries again. */
#define LOCK_TIMEOUT "200ms"
#define LOCK_TRIES 10
#define LOCK_PAUSE_MS 1000

/* A process that ended without having begun its tasks is started anew after this. */
#define RESTART_INTERVAL USECS_PER_MINUTE

/* The lock that keeps two processes from maintaining a database: no report has this id. */
#define MAINTENANCE_LOCK 0

typedef struct Task
{
	const char *name;
	bool (*wanted)(void); /* is there anything that it could ever have to do? */
	bool (*run)(void);	  /* a transaction's worth of it; true where there is more */
	int64 interval;		  /* between two runs, in microseconds */
} Task;

/* Columns of bizmetrics.maintenance. */
enum
{
	TASK_NAME,
	TASK_SYSTEM_IDENTIFIER,
	TASK_DATABASE_OID,
	TASK_LAST_RUN_AT,
	TASK_FAILING_SINCE,
	TASK_SQLSTATE,
	TASK_MESSAGE,
	TASK_COLUMNS
};

typedef struct TaskState
{
	HeapTuple row; /* NULL: there is none */
	Datum values[TASK_COLUMNS];
	bool nulls[TASK_COLUMNS];
} TaskState;

/* The tasks --------------------------------------------------------------------------------- */

static bool
has_partitions(void)
{
	return find_inheritance_children(bm_event_parent(), NoLock) != NIL;
}

/* A restore makes keys and indexes last: until then partitions are its own. */
static void
require_whole_partitions(void)
{
	Oid partition = bm_partition_without_key();

	if (OidIsValid(partition))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("partition \"%s\" has no primary key", get_rel_name(partition)),
				 errhint("If no restore is under way that makes it, add one.")));
}

static bool
make_partitions(void)
{
	if (!has_partitions())
		return false;
	require_whole_partitions();
	bm_partitions_make_ahead(bm_clock_now());
	return false;
}

/* Keys pruned in one transaction: the locks on them are held for a moment. */
#define KEYS_AT_A_TIME 10000

static bool
prune_dedupe_keys(void)
{
	return bm_dedupe_prune(KEYS_AT_A_TIME) == KEYS_AT_A_TIME;
}

/* One partition a transaction: business_events is locked for no longer than that takes. */
static bool
prune_events(void)
{
	require_whole_partitions();
	return bm_prune_partition();
}

static bool
prune_event_types(void)
{
	require_whole_partitions();
	return bm_prune_types();
}

static bool
has_reports(void)
{
	return bm_report_list() != NIL;
}

static const Task tasks[] = {
	{"make_partitions", has_partitions, make_partitions, USECS_PER_HOUR},
	{"prune_dedupe_keys", has_partitions, prune_dedupe_keys, USECS_PER_HOUR},
	{"prune_events", has_partitions, prune_events, USECS_PER_HOUR},
	{"prune_event_types", has_partitions, prune_event_types, USECS_PER_DAY},
	{"prune_history", has_reports, bm_history_prune, USECS_PER_HOUR},
};

/* Their rows -------------------------------------------------------------------------------- */

/* Reads the task's row. False where that says nothing here: the state is then one of just now. */
static bool
read_state(Relation rel, const Task *task, TaskState *state)
{
	TimestampTz now = bm_clock_now();
	Datum *v = state->values;

	state->row =
		bm_table_get(rel, "maintenance_pkey", TEXTOID, CStringGetTextDatum(task->name));
	if (state->row != NULL)
		heap_deform_tuple(state->row, RelationGetDescr(rel), v, state->nulls);
	if (state->row != NULL &&
		DatumGetInt64(v[TASK_SYSTEM_IDENTIFIER]) == (int64) GetSystemIdentifier() &&
		DatumGetInt64(v[TASK_DATABASE_OID]) == (int64) MyDatabaseId &&
		DatumGetTimestampTz(v[TASK_LAST_RUN_AT]) <= now)
		return true;
	v[TASK_NAME] = CStringGetTextDatum(task->name);
	v[TASK_SYSTEM_IDENTIFIER] = Int64GetDatum((int64) GetSystemIdentifier());
	v[TASK_DATABASE_OID] = Int64GetDatum((int64) MyDatabaseId);
	v[TASK_LAST_RUN_AT] = TimestampTzGetDatum(now);
	memset(state->nulls, false, sizeof(state->nulls));
	state->nulls[TASK_FAILING_SINCE] = state->nulls[TASK_SQLSTATE] =
		state->nulls[TASK_MESSAGE] = true;
	return false;
}

static void
write_state(Relation rel, TaskState *state)
{
	if (state->row != NULL)
		bm_table_update(rel, state->row, state->values, state->nulls);
	else
		bm_table_insert(rel, state->values, state->nulls);
}

/* When the task falls due; a row that says nothing here begins anew. */
static TimestampTz
task_due(Relation rel, const Task *task)
{
	TaskState state;

	if (!read_state(rel, task, &state))
		write_state(rel, &state);
	return DatumGetTimestampTz(state.values[TASK_LAST_RUN_AT]) +
		   (task->wanted() ? task->interval : IDLE_INTERVAL);
}

/* Every task as if it had run just now. */
Datum
bizmetrics_postpone_maintenance(PG_FUNCTION_ARGS)
{
	Relation rel;

	PreventCommandIfReadOnly("postpone_maintenance()");
	rel = bm_table_open("maintenance", ShareRowExclusiveLock);
	for (int i = 0; i < lengthof(tasks); i++)
	{
		TaskState state;

		(void) read_state(rel, &tasks[i], &state);
		state.values[TASK_LAST_RUN_AT] = TimestampTzGetDatum(bm_clock_now());
		write_state(rel, &state);
	}
	table_close(rel, NoLock);
	if (bm_tell_worker != NULL)
		bm_tell_worker();
	PG_RETURN_VOID();
}

/* In the scheduler -------------------------------------------------------------------------- */

static BackgroundWorkerHandle *process = NULL;
static TimestampTz restart_at =
	0; /* by the real clock, where what it was started for ... */
static TimestampTz started_for = 0; /* ... still is what falls due first */

/* Takes note of the end of the process that this scheduler started. */
void
bm_maintenance_reap(void)
{
	pid_t pid;

	if (process == NULL || GetBackgroundWorkerPid(process, &pid) != BGWH_STOPPED)
		return;
	pfree(process);
	process = NULL;
}

/* Is that process at work, as far as was noted? Its end wakes the scheduler. */
bool
bm_maintenance_is_running(void)
{
	return process != NULL;
}

/* False where no process can be had. */
static bool
start_process(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	process = bm_process_start("maintenance", MyDatabaseId);
	MemoryContextSwitchTo(old);
	restart_at = GetCurrentTimestamp() + RESTART_INTERVAL;
	return process != NULL;
}

/* In a transaction: when the first task falls due; DT_NOEND without the extension. */
static TimestampTz
first_due(void)
{
	TimestampTz due = DT_NOEND;
	Relation rel;

	if (!OidIsValid(get_extension_oid("bizmetrics", true)))
		return due;
	rel = bm_table_open("maintenance", RowExclusiveLock);
	for (int i = 0; i < lengthof(tasks); i++)
	{
		TimestampTz next = task_due(rel, &tasks[i]);

		due = Min(due, next);
	}
	table_close(rel, NoLock);
	return due;
}

/* What is wrong here is said once and keeps no report from running. */
static TimestampTz
first_due_safely(void)
{
	static bool reported = false;
	MemoryContext context = CurrentMemoryContext;
	volatile TimestampTz due = bm_clock_now() + USECS_PER_HOUR;

	StartTransactionCommand();
	PG_TRY();
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		due = first_due();
		PopActiveSnapshot();
		CommitTransactionCommand();
		reported = false;
	}
	PG_CATCH();
	{
		bool gave_way = geterrcode() == ERRCODE_T_R_DEADLOCK_DETECTED;

		MemoryContextSwitchTo(context);
		if (!reported && !gave_way)
			EmitErrorReport();
		reported = reported || !gave_way;
		if (gave_way)
			due = bm_clock_now() + USECS_PER_SEC;
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return due;
}

/* Starts the process where a task is due; says when to look again. */
TimestampTz
bm_maintenance_serve(void)
{
	TimestampTz due;

	if (bm_maintenance_is_running())
		return DT_NOEND;
	due = first_due_safely();
	if (due > bm_clock_now())
		return due;
	if ((due == started_for && restart_at > GetCurrentTimestamp()) || !start_process())
		return bm_clock_now() + RESTART_INTERVAL;
	started_for = due;
	return DT_NOEND;
}

/* In the process ---------------------------------------------------------------------------- */

/* A transaction of our own, whatever the database's settings say of its own. */
static void
begin_transaction(void)
{
	StartTransactionCommand();
	XactReadOnly = false;
	XactIsoLevel = XACT_READ_COMMITTED;
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
end_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* Notes that the task runs now, where it is due. */
static bool
claim_task(const Task *task)
{
	Relation rel;
	TaskState state;
	bool due;

	begin_transaction();
	rel = bm_table_open("maintenance", RowExclusiveLock);
	due = task_due(rel, task) <= bm_clock_now();
	if (due)
	{
		(void) read_state(rel, task, &state);
		state.values[TASK_LAST_RUN_AT] = TimestampTzGetDatum(bm_clock_now());
		write_state(rel, &state);
	}
	table_close(rel, NoLock);
	end_transaction();
	return due;
}

static void
run_task(const Task *task)
{
	bool more = true;

	while (more)
	{
		begin_transaction();
		more = task->run();
		end_transaction();
		CHECK_FOR_INTERRUPTS();
	}
}

/* Runs the task; the error that it ended with, in this context, or NULL. */
static ErrorData *
try_task(const Task *task, MemoryContext context)
{
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		run_task(task);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return error;
}

static bool
is_same_trouble(const TaskState *state, const ErrorData *error)
{
	return !state->nulls[TASK_SQLSTATE] &&
		   strcmp(TextDatumGetCString(state->values[TASK_SQLSTATE]),
				  unpack_sql_state(error->sqlerrcode)) == 0;
}

/* Stores how the task ended; a failure is logged when it begins. */
static void
record_end(const Task *task, const ErrorData *error)
{
	Relation rel;
	TaskState state;

	begin_transaction();
	rel = bm_table_open("maintenance", RowExclusiveLock);
	(void) read_state(rel, task, &state);
	if (error != NULL && !is_same_trouble(&state, error))
		ereport(LOG, (errmsg("bizmetrics maintenance task \"%s\" failed: %s", task->name,
							 error->message),
					  error->detail ? errdetail_internal("%s", error->detail) : 0,
					  error->hint ? errhint("%s", error->hint) : 0));
	if (error != NULL)
	{
		if (state.nulls[TASK_FAILING_SINCE])
			state.values[TASK_FAILING_SINCE] = TimestampTzGetDatum(bm_clock_now());
		state.values[TASK_SQLSTATE] =
			CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
		state.values[TASK_MESSAGE] = CStringGetTextDatum(error->message);
	}
	state.nulls[TASK_FAILING_SINCE] = state.nulls[TASK_SQLSTATE] =
		state.nulls[TASK_MESSAGE] = error == NULL;
	write_state(rel, &state);
	table_close(rel, NoLock);
	end_transaction();
}

/* A lock that was not to be had in time is waited for again, after others had their turn. */
static void
serve_task(const Task *task, MemoryContext context)
{
	ErrorData *error = try_task(task, context);

	for (int i = 1; i < LOCK_TRIES && error != NULL &&
					error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
		 i++)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOCK_PAUSE_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		error = try_task(task, context);
	}
	record_end(task, error);
}

/* Takes the database's lock for this session; false where another process maintains it. */
static bool
begin_maintenance(void)
{
	bool locked;

	begin_transaction();
	locked = OidIsValid(get_extension_oid("bizmetrics", true)) &&
			 bm_report_lock(MAINTENANCE_LOCK, true);
	end_transaction();
	return locked;
}

void
bm_maintenance_main(Datum arg)
{
	MemoryContext context;

	bm_worker_setup();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid, 0);
	pgstat_report_appname("bizmetrics maintenance");
	SetConfigOption("lock_timeout", LOCK_TIMEOUT, PGC_SUSET, PGC_S_OVERRIDE);
	context = AllocSetContextCreate(TopMemoryContext, "bizmetrics maintenance",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	if (!begin_maintenance())
		return;
	for (int i = 0; i < lengthof(tasks); i++)
	{
		pgstat_report_activity(STATE_RUNNING, tasks[i].name);
		if (claim_task(&tasks[i]))
			serve_task(&tasks[i], context);
		MemoryContextReset(context);
	}
}
