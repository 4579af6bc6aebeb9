/*
 * Reports that compute everything, each time: full, and merge without a bucket.
 *
 * Events are pruned and rows have their time, and neither is to undo the other's work: with a bucket that a column of key
 * tells, what is computed begins with the first bucket that is kept, and what stands before stays. Without one nobody
 * knows which rows are of which events, and the table follows what there is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "report/apply.h"
#include "report/expire.h"
#include "report/increment.h"
#include "report/target.h"
#include "report/whole.h"

/* Do rows of pruned events stay? */
bool
bm_whole_keeps_pruned(const BmReport *report, const BmSelect *select)
{
	return report->bucket != NULL && bm_target_bucket_column(report, select) != NULL &&
		   (select->is_plain || select->has_window);
}

/* With the names of events that the SELECT gives: those that are pruned of others are none of its business. */
static BmReport
with_events(const BmReport *report, const BmSelect *select)
{
	BmReport seen = *report;

	if (seen.events == NULL)
		seen.events = bm_select_natural_events(select);
	return seen;
}

/* The SELECT without rows that would have had their time at once, where it gives the column that tells. */
static char *
sql_of_kept(const BmReport *report, const BmSelect *select, BmParameters *parameters)
{
	BmRestriction none = {.window = BM_ALWAYS};
	char *sql = bm_select_sql(select, report, &none);

	for (int i = 0; i < select->desc->natts && report->retention != NULL; i++)
	{
		const FormData_pg_attribute *column = TupleDescAttr(select->desc, i);

		if (strcmp(NameStr(column->attname), report->retention_column) != 0)
			continue;
		bm_parameter_add(parameters, TIMESTAMPTZOID,
						 TimestampTzGetDatum(bm_report_retained_from(report)));
		return psprintf("SELECT * FROM (%s) AS r WHERE (r.%s OPERATOR(pg_catalog.<) %s) "
						"IS NOT TRUE",
						sql, quote_identifier(report->retention_column),
						bm_target_time_bound(report, column->atttypid, 1));
	}
	return sql;
}

/* What a run executes, with its parameters; as the report's owner, in SPI. */
char *
bm_whole_sql(const BmReport *report, const BmSelect *select, BmParameters *parameters)
{
	BmRestriction restriction = {.only = BM_ONLY_WINDOW, .window = BM_ALWAYS};
	BmReport seen;

	if (report->bucket == NULL)
		return sql_of_kept(report, select, parameters);
	seen = with_events(report, select);
	restriction.window.start = bm_increment_kept_from(&seen);
	bm_parameter_add(parameters, TIMESTAMPTZOID,
					 TimestampTzGetDatum(restriction.window.start));
	bm_parameter_add(parameters, TIMESTAMPTZOID,
					 TimestampTzGetDatum(restriction.window.end));
	return select->is_plain ? bm_select_sql(select, report, &restriction) : report->query;
}

/* Brings the table to it; says how many rows that wrote. */
uint64
bm_whole_compute(const BmReport *report)
{
	BmParameters parameters = {0};
	BmSelect *select = bm_select_read(report);
	BmVanished vanished = report->strategy == BM_FULL ? BM_VANISHED_GO : BM_VANISHED_STAY;
	BmReport seen = with_events(report, select);
	char *sql = bm_whole_sql(report, select, &parameters);
	BmWindow window = {.end = DT_NOEND};
	uint64 rows;

	if (!bm_whole_keeps_pruned(report, select))
		return bm_apply(report, sql, select, &parameters, false, vanished);
	if (vanished == BM_VANISHED_GO)
		vanished = BM_VANISHED_GO_IN_WINDOW;
	rows = bm_apply(report, sql, select, &parameters, false, vanished);
	window.start = DatumGetTimestampTz(parameters.values[0]);
	bm_increment_require_kept(&seen, window);
	return rows;
}
