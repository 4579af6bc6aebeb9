/*
 * The flusher of one database: stores the events of log_event_async() that transactions have left
 * in the buffer (event/buffer.c).
 *
 * The launcher starts it when somebody logs and there is none, and it leaves when nothing has come
 * for a while. It runs as the bootstrap superuser and stores as the owner of business_events,
 * security-restricted. What it has stored leaves the buffer where its transaction commits: nothing
 * is stored twice or never, whatever goes wrong.
 *
 * A batch is stored together. If that fails, each event is tried by itself: one that cannot be
 * stored goes to event_rejects; one that only cannot be stored now, for somebody holds a lock or a
 * disk is full, stays for the next time. Somebody's trigger may never end: there is a limit to what
 * storing takes, and an event that alone takes longer is a reject, too.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "event/buffer.h"
#include "event/event.h"
#include "event/event_json.h"
#include "event/event_record.h"
#include "event/reject.h"
#include "worker/worker.h"

/* How long an idle flusher stays: less than DROP DATABASE waits for others to leave. */
#define LINGER (2 * USECS_PER_SEC)

/* What is stored in one transaction. */
#define BATCH_BYTES (1024 * 1024)

/* So many events of a batch may be left for the next time before the rest is. */
#define MAX_KEPT 4

/* Waits after nothing could be stored; and how long one that was told to end goes on trying. */
#define FIRST_RETRY (100 * INT64CONST(1000))
#define LAST_RETRY (10 * USECS_PER_SEC)
#define LAST_TRY (2 * USECS_PER_SEC)

/* How long storing a batch, or an event of one that was not stored, may take; and how often that is looked at. */
#define STORE_LIMIT (30 * USECS_PER_SEC)
#define LIMIT_CHECK_MS 100

/* Waits before a flusher that could not be started, or failed, is tried again. */
#define FIRST_BACKOFF (2 * USECS_PER_SEC)
#define LAST_BACKOFF (60 * USECS_PER_SEC)

/* Who waits for longer than this may himself be waited for: it is less than deadlock_timeout. */
#define LOCK_TIMEOUT "100ms"

/* What came of a batch. */
typedef enum Outcome
{
	STORED_ALL,
	STORED_SOME, /* and kept some */
	STORED_NONE, /* of a few, each of which has been tried: it may be about them alone */
	IN_TROUBLE	 /* nothing can be stored */
} Outcome;

typedef struct Entry
{
	char *record;
	Size size;
	BmEvent event;
	pg_uuid_t id;
} Entry;

/* Part of the buffer on its way into the table. */
typedef struct Batch
{
	MemoryContext context; /* holds the rest */
	char *bytes;
	Size size;
	Entry *entries;
	int count;
	BmFlushed flushed;
	int kept_count;
	ErrorData *error; /* the last one */
} Batch;

/* The launcher's knowledge of a flusher that it started, or could not start. */
typedef struct Flusher
{
	Oid database;
	BackgroundWorkerHandle *handle; /* NULL: it is to be tried again */
	int64 backoff;					/* 0: it has not failed */
	TimestampTz retry_at;			/* by the real clock */
} Flusher;

static Batch *committing = NULL;
static List *flushers = NIL; /* the launcher's */

/* The limit on storing ----------------------------------------------------------------------- */

static TimeoutId limit_timer;
static TimestampTz storing_since = 0;
static volatile sig_atomic_t took_too_long = false;

/* How many events took too long, one after the other: a server that stops has less and less patience. */
static int slow_events = 0;

/*
 * In a signal handler, now and then: a stop that was asked for meanwhile shortens what is left. A trigger that
 * handles the cancellation and goes on keeps the server from stopping; the process ends then, as others do.
 */
static void
check_limit(void)
{
	int64 limit = ShutdownRequestPending ? LAST_TRY >> Min(slow_events, 5) : STORE_LIMIT;
	int64 taken = GetCurrentTimestamp() - storing_since;

	if (taken < limit)
		return;
	took_too_long = true;
	InterruptPending = true;
	QueryCancelPending = true;
	if (ShutdownRequestPending && taken >= limit + LAST_TRY)
		ProcDiePending = true;
	SetLatch(MyLatch);
}

static void
begin_limit(void)
{
	storing_since = GetCurrentTimestamp();
	took_too_long = false;
	enable_timeout_every(limit_timer, storing_since, LIMIT_CHECK_MS);
}

static void
end_limit(void)
{
	disable_timeout(limit_timer, false);
	QueryCancelPending = false;
}

/* Was this the limit? Then the error says so. */
static bool
is_over_limit(ErrorData *error)
{
	if (!took_too_long || error->sqlerrcode != ERRCODE_QUERY_CANCELED)
		return false;
	error->message = "storing it took too long";
	error->hint = "See what triggers on business_events do.";
	return true;
}

