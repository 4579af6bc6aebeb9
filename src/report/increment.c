/*
 * What is new to a report, and which windows that changed.
 *
 * An event is new if the run's snapshot shows the transaction that stored it and the snapshot that
 * the report has read to does not. No writer is waited for: what is not committed yet is in
 * neither, and new to a later run, in whatever order transactions begin and end.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/spi.h"
#include "event/event.h"
#include "event/new_events.h"
#include "report/expire.h"
#include "report/increment.h"
#include "report/prune.h"
#include "report/select.h"

PG_FUNCTION_INFO_V1(bizmetrics_watermark_xmin);
PG_FUNCTION_INFO_V1(bizmetrics_is_new);
PG_FUNCTION_INFO_V1(bizmetrics_report_bucket);

static BmIncrement *current = NULL;

/* Most events are in the bucket of the one before. */
static BmWindow last_bucket;
static bool has_last_bucket = false;

BmMode
bm_increment_mode(const BmReport *report)
{
	switch (report->strategy)
	{
		case BM_DELTA:
		case BM_APPEND:
			return BM_MODE_NEW;
		case BM_FULL:
			return BM_MODE_WHOLE;
		case BM_CUSTOM:
			if (bm_query_calls(report->query, "new_events"))
				return BM_MODE_NEW;
			break;
		default:
			break;
	}
	return report->bucket != NULL ? BM_MODE_WINDOWS : BM_MODE_WHOLE;
}

bool
bm_increment_is_incremental(const BmReport *report)
{
	return bm_increment_mode(report) != BM_MODE_WHOLE;
}

/* What the transaction sees, in the context of who asks. */
Datum
bm_increment_snapshot(void)
{
	return DirectFunctionCall1(pg_current_snapshot, (Datum) 0);
}

/*
 * Statistics say nothing of what is new, so that the planner takes it for a handful of rows and sorts them where it
 * should hash: while new events are read, sorting is a last resort.
 */
void
bm_increment_enter(BmIncrement *increment)
{
	increment->nest_level = NewGUCNestLevel();
	bm_guc_set_locally("enable_sort", "off");

	increment->events = (BmNewEvents){.from = DT_NOBEGIN, .to = DT_NOEND};
	increment->outer_events = bm_new_events;
	bm_new_events = NULL;
	if (increment->before != (Datum) 0)
	{
		increment->events.since = (int64) DatumGetUInt64(
			DirectFunctionCall1(pg_snapshot_xmin, increment->before));
		if (increment->report->source == NULL)
		{
			bm_events_since(&increment->events);
			bm_new_events = &increment->events;
		}
	}
	increment->outer = current;
	current = increment;
	has_last_bucket = false;
}

void
bm_increment_leave(const BmIncrement *increment)
{
	AtEOXact_GUC(false, increment->nest_level);
	current = increment->outer;
	bm_new_events = increment->outer_events;
	has_last_bucket = false;
}

static BmIncrement *
require_increment(void)
{
	if (current == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("new_events() has a meaning in the query of a report only"),
				 errhint("Register the query with bizmetrics.create_report(), or use "
						 "bizmetrics.events().")));
	return current;
}

/* No event of an older transaction is new. */
int64
bm_increment_xmin(void)
{
	return require_increment()->events.since;
}

Datum
bizmetrics_watermark_xmin(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(bm_increment_xmin());
}

/* The times between which all events are that are new to the running report. */
BmWindow
bm_increment_written(void)
{
	const BmNewEvents *events = &require_increment()->events;

	return (BmWindow){events->from, events->to};
}

static bool
is_visible(int64 xact, Datum snapshot)
{
	return DatumGetBool(DirectFunctionCall2(pg_visible_in_snapshot,
											UInt64GetDatum((uint64) xact), snapshot));
}

static bool
is_new(const BmIncrement *increment, int64 xact)
{
	if (xact < increment->events.since)
		return false;
	if (increment->before != (Datum) 0 && is_visible(xact, increment->before))
		return false;
	return is_visible(xact, increment->now);
}

/* Events of one transaction mostly lie together. */
Datum
bizmetrics_is_new(PG_FUNCTION_ARGS)
{
	BmIncrement *increment = require_increment();
	int64 xact = PG_GETARG_INT64(0);

	if (xact != increment->last_xact)
	{
		increment->last_is_new = is_new(increment, xact);
		increment->last_xact = xact;
	}
	increment->found |= increment->last_is_new;
	PG_RETURN_BOOL(increment->last_is_new);
}

