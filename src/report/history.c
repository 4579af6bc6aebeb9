/* Rows of bizmetrics.runs and bizmetrics.run_requests. */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "report/history.h"

/* The one index of bizmetrics.runs: what a run costs is mostly its entries. */
#define RUNS_KEY "runs_report_id_slot_attempt_key"

/* Columns of bizmetrics.runs. */
enum
{
	RUN_ID,
	RUN_REPORT_ID,
	RUN_SLOT,
	RUN_ATTEMPT,
	RUN_TRIGGER,
	RUN_STATE,
	RUN_PID,
	RUN_WINDOW_START,
	RUN_WINDOW_END,
	RUN_STARTED_AT,
	RUN_FINISHED_AT,
	RUN_ROW_COUNT,
	RUN_SQLSTATE,
	RUN_MESSAGE,
	RUN_DETAIL,
	RUN_REASON,
	RUN_MISSED_COUNT,
	RUN_COLUMNS
};

/* The number of an attempt that was not made. */
#define SKIPPED 0

/* Columns of bizmetrics.run_requests. */
enum
{
	REQUEST_ID,
	REQUEST_REPORT_ID,
	REQUEST_REQUESTED_AT,
	REQUEST_REQUESTED_BY,
	REQUEST_COLUMNS
};

static const char *const state_names[] = {"running",   "succeeded", "failed", "timed_out",
										  "cancelled", "crashed",	"skipped"};

const char *
bm_run_state_name(BmRunState state)
{
	return state_names[state];
}

static BmRunState
state_of_name(const char *name)
{
	for (int i = 0; i < lengthof(state_names); i++)
		if (strcmp(state_names[i], name) == 0)
			return (BmRunState) i;
	elog(ERROR, "there is no state \"%s\" of a run", name);
}

/* An id for an attempt that begins; the caller has the report's lock. */
int64
bm_history_next_id(void)
{
	return bm_next_id("run_id_seq");
}

static void
set_run(Datum *v, bool *n, const BmRun *run)
{
	v[RUN_ID] = Int64GetDatum(run->run_id);
	v[RUN_REPORT_ID] = Int64GetDatum(run->report_id);
	v[RUN_SLOT] = TimestampTzGetDatum(run->slot);
	n[RUN_SLOT] = run->slot == BM_NO_TIME;
	v[RUN_ATTEMPT] = Int32GetDatum(run->attempt);
	v[RUN_TRIGGER] = CStringGetTextDatum(bm_trigger_name(run->trigger));
	v[RUN_PID] = Int32GetDatum(run->pid);
	v[RUN_WINDOW_START] = TimestampTzGetDatum(run->window.start);
	v[RUN_WINDOW_END] = TimestampTzGetDatum(run->window.end);
	n[RUN_WINDOW_START] = n[RUN_WINDOW_END] = !run->has_window;
	v[RUN_STARTED_AT] = TimestampTzGetDatum(run->started_at);
	n[RUN_ID] = n[RUN_REPORT_ID] = n[RUN_ATTEMPT] = n[RUN_TRIGGER] = false;
	n[RUN_PID] = n[RUN_STARTED_AT] = false;
}

static void
set_end(Datum *v, bool *n, const BmRunEnd *end, TimestampTz now)
{
	v[RUN_FINISHED_AT] = TimestampTzGetDatum(now);
	n[RUN_FINISHED_AT] = false;
	v[RUN_ROW_COUNT] = Int64GetDatum((int64) end->row_count);
	n[RUN_ROW_COUNT] = end->state != BM_RUN_SUCCEEDED;
	bm_table_set_text(v, n, RUN_SQLSTATE,
					  end->sqlerrcode != 0 ? unpack_sql_state(end->sqlerrcode) : NULL);
	bm_table_set_text(v, n, RUN_MESSAGE, end->message);
	bm_table_set_text(v, n, RUN_DETAIL, end->detail);
	bm_table_set_text(v, n, RUN_REASON, end->reason);
}

static const char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

