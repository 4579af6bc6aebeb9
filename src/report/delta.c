/*
 * What new events add up to: of a delta, and of append.
 *
 * Everything here runs in SPI as the report's owner, and but for bm_delta_window() in an increment that is entered: see
 * bm_increment_enter().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "report/apply.h"
#include "report/delta.h"
#include "report/increment.h"

/* $1 and $2. */
static void
add_bounds(const BmReport *report, BmWindow window, BmParameters *parameters)
{
	if (report->bucket == NULL)
		return;
	bm_parameter_add(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.start));
	bm_parameter_add(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.end));
}

/* The SELECT over new events: it names them itself, or reads all and is restricted. */
char *
bm_delta_sql(const BmReport *report, const BmSelect *select)
{
	BmRestriction restriction = {.only = BM_ONLY_NEW};

	if (!select->is_plain || bm_query_calls(report->query, "new_events"))
		return report->query;
	return bm_select_sql(select, report, &restriction);
}

/* Is nothing new, and so no group there? */
static bool
adds_nothing(const BmReport *report, const BmSelect *select)
{
	return report->strategy == BM_DELTA && bm_increment_written().end == DT_NOBEGIN &&
		   select->is_plain && select->query->groupClause != NIL &&
		   select->query->groupingSets == NIL;
}

/* Adds what new events add up to; all times are in the window. Says how many rows that wrote. */
uint64
bm_delta_add(const BmReport *report, const BmSelect *select)
{
	BmParameters parameters = {0};
	int nest_level;
	uint64 rows;

	if (adds_nothing(report, select))
		return 0;
	nest_level = bm_increment_plan_for_few();
	add_bounds(report, BM_ALWAYS, &parameters);
	rows = bm_apply(report, bm_delta_sql(report, select), select, &parameters, true,
					BM_VANISHED_STAY, NULL);
	AtEOXact_GUC(false, nest_level);
	return rows;
}

/* Likewise, those of before a time alone. */
uint64
bm_delta_add_before(const BmReport *report, TimestampTz end)
{
	BmParameters parameters = {0};
	BmSelect *select = bm_select_read(report);
	BmRestriction restriction = {.only = BM_ONLY_NEW | BM_ONLY_WINDOW,
								 .window = {DT_NOBEGIN, end}};

	add_bounds(report, restriction.window, &parameters);
	return bm_apply(report, bm_select_sql(select, report, &restriction), select,
					&parameters, true, BM_VANISHED_STAY, NULL);
}

/* A window anew: what the events that have been read add up to, in place of what is there. */
uint64
bm_delta_window(const BmReport *report, BmWindow window)
{
	BmParameters parameters = {0};
	BmSelect *select = bm_select_read(report);
	BmIncrement increment = {.report = report, .now = bm_watermark_get(report)->snapshot};
	BmRestriction restriction = {.only = BM_ONLY_NEW | BM_ONLY_WINDOW, .window = window};
	volatile uint64 rows = 0;

	add_bounds(report, window, &parameters);
	bm_increment_enter(&increment);
	PG_TRY();
	{
		rows = bm_apply(report, bm_select_sql(select, report, &restriction), select,
						&parameters, false, BM_VANISHED_GO_IN_WINDOW, NULL);
	}
	PG_FINALLY();
	{
		bm_increment_leave(&increment);
	}
	PG_END_TRY();
	return rows;
}

/* Everything, from the first time that may be computed on: where there is nothing to add to. */
uint64
bm_delta_anew(const BmReport *report, const BmSelect *select)
{
	BmParameters parameters = {0};
	TimestampTz kept_from = bm_increment_kept_from(report);
	bool has_window = report->bucket != NULL && select->is_plain;
	BmRestriction restriction = {.only = BM_ONLY_NEW | BM_ONLY_WINDOW,
								 .window = {kept_from, DT_NOEND}};

	add_bounds(report, restriction.window, &parameters);
	if (!has_window && kept_from != DT_NOBEGIN)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("report \"%s\" cannot be computed anew: events before %s were "
						"pruned",
						report->name, timestamptz_to_str(kept_from)),
				 errhint("Give it a bucket, or drop it and let a new one begin with what "
						 "there is.")));
	return bm_apply(report,
					has_window ? bm_select_sql(select, report, &restriction)
							   : bm_delta_sql(report, select),
					select, &parameters, false,
					has_window ? BM_VANISHED_GO_IN_WINDOW : BM_VANISHED_GO, NULL);
}
