/*
 * Whole buckets in a report's time zone.
 *
 * A bucket is of one unit. Months and years count from January 2000, days from a Monday (so
 * that seven are a week as date_trunc has it), both in local time, so that they begin at
 * local midnight whatever daylight saving does. Hours and less are parts of a day of the offset
 * in force, so that an hour is an hour of elapsed time.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "report/bucket.h"

#define MONDAY (POSTGRES_EPOCH_JDATE + 2) /* 2000-01-03 */

/* What is wrong with this bucket, or NULL. */
const char *
bm_bucket_problem(const Interval *bucket)
{
	int units = (bucket->month != 0) + (bucket->day != 0) + (bucket->time != 0);

	if (bucket->month < 0 || bucket->day < 0 || bucket->time < 0 || units == 0)
		return "it must be positive";
	if (units > 1)
		return "it must be of one unit: hours, days, weeks, months or years";
	if (bucket->month > 12 * 100 || bucket->day > 366)
		return "it is too long";
	if (bucket->time != 0 &&
		(bucket->time < USECS_PER_MINUTE || USECS_PER_DAY % bucket->time != 0))
		return "minutes and hours must divide a day";
	return NULL;
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static void
local_date(TimestampTz at, pg_tz *zone, struct pg_tm *tm, int *offset)
{
	fsec_t fsec;

	if (timestamp2tm(at, offset, tm, &fsec, NULL, zone) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
}

/* The instant at which a local day begins. */
static TimestampTz
midnight(int year, int month, int day, pg_tz *zone)
{
	struct pg_tm tm = {0};
	TimestampTz result;
	int offset;

	tm.tm_year = year;
	tm.tm_mon = month;
	tm.tm_mday = day;
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &offset, &result) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
	return result;
}

static TimestampTz
month_start(int64 months_since_2000, pg_tz *zone)
{
	int64 year = floor_div(months_since_2000, 12);

	return midnight((int) (2000 + year), (int) (months_since_2000 - year * 12) + 1, 1,
					zone);
}

static TimestampTz
julian_start(int64 julian, pg_tz *zone)
{
	int year;
	int month;
	int day;

	j2date((int) julian, &year, &month, &day);
	return midnight(year, month, day, zone);
}

/* The bucket that holds an instant. */
BmWindow
bm_bucket_of(const Interval *bucket, pg_tz *zone, TimestampTz at)
{
	BmWindow window;
	struct pg_tm tm;
	int offset;
	int64 n;

	local_date(at, zone, &tm, &offset);
	if (bucket->month != 0)
	{
		n = floor_div((int64) (tm.tm_year - 2000) * 12 + tm.tm_mon - 1, bucket->month);
		window.start = month_start(n * bucket->month, zone);
		window.end = month_start((n + 1) * bucket->month, zone);
	}
	else if (bucket->day != 0)
	{
		n = floor_div(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - MONDAY, bucket->day);
		window.start = julian_start(MONDAY + n * bucket->day, zone);
		window.end = julian_start(MONDAY + (n + 1) * bucket->day, zone);
	}
	else
	{
		int64 shift = -(int64) offset * USECS_PER_SEC; /* offset is west of UTC here */

		window.start = floor_div(at + shift, bucket->time) * bucket->time - shift;
		window.end = window.start + bucket->time;
	}
	return window;
}

/* From the oldest bucket that the lookback touches to the end of the current one. */
BmWindow
bm_bucket_window(const Interval *bucket, const Interval *lookback, pg_tz *zone,
				 TimestampTz now)
{
	BmWindow current = bm_bucket_of(bucket, zone, now);
	TimestampTz oldest = DatumGetTimestampTz(
		DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now),
							IntervalPGetDatum(lookback != NULL ? lookback : bucket)));

	current.start = bm_bucket_of(bucket, zone, oldest).start;
	return current;
}
