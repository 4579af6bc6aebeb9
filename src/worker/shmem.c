/*
 * What the worker's processes share: for each database, when a scheduler has something to do.
 *
 * One lock protects all of it; it is held for a few instructions, never across anything that can
 * fail. A backend that changes a registry notes it for the end of its transaction; at commit
 * it marks its database as changed and wakes whoever looks after it: the scheduler that is running
 * there, or else the launcher, which starts one.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "event/event.h"
#include "report/lock.h"
#include "report/registry.h"
#include "worker/pool.h"
#include "worker/worker.h"

#define TRANCHE "bizmetrics"
#define MAX_VISITS 4

typedef struct DatabaseSlot
{
	Oid database; /* InvalidOid: the slot is free */
	TimestampTz wake_at;
	bool changed;	 /* the registry changed since a scheduler looked */
	bool started;	 /* the launcher started a scheduler and has not seen its end */
	bool left;		 /* that scheduler left in good order */
	bool visit;		 /* not looked at since the launcher came to know it */
	bool in_trouble; /* which was told of: its objects are not of the library's version */
	bool dropped;	 /* not served any more: forget it when that scheduler has ended */
	Latch *scheduler; /* its latch while it is running */
	BmProcessInfo process;
} DatabaseSlot;

typedef struct Shared
{
	LWLock *lock;
	Latch *launcher; /* NULL while there is none */
	bool rescan;	 /* a database is not known: look at pg_database */
	BmProcessInfo process;
	DatabaseSlot databases[BM_MAX_DATABASES];
} Shared;

static Shared *shared = NULL;
static bool change_pending = false;	  /* to be announced when this transaction commits */
static bool registry_pending = false; /* and must be: a registry changed */
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(add_size(sizeof(Shared), bm_pool_size()));
	RequestNamedLWLockTranche(TRANCHE, 2);
}

static void
startup_shmem(void)
{
	bool found;
	LWLockPadded *locks;
	void *pool;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	locks = GetNamedLWLockTranche(TRANCHE);
	shared = ShmemInitStruct("bizmetrics", sizeof(Shared), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(Shared));
		shared->lock = &locks[0].lock;
	}
	pool = ShmemInitStruct("bizmetrics runners", bm_pool_size(), &found);
	bm_pool_init(pool, &locks[1].lock, !found);
	LWLockRelease(AddinShmemInitLock);
}

static DatabaseSlot *
find_slot(Oid database)
{
	for (int i = 0; i < BM_MAX_DATABASES; i++)
		if (shared->databases[i].database == database)
			return &shared->databases[i];
	return NULL;
}

/* Is a scheduler running there, or on its way? */
static bool
is_served_now(const DatabaseSlot *slot)
{
	return slot->started || slot->scheduler != NULL;
}

static void
wake(Latch *latch)
{
	if (latch != NULL)
		SetLatch(latch);
}

static void
announce_change(void)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(MyDatabaseId);
	if (slot == NULL)
		shared->rescan = true;
	else
		slot->changed = true;
	wake(slot != NULL && slot->scheduler != NULL ? slot->scheduler : shared->launcher);
	LWLockRelease(shared->lock);
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	if (!change_pending)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			/* Nothing of ours runs at COMMIT PREPARED, so nobody would be told. */
			if (registry_pending)
				ereport(
					ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot PREPARE a transaction that has changed reports"),
					 errhint(
						 "Commit it, or change reports in a transaction of their own.")));
			break;
		case XACT_EVENT_COMMIT:
			announce_change();
			/* FALLTHROUGH */
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			change_pending = registry_pending = false;
			break;
		default:
			break;
	}
}

/* A partition was made. Who is not told, for it was in a prepared transaction, looks daily. */
static void
note_change(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(at_transaction_end, NULL);
		registered = true;
	}
	change_pending = true;
}

static void
note_registry_change(void)
{
	note_change();
	registry_pending = true;
}

static const char *
worker_problem(void)
{
	bool running;

	LWLockAcquire(shared->lock, LW_SHARED);
	running = shared->launcher != NULL;
	LWLockRelease(shared->lock);
	if (!running)
		return "the bizmetrics launcher is not running";
	if (!bm_database_is_served(get_database_name(MyDatabaseId)))
		return "bizmetrics.databases does not name this database";
	return bm_tables_problem();
}

/* From _PG_init, while the postmaster loads libraries. */
void
bm_shmem_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
	bm_registry_changed = note_registry_change;
	bm_tell_worker = note_change;
	bm_worker_problem = worker_problem;
	bm_runner_signal = bm_pool_signal;
}

static void
detach_launcher(int code, Datum arg)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher = NULL;
	shared->process.pid = 0;
	LWLockRelease(shared->lock);
}

