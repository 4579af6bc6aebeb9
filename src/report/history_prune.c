/*
 * Keeping the history of runs short: what is older than bizmetrics.history_retention, and what is
 * more than bizmetrics.history_runs of a kind, goes; the last success, the last failure and what is
 * under way stay.
 *
 * A pass costs two looks at the index for each report, and what ended and what goes: how many rows a
 * report has is kept in its row of pruned_runs, and only runs that are newer are counted. A report's
 * runs get their ids under its lock, so they appear in the order of their ids, and none that is
 * older than one counted appears later. A row that is under way ends the count until it has ended.
 *
 * The report's lock is not taken, for a runner would find it taken: rows that have ended are
 * changed by nobody, and deleted by drop_report() alone, which does not mind.
 */
#include "postgres.h"

#include "access/table.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/table.h"
#include "report/lock.h"
#include "report/history_prune.h"
#include "report/registry.h"
#include "report/totals.h"

/* Rows deleted in a pass, which is a transaction. */
#define MAX_DELETED 5000

/* No report has this id: its lock is held by who prunes. */
#define PRUNING 0

/* Adds to the kept ones those that ended since the last pass; says whether there were any. */
static bool
count_new_runs(Relation rel, BmTotals *totals)
{
	BmRunWalk walk = bm_history_walk(rel, totals->report_id, BackwardScanDirection);
	int32 found[BM_ENDINGS] = {0};
	int64 counted_to = 0;
	bool any;
	BmRunRow row;

	while (bm_history_walk_next(&walk, &row) && row.run_id > totals->counted_to)
	{
		if (row.finished_at == BM_NO_TIME)
		{
			memset(found, 0, sizeof(found));
			counted_to = 0;
			continue;
		}
		if (counted_to == 0)
			counted_to = row.run_id;
		found[bm_ending_of(&row)]++;
	}
	bm_history_walk_end(&walk);
	any = counted_to != 0;
	if (any)
		totals->counted_to = counted_to;
	for (int i = 0; i < BM_ENDINGS; i++)
		totals->kept[i] += found[i];
	return any;
}

static bool
has_surplus(const BmTotals *totals)
{
	for (int i = 0; i < BM_ENDINGS; i++)
		if (totals->kept[i] > bm_guc_history_runs)
			return true;
	return false;
}

/* Deletes the oldest rows that are too old or too many, at most limit; says how many. */
static int
delete_old_runs(Relation rel, BmTotals *totals, TimestampTz oldest, int limit)
{
	BmRunWalk walk = bm_history_walk(rel, totals->report_id, ForwardScanDirection);
	int deleted = 0;
	BmRunRow row;

	while (deleted < limit && bm_history_walk_next(&walk, &row) &&
		   row.run_id <= totals->counted_to &&
		   (row.started_at < oldest || has_surplus(totals)))
	{
		int32 *kept = &totals->kept[bm_ending_of(&row)];

		if (row.finished_at == BM_NO_TIME || *kept <= 1 ||
			(row.started_at >= oldest && *kept <= bm_guc_history_runs))
			continue;
		if (bm_table_delete(rel, row.tuple))
			bm_totals_add(totals, &row);
		(*kept)--;
		deleted++;
	}
	bm_history_walk_end(&walk);
	return deleted;
}

/* Of a report that is gone all goes. */
static int
delete_all_runs(Relation rel, int64 report_id, int limit)
{
	BmRunWalk walk = bm_history_walk(rel, report_id, ForwardScanDirection);
	int deleted = 0;
	BmRunRow row;

	while (deleted < limit && bm_history_walk_next(&walk, &row))
	{
		(void) bm_table_delete(rel, row.tuple);
		deleted++;
	}
	bm_history_walk_end(&walk);
	return deleted;
}

static int
prune_report(Relation rel, int64 report_id, TimestampTz oldest, int limit)
{
	BmTotals totals;
	bool counted;
	int deleted;

	if (bm_report_get(report_id) == NULL)
		return delete_all_runs(rel, report_id, limit);
	bm_totals_get(report_id, &totals);
	counted = count_new_runs(rel, &totals);
	deleted = delete_old_runs(rel, &totals, oldest, limit);
	if (counted || deleted > 0)
		bm_totals_put(&totals);
	return deleted;
}

/* Totals of reports that are gone. */
static void
forget_totals(void)
{
	ListCell *cell;

	foreach(cell, bm_totals_reports())
		if (bm_report_get(*(int64 *) lfirst(cell)) == NULL)
			bm_totals_delete(*(int64 *) lfirst(cell));
}

/*
 * One pass, in the caller's transaction. Says whether there is more to delete: then the caller
 * commits and calls again.
 */
bool
bm_history_prune(void)
{
	TimestampTz oldest =
		bm_guc_history_retention < 0
			? DT_NOBEGIN
			: bm_clock_now() - bm_guc_history_retention * USECS_PER_MINUTE;
	MemoryContext context;
	MemoryContext old;
	Relation rel;
	int64 report_id = 0;
	int deleted = 0;

	/* Whoever has it does it. */
	if (!bm_report_lock(PRUNING, false))
		return false;
	context = AllocSetContextCreate(CurrentMemoryContext, "bizmetrics pruning",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	rel = bm_table_open("runs", RowExclusiveLock);
	while (deleted < MAX_DELETED &&
		   (report_id = bm_history_next_report(rel, report_id)) != 0)
	{
		CHECK_FOR_INTERRUPTS();
		deleted += prune_report(rel, report_id, oldest, MAX_DELETED - deleted);
		MemoryContextReset(context);
	}
	table_close(rel, NoLock);
	forget_totals();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return deleted >= MAX_DELETED;
}
