/*
 * Rows of bizmetrics.report_watermarks, pending_windows and report_changes: how far a report has read,
 * which windows it has still to compute, and which it changed. All change only under the report's
 * lock, in the transactions that write its rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "report/state.h"
#include "report/watermark.h"

#define ALL_IDS 0 /* of a report's rows */

/* Columns of bizmetrics.report_watermarks. */
enum
{
	MARK_REPORT_ID,
	MARK_SYSTEM_IDENTIFIER,
	MARK_DATABASE_OID,
	MARK_DEFINITION,
	MARK_SNAPSHOT,
	MARK_READ_TO,
	MARK_SOURCE_CHANGE,
	MARK_EVENTS,
	MARK_COLUMNS
};

/* Columns of bizmetrics.pending_windows. */
enum
{
	PENDING_ID,
	PENDING_REPORT_ID,
	PENDING_START,
	PENDING_END,
	PENDING_VALUES,
	PENDING_COLUMNS
};

/* Columns of bizmetrics.report_changes. */
enum
{
	CHANGE_ID,
	CHANGE_REPORT_ID,
	CHANGE_START,
	CHANGE_END,
	CHANGE_COLUMNS
};

static bool
is_of_this_database(const Datum *v)
{
	return DatumGetInt64(v[MARK_SYSTEM_IDENTIFIER]) == (int64) GetSystemIdentifier() &&
		   DatumGetInt64(v[MARK_DATABASE_OID]) == (int64) MyDatabaseId;
}

static BmWatermark *
mark_of(const BmReport *report, Relation rel, HeapTuple row)
{
	BmWatermark *mark = palloc0(sizeof(BmWatermark));
	Datum v[MARK_COLUMNS];
	bool n[MARK_COLUMNS];

	mark->report_id = report->id;
	mark->is_void = true;
	mark->read_to = BM_NO_TIME;
	if (row != NULL)
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
	if (row != NULL && is_of_this_database(v))
		mark->is_redefined = DatumGetInt32(v[MARK_DEFINITION]) != report->definition;
	if (row != NULL && is_of_this_database(v) && !mark->is_redefined)
	{
		mark->is_void = false;
		if (!n[MARK_SNAPSHOT])
			mark->snapshot = datumCopy(v[MARK_SNAPSHOT], false, -1);
		if (!n[MARK_READ_TO])
			mark->read_to = DatumGetTimestampTz(v[MARK_READ_TO]);
		if (!n[MARK_SOURCE_CHANGE])
			mark->source_change = DatumGetInt64(v[MARK_SOURCE_CHANGE]);
		if (!n[MARK_EVENTS])
			mark->events = DatumGetArrayTypePCopy(v[MARK_EVENTS]);
	}
	return mark;
}

/* Void where there is none. */
BmWatermark *
bm_watermark_get(const BmReport *report)
{
	Relation rel = bm_table_open("report_watermarks", AccessShareLock);
	BmWatermark *mark = mark_of(
		report, rel,
		bm_table_get(rel, "report_watermarks_pkey", INT8OID, Int64GetDatum(report->id)));

	table_close(rel, AccessShareLock);
	return mark;
}

/* As it was when the rows were stored that a query of now reads. */
static BmWatermark *
mark_of_rows(const BmReport *report)
{
	Relation rel = bm_table_open("report_watermarks", AccessShareLock);
	BmWatermark *mark = mark_of(report, rel,
								bm_table_get_seen(rel, "report_watermarks_pkey", INT8OID,
												  Int64GetDatum(report->id)));

	table_close(rel, AccessShareLock);
	return mark;
}

static uint64
bound_of(PGFunction bound, Datum snapshot)
{
	return DatumGetUInt64(DirectFunctionCall1(bound, snapshot));
}

/* Of snapshots that one server took, the later one shows all that the earlier one does. */
static Datum
earlier_of(Datum a, Datum b)
{
	uint64 xmax_a = bound_of(pg_snapshot_xmax, a), xmax_b = bound_of(pg_snapshot_xmax, b);
	uint64 xmin_a = bound_of(pg_snapshot_xmin, a), xmin_b = bound_of(pg_snapshot_xmin, b);

	if (xmax_a != xmax_b)
		return xmax_a < xmax_b ? a : b;
	if (xmin_a != xmin_b)
		return xmin_a < xmin_b ? a : b;
	/* The longer one has more transactions that are under way. */
	return VARSIZE_ANY(DatumGetPointer(a)) > VARSIZE_ANY(DatumGetPointer(b)) ? a : b;
}

