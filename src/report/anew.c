/*
 * Rows that go where a report is computed anew, for no window that is computed tells of them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "report/anew.h"
#include "report/apply.h"
#include "report/followers.h"
#include "report/increment.h"
#include "report/select.h"
#include "report/target.h"

/* Rows of a range of time in which there are no events any more. */
static uint64
empty_range(const BmReport *report, const BmSelect *select, TimestampTz from,
			TimestampTz to)
{
	BmParameters parameters = {0};
	BmWindow gone;
	uint64 rows;

	if (from >= to)
		return 0;
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(from));
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(to));
	rows = bm_apply_empty(report, select, &parameters, &gone.start, &gone.end);
	gone.end++;
	bm_tell_followers(report, rows, gone);
	return rows;
}

/*
 * Where everything is computed anew, rows outside of its windows are of another definition. Those before the first
 * event are only where the report was given another one here: else they may be of events that are kept
 * no more.
 */
static uint64
empty_around(const BmReport *report, const List *pieces, bool is_redefined)
{
	TimestampTz at = DT_NOEND;
	BmSelect *select = bm_select_read(report);
	uint64 rows = 0;
	ListCell *cell;

	if (is_redefined)
		at = bm_increment_kept_from(report);
	else if (pieces != NIL)
		at = ((BmPiece *) linitial(pieces))->window.start;
	foreach(cell, pieces)
	{
		const BmPiece *piece = lfirst(cell);

		rows += empty_range(report, select, at, piece->window.start);
		at = piece->window.end;
	}
	return rows + empty_range(report, select, at, DT_NOEND);
}

/* Was the table that it reads, another report's, computed anew? Reports that compute everything each time say so each time. */
static bool
source_was_redefined(const BmReport *report, const BmWatermark *before)
{
	BmReport *source =
		report->source != NULL ? bm_report_of_target(bm_report_source(report)) : NULL;
	int64 last;
	ListCell *cell;

	if (source == NULL || bm_increment_mode(source) == BM_MODE_WHOLE)
		return false;
	foreach(cell, bm_change_list(source->id, before->source_change, &last))
		if (TIMESTAMP_NOT_FINITE(((BmPiece *) lfirst(cell))->window.start))
			return true;
	return false;
}

/*
 * All rows of a merge, which are of another definition: its windows do not say which of them go. Those of events
 * that are kept no more stay, as far as a column of key tells them; where none does, all stay.
 */
static uint64
empty_merge(const BmReport *report)
{
	TimestampTz kept_from = bm_increment_kept_from(report);
	BmSelect *select = bm_select_read(report);

	if (bm_target_bucket_column(report, select) != NULL)
		return empty_range(report, select, kept_from, DT_NOEND);
	if (kept_from != DT_NOBEGIN)
		return 0;
	return bm_spi_execute(psprintf("DELETE FROM %s", report->target), NULL);
}

/*
 * Rows that no window tells to go, where everything is computed anew. Of another definition may also be the rows of
 * the table that it reads, and then reports that read this one's are told.
 */
uint64
bm_anew_empty(const BmReport *report, const BmWatermark *before, const List *found)
{
	bool is_redefined =
		(before->is_void && before->is_redefined) || source_was_redefined(report, before);
	uint64 rows = 0;

	if (report->strategy == BM_MERGE && is_redefined)
		rows = empty_merge(report);
	else if (report->strategy != BM_MERGE && report->strategy != BM_CUSTOM &&
			 (is_redefined || (before->is_void && report->source == NULL)))
		rows = empty_around(report, found, is_redefined);
	if (is_redefined && bm_has_followers(report))
		bm_change_insert(report->id, BM_ALWAYS);
	return rows;
}
