/*
 * The query of a metric as it is asked: each row becomes an array of label values and one of numbers.
 *
 * A counter or gauge has one number. A histogram's rows are observations: the numbers are how many are
 * in each bucket alone, with what is beyond the last bound, and their sum. A summary's are the
 * quantiles, how many there are, and their sum. Names and bounds were checked when it was registered.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "metric/format.h"
#include "metric/metric.h"

#define VALUE "(q.value)::pg_catalog.float8"

/* How many numbers a series of the metric has. */
int
bm_metric_width(const BmMetric *metric)
{
	switch (metric->type)
	{
		case BM_METRIC_HISTOGRAM:
		case BM_METRIC_SUMMARY:
			return metric->bound_count + 2;
		default:
			return 1;
	}
}

static void
add_labels(StringInfo sql, const BmMetric *metric)
{
	appendStringInfoString(sql, "ARRAY[");
	for (int i = 0; i < metric->label_count; i++)
		appendStringInfo(sql, "%scoalesce((q.%s)::pg_catalog.text, '')",
						 i > 0 ? ", " : "", quote_identifier(metric->labels[i]));
	appendStringInfoString(sql, "]::pg_catalog.text[] AS labels, ");
}

static void
add_bound(StringInfo sql, double bound)
{
	char number[BM_METRIC_NUMBER_SIZE];

	bm_metric_number(bound, number);
	appendStringInfo(sql, "'%s'::pg_catalog.float8", number);
}

static void
add_buckets(StringInfo sql, const BmMetric *metric)
{
	for (int i = 0; i <= metric->bound_count; i++)
	{
		appendStringInfoString(sql, "(pg_catalog.count(q.value) FILTER (WHERE true");
		if (i > 0)
		{
			appendStringInfoString(sql, " AND " VALUE " OPERATOR(pg_catalog.>) ");
			add_bound(sql, metric->bounds[i - 1]);
		}
		if (i < metric->bound_count)
		{
			appendStringInfoString(sql, " AND " VALUE " OPERATOR(pg_catalog.<=) ");
			add_bound(sql, metric->bounds[i]);
		}
		appendStringInfoString(sql, "))::pg_catalog.float8, ");
	}
}

static void
add_quantiles(StringInfo sql, const BmMetric *metric)
{
	for (int i = 0; i < metric->bound_count; i++)
	{
		appendStringInfoString(sql, "pg_catalog.percentile_disc(");
		add_bound(sql, metric->bounds[i]);
		appendStringInfoString(sql, ") WITHIN GROUP (ORDER BY " VALUE "), ");
	}
	appendStringInfoString(sql, "pg_catalog.count(q.value)::pg_catalog.float8, ");
}

/* A query that returns columns labels and numbers. */
char *
bm_metric_wrap(const BmMetric *metric)
{
	StringInfoData sql;
	bool groups =
		metric->type == BM_METRIC_HISTOGRAM || metric->type == BM_METRIC_SUMMARY;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	add_labels(&sql, metric);
	appendStringInfoString(&sql, "ARRAY[");
	if (metric->type == BM_METRIC_HISTOGRAM)
		add_buckets(&sql, metric);
	else if (metric->type == BM_METRIC_SUMMARY)
		add_quantiles(&sql, metric);
	if (groups)
		appendStringInfoString(&sql, "coalesce(pg_catalog.sum(" VALUE "), 0)");
	else
		appendStringInfoString(&sql, VALUE);
	appendStringInfo(&sql,
					 "]::pg_catalog.float8[] AS numbers FROM (%s\n) AS q "
					 "WHERE (q.value) IS NOT NULL",
					 metric->query);
	if (groups)
		appendStringInfoString(&sql, " GROUP BY 1 ORDER BY 1");
	return sql.data;
}