Datum
bizmetrics_report_bucket(PG_FUNCTION_ARGS)
{
	const BmReport *report = require_increment()->report;
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);

	if (report->bucket == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("report \"%s\" has no bucket", report->name)));
	if (TIMESTAMP_NOT_FINITE(at))
		PG_RETURN_TIMESTAMPTZ(at);
	if (!has_last_bucket || at < last_bucket.start || at >= last_bucket.end)
		last_bucket = bm_bucket_of(report->bucket, pg_tzset(report->timezone), at);
	has_last_bucket = true;
	PG_RETURN_TIMESTAMPTZ(last_bucket.start);
}

/* Where another report's table is read, rows of before this have had their time. */
static TimestampTz
source_kept_from(const BmReport *report)
{
	BmReport *source = bm_report_of_target(bm_report_source(report));

	return source != NULL && source->retention != NULL ? bm_report_retained_from(source)
													   : DT_NOBEGIN;
}

/*
 * The first time whose buckets may be computed: events before it were pruned, and what stands in the table
 * for them stays. DT_NOBEGIN: any.
 */
TimestampTz
bm_increment_kept_from(const BmReport *report)
{
	TimestampTz kept_from;
	TimestampTz retained_from;

	if (report->source == NULL)
		kept_from = bm_prune_kept_from(report->events);
	else
		kept_from = source_kept_from(report);
	if (report->retention != NULL)
	{
		retained_from = bm_report_retained_from(report);
		kept_from = Max(kept_from, retained_from);
	}
	if (report->bucket != NULL && kept_from != DT_NOBEGIN)
	{
		BmWindow bucket =
			bm_bucket_of(report->bucket, pg_tzset(report->timezone), kept_from);

		return bucket.start == kept_from ? kept_from : bucket.end;
	}
	return kept_from;
}

/*
 * After a window was computed, which has locked what it read: were events of it pruned meanwhile? What was
 * computed lacks them, and is not to take the place of what had them.
 */
void
bm_increment_require_kept(const BmReport *report, BmWindow window)
{
	if (report->source == NULL && window.start < bm_prune_kept_from(report->events))
		ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						errmsg("events that report \"%s\" was reading were pruned",
							   report->name),
						errhint("Its next attempt leaves their buckets as they are.")));
}

/* The buckets that hold a time to another one, and as far back as an event there reaches. */
static BmWindow
buckets_of(const BmReport *report, TimestampTz from, TimestampTz to)
{
	pg_tz *zone = pg_tzset(report->timezone);
	BmWindow window;

	if (report->reach != NULL)
		from = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
													   TimestampTzGetDatum(from),
													   IntervalPGetDatum(report->reach)));
	window.start = bm_bucket_of(report->bucket, zone, from).start;
	window.end = bm_bucket_of(report->bucket, zone, to).end;
	return window;
}

/*
 * How many events are new the planner cannot know, and takes a third of all for it: it would compile, for close to a
 * second, what reads a few rows. Says what AtEOXact_GUC() is to be told.
 */
int
bm_increment_plan_for_few(void)
{
	int nest_level = NewGUCNestLevel();

	bm_guc_set_locally("jit", "off");
	return nest_level;
}

/* A condition that narrows what counts as changed, with the parameter that it takes. */
static void
narrow(StringInfo sql, BmParameters *parameters, const char *column, ArrayType *values)
{
	if (values == NULL)
		return;
	bm_parameter_add(parameters, TEXTARRAYOID, PointerGetDatum(values));
	appendStringInfo(sql, " AND e.%s OPERATOR(pg_catalog.=) ANY ($%d)", column,
					 parameters->count);
}

/* A bound of the time of events, unless it is none. */
static void
bound(StringInfo sql, BmParameters *parameters, const char *operator, TimestampTz at,
	  TimestampTz none)
{
	if (at == none)
		return;
	bm_parameter_add(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(at));
	appendStringInfo(sql, " AND e.occurred_at OPERATOR(pg_catalog.%s) $%d", operator,
					 parameters->count);
}

/* New events that change something, as SQL from FROM on. */
static void
append_new_events(StringInfo sql, BmParameters *parameters, const BmReport *report)
{
	BmWindow written = bm_increment_written();

	appendStringInfoString(sql, " FROM bizmetrics.new_events() AS e WHERE true");
	/* What is known when it is planned is not planned for. */
	bound(sql, parameters, ">=", written.start, DT_NOBEGIN);
	bound(sql, parameters, "<", written.end, DT_NOEND);
	narrow(sql, parameters, "event_name", report->events);
	narrow(sql, parameters, "company_id", report->companies);
}

