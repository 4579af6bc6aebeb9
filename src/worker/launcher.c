/*
 * The launcher: one process a server, connected to no database.
 *
 * It knows when each database has something to do (shmem.c), sleeps until the next such time,
 * and then starts a scheduler there. Each database is visited once at start, for what was missed
 * while the server was down; new databases are looked for every ten minutes.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/clock.h"
#include "base/guc.h"
#include "event/buffer.h"
#include "worker/worker.h"

#define RESCAN_INTERVAL (10 * USECS_PER_MINUTE)

/* Waits before a scheduler that could not be started, or failed, is tried again. */
#define FIRST_BACKOFF (2 * USECS_PER_SEC)
#define LAST_BACKOFF (60 * USECS_PER_SEC)

typedef struct Scheduler
{
	Oid database;
	BackgroundWorkerHandle *handle;
} Scheduler;

/* Per database: how long to wait after the next failure. */
typedef struct Trouble
{
	Oid database;
	int64 backoff;
} Trouble;

static MemoryContext launcher_context;
static List *schedulers = NIL;
static List *troubles = NIL;

void
bm_launcher_register(void)
{
	BackgroundWorker worker = {0};

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "bizmetrics", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "bm_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "bizmetrics launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "bizmetrics launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Do the settings name this database? */
bool
bm_database_is_served(const char *database)
{
	List *names = NIL;
	ListCell *cell;

	if (strcmp(bm_guc_databases, "*") == 0)
		return true;
	if (!SplitIdentifierString(pstrdup(bm_guc_databases), ',', &names))
		return false;
	foreach(cell, names)
		if (strcmp(lfirst(cell), database) == 0)
			return true;
	return false;
}

/* The databases that the settings name, take connections and are no template. */
static List *
served_databases(void)
{
	List *databases = NIL;
	Relation rel;
	TableScanDesc scan;
	HeapTuple tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (!database->datallowconn || database->datistemplate ||
			!bm_database_is_served(NameStr(database->datname)))
			continue;
		old = MemoryContextSwitchTo(launcher_context);
		databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(launcher_context);
	return databases;
}

/* Says once what the settings add up to, where that is more than the server has. */
static void
check_processes(int databases)
{
	static bool checked = false;
	int wanted = 1 + databases + bm_guc_max_runners;

	if (checked)
		return;
	checked = true;
	if (wanted > max_worker_processes)
		ereport(
			WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg(
				 "max_worker_processes is too low for every report to begin at its slot"),
			 errdetail("It is %d; 1 launcher, %d schedulers (one a database) and %d "
					   "runners are up to %d, and parallel query and logical "
					   "replication have the rest.",
					   max_worker_processes, databases, bm_guc_max_runners, wanted),
			 errhint("Raise max_worker_processes, name the databases with reports in "
					 "bizmetrics.databases, or lower bizmetrics.max_runners.")));
}

/* Brings what is known into line with pg_database; a new database is to be visited now. */
static void
scan_databases(void)
{
	List *databases = served_databases();
	ListCell *cell;
	static bool reported = false;

	check_processes(list_length(databases));
	bm_database_keep(databases);
	foreach(cell, databases)
		if (!bm_database_add(lfirst_oid(cell), bm_clock_now()) && !reported)
		{
			ereport(
				WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("bizmetrics serves no more than %d databases", BM_MAX_DATABASES),
				 errhint("Name those with reports in bizmetrics.databases.")));
			reported = true;
		}
	list_free(databases);
}

static Trouble *
find_trouble(Oid database)
{
	ListCell *cell;

	foreach(cell, troubles)
		if (((Trouble *) lfirst(cell))->database == database)
			return lfirst(cell);
	return NULL;
}

/* A scheduler could not start or failed: when to try again. Says so once an episode. */
static TimestampTz
back_off(Oid database, const char *what)
{
	Trouble *trouble = find_trouble(database);

	if (trouble == NULL)
	{
		trouble = palloc(sizeof(Trouble));
		trouble->database = database;
		trouble->backoff = FIRST_BACKOFF;
		troubles = lappend(troubles, trouble);
		ereport(LOG, (errmsg("bizmetrics scheduler for database %u %s", database, what),
					  errhint("It is tried again. If this persists, raise "
							  "max_worker_processes.")));
	}
	else
		trouble->backoff = Min(trouble->backoff * 2, LAST_BACKOFF);
	return bm_clock_now() + trouble->backoff;
}

static void
forget_trouble(Oid database)
{
	Trouble *trouble = find_trouble(database);

	if (trouble == NULL)
		return;
	troubles = list_delete_ptr(troubles, trouble);
	pfree(trouble);
}

static void
start_scheduler(Oid database)
{
	Scheduler *scheduler;
	BackgroundWorkerHandle *handle;

	bm_database_started(database);
	handle = bm_scheduler_start(database);
	if (handle == NULL)
	{
		bm_database_ended(database, back_off(database, "could not be started"));
		return;
	}
	scheduler = palloc(sizeof(Scheduler));
	scheduler->database = database;
	scheduler->handle = handle;
	schedulers = lappend(schedulers, scheduler);
}

/* Takes note of schedulers that ended; says whether one failed. */
static bool
reap_schedulers(void)
{
	bool failed = false;
	ListCell *cell;

	foreach(cell, schedulers)
	{
		Scheduler *scheduler = lfirst(cell);
		pid_t pid;

		if (GetBackgroundWorkerPid(scheduler->handle, &pid) != BGWH_STOPPED)
			continue;
		if (bm_scheduler_left(scheduler->database))
		{
			forget_trouble(scheduler->database);
			bm_database_ended(scheduler->database, DT_NOEND);
		}
		else
		{
			bm_database_ended(scheduler->database,
							  back_off(scheduler->database, "ended before its time"));
			failed = true;
		}
		schedulers = foreach_delete_current(schedulers, cell);
		pfree(scheduler->handle);
		pfree(scheduler);
	}
	return failed;
}

/* Starts what is due and says when to look again. */
static TimestampTz
start_due(void)
{
	TimestampTz next;
	List *due = bm_database_due(bm_clock_now(), &next);
	ListCell *cell;

	foreach(cell, due)
		start_scheduler(lfirst_oid(cell));
	list_free(due);
	return next;
}

void
bm_launcher_main(Datum arg)
{
	TimestampTz next_scan = 0;

	bm_worker_setup();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	pgstat_report_appname("bizmetrics launcher");
	launcher_context = AllocSetContextCreate(TopMemoryContext, "bizmetrics launcher",
											 ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(launcher_context);
	bm_launcher_attach();
	bm_buffer_attach_launcher();
	for (;;)
	{
		TimestampTz now = bm_clock_now();
		bool failed = reap_schedulers();
		TimestampTz next = bm_flushers_tend();
		TimestampTz next_due;

		bm_process_woke(InvalidOid);
		/* A scheduler fails, among other reasons, where its database was dropped. */
		if (bm_take_rescan() || failed || now >= next_scan)
		{
			scan_databases();
			next_scan = now + RESCAN_INTERVAL;
		}
		next_due = start_due();
		next = Min(next, next_due);
		if (bm_wait_until(Min(next, next_scan)))
			next_scan = 0; /* other databases may be served now */
	}
}
