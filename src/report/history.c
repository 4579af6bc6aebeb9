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

/* Records that an attempt begins and gives it its id. */
void
bm_history_begin(BmRun *run)
{
	Relation rel = bm_table_open("runs", RowExclusiveLock);
	Datum v[RUN_COLUMNS] = {0};
	bool n[RUN_COLUMNS] = {false};

	run->run_id = bm_next_id("run_id_seq");
	v[RUN_ID] = Int64GetDatum(run->run_id);
	v[RUN_REPORT_ID] = Int64GetDatum(run->report_id);
	v[RUN_SLOT] = TimestampTzGetDatum(run->slot);
	n[RUN_SLOT] = run->slot == BM_NO_TIME;
	v[RUN_ATTEMPT] = Int32GetDatum(run->attempt);
	v[RUN_TRIGGER] = CStringGetTextDatum(bm_trigger_name(run->trigger));
	v[RUN_STATE] = CStringGetTextDatum(bm_run_state_name(BM_RUN_RUNNING));
	v[RUN_PID] = Int32GetDatum(MyProcPid);
	v[RUN_WINDOW_START] = TimestampTzGetDatum(run->window.start);
	v[RUN_WINDOW_END] = TimestampTzGetDatum(run->window.end);
	n[RUN_WINDOW_START] = n[RUN_WINDOW_END] = !run->has_window;
	v[RUN_STARTED_AT] = TimestampTzGetDatum(run->started_at);
	for (int column = RUN_FINISHED_AT; column < RUN_COLUMNS; column++)
		n[column] = true;
	bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

static void
set_end(Datum *v, bool *n, const BmRunEnd *end, TimestampTz now)
{
	v[RUN_STATE] = CStringGetTextDatum(bm_run_state_name(end->state));
	v[RUN_FINISHED_AT] = TimestampTzGetDatum(now);
	n[RUN_FINISHED_AT] = false;
	v[RUN_ROW_COUNT] = Int64GetDatum((int64) end->row_count);
	n[RUN_ROW_COUNT] = end->state != BM_RUN_SUCCEEDED;
	n[RUN_SQLSTATE] = end->sqlerrcode == 0;
	if (!n[RUN_SQLSTATE])
		v[RUN_SQLSTATE] = CStringGetTextDatum(unpack_sql_state(end->sqlerrcode));
	n[RUN_MESSAGE] = end->message == NULL;
	if (!n[RUN_MESSAGE])
		v[RUN_MESSAGE] = CStringGetTextDatum(end->message);
	n[RUN_DETAIL] = end->detail == NULL;
	if (!n[RUN_DETAIL])
		v[RUN_DETAIL] = CStringGetTextDatum(end->detail);
}

static void
update_run(int64 run_id, const BmRunEnd *end, const char *reason, TimestampTz now)
{
	Relation rel = bm_table_open("runs", RowExclusiveLock);
	HeapTuple row = bm_table_get(rel, "runs_pkey", INT8OID, Int64GetDatum(run_id));
	Datum v[RUN_COLUMNS];
	bool n[RUN_COLUMNS];

	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		if (end != NULL)
			set_end(v, n, end, now);
		n[RUN_REASON] = reason == NULL;
		if (reason != NULL)
			v[RUN_REASON] = CStringGetTextDatum(reason);
		bm_table_update(rel, row, v, n);
	}
	table_close(rel, NoLock);
}

/* Records how an attempt ended; the caller has the report's lock. */
void
bm_history_end(int64 run_id, const BmRunEnd *end, TimestampTz now)
{
	update_run(run_id, end, end->reason, now);
}

/* Says of an attempt that has ended why no other one follows; the caller has the report's lock. */
void
bm_history_set_reason(int64 run_id, const char *reason)
{
	update_run(run_id, NULL, reason, BM_NO_TIME);
}

/* A copy of the row of skipped slots, or of an attempt from one on, at a slot; NULL where there is none. */
static HeapTuple
find_slot(Relation rel, int64 report_id, TimestampTz slot, int first_attempt)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple found = NULL;
	HeapTuple row;

	ScanKeyInit(&keys[0], RUN_REPORT_ID + 1, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(report_id));
	ScanKeyInit(&keys[1], RUN_SLOT + 1, BTEqualStrategyNumber, F_TIMESTAMPTZ_EQ,
				TimestampTzGetDatum(slot));
	scan =
		systable_beginscan(rel, bm_relation_oid("runs_report_id_slot_attempt_key", false),
						   true, snapshot, 2, keys);
	while (found == NULL && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		bool isnull;
		int attempt = DatumGetInt32(
			heap_getattr(row, RUN_ATTEMPT + 1, RelationGetDescr(rel), &isnull));

		if (first_attempt == SKIPPED ? attempt == SKIPPED : attempt >= first_attempt)
			found = heap_copytuple(row);
	}
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	return found;
}

/* Was this slot claimed before? */
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
		v[RUN_ID] = Int64GetDatum(bm_next_id("run_id_seq"));
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

/*
 * Reads an attempt, also one that is not committed, as run_report()'s is while it runs; false where there
 * is none.
 */
bool
bm_history_find(int64 run_id, bool uncommitted, BmRunRow *run)
{
	Relation rel = bm_table_open("runs", AccessShareLock);
	HeapTuple row =
		uncommitted ? bm_table_get_dirty(rel, "runs_pkey", INT8OID, Int64GetDatum(run_id))
					: bm_table_get(rel, "runs_pkey", INT8OID, Int64GetDatum(run_id));
	Datum v[RUN_COLUMNS];
	bool n[RUN_COLUMNS];

	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		run->run_id = run_id;
		run->report_id = DatumGetInt64(v[RUN_REPORT_ID]);
		run->trigger = bm_trigger_find(TextDatumGetCString(v[RUN_TRIGGER]));
		run->state = state_of_name(TextDatumGetCString(v[RUN_STATE]));
		run->pid = DatumGetInt32(v[RUN_PID]);
		run->started_at = DatumGetTimestampTz(v[RUN_STARTED_AT]);
	}
	table_close(rel, AccessShareLock);
	return row != NULL;
}

/* The latest attempt that the worker made, or BM_NO_ID. Reads all of the report's runs. */
int64
bm_history_last_attempt(int64 report_id)
{
	Relation rel = bm_table_open("runs", AccessShareLock);
	int64 last = BM_NO_ID;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, "runs_report_id_slot_attempt_key", INT8OID,
								Int64GetDatum(report_id)))
	{
		Datum v[RUN_COLUMNS];
		bool n[RUN_COLUMNS];

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), v, n);
		if (DatumGetInt32(v[RUN_ATTEMPT]) != SKIPPED &&
			bm_trigger_find(TextDatumGetCString(v[RUN_TRIGGER])) != BM_TRIGGER_MANUAL)
			last = Max(last, DatumGetInt64(v[RUN_ID]));
	}
	table_close(rel, AccessShareLock);
	return last;
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
	delete_by_report("runs", "runs_report_id_slot_attempt_key", report_id);
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