/* The buckets of new events, each with the values of the grain that changed. */
static List *
look_at_events(const BmReport *report)
{
	BmParameters parameters = {0};
	List *pieces = NIL;
	StringInfoData sql;
	uint64 rows;

	if (bm_increment_written().end == DT_NOBEGIN)
		return NIL;
	initStringInfo(&sql);
	appendStringInfo(
		&sql,
		"SELECT x.b, %s FROM (SELECT bizmetrics.report_bucket(e.occurred_at) "
		"AS b, %s AS g",
		report->grain != NULL ? "pg_catalog.array_agg(x.g ORDER BY x.g)"
							  : "NULL::pg_catalog.text[]",
		report->grain != NULL ? psprintf("coalesce(e.%s, '')", report->grain)
							  : "NULL::pg_catalog.text");
	append_new_events(&sql, &parameters, report);
	appendStringInfoString(&sql, " GROUP BY 1, 2) AS x GROUP BY x.b ORDER BY x.b");
	rows = bm_spi_execute(sql.data, &parameters);
	for (uint64 row = 0; row < rows; row++)
	{
		bool isnull;
		TimestampTz start = DatumGetTimestampTz(bm_spi_value(row, 1, &isnull));
		Datum values = bm_spi_value(row, 2, &isnull);

		if (!TIMESTAMP_NOT_FINITE(start))
			pieces =
				lappend(pieces, bm_piece(buckets_of(report, start, start),
										 isnull ? NULL : DatumGetArrayTypePCopy(values)));
	}
	return pieces;
}

/* The first and the last time of a query's two columns, as the buckets between; NIL for NULLs. */
static List *
span(const BmReport *report, const char *sql, BmParameters *parameters,
	 TimestampTz at_least)
{
	bool from_null;
	bool to_null;
	TimestampTz from;
	TimestampTz to;

	(void) bm_spi_execute(sql, parameters);
	from = DatumGetTimestampTz(bm_spi_value(0, 1, &from_null));
	to = DatumGetTimestampTz(bm_spi_value(0, 2, &to_null));
	if (from_null || to_null || TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to))
		return NIL;
	return list_make1(bm_piece(buckets_of(report, from, Max(to, at_least)), NULL));
}

/*
 * The first or last time of an event in a partition, found through the parent, which one may read; of those
 * that change something, where narrowed.
 */
static bool
extreme(const BmReport *report, bool narrowed, const BmPartition *partition,
		const char *which, TimestampTz *at)
{
	BmParameters parameters = {0};
	StringInfoData sql;
	bool isnull;

	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(partition->lower));
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(partition->upper));
	initStringInfo(&sql);
	appendStringInfo(
		&sql,
		"SELECT pg_catalog.%s(e.occurred_at) FROM public.business_events AS e"
		" WHERE e.occurred_at OPERATOR(pg_catalog.>=) $1"
		" AND e.occurred_at OPERATOR(pg_catalog.<) $2",
		which);
	if (narrowed)
	{
		narrow(&sql, &parameters, "event_name", report->events);
		narrow(&sql, &parameters, "company_id", report->companies);
	}
	(void) bm_spi_execute(sql.data, &parameters);
	*at = DatumGetTimestampTz(bm_spi_value(0, 1, &isnull));
	return !isnull && !TIMESTAMP_NOT_FINITE(*at);
}

/*
 * All events, as one piece: only the outermost partitions with events are read. The default partition has no
 * bounds; where there is one, it is as wide as time is.
 */
static List *
span_of_events(const BmReport *report, bool narrowed)
{
	List *partitions = bm_partition_list_now();
	TimestampTz from = DT_NOEND;
	TimestampTz to = DT_NOBEGIN;
	TimestampTz at;
	ListCell *cell;

	foreach(cell, partitions)
	{
		BmPartition *partition = lfirst(cell);

		if (extreme(report, narrowed, partition, "min", &at))
		{
			from = Min(from, at);
			if (!partition->is_default)
				break;
		}
	}
	for (int i = list_length(partitions) - 1; from != DT_NOEND && i >= 0; i--)
	{
		BmPartition *partition = list_nth(partitions, i);

		if (extreme(report, narrowed, partition, "max", &at))
		{
			to = Max(to, at);
			if (!partition->is_default)
				break;
		}
	}
	return from != DT_NOEND ? list_make1(bm_piece(buckets_of(report, from, to), NULL))
							: NIL;
}

/* What stands in a table's column of time, as one piece; what is of no time is in no bucket. */
static List *
span_of_source(const BmReport *report, TimestampTz at_least)
{
	BmParameters none = {0};
	const char *column = quote_identifier(report->source_time);

	return span(report,
				psprintf("SELECT pg_catalog.min(s.%s)::pg_catalog.timestamptz,"
						 " pg_catalog.max(s.%s)::pg_catalog.timestamptz FROM %s AS s"
						 " WHERE s.%s OPERATOR(pg_catalog.>) '-infinity'"
						 " AND s.%s OPERATOR(pg_catalog.<) 'infinity'",
						 column, column, report->source, column, column),
				&none, at_least);
}

