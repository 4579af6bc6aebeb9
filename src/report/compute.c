/*
 * What a run computes.
 *
 * A step is a transaction's worth. The first looks for what changed, computes the first window and leaves
 * the others, as pending, to the steps that follow; each of those takes one off. So an attempt that
 * fails, or a server that does, goes on where it stopped. Everything here runs as the report's owner, with the
 * report's settings, in SPI.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "event/new_events.h"
#include "report/anew.h"
#include "report/apply.h"
#include "report/compute.h"
#include "report/culprit.h"
#include "report/delta.h"
#include "report/depends.h"
#include "report/expire.h"
#include "report/followers.h"
#include "report/state.h"
#include "report/target.h"
#include "report/whole.h"

PG_FUNCTION_INFO_V1(bizmetrics_also_wrote);

static bool
writes_rows(int result)
{
	switch (result)
	{
		case SPI_OK_INSERT:
		case SPI_OK_UPDATE:
		case SPI_OK_DELETE:
		case SPI_OK_MERGE:
		case SPI_OK_INSERT_RETURNING:
		case SPI_OK_UPDATE_RETURNING:
		case SPI_OK_DELETE_RETURNING:
			return true;
		default:
			return false;
	}
}

/* Runs the query's commands one after the other; says how many rows they wrote. */
static uint64
execute_commands(const char *query, const BmParameters *parameters)
{
	uint64 row_count = 0;
	ListCell *cell;

	foreach(cell, pg_parse_query(query))
	{
		RawStmt *command = lfirst_node(RawStmt, cell);
		const char *text = query + command->stmt_location;
		int result;

		if (command->stmt_len > 0)
			text = pnstrdup(text, command->stmt_len);
		result = bm_spi_execute_into(text, parameters, CreateDestReceiver(DestNone));
		if (result < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("a report cannot execute this: %s",
							SPI_result_code_string(result)),
					 errhint("Transaction control has no place in a report's query.")));
		if (writes_rows(result))
			row_count += SPI_processed;
	}
	return row_count;
}

/* The values of the grain that events of a window have. */
static Datum
values_in(const BmReport *report, BmWindow window)
{
	BmParameters parameters = {0};
	bool isnull;
	Datum values;

	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.start));
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.end));
	(void) bm_spi_execute(
		psprintf("SELECT pg_catalog.array_agg(DISTINCT coalesce(e.%s, ''))"
				 " FROM public.business_events AS e"
				 " WHERE e.occurred_at OPERATOR(pg_catalog.>=) $1"
				 " AND e.occurred_at OPERATOR(pg_catalog.<) $2",
				 report->grain),
		&parameters);
	values = bm_spi_value(0, 1, &isnull);
	return isnull ? PointerGetDatum(construct_empty_array(TEXTOID))
				  : PointerGetDatum(DatumGetArrayTypePCopy(values));
}

/* $1 and $2, and $3 where the report has a grain; NULL for all its values where the SELECT is ours. */
static void
add_window(const BmReport *report, const BmPiece *piece, BmParameters *parameters)
{
	bm_parameter_add(parameters, TIMESTAMPTZOID,
					 TimestampTzGetDatum(piece->window.start));
	bm_parameter_add(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(piece->window.end));
	if (report->grain == NULL)
		return;
	if (piece->values != NULL)
		bm_parameter_add(parameters, TEXTARRAYOID, PointerGetDatum(piece->values));
	else if (report->strategy == BM_CUSTOM)
		bm_parameter_add(parameters, TEXTARRAYOID, values_in(report, piece->window));
	else
		bm_parameter_add_null(parameters, TEXTARRAYOID);
}

/*
 * The report with what its SELECT says of itself: the names of the events that it reads and the grain by which
 * it groups, where the report does not say.
 */
BmReport *
bm_compute_report(const BmReport *report)
{
	BmReport *full = palloc(sizeof(BmReport));
	BmSelect *select;
	BmMode mode = bm_increment_mode(report);

	*full = *report;
	if (report->strategy == BM_CUSTOM || report->source != NULL || mode == BM_MODE_WHOLE)
		return full;
	select = bm_select_read(report);
	if (full->events == NULL)
		full->events = bm_select_natural_events(select);
	if (full->grain == NULL && mode == BM_MODE_WINDOWS)
		full->grain = unconstify(char *, bm_select_natural_grain(select, report));
	return full;
}