static void
begin_process(BmProcessInfo *process)
{
	process->pid = MyProcPid;
	process->since = GetCurrentTimestamp();
}

/*
 * The launcher begins and visits every database. A scheduler that an earlier launcher started may
 * be at work: its slot stays, and its end is announced by itself.
 */
void
bm_launcher_attach(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->launcher = MyLatch;
	begin_process(&shared->process);
	for (int i = 0; i < BM_MAX_DATABASES; i++)
	{
		shared->databases[i].started = false;
		shared->databases[i].wake_at = DT_NOBEGIN;
		shared->databases[i].visit = true;
	}
	shared->rescan = true;
	LWLockRelease(shared->lock);
	before_shmem_exit(detach_launcher, (Datum) 0);
}

/* False where there is no room for another database. */
bool
bm_database_add(Oid database, TimestampTz wake_at)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot == NULL && (slot = find_slot(InvalidOid)) != NULL)
	{
		memset(slot, 0, sizeof(DatabaseSlot));
		slot->database = database;
		slot->wake_at = wake_at;
		slot->visit = true;
	}
	LWLockRelease(shared->lock);
	return slot != NULL;
}

/* Forgets the databases that are not in this list. */
void
bm_database_keep(const List *databases)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < BM_MAX_DATABASES; i++)
	{
		DatabaseSlot *slot = &shared->databases[i];

		if (!OidIsValid(slot->database))
			continue;
		slot->dropped = !list_member_oid(databases, slot->database);
		if (slot->dropped && !is_served_now(slot))
			slot->database = InvalidOid;
	}
	LWLockRelease(shared->lock);
}

/*
 * Databases that want a scheduler now, and when the next one will. Of first visits only a few are
 * made at a time, so that a server with many databases is not overrun at start.
 */
List *
bm_database_due(TimestampTz now, TimestampTz *next)
{
	List *due = NIL;
	int visits = 0;

	*next = DT_NOEND;
	LWLockAcquire(shared->lock, LW_SHARED);
	for (int i = 0; i < BM_MAX_DATABASES; i++)
		if (shared->databases[i].visit && is_served_now(&shared->databases[i]))
			visits++;
	for (int i = 0; i < BM_MAX_DATABASES; i++)
	{
		DatabaseSlot *slot = &shared->databases[i];

		if (!OidIsValid(slot->database) || is_served_now(slot))
			continue;
		if (!slot->changed && slot->wake_at > now + BM_LEAD)
			*next = Min(*next,
						slot->wake_at == DT_NOEND ? DT_NOEND : slot->wake_at - BM_LEAD);
		else if (!slot->visit || visits < MAX_VISITS)
		{
			due = lappend_oid(due, slot->database);
			visits += slot->visit ? 1 : 0;
		}
	}
	LWLockRelease(shared->lock);
	return due;
}

/* A scheduler was started. */
void
bm_database_started(Oid database)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if ((slot = find_slot(database)) != NULL)
	{
		slot->started = true;
		slot->left = false;
		slot->changed = false;
	}
	LWLockRelease(shared->lock);
}

/* No scheduler is running any more, or could be started: look again then. */
void
bm_database_ended(Oid database, TimestampTz wake_at)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if ((slot = find_slot(database)) != NULL)
	{
		slot->started = false;
		if (!slot->left)
			slot->wake_at = wake_at;
		if (slot->dropped)
			slot->database = InvalidOid;
	}
	LWLockRelease(shared->lock);
}

/* Did the scheduler leave in good order? Its slot then has its next wake-up. */
bool
bm_scheduler_left(Oid database)
{
	DatabaseSlot *slot;
	bool left;

	LWLockAcquire(shared->lock, LW_SHARED);
	slot = find_slot(database);
	left = slot != NULL && slot->left;
	LWLockRelease(shared->lock);
	return left;
}

static void
detach_scheduler(int code, Datum database)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(DatumGetObjectId(database));
	if (slot != NULL && slot->scheduler == MyLatch)
	{
		bm_pool_close(slot->database);
		slot->scheduler = NULL;
		slot->process.pid = 0;
		wake(shared->launcher);
	}
	LWLockRelease(shared->lock);
}

/* The scheduler of a database begins. */
void
bm_scheduler_attach(Oid database)
{
	DatabaseSlot *slot;

	before_shmem_exit(detach_scheduler, ObjectIdGetDatum(database));
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if ((slot = find_slot(database)) != NULL)
	{
		slot->scheduler = MyLatch;
		begin_process(&slot->process);
	}
	LWLockRelease(shared->lock);
}

