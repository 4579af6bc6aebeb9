/*
 * What a report's runs add up to: rows of bizmetrics.pruned_runs, and bizmetrics.report_totals().
 *
 * A run costs nothing here. When a row of the history is deleted, its run is added to the report's
 * row of pruned_runs, in the same transaction; what is shown is that row and the history together.
 * Durations are counted in buckets that grow by a fourth root of two, so that percentiles over any
 * number of runs are known to a tenth.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "report/access.h"
#include "report/totals.h"

#define BUCKETS_A_DOUBLING 4

PG_FUNCTION_INFO_V1(bizmetrics_report_totals);

/* Columns of bizmetrics.pruned_runs. */
enum
{
	PRUNED_REPORT_ID,
	PRUNED_ENDED,
	PRUNED_ROW_COUNT = PRUNED_ENDED + BM_END_STATES,
	PRUNED_DURATION_TOTAL,
	PRUNED_DURATION_MIN,
	PRUNED_DURATION_MAX,
	PRUNED_DURATIONS,
	PRUNED_SLOTS,
	PRUNED_COLUMNS
};

/* What report_totals() returns. */
enum
{
	TOTAL_ENDED,
	TOTAL_ROW_COUNT = TOTAL_ENDED + BM_END_STATES,
	TOTAL_DURATION_TOTAL,
	TOTAL_DURATION_MIN,
	TOTAL_DURATION_MAX,
	TOTAL_P50,
	TOTAL_P95,
	TOTAL_P99,
	TOTAL_LAST_FAILURE_AT,
	TOTAL_COLUMNS
};

/* In the order of the columns. */
static const BmRunState end_states[BM_END_STATES] = {BM_RUN_SUCCEEDED, BM_RUN_FAILED,
													 BM_RUN_TIMED_OUT, BM_RUN_CANCELLED,
													 BM_RUN_CRASHED,   BM_RUN_SKIPPED};

BmEnding
bm_ending_of(const BmRunRow *row)
{
	if (row->state == BM_RUN_SUCCEEDED)
		return BM_ENDING_SUCCESS;
	return row->state == BM_RUN_SKIPPED ? BM_ENDING_SKIPPED : BM_ENDING_FAILURE;
}

static void
read_durations(BmTotals *totals, ArrayType *array)
{
	Datum *items;
	int length;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &items, NULL, &length);
	for (int i = 0; i < Min(length, BM_DURATION_BUCKETS); i++)
		totals->durations[i] = DatumGetInt64(items[i]);
}

/* Totals of nothing where there is no row. */
void
bm_totals_get(int64 report_id, BmTotals *totals)
{
	Relation rel = bm_table_open("pruned_runs", AccessShareLock);
	HeapTuple row =
		bm_table_get(rel, "pruned_runs_pkey", INT8OID, Int64GetDatum(report_id));
	Datum v[PRUNED_COLUMNS];
	bool n[PRUNED_COLUMNS];

	memset(totals, 0, sizeof(BmTotals));
	totals->report_id = report_id;
	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		for (int i = 0; i < BM_END_STATES; i++)
			totals->ended[i] = DatumGetInt64(v[PRUNED_ENDED + i]);
		totals->row_count = DatumGetInt64(v[PRUNED_ROW_COUNT]);
		totals->duration_total = DatumGetInt64(v[PRUNED_DURATION_TOTAL]);
		totals->duration_min = DatumGetInt64(v[PRUNED_DURATION_MIN]);
		totals->duration_max = DatumGetInt64(v[PRUNED_DURATION_MAX]);
		read_durations(totals, DatumGetArrayTypeP(v[PRUNED_DURATIONS]));
		bm_slots_read(&totals->slots, v[PRUNED_SLOTS]);
	}
	table_close(rel, AccessShareLock);
}

/* Was there an attempt at this slot whose row was deleted? */
bool
bm_totals_have_slot(int64 report_id, TimestampTz slot)
{
	BmTotals totals;

	bm_totals_get(report_id, &totals);
	return bm_slots_have(&totals.slots, slot);
}