/* Where a custom query says which windows it wrote besides its own; NULL: no such query is under way. */
static List **also_written;

/* also_wrote(from_time, to_time) */
Datum
bizmetrics_also_wrote(PG_FUNCTION_ARGS)
{
	BmWindow window = {PG_GETARG_TIMESTAMPTZ(0), PG_GETARG_TIMESTAMPTZ(1)};
	MemoryContext old;

	if (also_written == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("also_wrote() was called outside of a report"),
				 errhint("Call it in the query of a custom report with a bucket.")));
	if (TIMESTAMP_NOT_FINITE(window.start) || TIMESTAMP_NOT_FINITE(window.end) ||
		window.start >= window.end)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid range of time: \"%s\" to \"%s\"",
							   pstrdup(timestamptz_to_str(window.start)),
							   pstrdup(timestamptz_to_str(window.end))),
						errhint("Give two finite times, the later one as to_time.")));
	old = MemoryContextSwitchTo(TopTransactionContext);
	*also_written = lappend(*also_written, bm_piece(window, NULL));
	MemoryContextSwitchTo(old);
	PG_RETURN_VOID();
}

/* A window of a query that writes its table itself, and may write elsewhere in it. */
static uint64
compute_custom_window(const BmReport *report, BmParameters *parameters)
{
	List **outer = also_written;
	List *elsewhere = NIL;
	volatile uint64 rows = 0;
	ListCell *cell;

	also_written = &elsewhere;
	PG_TRY();
	{
		rows = execute_commands(report->query, parameters);
	}
	PG_FINALLY();
	{
		also_written = outer;
	}
	PG_END_TRY();
	foreach(cell, elsewhere)
		bm_tell_followers(report, rows, ((BmPiece *) lfirst(cell))->window);
	return rows;
}

/* The SELECT of a window, with its parameters. */
static char *
sql_of_window(const BmReport *report, const BmSelect *select, const BmPiece *piece)
{
	BmRestriction restriction = {.only = BM_ONLY_WINDOW, .window = piece->window};

	if (piece->values != NULL && select->grain_column >= 0)
		restriction.only |= BM_ONLY_GRAIN;
	return select->is_plain ? bm_select_sql(select, report, &restriction) : report->query;
}

/* So many values are compared with that of each event one by one, fewer at next to no cost. */
#define SOME_VALUES 3
#define FEW_VALUES 8

/* Did all groups of the window change? Then no event of it need be looked at for its value. */
static bool
is_all_changed(const BmReport *report, const BmSelect *select, const BmPiece *piece)
{
	BmParameters parameters = {0};
	int count;

	if (piece->values == NULL || !select->is_plain || select->grain_column < 0 ||
		bm_target_bucket_column(report, select) == NULL)
		return false;
	count = ArrayGetNItems(ARR_NDIM(piece->values), ARR_DIMS(piece->values));
	if (count < SOME_VALUES || count > FEW_VALUES)
		return false;
	add_window(report, piece, &parameters);
	return bm_apply_values_are_all(report, select, &parameters);
}

/* What the SELECT gives of a window; says how many rows that wrote and, where it is asked for, in which buckets. */
static uint64
compute_select(const BmReport *report, const BmSelect *select, const BmPiece *piece,
			   List **written)
{
	BmParameters parameters = {0};

	if (is_all_changed(report, select, piece))
		piece = bm_piece(piece->window, NULL);
	add_window(report, piece, &parameters);
	return bm_apply(
		report, sql_of_window(report, select, piece), select, &parameters, false,
		report->strategy == BM_MERGE ? BM_VANISHED_STAY : BM_VANISHED_GO_IN_WINDOW,
		written);
}

/* Likewise, where a bucket's rows would depend on those of others: one bucket after the other. */
static uint64
compute_each_bucket(const BmReport *report, const BmSelect *select, const BmPiece *piece)
{
	List *pieces = list_make1(bm_piece(piece->window, piece->values));
	uint64 rows = 0;

	while (pieces != NIL)
		rows += compute_select(report, select,
							   bm_increment_take(report, &pieces, BM_TAKE_BUCKET), NULL);
	return rows;
}