/* Storing ---------------------------------------------------------------------------------- */

/* What the transaction stored leaves the buffer together with its commit. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && committing != NULL)
		bm_buffer_flushed(&committing->flushed);
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
		committing = NULL;
}

static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactReadOnly = false;
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit_transaction(Batch *batch)
{
	PopActiveSnapshot();
	committing = batch;
	CommitTransactionCommand();
}

/* An error that comes of the server's state, and not of the event. */
static bool
will_pass(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_TO_CATEGORY(ERRCODE_TRANSACTION_ROLLBACK):
		case ERRCODE_TO_CATEGORY(ERRCODE_OPERATOR_INTERVENTION):
		case ERRCODE_TO_CATEGORY(ERRCODE_SYSTEM_ERROR):
			return true;
		case ERRCODE_TO_CATEGORY(ERRCODE_INSUFFICIENT_RESOURCES):
			return error->sqlerrcode != ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
	}
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   error->sqlerrcode == ERRCODE_OBJECT_IN_USE ||
		   error->sqlerrcode == ERRCODE_READ_ONLY_SQL_TRANSACTION;
}

static void
read_batch(Batch *batch)
{
	int room = 64;
	Size done = 0;

	batch->bytes = bm_buffer_read(BATCH_BYTES, &batch->size);
	batch->entries = palloc(sizeof(Entry) * room);
	for (; done < batch->size; batch->count++)
	{
		if (batch->count == room)
			batch->entries = repalloc_huge(batch->entries, sizeof(Entry) * (room *= 2));
		batch->entries[batch->count].record = batch->bytes + done;
		done += *(uint32 *) (batch->bytes + done);
	}
}

static BmEvent *
read_event(Entry *entry)
{
	entry->size = bm_event_from_record(entry->record, &entry->event, &entry->id);
	return &entry->event;
}

static void
store_all(Batch *batch)
{
	BmEvent **events =
		MemoryContextAllocHuge(batch->context, sizeof(BmEvent *) * (batch->count + 1));

	for (int i = 0; i < batch->count; i++)
		events[i] = read_event(&batch->entries[i]);
	bm_event_store_as_owner(events, batch->count);
}

static void
store_together(Batch *batch)
{
	begin_transaction();
	batch->flushed = (BmFlushed){.size = batch->size};
	if (OidIsValid(get_extension_oid("bizmetrics", true)))
	{
		begin_limit();
		store_all(batch);
		end_limit();
		batch->flushed.stored = batch->count;
	}
	else
	{
		ereport(LOG,
				(errmsg("%d events of log_event_async() were discarded: the extension "
						"was dropped",
						batch->count)));
		batch->flushed.discarded = batch->count;
	}
	commit_transaction(batch);
}

static void
store_one(void *event)
{
	BmEvent *one = event;

	bm_event_store_as_owner(&one, 1);
}