static Datum
durations_array(const BmTotals *totals)
{
	Datum items[BM_DURATION_BUCKETS];

	for (int i = 0; i < BM_DURATION_BUCKETS; i++)
		items[i] = Int64GetDatum(totals->durations[i]);
	return PointerGetDatum(construct_array(items, BM_DURATION_BUCKETS, INT8OID,
										   sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

void
bm_totals_put(const BmTotals *totals)
{
	Relation rel = bm_table_open("pruned_runs", RowExclusiveLock);
	Datum v[PRUNED_COLUMNS];
	bool n[PRUNED_COLUMNS] = {false};

	v[PRUNED_REPORT_ID] = Int64GetDatum(totals->report_id);
	for (int i = 0; i < BM_END_STATES; i++)
		v[PRUNED_ENDED + i] = Int64GetDatum(totals->ended[i]);
	v[PRUNED_ROW_COUNT] = Int64GetDatum(totals->row_count);
	v[PRUNED_DURATION_TOTAL] = Int64GetDatum(totals->duration_total);
	v[PRUNED_DURATION_MIN] = Int64GetDatum(totals->duration_min);
	v[PRUNED_DURATION_MAX] = Int64GetDatum(totals->duration_max);
	v[PRUNED_DURATIONS] = durations_array(totals);
	v[PRUNED_SLOTS] = bm_slots_datum(&totals->slots);
	bm_table_put(rel, "pruned_runs_pkey", totals->report_id, v, n);
	table_close(rel, NoLock);
}

void
bm_totals_delete(int64 report_id)
{
	Relation rel = bm_table_open("pruned_runs", RowExclusiveLock);

	bm_table_delete_key(rel, "pruned_runs_pkey", report_id);
	table_close(rel, NoLock);
}

/* Ids of the reports that have a row. */
List *
bm_totals_reports(void)
{
	Relation rel = bm_table_open("pruned_runs", AccessShareLock);
	List *ids = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		bool isnull;
		int64 *id = palloc(sizeof(int64));

		*id = DatumGetInt64(heap_getattr(lfirst(cell), PRUNED_REPORT_ID + 1,
										 RelationGetDescr(rel), &isnull));
		ids = lappend(ids, id);
	}
	table_close(rel, AccessShareLock);
	return ids;
}

/* The bucket of a duration: [2^(b/4), 2^((b+1)/4)) microseconds. */
static int
bucket_of(int64 duration)
{
	int bucket =
		duration <= 1 ? 0 : (int) floor(log2((double) duration) * BUCKETS_A_DOUBLING);

	return Min(bucket, BM_DURATION_BUCKETS - 1);
}

static void
add_duration(BmTotals *totals, int64 duration)
{
	/* A clock that was set back makes it negative. */
	duration = Max(duration, 0);
	if (totals->ended[0] == 0 || duration < totals->duration_min)
		totals->duration_min = duration;
	totals->duration_max = Max(totals->duration_max, duration);
	totals->duration_total += duration;
	totals->durations[bucket_of(duration)]++;
}

/* Adds a run that ended. */
void
bm_totals_add(BmTotals *totals, const BmRunRow *row)
{
	if (bm_ending_of(row) == BM_ENDING_SUCCESS)
		add_duration(totals, row->finished_at - row->started_at);
	for (int i = 0; i < BM_END_STATES; i++)
		if (row->state == end_states[i])
			totals->ended[i] += Max(row->missed_count, 1);
	totals->row_count += Max(row->row_count, 0);
	if (row->slot != BM_NO_TIME && row->state != BM_RUN_SKIPPED)
		bm_slots_add(&totals->slots, row->slot);
}

/* The duration that a fraction of the successes did not exceed. */
static int64
percentile(const BmTotals *totals, double fraction)
{
	int64 rank = (int64) ceil((double) totals->ended[0] * fraction);
	int bucket = 0;
	int64 duration;

	for (int64 seen = totals->durations[0];
		 seen < rank && bucket < BM_DURATION_BUCKETS - 1;
		 seen += totals->durations[bucket])
		bucket++;
	duration = (int64) exp2((bucket + 0.5) / BUCKETS_A_DOUBLING);
	return Min(Max(duration, totals->duration_min), totals->duration_max);
}

static Datum
interval_datum(int64 usecs)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = usecs;
	return IntervalPGetDatum(interval);
}

static Datum
totals_row(FunctionCallInfo fcinfo, const BmTotals *totals, TimestampTz last_failure_at)
{
	TupleDesc desc;
	Datum v[TOTAL_COLUMNS];
	bool n[TOTAL_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	for (int i = 0; i < BM_END_STATES; i++)
		v[TOTAL_ENDED + i] = Int64GetDatum(totals->ended[i]);
	v[TOTAL_ROW_COUNT] = Int64GetDatum(totals->row_count);
	v[TOTAL_DURATION_TOTAL] = interval_datum(totals->duration_total);
	v[TOTAL_DURATION_MIN] = interval_datum(totals->duration_min);
	v[TOTAL_DURATION_MAX] = interval_datum(totals->duration_max);
	v[TOTAL_P50] = interval_datum(percentile(totals, 0.5));
	v[TOTAL_P95] = interval_datum(percentile(totals, 0.95));
	v[TOTAL_P99] = interval_datum(percentile(totals, 0.99));
	for (int i = TOTAL_DURATION_TOTAL; i <= TOTAL_P99; i++)
		n[i] = totals->ended[0] == 0;
	v[TOTAL_LAST_FAILURE_AT] = TimestampTzGetDatum(last_failure_at);
	n[TOTAL_LAST_FAILURE_AT] = last_failure_at == BM_NO_TIME;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), v, n));
}

/* What all runs of a report add up to, for who may see it. */
Datum
bizmetrics_report_totals(PG_FUNCTION_ARGS)
{
	int64 report_id = PG_GETARG_INT64(0);
	BmReport *report = bm_report_get(report_id);
	TimestampTz last_failure_at = BM_NO_TIME;
	Relation rel;
	BmRunWalk walk;
	BmRunRow row;
	BmTotals totals;

	if (report == NULL || !bm_may_see(report->owner))
		PG_RETURN_NULL();
	bm_totals_get(report_id, &totals);
	rel = bm_table_open("runs", AccessShareLock);
	walk = bm_history_walk(rel, report_id);
	while (bm_history_walk_next(&walk, &row))
	{
		if (row.finished_at == BM_NO_TIME)
			continue;
		bm_totals_add(&totals, &row);
		if (bm_ending_of(&row) == BM_ENDING_FAILURE)
			last_failure_at = Max(last_failure_at, row.finished_at);
	}
	bm_history_walk_end(&walk);
	table_close(rel, AccessShareLock);
	return totals_row(fcinfo, &totals, last_failure_at);
}