/* The windows that the lookback touches, from the last success on, whatever changed there. */
static List *
look_by_time(const BmReport *report, const BmRun *run, TimestampTz read_to)
{
	pg_tz *zone = pg_tzset(report->timezone);
	TimestampTz at = run->started_at;
	BmWindow window;

	/* Where each slot is run, each has its own buckets, however late it is. */
	if (report->misfire == BM_MISFIRE_EACH && run->slot != BM_NO_TIME)
		at = run->slot;
	window = bm_bucket_window(report->bucket, report->lookback, zone, at);
	if (read_to != BM_NO_TIME && read_to < at)
		window.start =
			bm_bucket_window(report->bucket, report->lookback, zone, read_to).start;
	return list_make1(bm_piece(window, NULL));
}

/* Where another report's table is read: the buckets that it changed. */
static List *
look_at_report(const BmReport *report, const BmReport *source, BmWatermark *mark)
{
	bool nothing_read = mark->is_void || mark->snapshot == (Datum) 0;
	List *changes = bm_change_list(source->id, mark->source_change, &mark->source_change);
	ListCell *cell;

	if (nothing_read)
		return span_of_source(report, DT_NOBEGIN);
	foreach(cell, changes)
	{
		BmPiece *piece = lfirst(cell);

		if (TIMESTAMP_NOT_FINITE(piece->window.start))
			return span_of_source(report, DT_NOBEGIN);
		piece->window = buckets_of(report, piece->window.start, piece->window.end - 1);
	}
	return changes;
}

static List *
look_at_source(const BmReport *report, BmWatermark *mark, const BmRun *run)
{
	const BmReport *source = bm_report_of_target(bm_report_source(report));
	TimestampTz read_to = mark->is_void ? BM_NO_TIME : mark->read_to;

	if (source != NULL)
		return look_at_report(report, source, mark);
	mark->read_to = run->started_at;
	if (read_to == BM_NO_TIME)
		return span_of_source(report, run->started_at);
	return look_by_time(report, run, read_to);
}

/*
 * The windows that changed since the watermark, which moves on: the caller stores it, with them, in the
 * transaction that looked.
 */
List *
bm_increment_look(const BmReport *report, BmWatermark *mark, const BmRun *run)
{
	List *pieces;
	int nest_level = bm_increment_plan_for_few();

	if (report->source != NULL)
		pieces = look_at_source(report, mark, run);
	else if (mark->is_void || mark->snapshot == (Datum) 0)
		pieces = span_of_events(report, !mark->is_void);
	else
		pieces = look_at_events(report);
	if (report->source == NULL && report->lookback != NULL)
	{
		pieces = list_concat(pieces, look_by_time(report, run, mark->read_to));
		mark->read_to = run->started_at;
	}
	AtEOXact_GUC(false, nest_level);
	return bm_increment_merge(report, pieces);
}

