/* What our processes have in common: how one starts, its signals, and its sleep. */
#include "postgres.h"

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/clock.h"
#include "worker/worker.h"

/* A wait is at most this long, so that a clock that was set is noticed within it. */
#define LONGEST_WAIT_MS (10 * 60 * 1000)

/*
 * Starts a process of ours for a database: bm_<kind>_main(database). NULL where none can be had. Its end
 * signals the caller.
 */
BackgroundWorkerHandle *
bm_process_start(const char *kind, Oid database)
{
	char whom[NAMEDATALEN];

	snprintf(whom, sizeof(whom), "database %u", database);
	return bm_process_start_for(kind, whom, ObjectIdGetDatum(database), NULL, 0);
}

/* The same for whomever, with an argument and what goes along with it. */
BackgroundWorkerHandle *
bm_process_start_for(const char *kind, const char *whom, Datum arg, const void *extra,
					 Size extra_size)
{
	BackgroundWorker worker = {0};
	BackgroundWorkerHandle *handle;

	Assert(extra_size <= BGW_EXTRALEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = arg;
	if (extra_size > 0)
		memcpy(worker.bgw_extra, extra, extra_size);
	strlcpy(worker.bgw_library_name, "bizmetrics", BGW_MAXLEN);
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "bm_%s_main", kind);
	snprintf(worker.bgw_name, BGW_MAXLEN, "bizmetrics %s for %s", kind, whom);
	snprintf(worker.bgw_type, BGW_MAXLEN, "bizmetrics %s", kind);
	return RegisterDynamicBackgroundWorker(&worker, &handle) ? handle : NULL;
}

/* transaction_timeout, which 17 has, ends a process, whatever it is at: ours have limits of their own. */
void
bm_worker_set_limits(void)
{
	if (GetConfigOption("transaction_timeout", true, false) != NULL)
		SetConfigOption("transaction_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
}

void
bm_worker_setup(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	bm_worker_set_limits();
}

/* Sleeps until a time of our clock, a latch or a signal; true where the settings were reloaded. */
bool
bm_wait_until(TimestampTz wake_at)
{
	long timeout = LONGEST_WAIT_MS;

	if (wake_at != DT_NOEND)
		timeout = Min(timeout, TimestampDifferenceMilliseconds(bm_clock_now(), wake_at));
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, timeout,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return false;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	return true;
}
