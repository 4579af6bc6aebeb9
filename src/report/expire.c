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
#include "report/state.h"
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

static Oid
type_of(const BmReport *report, const char *column)
{
	Oid target = bm_report_target(report, false);

	return get_atttype(target, get_attnum(target, column));
}

/* Are the rows that it writes never of before the limit: is it windows that are written, and their column that counts? */
static bool
writes_no_old_rows(const BmReport *report)
{
	ListCell *cell;

	if (report->strategy != BM_REPLACE_WINDOW)
		return false;
	foreach(cell, bm_text_list(report->key))
		if (bm_target_is_time(type_of(report, lfirst(cell))))
			return strcmp(lfirst(cell), report->retention_column) == 0;
	return false;
}

/*
 * At the end of a run; says how many rows went. Where rows of before the same limit have gone, and the run has written
 * none of before it, there is nothing to look for: with a bucket, that is so until the next one begins.
 */
uint64
bm_report_expire(const BmReport *report, BmRun *run, bool has_written)
{
	BmParameters parameters = {0};
	const BmReportState *state;

	if (report->retention == NULL)
		return 0;
	run->has_expired = true;
	run->expired_to = bm_report_retained_from(report);
	state = bm_state_get(report->id);
	if (state != NULL && state->expired_to == run->expired_to &&
		strcmp(NameStr(state->expired_column), report->retention_column) == 0 &&
		(!has_written || writes_no_old_rows(report)))
		return 0;
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(run->expired_to));
	return bm_spi_execute(
		psprintf(
			"DELETE FROM %s AS t WHERE t.%s OPERATOR(pg_catalog.<) %s", report->target,
			quote_identifier(report->retention_column),
			bm_target_time_bound(report, type_of(report, report->retention_column), 1)),
		&parameters);
}
