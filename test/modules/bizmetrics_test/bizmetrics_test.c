/*
 * A module for tests, never shipped: sets the clock that schedules and runs go by, and calls pieces
 * of the extension that SQL does not reach. Preload it after bizmetrics.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "port/atomics.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "report/bucket.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bizmetrics_test_set_clock);
PG_FUNCTION_INFO_V1(bizmetrics_test_clock);
PG_FUNCTION_INFO_V1(bizmetrics_test_bucket);
PG_FUNCTION_INFO_V1(bizmetrics_test_prune_history);
PG_FUNCTION_INFO_V1(bizmetrics_test_scribble);
PG_FUNCTION_INFO_V1(bizmetrics_test_lock_signals);

#define RUNNING 0 /* the clock is not stopped */
#define CLOCK_FILE \
	"bizmetrics_test.clock" /* in the data folder: where keep_clock keeps it */

typedef BmWindow (*BucketWindow)(const Interval *, const Interval *, pg_tz *,
								 TimestampTz);

static pg_atomic_uint64 *stopped_at = NULL;
static bool keep_clock = false;
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

void _PG_init(void);

static TimestampTz
test_clock(void)
{
	uint64 time = stopped_at != NULL ? pg_atomic_read_u64(stopped_at) : RUNNING;

	return time == RUNNING ? GetCurrentTimestamp() : (TimestampTz) time;
}

/* The time that was kept over a crash or a restart. */
static uint64
kept_clock(void)
{
	FILE *file = keep_clock ? AllocateFile(CLOCK_FILE, "rb") : NULL;
	uint64 time = RUNNING;

	if (file == NULL)
		return RUNNING;
	if (fread(&time, sizeof(time), 1, file) != 1)
		time = RUNNING;
	FreeFile(file);
	return time;
}

static void
write_clock(uint64 time)
{
	FILE *file = AllocateFile(CLOCK_FILE, "wb");

	if (file == NULL || fwrite(&time, sizeof(time), 1, file) != 1 || FreeFile(file) != 0)
		ereport(ERROR, (errcode_for_file_access(),
						errmsg("could not write file \"%s\": %m", CLOCK_FILE)));
}

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	RequestAddinShmemSpace(sizeof(pg_atomic_uint64));
}

static void
startup_shmem(void)
{
	bool found;

	if (previous_startup_hook)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	stopped_at = ShmemInitStruct("bizmetrics_test", sizeof(pg_atomic_uint64), &found);
	if (!found)
		pg_atomic_init_u64(stopped_at, kept_clock());
	LWLockRelease(AddinShmemInitLock);
}

void
_PG_init(void)
{
	*(BmClock *) find_rendezvous_variable(BM_CLOCK_RENDEZVOUS) = test_clock;
	if (!process_shared_preload_libraries_in_progress)
		return;
	DefineCustomBoolVariable(
		"bizmetrics_test.keep_clock",
		"Keeps a clock that was stopped over restarts of the server.", NULL, &keep_clock,
		false, PGC_POSTMASTER, 0, NULL, NULL, NULL);
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

static void *
bizmetrics_function(const char *name)
{
	return load_external_function("$libdir/bizmetrics", name, true, NULL);
}

Datum
bizmetrics_test_set_clock(PG_FUNCTION_ARGS)
{
	void (*wake_all)(void) = (void (*)(void)) bizmetrics_function("bm_worker_wake_all");
	uint64 time = RUNNING;

	if (stopped_at == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("bizmetrics_test is not in shared_preload_libraries")));
	if (!PG_ARGISNULL(0))
		time = (uint64) PG_GETARG_TIMESTAMPTZ(0);
	if (keep_clock)
		write_clock(time);
	pg_atomic_write_u64(stopped_at, time);
	wake_all();
	PG_RETURN_VOID();
}

Datum
bizmetrics_test_clock(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(test_clock());
}

Datum
bizmetrics_test_bucket(PG_FUNCTION_ARGS)
{
	BucketWindow bucket_window = (BucketWindow) bizmetrics_function("bm_bucket_window");
	char *timezone = text_to_cstring(PG_GETARG_TEXT_PP(2));
	BmWindow window = bucket_window(PG_GETARG_INTERVAL_P(0),
									PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1),
									pg_tzset(timezone), PG_GETARG_TIMESTAMPTZ(3));
	TupleDesc desc;
	Datum values[2] = {TimestampTzGetDatum(window.start),
					   TimestampTzGetDatum(window.end)};
	bool nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

Datum
bizmetrics_test_prune_history(PG_FUNCTION_ARGS)
{
	bool (*prune)(void) = (bool (*)(void)) bizmetrics_function("bm_history_prune");

	PG_RETURN_BOOL(prune());
}

/* To the end of the transaction: as who is about to send a signal to the process. */
Datum
bizmetrics_test_lock_signals(PG_FUNCTION_ARGS)
{
	void (*lock)(int) = (void (*)(int)) bizmetrics_function("bm_signals_lock");

	lock(PG_GETARG_INT32(0));
	PG_RETURN_VOID();
}

/* What the relation cache has just freed is taken, and written over: who still looks at it sees nonsense. */
static void
scribble(Datum arg, Oid relid)
{
	static const int sizes[] = {100, 200, 400, 800};

	for (int i = 0; i < lengthof(sizes); i++)
		for (int n = 0; n < 16; n++)
			memset(MemoryContextAlloc(CacheMemoryContext, sizes[i]), 0x7f, sizes[i]);
}

/* scribble(), for the rest of the session */
Datum
bizmetrics_test_scribble(PG_FUNCTION_ARGS)
{
	static bool registered = false;

	if (!registered)
		CacheRegisterRelcacheCallback(scribble, (Datum) 0);
	registered = true;
	PG_RETURN_VOID();
}
