/*
 * bizmetrics.explain_report(): what the next run of a report would do; and how far it is behind.
 *
 * It looks as a run does, and stores nothing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/spi.h"
#include "base/table.h"
#include "event/event.h"
#include "report/access.h"
#include "report/compute.h"
#include "report/manage.h"
#include "report/select.h"
#include "report/state.h"

PG_FUNCTION_INFO_V1(bizmetrics_explain_report);
PG_FUNCTION_INFO_V1(bizmetrics_watermark_lag);

static void
put_line(ReturnSetInfo *result, const char *line)
{
	Datum value = CStringGetTextDatum(line);
	bool isnull = false;

	tuplestore_putvalues(result->setResult, result->setDesc, &value, &isnull);
}

static char *
names_of(ArrayType *array)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach(cell, bm_text_list(array))
	{
		const char *name = lfirst(cell);

		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "",
						 *name != '\0' ? name : "\"\"");
	}
	return names.data;
}

static char *
interval_text(const Interval *interval)
{
	return DatumGetCString(
		DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

static void
describe_report(ReturnSetInfo *result, const BmReport *report)
{
	put_line(result, psprintf("Strategy: %s", bm_strategy_name(report->strategy)));
	if (report->bucket != NULL)
		put_line(result, psprintf("Bucket: %s in %s", interval_text(report->bucket),
								  report->timezone));
	if (report->source != NULL)
		put_line(result,
				 psprintf("Source: %s by %s", report->source, report->source_time));
	if (report->events != NULL)
		put_line(result, psprintf("Events: %s", names_of(report->events)));
	if (report->companies != NULL)
		put_line(result, psprintf("Companies: %s", names_of(report->companies)));
	if (report->grain != NULL)
		put_line(result, psprintf("Grain: %s", report->grain));
	if (report->reach != NULL)
		put_line(result, psprintf("Reach: %s", interval_text(report->reach)));
	if (report->lookback != NULL)
		put_line(result, psprintf("Lookback: %s", interval_text(report->lookback)));
}

static void
describe_windows(ReturnSetInfo *result, const List *pieces)
{
	ListCell *cell;

	foreach(cell, pieces)
	{
		const BmPiece *piece = lfirst(cell);
		char *start = pstrdup(timestamptz_to_str(piece->window.start));
		char *end = pstrdup(timestamptz_to_str(piece->window.end));

		if (piece->values != NULL)
			put_line(result, psprintf("Window: %s to %s for %s", start, end,
									  names_of(piece->values)));
		else
			put_line(result, psprintf("Window: %s to %s", start, end));
	}
	if (pieces == NIL)
		put_line(result, "Window: none");
}

/* EXPLAIN of each command, which for a window gets the first one's bounds. */
static void
describe_plan(ReturnSetInfo *result, const BmReport *report, const char *sql,
			  const BmParameters *parameters)
{
	ListCell *cell;

	foreach(cell, pg_parse_query(sql))
	{
		RawStmt *command = lfirst_node(RawStmt, cell);
		const char *sentence = sql + command->stmt_location;
		uint64 rows;
		bool isnull;

		if (command->stmt_len > 0)
			sentence = pnstrdup(sentence, command->stmt_len);
		rows = bm_spi_execute(psprintf("EXPLAIN (COSTS OFF) %s", sentence), parameters);
		for (uint64 row = 0; row < rows; row++)
		{
			Datum line = bm_spi_value(row, 1, &isnull);

			put_line(result, psprintf("  %s", TextDatumGetCString(line)));
		}
	}
}

static void
explain_windows(ReturnSetInfo *result, const BmReport *report, BmWatermark *mark,
				const BmRun *run)
{
	List *pieces =
		list_concat(bm_pending_list(report->id), bm_increment_look(report, mark, run));
	BmPiece *first;
	BmParameters parameters = {0};
	char *sql;

	pieces = bm_increment_merge(report, pieces);
	describe_windows(result, pieces);
	first = pieces != NIL
				? linitial(pieces)
				: bm_piece(bm_bucket_of(report->bucket, pg_tzset(report->timezone),
										bm_clock_now()),
						   NULL);
	put_line(result, "Plan:");
	sql = bm_compute_sql(report, first, &parameters);
	describe_plan(result, report, sql, &parameters);
}