/* Tries one event in a subtransaction; NULL, or why it is not stored. */
static ErrorData *
try_event_once(BmEvent *event)
{
	MemoryContext context = CurrentMemoryContext;
	ErrorData *volatile error = NULL;

	begin_limit();
	PG_TRY();
	{
		error = bm_event_try(store_one, event);
	}
	PG_CATCH();
	{
		/* Its subtransaction is rolled back already. */
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	end_limit();
	return error;
}

/* What two sessions did to a catalog at once is an internal error, which is not met again, and no fault of the event. */
static ErrorData *
try_event(BmEvent *event)
{
	ErrorData *error = try_event_once(event);

	if (error != NULL && error->sqlerrcode == ERRCODE_INTERNAL_ERROR)
		error = try_event_once(event);
	return error;
}

static void
keep(Batch *batch, const Entry *entry)
{
	if (batch->flushed.kept == NULL)
		batch->flushed.kept = MemoryContextAllocHuge(batch->context, batch->size);
	memcpy(unconstify(char *, batch->flushed.kept) + batch->flushed.kept_size,
		   entry->record, entry->size);
	batch->flushed.kept_size += entry->size;
	batch->kept_count++;
}

static void
reject(const BmEvent *event, const ErrorData *error)
{
	BmReject reject = {"log_event_async", NULL, -1, bm_event_to_json(event)};

	bm_reject_store(&reject, error);
}

/* Throws where nothing came of it. */
static void
store_one_by_one(Batch *batch)
{
	batch->flushed = (BmFlushed){0};
	batch->kept_count = 0;
	begin_transaction();
	MemoryContextSwitchTo(batch->context);
	for (int i = 0; i < batch->count && batch->kept_count < MAX_KEPT; i++)
	{
		Entry *entry = &batch->entries[i];
		ErrorData *error = try_event(read_event(entry));

		batch->flushed.size += entry->size;
		if (error == NULL)
			batch->flushed.stored++;
		else if (!is_over_limit(error) && will_pass(error))
		{
			batch->error = error;
			keep(batch, entry);
		}
		else
		{
			slow_events += took_too_long;
			reject(&entry->event, error);
			batch->flushed.rejected++;
		}
	}
	if (batch->flushed.stored + batch->flushed.rejected == 0)
		ReThrowError(batch->error);
	commit_transaction(batch);
}

/* False where it throws; the error is the batch's then. */
static bool
try_to_store(void (*store)(Batch *), Batch *batch)
{
	volatile bool stored = true;

	PG_TRY();
	{
		store(batch);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		end_limit();
		MemoryContextSwitchTo(batch->context);
		batch->error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		RESUME_INTERRUPTS();
		stored = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(batch->context);
	return stored;
}

/* Says once an episode what keeps events from being stored, and that nothing does any more. */
static void
note_trouble(const ErrorData *error)
{
	static bool trouble = false;

	if (trouble == (error != NULL))
		return;
	trouble = error != NULL;
	if (trouble)
		ereport(LOG,
				(errmsg("events of log_event_async() cannot be stored at present: %s",
						error->message),
				 errhint("They wait in the buffer and are tried again.")));
	else
		ereport(LOG, (errmsg("events of log_event_async() are stored again")));
}

/* Stores a batch of what waits. */
static Outcome
flush(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "bizmetrics flusher",
												  ALLOCSET_DEFAULT_SIZES);
	Batch batch = {.context = context};
	Outcome outcome = STORED_ALL;

	pgstat_report_activity(STATE_RUNNING, "storing events");
	MemoryContextSwitchTo(context);
	read_batch(&batch);
	if (!try_to_store(store_together, &batch))
	{
		if (try_to_store(store_one_by_one, &batch))
			outcome = batch.kept_count > 0 ? STORED_SOME : STORED_ALL;
		else
			outcome = batch.kept_count < batch.count ? IN_TROUBLE : STORED_NONE;
	}
	note_trouble(outcome >= STORED_NONE ? batch.error : NULL);
	bm_buffer_set_trouble(outcome == IN_TROUBLE);
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(context);
	pgstat_report_stat(false);
	pgstat_report_activity(STATE_IDLE, NULL);
	return outcome;
}

/* The process ------------------------------------------------------------------------------- */

static void
set(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/* Whatever the database is set to. */
static void
set_up_session(void)
{
	set("lock_timeout", LOCK_TIMEOUT);
	set("default_transaction_isolation", "read committed");
	set("default_transaction_read_only", "off");
	set("session_replication_role", "origin");
	/* A standby that does not answer must not fill the buffer, nor keep the server from stopping. */
	if (synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
		set("synchronous_commit", "local");
	RegisterXactCallback(at_transaction_end, NULL);
	limit_timer = RegisterTimeout(USER_TIMEOUT, check_limit);
}

/* Waits so many microseconds, or until there is news. */
static void
wait_for(int64 time)
{
	(void) bm_wait_until(bm_clock_now() + time);
}

/*
 * Serves the buffer until nothing has come for a while; where told to end, until nothing is left
 * or promised. Then only what cannot be stored for seconds on end is given up.
 */
static void
serve(void)
{
	TimestampTz busy_at = GetCurrentTimestamp();
	TimestampTz give_up_at = 0;
	int64 retry = FIRST_RETRY;
	bool closed = false;

	for (;;)
	{
		BmWaiting waiting;
		Outcome outcome;
		TimestampTz now;
		int64 rest;

		now = GetCurrentTimestamp();
		if (ShutdownRequestPending && !closed)
		{
			bm_buffer_close();
			closed = true;
			give_up_at = now + LAST_TRY;
		}
		waiting = bm_buffer_waiting();
		if (waiting.events == 0)
		{
			rest = closed ? 0 : busy_at + LINGER - now;
			if (rest <= 0 && bm_buffer_leave())
				return;
			wait_for(rest > 0 ? rest : LINGER);
			continue;
		}
		rest = waiting.since + bm_guc_flush_interval * INT64CONST(1000) - now;
		if (rest > 0 && !waiting.pressing && !closed)
		{
			wait_for(rest);
			continue;
		}
		outcome = flush();
		now = GetCurrentTimestamp();
		if (outcome == STORED_ALL)
			busy_at = now;
		if (outcome <= STORED_SOME || waiting.promised)
			give_up_at = now + LAST_TRY;
		else if (closed && now > give_up_at)
			return;
		retry = outcome == IN_TROUBLE ? Min(retry * 2, LAST_RETRY) : FIRST_RETRY;
		if (outcome != STORED_ALL)
			wait_for(closed ? FIRST_RETRY : retry);
	}
}

/* At the end of the process, however it came: a stop loses what it leaves. */
static void
note_loss(int code, Datum arg)
{
	BmWaiting waiting = bm_buffer_waiting();

	if (ShutdownRequestPending && waiting.events > 0)
		ereport(LOG, (errmsg("%lld events of log_event_async() could not be stored",
							 (long long) waiting.events),
					  errhint("A server that is stopping loses them.")));
}

void
bm_flusher_main(Datum arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	bm_worker_set_limits();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg), InvalidOid,
											  BGWORKER_BYPASS_ALLOWCONN);
	pgstat_report_appname("bizmetrics flusher");
	set_up_session();
	if (bm_buffer_attach())
	{
		before_shmem_exit(note_loss, (Datum) 0);
		serve();
	}
}

/* The launcher's side ------------------------------------------------------------------------- */

static Flusher *
find_flusher(Oid database)
{
	ListCell *cell;

	foreach(cell, flushers)
		if (((Flusher *) lfirst(cell))->database == database)
			return lfirst(cell);
	return NULL;
}

static void
forget_flusher(Flusher *flusher)
{
	if (flusher == NULL)
		return;
	flushers = list_delete_ptr(flushers, flusher);
	pfree(flusher);
}

/* It failed, or there is no process to be had. Says so once an episode. */
static void
back_off(Flusher *flusher, const char *what)
{
	if (flusher->backoff == 0)
		ereport(LOG,
				(errmsg("bizmetrics flusher for database %u %s", flusher->database, what),
				 errhint("It is tried again. If this persists, raise "
						 "max_worker_processes.")));
	flusher->backoff =
		flusher->backoff == 0 ? FIRST_BACKOFF : Min(flusher->backoff * 2, LAST_BACKOFF);
	flusher->retry_at = GetCurrentTimestamp() + flusher->backoff;
}

static void
reap_flushers(void)
{
	ListCell *cell;

	foreach(cell, flushers)
	{
		Flusher *flusher = lfirst(cell);
		pid_t pid;

		if (flusher->handle == NULL ||
			GetBackgroundWorkerPid(flusher->handle, &pid) != BGWH_STOPPED)
			continue;
		pfree(flusher->handle);
		flusher->handle = NULL;
		if (!bm_buffer_was_left(flusher->database))
			back_off(flusher, "ended before its time");
		else
		{
			flushers = foreach_delete_current(flushers, cell);
			pfree(flusher);
		}
	}
}

/* A copy of the database's name, or NULL where it was dropped. */
static char *
database_name(Oid database)
{
	MemoryContext context = CurrentMemoryContext;
	Relation rel;
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;
	char *name = NULL;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_database_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(database));
	/* Without a database there is no index. */
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		name = MemoryContextStrdup(
			context, NameStr(((Form_pg_database) GETSTRUCT(tuple))->datname));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return name;
}