/* Did the registry change since the last call? For the scheduler, before it looks. */
bool
bm_database_take_change(Oid database)
{
	DatabaseSlot *slot;
	bool changed = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if ((slot = find_slot(database)) != NULL)
	{
		changed = slot->changed;
		slot->changed = false;
	}
	LWLockRelease(shared->lock);
	return changed;
}

/* Is the database in trouble? Says whether that is news. */
bool
bm_database_set_trouble(Oid database, bool in_trouble)
{
	DatabaseSlot *slot;
	bool news = false;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if ((slot = find_slot(database)) != NULL)
	{
		news = slot->in_trouble != in_trouble;
		slot->in_trouble = in_trouble;
	}
	LWLockRelease(shared->lock);
	return news;
}

/* Has it changed since? */
bool
bm_database_is_changed(Oid database)
{
	DatabaseSlot *slot;
	bool changed;

	LWLockAcquire(shared->lock, LW_SHARED);
	slot = find_slot(database);
	changed = slot != NULL && slot->changed;
	LWLockRelease(shared->lock);
	return changed;
}

/* The scheduler has looked at its reports once: another database may be visited. */
void
bm_scheduler_looked(Oid database)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->visit)
	{
		slot->visit = false;
		wake(shared->launcher);
	}
	LWLockRelease(shared->lock);
}

/* The scheduler wants to leave until a time; false where there is news to look at first. */
bool
bm_scheduler_leave(Oid database, TimestampTz wake_at)
{
	DatabaseSlot *slot;
	bool leave = true;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if ((slot = find_slot(database)) != NULL)
	{
		leave = !slot->changed;
		if (leave)
		{
			bm_pool_close(database);
			slot->left = true;
			slot->wake_at = wake_at;
			if (slot->scheduler == MyLatch)
			{
				slot->scheduler = NULL;
				slot->process.pid = 0;
			}
			wake(shared->launcher);
		}
	}
	LWLockRelease(shared->lock);
	return leave;
}

/* Is there a database that the launcher does not know? */
bool
bm_take_rescan(void)
{
	bool rescan;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	rescan = shared->rescan;
	shared->rescan = false;
	LWLockRelease(shared->lock);
	return rescan;
}

/* There is news for the scheduler of a database; without one, it will find it when it comes. */
void
bm_scheduler_wake(Oid database)
{
	DatabaseSlot *slot;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	slot = find_slot(database);
	if (slot != NULL && slot->scheduler != NULL)
	{
		slot->changed = true;
		wake(slot->scheduler);
	}
	LWLockRelease(shared->lock);
}

bool
bm_scheduler_is_there(Oid database)
{
	DatabaseSlot *slot;
	bool there;

	LWLockAcquire(shared->lock, LW_SHARED);
	slot = find_slot(database);
	there = slot != NULL && slot->scheduler != NULL;
	LWLockRelease(shared->lock);
	return there;
}

/* The launcher, without a database, or a scheduler looks for something to do. */
void
bm_process_woke(Oid database)
{
	int64 memory = MemoryContextMemAllocated(TopMemoryContext, true);
	DatabaseSlot *slot;
	BmProcessInfo *process = &shared->process;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (OidIsValid(database))
		process = (slot = find_slot(database)) != NULL ? &slot->process : NULL;
	if (process != NULL)
	{
		process->wake_ups++;
		process->memory = memory;
	}
	LWLockRelease(shared->lock);
}

/* What can be said of the launcher, first, and of the schedulers, as BmProcessInfo. */
List *
bm_process_list(void)
{
	BmProcessInfo *infos;
	List *list = NIL;
	int count = 0;

	if (shared == NULL)
		return NIL;
	infos = palloc(sizeof(BmProcessInfo) * (1 + BM_MAX_DATABASES));
	LWLockAcquire(shared->lock, LW_SHARED);
	infos[count++] = shared->process;
	for (int i = 0; i < BM_MAX_DATABASES; i++)
		if (OidIsValid(shared->databases[i].database))
		{
			infos[count] = shared->databases[i].process;
			infos[count].database = shared->databases[i].database;
			infos[count++].wakes_at = shared->databases[i].wake_at;
		}
	LWLockRelease(shared->lock);
	for (int i = 0; i < count; i++)
		list = lappend(list, &infos[i]);
	return list;
}

/* For tests that set the clock: everybody looks at it again. */
extern PGDLLEXPORT void bm_worker_wake_all(void);

void
bm_worker_wake_all(void)
{
	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	wake(shared->launcher);
	for (int i = 0; i < BM_MAX_DATABASES; i++)
		if (shared->databases[i].scheduler != NULL)
		{
			shared->databases[i].changed = true;
			wake(shared->databases[i].scheduler);
		}
	LWLockRelease(shared->lock);
	bm_pool_wake_waiting();
}