static void
explain_new(ReturnSetInfo *result, const BmReport *report, const BmWatermark *mark)
{
	BmParameters parameters = {0};
	char *sql = bm_compute_sql(report, NULL, &parameters);
	List *pending = mark->is_void ? NIL : bm_pending_list(report->id);

	put_line(result,
			 psprintf("New events: " INT64_FORMAT, bm_increment_count_new(report, mark)));
	if (pending != NIL)
		describe_windows(result, pending);
	put_line(result, "Plan:");
	describe_plan(result, report, sql, &parameters);
}

static void
explain_whole(ReturnSetInfo *result, const BmReport *report)
{
	BmParameters parameters = {0};
	char *sql = bm_compute_sql(report, NULL, &parameters);

	put_line(result, "Plan:");
	describe_plan(result, report, sql, &parameters);
}

static void
explain(ReturnSetInfo *result, const BmReport *report)
{
	BmWatermark *mark = bm_watermark_get(report);
	BmRun run = {.slot = BM_NO_TIME, .started_at = bm_clock_now()};
	BmIncrement increment = {.report = report,
							 .before = mark->is_void ? (Datum) 0 : mark->snapshot,
							 .now = bm_increment_snapshot()};

	describe_report(result, report);
	if (bm_increment_is_incremental(report))
		put_line(result,
				 mark->is_void ? "Watermark: void, everything is computed anew"
				 : mark->snapshot == (Datum) 0
					 ? "Watermark: none, nothing has been read"
					 : psprintf("Watermark: %s", DatumGetCString(DirectFunctionCall1(
													 pg_snapshot_out, mark->snapshot))));
	bm_increment_enter(&increment);
	PG_TRY();
	{
		switch (bm_increment_mode(report))
		{
			case BM_MODE_WINDOWS:
				explain_windows(result, report, mark, &run);
				break;
			case BM_MODE_NEW:
				explain_new(result, report, mark);
				break;
			case BM_MODE_WHOLE:
				explain_whole(result, report);
				break;
		}
	}
	PG_FINALLY();
	{
		bm_increment_leave(&increment);
	}
	PG_END_TRY();
}

/* Planning runs functions that the query calls: only as the owner. */
static void
require_owner(const BmReport *report)
{
	if (GetUserId() != bm_report_owner(report))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be the owner of report \"%s\" to explain it", report->name),
				 errhint("Use SET ROLE.")));
}

Datum
bizmetrics_explain_report(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	BmReport *report = bm_report_argument(fcinfo);
	int nest_level = NewGUCNestLevel();

	require_owner(report);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	bm_guc_set_locally("search_path", report->search_path);
	bm_guc_set_locally("timezone", report->timezone);
	explain(result, bm_compute_report(report));
	SPI_finish();
	AtEOXact_GUC(false, nest_level);
	return (Datum) 0;
}

/* A view that shows the lag is read by those, too, who may not read events. */
static bool
may_read_new_events(void)
{
	return pg_class_aclcheck(bm_event_parent(), GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		   DatumGetBool(DirectFunctionCall2(
			   has_function_privilege_id, ObjectIdGetDatum(bm_function_oid("new_events")),
			   CStringGetTextDatum("EXECUTE")));
}

/* How many events are new to a report, and since when the oldest of them is stored. */
Datum
bizmetrics_watermark_lag(PG_FUNCTION_ARGS)
{
	BmReport *report = bm_report_get(PG_GETARG_INT64(0));
	TupleDesc desc;
	Datum values[2] = {0};
	bool nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (report != NULL && report->source == NULL && bm_may_see(report->owner) &&
		may_read_new_events() && bm_increment_is_incremental(report))
	{
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		bm_increment_lag(report, bm_watermark_get(report), values, nulls);
		SPI_finish();
	}
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
