/*
 * Keeping the history of runs short: what is older than bizmetrics.history_retention, what is
 * more than bizmetrics.history_runs of a kind, and what bizmetrics.log_runs does not name, goes; the last
 * success, the last failure and what is under way stay.
 *
 * A pass reads the whole history, which is so short, and adds nothing to what a run costs: neither a count of
 * its report's rows nor an index in their order. What a report has of each kind is found by one walk along its
 * rows, and deleted by a second one, if there is anything.
 *
 * The report's lock is not taken, for a runner would find it taken: rows that have ended are
 * changed by nobody but for the reason of the last one, which stays, and deleted by drop_report() alone, which
 * does not mind.
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

/* Ids of a report's runs that ended in a kind of ending. */
typedef struct Ended
{
	int64 *run_ids;
	int count;
	int allocated;
} Ended;

/* Of such runs: the newest, which stays, and up to which id they are more than may stay. */
typedef struct Cut
{
	int64 newest;
	int64 surplus; /* 0: up to none */
} Cut;

static void
add_ended(Ended *ended, int64 run_id)
{
	if (ended->count == ended->allocated)
	{
		ended->allocated = Max(2 * ended->allocated, 64);
		ended->run_ids =
			ended->run_ids == NULL
				? palloc(ended->allocated * sizeof(int64))
				: repalloc_huge(ended->run_ids, ended->allocated * sizeof(int64));
	}
	ended->run_ids[ended->count++] = run_id;
}

static int
newest_first(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left > right ? -1 : left < right;
}

/* How many runs that ended so may stay. */
static int
most_of(BmEnding ending)
{
	bool logged = bm_guc_log_runs == BM_LOG_RUNS_ALL ||
				  (bm_guc_log_runs == BM_LOG_RUNS_ERRORS && ending != BM_ENDING_SUCCESS);

	return logged ? bm_guc_history_runs : 1;
}

static Cut
make_cut(Ended *ended, int most)
{
	Cut cut = {0};

	if (ended->count == 0)
		return cut;
	qsort(ended->run_ids, ended->count, sizeof(int64), newest_first);
	cut.newest = ended->run_ids[0];
	if (ended->count > most)
		cut.surplus = ended->run_ids[most];
	return cut;
}

/* Finds the cuts of a report's history; says whether there may be anything to delete. */
static bool
find_cuts(Relation rel, int64 report_id, TimestampTz oldest, Cut *cuts)
{
	BmRunWalk walk = bm_history_walk(rel, report_id);
	Ended ended[BM_ENDINGS] = {0};
	bool any = false;
	BmRunRow row;

	while (bm_history_walk_next(&walk, &row))
	{
		if (row.finished_at == BM_NO_TIME)
			continue;
		add_ended(&ended[bm_ending_of(&row)], row.run_id);
		any |= row.started_at < oldest;
	}
	bm_history_walk_end(&walk);
	for (int i = 0; i < BM_ENDINGS; i++)
	{
		cuts[i] = make_cut(&ended[i], most_of(i));
		any |= cuts[i].surplus != 0;
	}
	return any;
}

static bool
is_to_go(const BmRunRow *row, const Cut *cuts, TimestampTz oldest)
{
	const Cut *cut = &cuts[bm_ending_of(row)];

	return row->finished_at != BM_NO_TIME && row->run_id != cut->newest &&
		   (row->run_id <= cut->surplus || row->started_at < oldest);
}

/* Deletes rows that are too old or too many, at most limit; says how many. */
static int
delete_old_runs(Relation rel, int64 report_id, TimestampTz oldest, int limit)
{
	Cut cuts[BM_ENDINGS];
	BmRunWalk walk;
	BmTotals totals;
	int deleted = 0;
	BmRunRow row;

	if (!find_cuts(rel, report_id, oldest, cuts))
		return 0;
	bm_totals_get(report_id, &totals);
	walk = bm_history_walk(rel, report_id);
	while (deleted < limit && bm_history_walk_next(&walk, &row))
	{
		if (!is_to_go(&row, cuts, oldest))
			continue;
		if (bm_table_delete(rel, row.tuple))
			bm_totals_add(&totals, &row);
		deleted++;
	}
	bm_history_walk_end(&walk);
	if (deleted > 0)
		bm_totals_put(&totals);
	return deleted;
}

/* Of a report that is gone all goes. */
static int
delete_all_runs(Relation rel, int64 report_id, int limit)
{
	BmRunWalk walk = bm_history_walk(rel, report_id);
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
prune_report(Relation rel, int64 report_id, int limit)
{
	TimestampTz oldest =
		bm_guc_history_retention < 0
			? DT_NOBEGIN
			: bm_clock_now() - bm_guc_history_retention * USECS_PER_MINUTE;

	return bm_report_get(report_id) != NULL
			   ? delete_old_runs(rel, report_id, oldest, limit)
			   : delete_all_runs(rel, report_id, limit);
}

/* Prunes the history of one report, in the caller's transaction. */
void
bm_history_prune_report(int64 report_id)
{
	Relation rel;

	/* Whoever has it does it. */
	if (!bm_report_lock(PRUNING, false))
		return;
	rel = bm_table_open("runs", RowExclusiveLock);
	(void) prune_report(rel, report_id, MAX_DELETED);
	table_close(rel, NoLock);
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

/* The pass that stopped at its limit goes on after this report. */
static int64 pruned_to = 0;

/*
 * One pass, in the caller's transaction. Says whether there is more to delete: then the caller
 * commits and calls again.
 */
bool
bm_history_prune(void)
{
	MemoryContext context;
	MemoryContext old;
	Relation rel;
	int64 report_id = pruned_to;
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
		deleted += prune_report(rel, report_id, MAX_DELETED - deleted);
		MemoryContextReset(context);
	}
	table_close(rel, NoLock);
	forget_totals();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	/* There may be more of the last one. */
	pruned_to = deleted >= MAX_DELETED ? report_id - 1 : 0;
	return deleted >= MAX_DELETED;
}
