/*
 * Handing due reports over to runners: the scheduler puts them into the lanes of their owners
 * (pool.c), and starts the runners that the lanes are short of.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "worker/dispatch.h"
#include "worker/pool.h"
#include "worker/worker.h"

/* Waits after a report that a runner took was not claimed; doubling. */
#define FIRST_BACKOFF (2 * USECS_PER_SEC)
#define LAST_BACKOFF (60 * USECS_PER_SEC)

typedef struct Process
{
	BmRunnerId id;
	BackgroundWorkerHandle *handle;
} Process;

/* A report that a runner could not claim, until it is not due any more. */
typedef struct Trouble
{
	int64 report_id;
	int64 backoff;
	TimestampTz retry_at; /* by the real clock */
	bool seen;			  /* its report is registered */
} Trouble;

static MemoryContext dispatch_context;
static List *processes = NIL;
static HTAB *troubles = NULL;
static int64 *busy_reports = NULL;
static int busy_count = 0;

void
bm_dispatch_init(MemoryContext context)
{
	HASHCTL control = {
		.keysize = sizeof(int64), .entrysize = sizeof(Trouble), .hcxt = context};

	dispatch_context = context;
	troubles = hash_create("bizmetrics reports in trouble", 64, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Takes note of runners that ended; says whether a report waits for one that did. */
bool
bm_dispatch_reap(void)
{
	bool ended = false;
	ListCell *cell;

	foreach(cell, processes)
	{
		Process *process = lfirst(cell);
		pid_t pid;

		if (GetBackgroundWorkerPid(process->handle, &pid) != BGWH_STOPPED)
			continue;
		ended |= bm_pool_ended(process->id);
		processes = foreach_delete_current(processes, cell);
		pfree(process->handle);
		pfree(process);
	}
	return ended;
}

static void
report_failures(void)
{
	Oid owner;
	bool first;

	while (bm_pool_failure(&owner, &first))
	{
		if (first)
			ereport(LOG,
					(errmsg("no runner could log in as role \"%s\"",
							GetUserNameFromId(owner, true)),
					 errhint("Its reports stay due, and it is tried again. The log says "
							 "why it could not log in.")));
	}
}

/* Their owners run them by hand, say: they wait for longer each time. */
static void
note_unclaimed(void)
{
	int64 report_id;

	while (bm_pool_unclaimed(&report_id))
	{
		bool found;
		Trouble *trouble = hash_search(troubles, &report_id, HASH_ENTER, &found);

		trouble->backoff =
			found ? Min(trouble->backoff * 2, LAST_BACKOFF) : FIRST_BACKOFF;
		trouble->retry_at = GetCurrentTimestamp() + trouble->backoff;
		trouble->seen = false;
	}
}

/* In a transaction, before the registry is read: what ends later is told by its runner. */
void
bm_dispatch_begin(void)
{
	report_failures();
	note_unclaimed();
	busy_count = bm_pool_reports(&busy_reports);
}

static int
compare_ids(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* Is this report in a runner's hands? */
bool
bm_dispatch_has(int64 report_id)
{
	return busy_count > 0 && bsearch(&report_id, busy_reports, busy_count, sizeof(int64),
									 compare_ids) != NULL;
}

/* Describes a report that is to be handed over. */
BmDueReport *
bm_dispatch_due(const BmReport *report, TimestampTz since)
{
	BmDueReport *due = palloc(sizeof(BmDueReport));

	due->report = report;
	due->owner = bm_report_owner(report);
	due->since = since;
	return due;
}

/* It is not due, so it is in no trouble. */
void
bm_dispatch_forget(int64 report_id)
{
	(void) hash_search(troubles, &report_id, HASH_REMOVE, NULL);
}

/* A report that was dropped troubles nobody: its trouble would keep us here. */
void
bm_dispatch_forget_gone(const List *reports)
{
	HASH_SEQ_STATUS all;
	Trouble *trouble;
	ListCell *cell;

	foreach(cell, reports)
	{
		trouble =
			hash_search(troubles, &((BmReport *) lfirst(cell))->id, HASH_FIND, NULL);
		if (trouble != NULL)
			trouble->seen = true;
	}
	hash_seq_init(&all, troubles);
	while ((trouble = hash_seq_search(&all)) != NULL)
	{
		if (!trouble->seen)
			(void) hash_search(troubles, &trouble->report_id, HASH_REMOVE, NULL);
		else
			trouble->seen = false;
	}
}

/* May this report be handed over now? One that troubles for the second time is told of, once. */
static bool
may_hand_over(const BmDueReport *due, TimestampTz *retry_at)
{
	Trouble *trouble = hash_search(troubles, &due->report->id, HASH_FIND, NULL);

	if (trouble == NULL)
		return true;
	if (trouble->retry_at > GetCurrentTimestamp())
	{
		*retry_at = Min(*retry_at, trouble->retry_at);
		return false;
	}
	if (trouble->backoff == FIRST_BACKOFF)
		ereport(LOG, (errmsg("no runner could begin report \"%s\"", due->report->name),
					  errhint("It stays due, and is tried again.")));
	return true;
}

static int
compare_due(const ListCell *a, const ListCell *b)
{
	TimestampTz left = ((BmDueReport *) lfirst(a))->since;
	TimestampTz right = ((BmDueReport *) lfirst(b))->since;

	return left < right ? -1 : left > right;
}

/* Those first that have waited longest. */
static void
hand_over(List *due_reports, TimestampTz *retry_at)
{
	ListCell *cell;

	list_sort(due_reports, compare_due);
	foreach(cell, due_reports)
	{
		const BmDueReport *due = lfirst(cell);

		/* Without an owner, who may be gone since we looked, a runner would be a superuser. */
		if (!OidIsValid(due->owner) || !may_hand_over(due, retry_at))
			continue;
		if (!bm_pool_offer(due->owner, due->report->id, due->since))
			*retry_at = Min(*retry_at, GetCurrentTimestamp() + FIRST_BACKOFF);
	}
}

/* False where no process can be had. */
static bool
start_runner(BmRunnerId id, Oid owner)
{
	MemoryContext old = MemoryContextSwitchTo(dispatch_context);
	BackgroundWorkerHandle *handle = bm_runner_start(id, GetUserNameFromId(owner, true));

	if (handle != NULL)
	{
		Process *process = palloc(sizeof(Process));

		process->id = id;
		process->handle = handle;
		processes = lappend(processes, process);
	}
	MemoryContextSwitchTo(old);
	return handle != NULL;
}

/* Starts what the lanes are short of, as far as that may be. */
static void
start_runners(TimestampTz *retry_at)
{
	static bool reported = false;
	BmRunnerId id;
	Oid owner;
	TimestampTz lane_retry_at;

	while (bm_pool_reserve(&id, &owner, &lane_retry_at))
	{
		if (start_runner(id, owner))
		{
			reported = false; /* once an episode */
			continue;
		}
		bm_pool_refused(id);
		if (!reported)
			ereport(LOG, (errmsg("no process is free for the reports of role \"%s\"",
								 GetUserNameFromId(owner, true)),
						  errhint("They stay due. If this persists, raise "
								  "max_worker_processes.")));
		reported = true;
	}
	*retry_at = Min(*retry_at, lane_retry_at);
}

/* In a transaction: hands reports over, and says when to look again, by our clock. */
TimestampTz
bm_dispatch(List *due_reports)
{
	TimestampTz retry_at = DT_NOEND;

	hand_over(due_reports, &retry_at);
	start_runners(&retry_at);
	if (retry_at == DT_NOEND)
		return DT_NOEND;
	return bm_clock_now() + Max(retry_at - GetCurrentTimestamp(), 0);
}

/* Has a runner something to do, or is a report in trouble? */
bool
bm_dispatch_is_busy(void)
{
	return hash_get_num_entries(troubles) > 0 || bm_pool_is_busy();
}