/* Computes a window; says how many rows that wrote and, where it is asked for, in which buckets. */
static uint64
compute_window(const BmReport *report, const BmPiece *piece, List **written)
{
	BmParameters parameters = {0};
	BmSelect *select;

	if (report->strategy == BM_DELTA)
		return bm_delta_window(report, piece->window);
	if (report->strategy == BM_CUSTOM)
	{
		add_window(report, piece, &parameters);
		return compute_custom_window(report, &parameters);
	}
	select = bm_select_read(report);
	if (report->strategy == BM_REPLACE_WINDOW && bm_depends_on_window(select->query))
		return compute_each_bucket(report, select, piece);
	return compute_select(report, select, piece, written);
}

static void
count_window(BmRun *run, BmWindow window)
{
	run->window.start =
		run->has_window ? Min(run->window.start, window.start) : window.start;
	run->window.end = run->has_window ? Max(run->window.end, window.end) : window.end;
	run->has_window = true;
	run->windows++;
}

/* Do rows of a merge tell their bucket? They may be outside of the window, and the rows in it the same as before. */
static bool
tells_buckets(const BmReport *report)
{
	return report->strategy == BM_MERGE && bm_has_followers(report) &&
		   bm_target_bucket_column(report, bm_select_read(report)) != NULL;
}

/* Computes a window and tells reports that read this one's table what changed; says how many rows that wrote. */
static uint64
compute_and_note(const BmReport *report, const BmPiece *piece)
{
	bool tells = tells_buckets(report);
	List *written = NIL;
	uint64 rows = compute_window(report, piece, tells ? &written : NULL);
	ListCell *cell;

	bm_increment_require_kept(report, piece->window);
	if (!tells)
		bm_tell_followers(report, rows, piece->window);
	foreach(cell, written)
		bm_change_insert(report->id, *(BmWindow *) lfirst(cell));
	return rows;
}

static void
compute_piece(const BmReport *report, BmRun *run, const BmPiece *piece)
{
	run->step = piece->window;
	run->is_computing = true;
	run->row_count += compute_and_note(report, piece);
	count_window(run, piece->window);
	run->is_computing = false;
	run->failed_in_a_row = 0;
}

/* Computes a window beside the runs; says how many rows that wrote. */
uint64
bm_compute_batch(const BmReport *report, const BmPiece *piece)
{
	const BmReport *full = bm_compute_report(report);

	return compute_and_note(full, piece);
}

/* Is what was read so old that the next look would find much more than is new? */
static bool
is_far_behind(const BmWatermark *mark, Datum now)
{
	uint64 read = DatumGetUInt64(DirectFunctionCall1(pg_snapshot_xmin, mark->snapshot));

	return DatumGetUInt64(DirectFunctionCall1(pg_snapshot_xmax, now)) - read > 10000;
}

/* Stores how far the look has read, where that says more than what is stored. */
static void
move_watermark(const BmReport *report, BmWatermark *mark, const BmWatermark *before,
			   Datum now, bool found)
{
	if (!found && !mark->is_void && mark->source_change == before->source_change &&
		mark->snapshot != (Datum) 0 && !is_far_behind(mark, now))
		return;
	mark->is_void = false;
	mark->snapshot = bm_watermark_shared(report, now);
	bm_watermark_put(report, mark);
}

/* Says that everything is computed anew: whoever wonders at a long run reads it in the log. */
static void
tell_start(const BmReport *report)
{
	ereport(LOG, (errmsg("report \"%s\" is computed anew", report->name),
				  errdetail("It has not read in this database yet, or not with this "
							"definition.")));
}

/*
 * New events of before a time, the buckets of which are not kept: what stands there has the others, and is added to also
 * where the rest of a delta is computed by windows.
 */
