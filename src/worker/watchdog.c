/*
 * Ends attempts that do not end when their time is up.
 *
 * A runner has a timer of its own, but the SQL that it runs may catch what cancels it. So the scheduler
 * cancels it too, terminates it half a minute later, and records what the runner then no longer can:
 * see bm_run_bury(). It never waits for any of this.
 */
#include "postgres.h"

#include <signal.h>

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "report/run.h"
#include "report/state.h"
#include "worker/watchdog.h"

/* Between the cancel and the termination, and between two of those. */
#define PATIENCE (30 * USECS_PER_SEC)

/* An attempt whose time is up. */
typedef struct Watch
{
	int64 report_id;
	int64 run_id;
	bool terminated;
} Watch;

static List *watches = NIL;

static Watch *
find_watch(int64 report_id)
{
	ListCell *cell;

	foreach(cell, watches)
		if (((Watch *) lfirst(cell))->report_id == report_id)
			return lfirst(cell);
	return NULL;
}

/* The watch over an attempt; *made says whether it has just begun. */
static Watch *
watch_over(const BmReportState *state, bool *made)
{
	Watch *watch = find_watch(state->report_id);

	*made = watch == NULL || watch->run_id != state->run_id;
	if (watch == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		watch = palloc0(sizeof(Watch));
		watches = lappend(watches, watch);
		MemoryContextSwitchTo(old);
	}
	if (*made)
	{
		watch->report_id = state->report_id;
		watch->run_id = state->run_id;
		watch->terminated = false;
	}
	return watch;
}

static void
terminate(const BmReport *report, const BmReportState *state, Watch *watch)
{
	if (!bm_run_signal(report->id, state->run_id, SIGTERM))
		return;
	if (!watch->terminated)
		ereport(LOG, (errmsg("report \"%s\" is terminated", report->name),
					  errdetail("It was cancelled when its time was up, and went on.")));
	watch->terminated = true;
}

/* Looks at the attempt of a report that is under way, if any; says when to look again. */
TimestampTz
bm_watchdog_look(const BmReport *report)
{
	BmReportState *state = bm_state_get(report->id);
	TimestampTz now = bm_clock_now();
	TimestampTz deadline;
	Watch *watch;
	bool made;

	if (report->timeout == NULL || state == NULL || state->pid == 0)
		return DT_NOEND;
	deadline = state->started_at + Min(bm_interval_usecs(report->timeout), DT_NOEND / 2);
	if (now < deadline)
		return deadline;
	watch = watch_over(state, &made);
	if (now >= deadline + PATIENCE)
	{
		terminate(report, state, watch);
		return now + PATIENCE;
	}
	if (made)
		(void) bm_run_signal(report->id, state->run_id, SIGINT);
	return deadline + PATIENCE;
}

/* Did the watchdog terminate this attempt? */
bool
bm_watchdog_terminated(const BmReport *report, int64 run_id)
{
	const Watch *watch = find_watch(report->id);

	return watch != NULL && watch->run_id == run_id && watch->terminated;
}