/*
 * What of the events both this report's snapshot shows and those have read that it runs after. An event that came
 * after they ran is not in their tables, which this report may read too: it stays new until it is.
 */
Datum
bm_watermark_shared(const BmReport *report, Datum now)
{
	Datum shared = now;
	ListCell *cell;

	foreach(cell, bm_text_list(report->after))
	{
		BmReport *other = bm_report_find(lfirst(cell));
		BmWatermark *mark = other != NULL ? mark_of_rows(other) : NULL;

		if (mark != NULL && mark->snapshot != (Datum) 0)
			shared = earlier_of(shared, mark->snapshot);
	}
	return shared;
}

/* The report with the names of events that it was found to read: see bm_compute_report(). */
void
bm_watermark_put(const BmReport *report, const BmWatermark *mark)
{
	Relation rel = bm_table_open("report_watermarks", RowExclusiveLock);
	Datum v[MARK_COLUMNS];
	bool n[MARK_COLUMNS] = {false};

	v[MARK_REPORT_ID] = Int64GetDatum(mark->report_id);
	v[MARK_SYSTEM_IDENTIFIER] = Int64GetDatum((int64) GetSystemIdentifier());
	v[MARK_DATABASE_OID] = Int64GetDatum((int64) MyDatabaseId);
	v[MARK_DEFINITION] = Int32GetDatum(report->definition);
	v[MARK_SNAPSHOT] = mark->snapshot;
	n[MARK_SNAPSHOT] = mark->snapshot == (Datum) 0;
	v[MARK_READ_TO] = TimestampTzGetDatum(mark->read_to);
	n[MARK_READ_TO] = mark->read_to == BM_NO_TIME;
	v[MARK_SOURCE_CHANGE] = Int64GetDatum(mark->source_change);
	n[MARK_SOURCE_CHANGE] = mark->source_change == BM_NO_ID;
	v[MARK_EVENTS] = PointerGetDatum(report->events);
	n[MARK_EVENTS] = report->events == NULL;
	bm_table_put(rel, "report_watermarks_pkey", mark->report_id, v, n);
	table_close(rel, NoLock);
}

/* Of a report whose table is empty: nothing has been read, and nothing is to be made up for. */
void
bm_watermark_begin(const BmReport *report, ArrayType *events)
{
	BmWatermark mark = {.report_id = report->id, .read_to = BM_NO_TIME};
	BmReport seen = *report;

	seen.events = events;
	bm_watermark_put(&seen, &mark);
}

/* Deletes the rows of a report, or one of them, up to an id, from a table whose first column is the id. */
static void
delete_rows(const char *table, const char *index, int64 report_id, int64 id, int64 up_to)
{
	Relation rel = bm_table_open(table, RowExclusiveLock);
	ListCell *cell;

	foreach(cell, bm_table_list(rel, index, INT8OID, Int64GetDatum(report_id)))
	{
		bool isnull;
		int64 found =
			DatumGetInt64(heap_getattr(lfirst(cell), 1, RelationGetDescr(rel), &isnull));

		if ((id == ALL_IDS || found == id) && found <= up_to)
			(void) bm_table_delete(rel, lfirst(cell));
	}
	table_close(rel, NoLock);
}

/* Voids a report's watermark, and what hangs on it. */
void
bm_watermark_delete(int64 report_id)
{
	Relation rel = bm_table_open("report_watermarks", RowExclusiveLock);

	bm_table_delete_key(rel, "report_watermarks_pkey", report_id);
	table_close(rel, NoLock);
	bm_pending_delete(report_id, ALL_IDS);
}

BmPiece *
bm_piece(BmWindow window, ArrayType *values)
{
	BmPiece *piece = palloc0(sizeof(BmPiece));

	piece->window = window;
	piece->values = values;
	return piece;
}

static int
compare_pieces(const ListCell *a, const ListCell *b)
{
	const BmPiece *piece_a = lfirst(a);
	const BmPiece *piece_b = lfirst(b);

	if (piece_a->window.start != piece_b->window.start)
		return piece_a->window.start < piece_b->window.start ? -1 : 1;
	return 0;
}

/* In the order in which they begin. */
void
bm_pieces_sort(List *pieces)
{
	list_sort(pieces, compare_pieces);
}