static void
read_row(Relation rel, HeapTuple tuple, BmRunRow *row)
{
	Datum v[RUN_COLUMNS];
	bool n[RUN_COLUMNS];

	heap_deform_tuple(tuple, RelationGetDescr(rel), v, n);
	row->tuple = tuple;
	row->report_id = DatumGetInt64(v[RUN_REPORT_ID]);
	row->run_id = DatumGetInt64(v[RUN_ID]);
	row->slot = n[RUN_SLOT] ? BM_NO_TIME : DatumGetTimestampTz(v[RUN_SLOT]);
	row->attempt = DatumGetInt32(v[RUN_ATTEMPT]);
	row->trigger = bm_trigger_find(TextDatumGetCString(v[RUN_TRIGGER]));
	row->state = state_of_name(TextDatumGetCString(v[RUN_STATE]));
	row->pid = DatumGetInt32(v[RUN_PID]);
	row->started_at = DatumGetTimestampTz(v[RUN_STARTED_AT]);
	row->finished_at =
		n[RUN_FINISHED_AT] ? BM_NO_TIME : DatumGetTimestampTz(v[RUN_FINISHED_AT]);
	row->row_count = n[RUN_ROW_COUNT] ? -1 : DatumGetInt64(v[RUN_ROW_COUNT]);
	row->sqlstate = text_or_null(v[RUN_SQLSTATE], n[RUN_SQLSTATE]);
	row->missed_count = n[RUN_MISSED_COUNT] ? 0 : DatumGetInt64(v[RUN_MISSED_COUNT]);
	row->message = text_or_null(v[RUN_MESSAGE], n[RUN_MESSAGE]);
}

/* The attempts and skipped slots of a report at a slot, or those that are of none. */
static SysScanDesc
scan_slot(Relation rel, int64 report_id, TimestampTz slot, Snapshot snapshot)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], RUN_REPORT_ID + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(report_id));
	if (slot == BM_NO_TIME)
		ScanKeyEntryInitialize(&keys[1], SK_ISNULL | SK_SEARCHNULL, RUN_SLOT + 1,
							   InvalidStrategy, InvalidOid, InvalidOid, InvalidOid,
							   (Datum) 0);
	else
		ScanKeyInit(&keys[1], RUN_SLOT + 1, BTEqualStrategyNumber, F_TIMESTAMPTZ_EQ,
					TimestampTzGetDatum(slot));
	return systable_beginscan(rel, bm_relation_oid(RUNS_KEY, false), true, snapshot, 2,
							  keys);
}

/* Along all runs of a report, in no order that says which was first. */
BmRunWalk
bm_history_walk(Relation rel, int64 report_id)
{
	BmRunWalk walk = {.rel = rel, .snapshot = RegisterSnapshot(GetLatestSnapshot())};
	ScanKeyData key;

	ScanKeyInit(&key, RUN_REPORT_ID + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(report_id));
	walk.scan = systable_beginscan(rel, bm_relation_oid(RUNS_KEY, false), true,
								   walk.snapshot, 1, &key);
	return walk;
}

/* The row holds until the next call. */
bool
bm_history_walk_next(const BmRunWalk *walk, BmRunRow *row)
{
	HeapTuple tuple = systable_getnext(walk->scan);

	if (HeapTupleIsValid(tuple))
		read_row(walk->rel, tuple, row);
	return HeapTupleIsValid(tuple);
}

void
bm_history_walk_end(const BmRunWalk *walk)
{
	systable_endscan(walk->scan);
	UnregisterSnapshot(walk->snapshot);
}

/* The report with the next higher id that has runs, or 0. */
int64
bm_history_next_report(Relation rel, int64 report_id)
{
	Relation index = index_open(bm_relation_oid(RUNS_KEY, false), AccessShareLock);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	BmRunRow row = {0};
	SysScanDesc scan;
	HeapTuple tuple;
	ScanKeyData key;

	ScanKeyInit(&key, RUN_REPORT_ID + 1, BTGreaterStrategyNumber, F_INT8GT,
				Int64GetDatum(report_id));
	scan = systable_beginscan_ordered(rel, index, snapshot, 1, &key);
	tuple = systable_getnext_ordered(scan, ForwardScanDirection);
	if (HeapTupleIsValid(tuple))
		read_row(rel, tuple, &row);
	systable_endscan_ordered(scan);
	UnregisterSnapshot(snapshot);
	index_close(index, AccessShareLock);
	return row.report_id;
}

