/* What the launcher and the schedulers do while there is nothing to do. */
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

void
bm_worker_setup(void)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
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