/* In their order. */
List *
bm_pending_list(int64 report_id)
{
	Relation rel = bm_table_open("pending_windows", AccessShareLock);
	List *pieces = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, "pending_windows_report_id_idx", INT8OID,
								Int64GetDatum(report_id)))
	{
		Datum v[PENDING_COLUMNS];
		bool n[PENDING_COLUMNS];
		BmWindow window;
		BmPiece *piece;

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), v, n);
		window.start = DatumGetTimestampTz(v[PENDING_START]);
		window.end = DatumGetTimestampTz(v[PENDING_END]);
		piece = bm_piece(
			window, n[PENDING_VALUES] ? NULL : DatumGetArrayTypePCopy(v[PENDING_VALUES]));
		piece->id = DatumGetInt64(v[PENDING_ID]);
		pieces = lappend(pieces, piece);
	}
	table_close(rel, AccessShareLock);
	bm_pieces_sort(pieces);
	return pieces;
}

/* Stores those that are not yet. */
void
bm_pending_insert(int64 report_id, const List *pieces)
{
	Relation rel = bm_table_open("pending_windows", RowExclusiveLock);
	ListCell *cell;

	foreach(cell, pieces)
	{
		const BmPiece *piece = lfirst(cell);
		Datum v[PENDING_COLUMNS];
		bool n[PENDING_COLUMNS] = {false};

		if (piece->id != BM_NO_ID)
			continue;
		v[PENDING_ID] = Int64GetDatum(bm_next_id("pending_window_id_seq"));
		v[PENDING_REPORT_ID] = Int64GetDatum(report_id);
		v[PENDING_START] = TimestampTzGetDatum(piece->window.start);
		v[PENDING_END] = TimestampTzGetDatum(piece->window.end);
		v[PENDING_VALUES] = PointerGetDatum(piece->values);
		n[PENDING_VALUES] = piece->values == NULL;
		bm_table_insert(rel, v, n);
	}
	table_close(rel, NoLock);
}

void
bm_pending_delete(int64 report_id, int64 piece_id)
{
	delete_rows("pending_windows", "pending_windows_report_id_idx", report_id, piece_id,
				PG_INT64_MAX);
}

void
bm_change_insert(int64 report_id, BmWindow window)
{
	Relation rel = bm_table_open("report_changes", RowExclusiveLock);
	Datum v[CHANGE_COLUMNS];
	bool n[CHANGE_COLUMNS] = {false};

	v[CHANGE_ID] = Int64GetDatum(bm_next_id("report_change_id_seq"));
	v[CHANGE_REPORT_ID] = Int64GetDatum(report_id);
	v[CHANGE_START] = TimestampTzGetDatum(window.start);
	v[CHANGE_END] = TimestampTzGetDatum(window.end);
	bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

/*
 * The windows of a report that changed after a change, as pieces, and which was the last one. Those of one
 * report are committed in the order of their ids, for its lock is held. Of a later snapshot than that which the
 * rows are read with, they would be followed before their rows are seen.
 */
List *
bm_change_list(int64 report_id, int64 after, int64 *last)
{
	Relation rel = bm_table_open("report_changes", AccessShareLock);
	List *pieces = NIL;
	Snapshot snapshot;
	ListCell *cell;

	*last = after;
	snapshot = GetActiveSnapshot();
	foreach(cell, bm_table_list(rel, "report_changes_report_id_idx", INT8OID,
								Int64GetDatum(report_id)))
	{
		Datum v[CHANGE_COLUMNS];
		bool n[CHANGE_COLUMNS];
		HeapTuple row = lfirst(cell);
		BmWindow window;

		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		if (DatumGetInt64(v[CHANGE_ID]) <= after ||
			XidInMVCCSnapshot(HeapTupleHeaderGetXmin(row->t_data), snapshot))
			continue;
		*last = Max(*last, DatumGetInt64(v[CHANGE_ID]));
		window.start = DatumGetTimestampTz(v[CHANGE_START]);
		window.end = DatumGetTimestampTz(v[CHANGE_END]);
		pieces = lappend(pieces, bm_piece(window, NULL));
	}
	table_close(rel, AccessShareLock);
	return pieces;
}

void
bm_change_delete(int64 report_id, int64 up_to)
{
	delete_rows("report_changes", "report_changes_report_id_idx", report_id, ALL_IDS,
				up_to);
}
