/* Rows of bizmetrics.runs and bizmetrics.run_requests. */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
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
	RUN_COLUMNS
};

/* Columns of bizmetrics.run_requests. */
enum
{
	REQUEST_ID,
	REQUEST_REPORT_ID,
	REQUEST_REQUESTED_AT,
	REQUEST_REQUESTED_BY,
	REQUEST_COLUMNS
};

const char *
bm_run_state_name(BmRunState state)
{
	static const char *const names[] = {"running",	 "succeeded", "failed",
										"timed_out", "cancelled", "crashed"};

	return names[state];
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

/* Records how an attempt ended; the caller has the report's lock. */
void
bm_history_end(int64 run_id, const BmRunEnd *end, TimestampTz now)
{
	Relation rel = bm_table_open("runs", RowExclusiveLock);
	HeapTuple row = bm_table_get(rel, "runs_pkey", INT8OID, Int64GetDatum(run_id));
	Datum v[RUN_COLUMNS];
	bool n[RUN_COLUMNS];

	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		set_end(v, n, end, now);
		bm_table_update(rel, row, v, n);
	}
	table_close(rel, NoLock);
}

/* Was this slot claimed before? Reads all of the report's runs: for the rare case. */
bool
bm_history_has_slot(int64 report_id, TimestampTz slot)
{
	Relation rel = bm_table_open("runs", AccessShareLock);
	bool found = false;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, "runs_report_id_slot_attempt_key", INT8OID,
								Int64GetDatum(report_id)))
	{
		bool isnull;
		Datum value =
			heap_getattr(lfirst(cell), RUN_SLOT + 1, RelationGetDescr(rel), &isnull);

		if (!isnull && DatumGetTimestampTz(value) == slot)
			found = true;
	}
	table_close(rel, AccessShareLock);
	return found;
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