static uint64
add_before(const BmReport *report, TimestampTz kept_from)
{
	uint64 rows = bm_delta_add_before(report, kept_from);
	ListCell *cell;

	foreach(cell, bm_increment_new_windows(report))
	{
		BmWindow window = ((BmPiece *) lfirst(cell))->window;

		if (window.start < kept_from)
			bm_tell_followers(report, rows, window);
	}
	return rows;
}

/* Looks at what is new, in the increment that is entered; of a delta, adds what is too old to be computed by windows. */
static List *
look_at_windows(const BmReport *report, BmRun *run, BmWatermark *mark)
{
	if (report->strategy == BM_DELTA && !mark->is_void)
	{
		TimestampTz kept_from = bm_increment_kept_from(report);

		run->instead = BM_INSTEAD_LOCATE;
		if (kept_from != DT_NOBEGIN)
			run->row_count += add_before(report, kept_from);
		run->instead = BM_INSTEAD_NOTHING;
	}
	return bm_increment_look(report, mark, run);
}

/* Looks for what changed, once an attempt. */
static List *
look(const BmReport *report, BmRun *run)
{
	BmWatermark *mark = bm_watermark_get(report);
	BmWatermark before = *mark;
	BmIncrement increment = {.report = report,
							 .before = mark->is_void ? (Datum) 0 : mark->snapshot,
							 .now = run->snapshot};
	List *pending = bm_pending_list(report->id);
	List *volatile found = NIL;

	if (mark->is_void)
		tell_start(report);
	bm_increment_enter(&increment);
	PG_TRY();
	{
		found = look_at_windows(report, run, mark);
	}
	PG_FINALLY();
	{
		bm_increment_leave(&increment);
	}
	PG_END_TRY();
	move_watermark(report, mark, &before, run->snapshot, found != NIL);
	run->has_looked = true;
	run->row_count += bm_anew_empty(report, &before, found);
	if (pending == NIL)
		return found;
	bm_pending_delete(report->id, BM_NO_ID);
	return bm_increment_merge(report,
							  before.is_void ? found : list_concat(pending, found));
}

/* What is pending, without what has been pruned since it was found. */
static List *
still_kept(const BmReport *report)
{
	TimestampTz kept_from = bm_increment_kept_from(report);
	List *pieces = bm_pending_list(report->id);

	while (pieces != NIL && ((BmPiece *) linitial(pieces))->window.end <= kept_from)
	{
		bm_pending_delete(report->id, ((BmPiece *) linitial(pieces))->id);
		pieces = list_delete_first(pieces);
	}
	if (pieces != NIL)
	{
		BmPiece *first = linitial(pieces);

		first->window.start = Max(first->window.start, kept_from);
	}
	return pieces;
}

/* Windows that failed in this attempt stay pending, and are passed over; gives the others. */
static List *
pass_failed(const BmReport *report, const BmRun *run, List *pieces)
{
	List *failed = NIL;

	while (pieces != NIL && ((BmPiece *) linitial(pieces))->window.start < run->past)
	{
		BmPiece *first = linitial(pieces);
		BmWindow before = {first->window.start, run->past};

		if (first->window.end <= run->past)
		{
			failed = lappend(failed, first);
			pieces = list_delete_first(pieces);
			continue;
		}
		if (first->id != BM_NO_ID)
			bm_pending_delete(report->id, first->id);
		failed = lappend(failed, bm_piece(before, first->values));
		first->window.start = run->past;
		first->id = BM_NO_ID;
	}
	bm_pending_insert(report->id, failed);
	return pieces;
}

static BmTake
how_much(const BmRun *run, const BmPiece *first, bool whole)
{
	if (whole)
		return BM_TAKE_PIECE;
	return run->is_narrow && first->window.start < run->narrow_to ? BM_TAKE_BUCKET
																  : BM_TAKE_STEP;
}

/* Takes the first of the windows, or a part of it, off those that are to be computed: it is not pending any more. */
static BmPiece *
take(const BmReport *report, const BmRun *run, List **pieces, bool whole)
{
	BmPiece *stored = linitial(*pieces);
	BmPiece *piece = bm_increment_take(report, pieces, how_much(run, stored, whole));

	if (stored->id != BM_NO_ID)
		bm_pending_delete(report->id, stored->id);
	stored->id = BM_NO_ID;
	return piece;
}

