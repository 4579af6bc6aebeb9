/*
 * The lock of a report.
 *
 * An advisory lock with a tag of our own, which SQL functions cannot take: they only use 1 and 2
 * in its last field. SQL can release it, though: pg_advisory_unlock_all() drops every
 * session-level advisory lock. So a runner holds it for its session and once more for the
 * transaction of the report, which unlock_all leaves alone, and takes the session's again before it
 * records a failure.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "storage/procsignal.h"

#include "report/lock.h"

#define BM_LOCK_CLASS \
	0xB12 /* distinguishes our tags from those of SQL and of other extensions */

/* Of a process that is signalled: see bm_run_signal(). */
#define BM_SIGNALS_CLASS 0xB15

/* Of a backfill, which outlives the transactions of its batches. The view backfill_progress knows this number. */
#define BM_BACKFILL_CLASS 0xB14

static LOCKTAG
tag_of(int64 id, int class)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (id >> 32), (uint32) id, class);
	return tag;
}

static LOCKTAG
report_tag(int64 report_id)
{
	return tag_of(report_id, BM_LOCK_CLASS);
}

/* Takes the lock until the session or the transaction ends; false where somebody has it. */
bool
bm_report_lock(int64 report_id, bool session)
{
	LOCKTAG tag = report_tag(report_id);

	return LockAcquire(&tag, ExclusiveLock, session, true) != LOCKACQUIRE_NOT_AVAIL;
}

bool (*bm_runner_signal)(int64 report_id, int pid, int signal_number) = NULL;

/* Is a process in a transaction, and has the report's lock? A number alone might be that of another process by now. */
static bool
has_lock(int64 report_id, int pid)
{
	LOCKTAG tag = report_tag(report_id);
	VirtualTransactionId *holder = GetLockConflicts(&tag, ExclusiveLock, NULL);

	/* The signal that this sends means nothing to do; what it says is whose transaction it is. */
	for (; VirtualTransactionIdIsValid(*holder); holder++)
		if (SignalVirtualTransaction(*holder, PROCSIG_CATCHUP_INTERRUPT, false) == pid)
			return true;
	return false;
}

/* Keeps a process from beginning another attempt, and from leaving the one that it makes itself by SQL. */
void
bm_signals_lock(int pid)
{
	LOCKTAG tag = tag_of(pid, BM_SIGNALS_CLASS);

	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

void
bm_signals_unlock(int pid)
{
	LOCKTAG tag = tag_of(pid, BM_SIGNALS_CLASS);

	(void) LockRelease(&tag, ExclusiveLock, false);
}

/*
 * In a transaction, between two attempts of this process: whoever found it at the first one has sent his signal
 * when this returns, and nobody finds it there later.
 */
void
bm_signals_await(void)
{
	bm_signals_lock(MyProcPid);
	bm_signals_unlock(MyProcPid);
	CHECK_FOR_INTERRUPTS();
}

/* Sends a signal to a process if it is at the report; says whether. The caller has bm_signals_lock(). */
bool
bm_report_signal(int64 report_id, int pid, int signal_number)
{
	if (bm_runner_signal != NULL && bm_runner_signal(report_id, pid, signal_number))
		return true;
	return has_lock(report_id, pid) && kill(pid, signal_number) == 0;
}

/* Gives up a session's lock once. */
void
bm_report_unlock(int64 report_id)
{
	LOCKTAG tag = report_tag(report_id);

	(void) LockRelease(&tag, ExclusiveLock, true);
}

/* Of a report's backfills one session makes one at a time; false where another one does. */
bool
bm_backfill_lock(int64 report_id)
{
	LOCKTAG tag = tag_of(report_id, BM_BACKFILL_CLASS);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
bm_backfill_unlock(int64 report_id)
{
	LOCKTAG tag = tag_of(report_id, BM_BACKFILL_CLASS);

	(void) LockRelease(&tag, ExclusiveLock, true);
}
