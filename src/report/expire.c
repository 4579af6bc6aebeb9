/*
 * Rows of a report's table that have had their time: deleted at the end of each run, as its owner.
 *
 * With a bucket, whole buckets go, and none of them is computed again: what is kept and what is computed
 * begin at the same time (see bm_increment_kept_from). Looking for such rows may read the whole table: it is done once
 * a bucket, or, without one, once an hour, and after a run that may have written some.
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
#include "report/increment.h"
#include "report/select.h"
#include "report/state.h"
#include "report/target.h"

static Oid
type_of(const BmReport *report, const char *column)
{
	Oid target = bm_report_target(report, false);

	return get_atttype(target, get_attnum(target, column));
}

/* Rows of before then go; in the middle of a bucket, the bucket's rows stay. */
TimestampTz
bm_report_retained_from(const BmReport *report)
{
	pg_tz *zone = pg_tzset(report->timezone);
	static const Interval hour = {.time = USECS_PER_HOUR};
	TimestampTz limit = DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(bm_clock_now()),
							IntervalPGetDatum(report->retention)));

	if (report->bucket != NULL)
		return bm_bucket_of(report->bucket, zone, limit).start;
	if (bm_interval_usecs(report->retention) >= USECS_PER_DAY)
		return bm_bucket_of(&hour, zone, limit).start;
	return limit;
}

static bool
is_in_key(const BmReport *report)
{
	ListCell *cell;

	foreach(cell, bm_text_list(report->key))
		if (strcmp(lfirst(cell), report->retention_column) == 0)
			return true;
	return false;
}

/*
 * Of what is to be written, the rows that would not have had their time at once: as a condition, with its parameter; NULL:
 * all. By a column of the key alone: by another one a row that is written is not what it becomes.
 */
char *
bm_report_not_expired(const BmReport *report, BmParameters *parameters)
{
	if (report->retention == NULL || report->strategy == BM_CUSTOM || !is_in_key(report))
		return NULL;
	bm_parameter_add(parameters, TIMESTAMPTZOID,
					 TimestampTzGetDatum(bm_report_retained_from(report)));
	return psprintf(
		"%s OPERATOR(pg_catalog.>=) %s", quote_identifier(report->retention_column),
		bm_target_time_bound(report, type_of(report, report->retention_column),
							 parameters->count));
}

/* Does what it writes never have rows of before the limit? See bm_whole_sql(), and bm_report_not_expired(). */
static bool
writes_no_old_rows(const BmReport *report)
{
	BmSelect *select;

	if (report->strategy == BM_CUSTOM)
		return false;
	if (is_in_key(report))
		return true;
	if (bm_increment_mode(report) != BM_MODE_WHOLE || report->bucket != NULL)
		return false;
	select = bm_select_read(report);
	for (int i = 0; i < select->desc->natts; i++)
		if (strcmp(NameStr(TupleDescAttr(select->desc, i)->attname),
				   report->retention_column) == 0)
			return true;
	return false;
}

/*
 * At the end of a run; says how many rows went. Where rows of before the same limit have gone, and the run has written
 * none of before it, there is nothing to look for.
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