/* Its database was dropped, and what waited with it. */
static void
discard(Oid database)
{
	int64 events = bm_buffer_forget(database);

	forget_flusher(find_flusher(database));
	if (events > 0)
		ereport(LOG,
				(errmsg("%lld events of log_event_async() were discarded: database %u "
						"was dropped",
						(long long) events, database)));
}

static void
start_flusher(Oid database)
{
	char *name = database_name(database);
	Flusher *flusher = find_flusher(database);

	if (name == NULL)
	{
		discard(database);
		return;
	}
	/* What waits is stored also where the settings name the database no more. */
	if (bm_database_is_served(name) || !bm_buffer_is_empty(database))
	{
		if (flusher == NULL)
		{
			flusher = palloc0(sizeof(Flusher));
			flusher->database = database;
			flushers = lappend(flushers, flusher);
		}
		bm_buffer_starting(database);
		flusher->handle = bm_process_start("flusher", database);
		if (flusher->handle == NULL)
			back_off(flusher, "could not be started");
	}
	pfree(name);
}

/* Starts the flushers that are wanted, and says when to look again. In the launcher. */
TimestampTz
bm_flushers_tend(void)
{
	TimestampTz next = DT_NOEND;
	List *databases;
	ListCell *cell;

	reap_flushers();
	databases = bm_buffer_unattended();
	foreach(cell, databases)
	{
		Flusher *flusher = find_flusher(lfirst_oid(cell));
		int64 rest = flusher != NULL && flusher->handle == NULL
						 ? flusher->retry_at - GetCurrentTimestamp()
						 : 0;

		if (flusher != NULL && flusher->handle != NULL)
			continue; /* it is on its way, and its end wakes us */
		if (rest <= 0)
			start_flusher(lfirst_oid(cell));
		else
			next = Min(next, bm_clock_now() + rest);
	}
	list_free(databases);
	return next;
}