static bool
same_values(const ArrayType *a, const ArrayType *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/* The values of both; NULL, which is all, is both. */
static ArrayType *
all_values(ArrayType *a, ArrayType *b)
{
	List *names;
	Datum *values;
	int count = 0;
	ListCell *cell;

	if (a == NULL || b == NULL)
		return NULL;
	if (same_values(a, b))
		return a;
	names = list_concat(bm_text_list(a), bm_text_list(b));
	list_sort(names, compare_names);
	values = palloc(sizeof(Datum) * list_length(names));
	foreach(cell, names)
		if (count == 0 ||
			strcmp(TextDatumGetCString(values[count - 1]), lfirst(cell)) != 0)
			values[count++] = CStringGetTextDatum(lfirst(cell));
	return construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* Puts pieces that overlap, or that meet and are of the same values, together; cuts off what is before a time. */
static List *
merge_from(TimestampTz kept_from, List *pieces)
{
	List *merged = NIL;
	BmPiece *last = NULL;
	ListCell *cell;

	bm_pieces_sort(pieces);
	foreach(cell, pieces)
	{
		BmPiece *piece = lfirst(cell);

		if (piece->window.end <= kept_from)
			continue;
		piece->window.start = Max(piece->window.start, kept_from);
		if (last != NULL && (piece->window.start < last->window.end ||
							 (piece->window.start == last->window.end &&
							  same_values(piece->values, last->values))))
		{
			last->window.end = Max(last->window.end, piece->window.end);
			last->values = all_values(last->values, piece->values);
		}
		else
			merged = lappend(merged, last = bm_piece(piece->window, piece->values));
	}
	return merged;
}

/* Likewise, without what is not kept. */
List *
bm_increment_merge(const BmReport *report, List *pieces)
{
	return merge_from(pieces != NIL ? bm_increment_kept_from(report) : DT_NOBEGIN,
					  pieces);
}

/* The windows in which events are new, also where what was before is not kept: a delta adds to them. */
List *
bm_increment_new_windows(const BmReport *report)
{
	return merge_from(DT_NOBEGIN, look_at_events(report));
}

/* One transaction computes so much at most, where the buckets are no longer. */
#define MOST_BUCKETS 32
#define SHORTEST_STEP USECS_PER_DAY
#define LONGEST_STEP (35 * USECS_PER_DAY)

static TimestampTz
end_of_step(const BmReport *report, BmWindow window, int most_buckets)
{
	pg_tz *zone = pg_tzset(report->timezone);
	TimestampTz end = bm_bucket_of(report->bucket, zone, window.start).end;

	for (int buckets = 1; end < window.end; buckets++)
	{
		TimestampTz next = bm_bucket_of(report->bucket, zone, end).end;

		if (buckets >= most_buckets || next - window.start > LONGEST_STEP ||
			(buckets >= MOST_BUCKETS && next - window.start > SHORTEST_STEP))
			break;
		end = next;
	}
	return Min(end, window.end);
}

/* How far back from a time a step reaches. */
TimestampTz
bm_increment_step_back(const BmReport *report, TimestampTz from)
{
	BmWindow window = {.start = from - LONGEST_STEP, .end = from};
	pg_tz *zone = pg_tzset(report->timezone);
	TimestampTz start = from;

	for (int buckets = 0; start > window.start; buckets++)
	{
		if (buckets >= MOST_BUCKETS && from - start >= SHORTEST_STEP)
			break;
		start = bm_bucket_of(report->bucket, zone, start - 1).start;
	}
	return start;
}

/* Takes the first piece, or so much of it, off the pieces, which are in order. */
BmPiece *
bm_increment_take(const BmReport *report, List **pieces, BmTake how)
{
	BmPiece *first = linitial(*pieces);
	BmPiece *taken = bm_piece(first->window, first->values);

	if (how != BM_TAKE_PIECE)
		taken->window.end =
			end_of_step(report, first->window, how == BM_TAKE_BUCKET ? 1 : INT_MAX);
	if (taken->window.end < first->window.end)
		first->window.start = taken->window.end;
	else
		*pieces = list_delete_first(*pieces);
	return taken;
}

/*
 * Runs an aggregate over the events that are new since the watermark, or so many of them, those that change nothing
 * left out.
 */
static void
look_at_new(const BmReport *report, const BmWatermark *mark, const char *aggregates,
			const char *most)
{
	BmIncrement increment = {.report = report,
							 .before = mark->is_void ? (Datum) 0 : mark->snapshot,
							 .now = bm_increment_snapshot()};
	BmParameters parameters = {0};
	StringInfoData sql;
	int nest_level = bm_increment_plan_for_few();

	bm_increment_enter(&increment);
	PG_TRY();
	{
		initStringInfo(&sql);
		appendStringInfo(&sql, "SELECT %s FROM (SELECT e.recorded_at", aggregates);
		append_new_events(&sql, &parameters, report);
		appendStringInfo(&sql, " LIMIT %s) AS e", most);
		(void) bm_spi_execute(sql.data, &parameters);
	}
	PG_FINALLY();
	{
		bm_increment_leave(&increment);
	}
	PG_END_TRY();
	AtEOXact_GUC(false, nest_level);
}

int64
bm_increment_count_new(const BmReport *report, const BmWatermark *mark)
{
	bool isnull;

	look_at_new(report, mark, "pg_catalog.count(*)", "ALL");
	return DatumGetInt64(bm_spi_value(0, 1, &isnull));
}

/*
 * Likewise, and since when the oldest of them has been stored; by the names that its runs go by, and no more than
 * a million: whoever looks at all reports is not to wait for one that has everything to read.
 */
void
bm_increment_lag(const BmReport *report, const BmWatermark *mark, Datum *values,
				 bool *nulls)
{
	BmReport seen = *report;

	if (!mark->is_void)
		seen.events = mark->events;
	look_at_new(&seen, mark, "pg_catalog.count(*), pg_catalog.min(e.recorded_at)",
				"1000000");
	values[0] = bm_spi_value(0, 1, &nulls[0]);
	values[1] = bm_spi_value(0, 2, &nulls[1]);
}