/* Computes the first of the windows that are to be; true where there are others, which are stored. */
static bool
step_windows(const BmReport *report, BmRun *run, bool whole)
{
	List *pieces = run->has_looked ? still_kept(report) : look(report, run);
	BmPiece *piece;

	if (run->failed > 0)
		pieces = pass_failed(report, run, pieces);
	if (pieces == NIL)
		return false;
	piece = take(report, run, &pieces, whole);
	run->has_others = pieces != NIL;
	compute_piece(report, run, piece);
	while (whole && pieces != NIL)
		compute_piece(report, run, take(report, run, &pieces, whole));
	bm_pending_insert(report->id, pieces);
	return pieces != NIL;
}

/* What a run would execute, for a window where that is given; for explain_report(). */
char *
bm_compute_sql(const BmReport *report, const BmPiece *piece, BmParameters *parameters)
{
	if (report->strategy != BM_CUSTOM && bm_increment_mode(report) == BM_MODE_WHOLE)
		return bm_whole_sql(report, bm_select_read(report), parameters);
	if (piece != NULL || report->bucket != NULL)
		add_window(report, piece != NULL ? piece : bm_piece(BM_ALWAYS, NULL), parameters);
	if (report->strategy == BM_CUSTOM)
		return report->query;
	if (piece != NULL)
		return sql_of_window(report, bm_select_read(report), piece);
	return bm_delta_sql(report, bm_select_read(report));
}

/* A custom query over new events; all times are in its window. */
static uint64
execute_new(const BmReport *report)
{
	BmParameters parameters = {0};
	int nest_level = bm_increment_plan_for_few();
	uint64 rows;

	if (report->bucket != NULL)
		add_window(report, bm_piece(BM_ALWAYS, NULL), &parameters);
	rows = execute_commands(report->query, &parameters);
	AtEOXact_GUC(false, nest_level);
	return rows;
}

/*
 * Did this transaction, or subtransaction, write? Not all that does is counted: a function, a trigger, an INSERT
 * in WITH.
 */
static bool
has_written(const BmRun *run)
{
	return run->row_count > 0 || TransactionIdIsValid(GetCurrentTransactionIdIfAny());
}

/* What only adds rows cannot be told to put them in place of others. */
static void
require_empty_target(const BmReport *report)
{
	if (!bm_target_is_empty(report))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("report \"%s\" has lost its watermark, and %s is not empty",
					report->name, report->target),
			 errdetail("All events are new to it, and would be added once more."),
			 errhint("Empty the table with TRUNCATE: its next run computes it anew.")));
}

static bool
reads_events(const BmReport *report, const BmSelect *select)
{
	return select == NULL || select->is_plain ||
		   bm_query_calls(report->query, "new_events");
}

/* The windows of new events, for reports that read this one's table. */
static void
note_changes(const BmReport *report, const BmWatermark *mark)
{
	ListCell *cell;

	if (report->bucket == NULL || mark->is_void)
	{
		BmWindow all = {DT_NOBEGIN, DT_NOEND};

		bm_change_insert(report->id, all);
		return;
	}
	foreach(cell, bm_increment_new_windows(report))
		bm_change_insert(report->id, ((BmPiece *) lfirst(cell))->window);
}

/* Where an event keeps what is new from being added up: can it be computed by windows, or the event be found? */
static BmInstead
what_instead(const BmReport *report, const BmSelect *select)
{
	if (report->strategy == BM_DELTA && report->bucket != NULL && select->is_plain)
		return BM_INSTEAD_BY_WINDOWS;
	return bm_culprit_may_be(report, select) ? BM_INSTEAD_LOCATE : BM_INSTEAD_NOTHING;
}

