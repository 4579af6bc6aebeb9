/*
 * Reports that compute everything, each time: full, and merge without a bucket.
 *
 * Events are pruned and rows have their time, and neither is to undo the other's work: with a bucket that a column of key
 * tells, what is computed begins with the first bucket that is kept, and what stands before stays. Where no bucket is
 * given, it is that of the column, which the SELECT has from the time of events. Without one nobody knows which rows
 * are of which events, and the table follows what there is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "report/apply.h"
#include "report/expire.h"
#include "report/increment.h"
#include "report/target.h"
#include "report/truncate.h"
#include "report/whole.h"

/* The bucket that the SELECT's own column of time tells, or NULL. */
static Interval *
natural_bucket(const BmReport *report, const BmSelect *select)
{
	const char *column = bm_target_bucket_column(report, select);
	ListCell *cell;

	if (column == NULL || !select->is_plain)
		return NULL;
	foreach(cell, select->query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk && strcmp(entry->resname, column) == 0)
			return bm_truncated_bucket((Node *) entry->expr, select->events,
									   report->timezone);
	}
	return NULL;
}

/*
 * The report with what its SELECT gives: the names of events, for those that are pruned of others are none of its
 * business, and the bucket. By a bucket that is not given rows do not have their time.
 */
static BmReport
as_read(const BmReport *report, const BmSelect *select)
{
	BmReport seen = *report;

	if (seen.events == NULL)
		seen.events = bm_select_natural_events(select);
	if (seen.bucket == NULL)
	{
		seen.bucket = natural_bucket(report, select);
		seen.retention = NULL;
	}
	return seen;
}

/* Do rows of pruned events stay? */
bool
bm_whole_keeps_pruned(const BmReport *report, const BmSelect *select)
{
	return as_read(report, select).bucket != NULL &&
		   bm_target_bucket_column(report, select) != NULL &&
		   (select->is_plain || select->has_window);
}

/* A SELECT without rows that would have had their time at once, where it gives the column that tells. */
static char *
sql_of_kept(const BmReport *report, const BmSelect *select, char *sql,
			BmParameters *parameters)
{
	for (int i = 0; i < select->desc->natts && report->retention != NULL; i++)
	{
		const FormData_pg_attribute *column = TupleDescAttr(select->desc, i);

		if (strcmp(NameStr(column->attname), report->retention_column) != 0)
			continue;
		bm_parameter_add(parameters, TIMESTAMPTZOID,
						 TimestampTzGetDatum(bm_report_retained_from(report)));
		return psprintf(
			"SELECT * FROM (%s) AS r WHERE (r.%s OPERATOR(pg_catalog.<) %s) "
			"IS NOT TRUE",
			sql, quote_identifier(report->retention_column),
			bm_target_time_bound(report, column->atttypid, parameters->count));
	}
	return sql;
}

/* What a run executes, with its parameters; as the report's owner, in SPI. */
char *
bm_whole_sql(const BmReport *report, const BmSelect *select, BmParameters *parameters)
{
	BmRestriction restriction = {.window = BM_ALWAYS};
	BmReport seen = as_read(report, select);
	char *sql;

	if (seen.bucket != NULL)
	{
		restriction.window.start = bm_increment_kept_from(&seen);
		if (restriction.window.start != DT_NOBEGIN)
			restriction.only = BM_ONLY_WINDOW;
		bm_parameter_add(parameters, TIMESTAMPTZOID,
						 TimestampTzGetDatum(restriction.window.start));
		bm_parameter_add(parameters, TIMESTAMPTZOID,
						 TimestampTzGetDatum(restriction.window.end));
	}
	if (report->bucket != NULL && !select->is_plain)
		return report->query;
	sql = bm_select_sql(select, report, &restriction);
	return report->bucket != NULL ? sql : sql_of_kept(report, select, sql, parameters);
}

/* Brings the table to it; says how many rows that wrote. */
uint64
bm_whole_compute(const BmReport *report)
{
	BmParameters parameters = {0};
	BmSelect *select = bm_select_read(report);
	BmVanished vanished = report->strategy == BM_FULL ? BM_VANISHED_GO : BM_VANISHED_STAY;
	BmReport seen = as_read(report, select);
	char *sql = bm_whole_sql(report, select, &parameters);
	BmWindow window = {.end = DT_NOEND};
	uint64 rows;

	if (!bm_whole_keeps_pruned(report, select))
		return bm_apply(report, sql, select, &parameters, false, vanished, NULL);
	if (vanished == BM_VANISHED_GO)
		vanished = BM_VANISHED_GO_IN_WINDOW;
	rows = bm_apply(report, sql, select, &parameters, false, vanished, NULL);
	window.start = DatumGetTimestampTz(parameters.values[0]);
	bm_increment_require_kept(&seen, window);
	return rows;
}
