/*
 * Rows of a report's table that have had their time: deleted at the end of each run, as its owner.
 *
 * With a bucket, whole buckets go, and none of them is computed again: what is kept and what is computed
 * begin at the same time (see bm_increment_kept_from).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/spi.h"
#include "report/bucket.h"
#include "report/expire.h"
#include "report/target.h"

/* Rows of before then go; in the middle of a bucket, the bucket's rows stay. */
TimestampTz
bm_report_retained_from(const BmReport *report)
{
	pg_tz *zone = pg_tzset(report->timezone);
	TimestampTz limit = DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(bm_clock_now()),
							IntervalPGetDatum(report->retention)));

	if (report->bucket != NULL)
		limit = bm_bucket_of(report->bucket, zone, limit).start;
	return limit;
}

/* Says how many rows went. */
uint64
bm_report_expire(const BmReport *report)
{
	BmParameters parameters = {0};
	Oid type;

	if (report->retention == NULL)
		return 0;
	type = get_atttype(
		bm_report_target(report, false),
		get_attnum(bm_report_target(report, false), report->retention_column));
	bm_parameter_add(&parameters, TIMESTAMPTZOID,
					 TimestampTzGetDatum(bm_report_retained_from(report)));
	return bm_spi_execute(
		psprintf("DELETE FROM %s AS t WHERE t.%s OPERATOR(pg_catalog.<) %s",
				 report->target, quote_identifier(report->retention_column),
				 bm_target_time_bound(report, type, 1)),
		&parameters);
}