static void
step_new(const BmReport *report, BmRun *run)
{
	BmWatermark *mark = bm_watermark_get(report);
	bool is_void = mark->is_void;
	BmIncrement increment = {.report = report,
							 .before = is_void ? (Datum) 0 : mark->snapshot,
							 .now = run->snapshot};
	BmSelect *select = report->strategy != BM_CUSTOM ? bm_select_read(report) : NULL;
	volatile bool moves = is_void || mark->snapshot == (Datum) 0;

	run->instead = what_instead(report, select);
	bm_increment_enter(&increment);
	PG_TRY();
	{
		if (is_void && report->strategy != BM_DELTA && reads_events(report, select))
			require_empty_target(report);
		if (is_void)
			tell_start(report);
		if (is_void && report->strategy == BM_DELTA)
			run->row_count += bm_delta_anew(report, select);
		else if (select != NULL)
			run->row_count += bm_delta_add(report, select);
		else
			run->row_count += execute_new(report);
		if (has_written(run) && bm_has_followers(report))
			note_changes(report, mark);
		moves = moves || has_written(run);
	}
	PG_FINALLY();
	{
		bm_increment_leave(&increment);
	}
	PG_END_TRY();
	/* Whatever became of them, events that were given are not given again. */
	if (increment.found || moves || is_far_behind(mark, run->snapshot))
	{
		mark->is_void = false;
		mark->snapshot = run->snapshot;
		bm_watermark_put(report, mark);
	}
	if (is_void)
		bm_pending_delete(report->id,
						  BM_NO_ID); /* of what it was before it was altered */
	run->instead = BM_INSTEAD_NOTHING;
}

/*
 * New events are added up at once; where that fails for an event, window by window, so that those of other buckets do
 * not wait for it: the window that fails stays pending, and is computed anew, from all that was read, until it
 * succeeds. True where there are windows to compute.
 */
static bool
step_new_or_windows(const BmReport *report, BmRun *run, bool whole)
{
	if (!run->by_windows && !run->has_added)
	{
		step_new(report, run);
		if (bm_pending_list(report->id) == NIL)
			return false;
		run->has_added = run->has_looked = true;
		if (!whole)
			return true;
	}
	return step_windows(report, run, whole);
}

static void
step_whole(const BmReport *report, BmRun *run)
{
	BmParameters none = {0};
	BmWindow all = {DT_NOBEGIN, DT_NOEND};

	if (report->strategy == BM_CUSTOM)
		run->row_count += execute_commands(report->query, &none);
	else
		run->row_count += bm_whole_compute(report);
	bm_pending_delete(report->id, BM_NO_ID); /* of what it was before it was altered */
	if (has_written(run) && bm_has_followers(report))
		bm_change_insert(report->id, all);
}

/* Changes that every report which reads them has followed are of no more use. */
static void
forget_changes(const BmReport *report)
{
	Oid source = bm_report_source(report);
	BmReport *other = OidIsValid(source) ? bm_report_of_target(source) : NULL;
	int64 followed = PG_INT64_MAX;
	ListCell *cell;

	if (other == NULL)
		return;
	foreach(cell, bm_report_list())
	{
		const BmReport *reader = lfirst(cell);

		if (reader->source != NULL && bm_report_source(reader) == source)
		{
			int64 change = bm_watermark_get(reader)->source_change;

			followed = Min(followed, change);
		}
	}
	bm_change_delete(other->id, followed);
}

/* New events are looked for: those that came last are to be found without reading all of them. */
static void
prepare_to_look(const BmReport *report, const BmRun *run)
{
	if (report->source == NULL && !run->has_looked && bm_increment_is_incremental(report))
		bm_events_summarize();
}

/*
 * Computes a step of a run, or where whole all of them at once; true where there are more. The caller made
 * the transaction, and records the run's success in that of the last step.
 */
bool
bm_compute_step(const BmReport *report, BmRun *run, bool whole)
{
	bool more = false;

	if (run->locates)
	{
		bm_culprit_find(bm_compute_report(report), run);
		return false;
	}
	prepare_to_look(report, run);
	switch (bm_increment_mode(report))
	{
		case BM_MODE_WHOLE:
			step_whole(report, run);
			break;
		case BM_MODE_NEW:
			more = step_new_or_windows(bm_compute_report(report), run, whole);
			break;
		case BM_MODE_WINDOWS:
			more = step_windows(bm_compute_report(report), run, whole);
			break;
	}
	if (!more)
	{
		run->row_count += bm_report_expire(report, run, has_written(run));
		if (report->source != NULL)
			forget_changes(report);
	}
	return more;
}