/*
 * Looks for a run by its id alone, which reads the table. Finds one that is not committed, too, as run_report()'s
 * is; of one that has ended since in that transaction, both versions are there. False where there is no such run.
 */
bool
bm_history_find(int64 run_id, BmRunRow *row)
{
	Relation rel = bm_table_open("runs", AccessShareLock);
	SnapshotData dirty;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;
	bool ended = false;

	InitDirtySnapshot(dirty);
	ScanKeyInit(&key, RUN_ID + 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(run_id));
	scan = systable_beginscan(rel, InvalidOid, false, &dirty, 1, &key);
	while (!ended && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		read_row(rel, tuple, row);
		found = true;
		ended = row->state != BM_RUN_RUNNING;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* A copy of one row of the table, or NULL. */
static HeapTuple
get_run(Relation rel, int64 report_id, TimestampTz slot, int64 run_id)
{
	Snapshot snapshot = bm_snapshot_begin();
	SysScanDesc scan = scan_slot(rel, report_id, slot, snapshot);
	HeapTuple found = NULL;
	HeapTuple row;

	while (found == NULL && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool isnull;

		if (DatumGetInt64(
				heap_getattr(row, RUN_ID + 1, RelationGetDescr(rel), &isnull)) == run_id)
			found = heap_copytuple(row);
	}
	systable_endscan(scan);
	bm_snapshot_end(snapshot);
	return found;
}

/* False where there is no such run. */
bool
bm_history_get(int64 report_id, TimestampTz slot, int64 run_id, BmRunRow *row)
{
	Relation rel = bm_table_open("runs", AccessShareLock);
	HeapTuple tuple = get_run(rel, report_id, slot, run_id);

	if (tuple != NULL)
		read_row(rel, tuple, row);
	table_close(rel, AccessShareLock);
	return tuple != NULL;
}

/*
 * Records an attempt that has ended; the caller has the report's lock. One by hand, which is in no state, has
 * its row from its beginning (without an end), for whoever wants to cancel it: that is then changed.
 */
void
bm_history_put(const BmRun *run, const BmRunEnd *end, TimestampTz now)
{
	Relation rel = bm_table_open("runs", RowExclusiveLock);
	HeapTuple row = NULL;
	Datum v[RUN_COLUMNS] = {0};
	bool n[RUN_COLUMNS];

	memset(n, true, sizeof(n));
	set_run(v, n, run);
	bm_table_set_text(v, n, RUN_STATE,
					  bm_run_state_name(end != NULL ? end->state : BM_RUN_RUNNING));
	if (end != NULL)
		set_end(v, n, end, now);
	if (run->trigger == BM_TRIGGER_MANUAL && end != NULL)
		row = get_run(rel, run->report_id, run->slot, run->run_id);
	if (row != NULL)
		bm_table_update(rel, row, v, n);
	else
		bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

/* Says of an attempt that has ended why no other one follows; the caller has the report's lock. */
void
bm_history_set_reason(int64 report_id, TimestampTz slot, int64 run_id, const char *reason)
{
	Relation rel = bm_table_open("runs", RowExclusiveLock);
	HeapTuple row = get_run(rel, report_id, slot, run_id);
	Datum v[RUN_COLUMNS];
	bool n[RUN_COLUMNS];

	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		bm_table_set_text(v, n, RUN_REASON, reason);
		bm_table_update(rel, row, v, n);
	}
	table_close(rel, NoLock);
}

/* A copy of the row of skipped slots, or of an attempt from one on, at a slot; NULL where there is none. */
static HeapTuple
find_slot(Relation rel, int64 report_id, TimestampTz slot, int first_attempt)
{
	Snapshot snapshot = bm_snapshot_begin();
	SysScanDesc scan = scan_slot(rel, report_id, slot, snapshot);
	HeapTuple found = NULL;
	HeapTuple row;

	while (found == NULL && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool isnull;
		int attempt = DatumGetInt32(
			heap_getattr(row, RUN_ATTEMPT + 1, RelationGetDescr(rel), &isnull));

		if (first_attempt == SKIPPED ? attempt == SKIPPED : attempt >= first_attempt)
			found = heap_copytuple(row);
	}
	systable_endscan(scan);
	bm_snapshot_end(snapshot);
	return found;
}

/* Did an attempt at this slot end? */
bool
bm_history_has_slot(int64 report_id, TimestampTz slot)
{
	Relation rel = bm_table_open("runs", AccessShareLock);
	bool found = find_slot(rel, report_id, slot, 1) != NULL;

	table_close(rel, AccessShareLock);
	return found;
}

/*
 * Records slots that do not run as one row, of the last of them. After a clock was set back they may have
 * been recorded before: once is enough.
 */
void
bm_history_skip(int64 report_id, TimestampTz slot, int64 count, const char *reason,
				TimestampTz now)
{
	Relation rel;
	Datum v[RUN_COLUMNS] = {0};
	bool n[RUN_COLUMNS];

	if (count <= 0)
		return;
	rel = bm_table_open("runs", RowExclusiveLock);
	if (find_slot(rel, report_id, slot, SKIPPED) == NULL)
	{
		memset(n, true, sizeof(n));
		v[RUN_ID] = Int64GetDatum(bm_history_next_id());
		v[RUN_REPORT_ID] = Int64GetDatum(report_id);
		v[RUN_SLOT] = TimestampTzGetDatum(slot);
		v[RUN_ATTEMPT] = Int32GetDatum(SKIPPED);
		v[RUN_TRIGGER] = CStringGetTextDatum(bm_trigger_name(BM_TRIGGER_SCHEDULE));
		v[RUN_STATE] = CStringGetTextDatum(bm_run_state_name(BM_RUN_SKIPPED));
		v[RUN_PID] = Int32GetDatum(MyProcPid);
		v[RUN_STARTED_AT] = v[RUN_FINISHED_AT] = TimestampTzGetDatum(now);
		v[RUN_REASON] = CStringGetTextDatum(reason);
		v[RUN_MISSED_COUNT] = Int64GetDatum(count);
		for (int column = RUN_ID; column <= RUN_PID; column++)
			n[column] = false;
		n[RUN_STARTED_AT] = n[RUN_FINISHED_AT] = false;
		n[RUN_REASON] = n[RUN_MISSED_COUNT] = false;
		bm_table_insert(rel, v, n);
	}
	table_close(rel, NoLock);
}

static void
delete_by_report(const char *table, const char *index, int64 report_id)
{
	Relation rel = bm_table_open(table, RowExclusiveLock);
	List *rows = bm_table_list(rel, index, INT8OID, Int64GetDatum(report_id));
	ListCell *cell;

	foreach(cell, rows)
		bm_table_delete(rel, lfirst(cell));
	table_close(rel, NoLock);
}

void
bm_history_delete(int64 report_id)
{
	delete_by_report("runs", RUNS_KEY, report_id);
}

void
bm_request_insert(int64 report_id, TimestampTz now, const char *role)
{
	Relation rel = bm_table_open("run_requests", RowExclusiveLock);
	Datum v[REQUEST_COLUMNS];
	bool n[REQUEST_COLUMNS] = {false};

	v[REQUEST_ID] = Int64GetDatum(bm_next_id("request_id_seq"));
	v[REQUEST_REPORT_ID] = Int64GetDatum(report_id);
	v[REQUEST_REQUESTED_AT] = TimestampTzGetDatum(now);
	v[REQUEST_REQUESTED_BY] = CStringGetTextDatum(role);
	bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

bool
bm_request_exists(int64 report_id)
{
	Relation rel = bm_table_open("run_requests", AccessShareLock);
	bool exists = bm_table_get(rel, "run_requests_report_id_idx", INT8OID,
							   Int64GetDatum(report_id)) != NULL;

	table_close(rel, AccessShareLock);
	return exists;
}

/* Takes all requests for a report: one run answers them. */
void
bm_request_delete(int64 report_id)
{
	delete_by_report("run_requests", "run_requests_report_id_idx", report_id);
}
