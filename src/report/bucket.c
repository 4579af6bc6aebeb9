/*
 * Whole buckets in a report's time zone.
 *
 * A bucket is of one unit. Months and years count from January 2000, days from a Monday (so
 * that seven are a week as date_trunc has it), hours and minutes from midnight: all in local time,
 * whatever daylight saving does to it. A bucket begins at the first instant of its local time.
 * Where a local time comes twice, it holds both: what a query groups by local time is never cut.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "report/bucket.h"

#define MONDAY (2 * USECS_PER_DAY) /* 2000-01-03 */

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

/* What is wrong with this lookback, timeout or backoff, or NULL. */
const char *
bm_duration_problem(const Interval *duration)
{
	int64 days =
		duration->day + (int64) duration->month * 30 + duration->time / USECS_PER_DAY;

	if (days < 0 || duration->day < 0 || duration->month < 0 || duration->time < 0)
		return "it must not be negative";
	if (days > 366 * 100)
		return "it is too long";
	return NULL;
}

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

static void
out_of_range(void)
{
	ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("timestamp out of range")));
}

/* Seconds west of UTC in force. */
static int
offset_at(TimestampTz at, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t fsec;
	int offset;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
		out_of_range();
	return offset;
}

/* Local time as microseconds since 2000-01-01 00:00 local. */
static int64
to_local(TimestampTz at, pg_tz *zone)
{
	return at - (int64) offset_at(at, zone) * USECS_PER_SEC;
}

/* The first instant of a local time; of one that is skipped, the first after the gap. */
static TimestampTz
from_local(int64 local, pg_tz *zone)
{
	/* What was in force a day before and is a day after: a change in between makes two answers. */
	TimestampTz early =
		local + (int64) offset_at(local - USECS_PER_DAY, zone) * USECS_PER_SEC;
	TimestampTz late =
		local + (int64) offset_at(local + USECS_PER_DAY, zone) * USECS_PER_SEC;
	TimestampTz first = Min(early, late);
	TimestampTz last = Max(early, late);

	if (to_local(first, zone) == local)
		return first;
	if (to_local(last, zone) == local)
		return last;
	/* Skipped: the change is between the two. Local time before it is less than asked for. */
	while (last - first > 1)
	{
		TimestampTz middle = first + (last - first) / 2;

		if (to_local(middle, zone) < local)
			first = middle;
		else
			last = middle;
	}
	return last;
}

static int64
month_start(int64 months_since_2000)
{
	int64 year = floor_div(months_since_2000, 12);

	return (int64) (date2j((int) (2000 + year), (int) (months_since_2000 - year * 12) + 1,
						   1) -
					POSTGRES_EPOCH_JDATE) *
		   USECS_PER_DAY;
}

/* The bucket that holds a local time, in local time. */
static void
local_bucket(const Interval *bucket, int64 local, int64 *start, int64 *end)
{
	if (bucket->month != 0)
	{
		int year;
		int month;
		int day;
		int64 n;

		j2date((int) floor_div(local, USECS_PER_DAY) + POSTGRES_EPOCH_JDATE, &year,
			   &month, &day);
		n = floor_div((int64) (year - 2000) * 12 + month - 1, bucket->month);
		*start = month_start(n * bucket->month);
		*end = month_start((n + 1) * bucket->month);
	}
	else
	{
		int64 width = bucket->time + bucket->day * USECS_PER_DAY;
		int64 origin = bucket->day != 0 ? MONDAY : 0;

		*start = floor_div(local - origin, width) * width + origin;
		*end = *start + width;
	}
}

/* Makes a bucket one with those that hold local times, if it is among them. */
static void
join(const Interval *bucket, int64 first, int64 last, int64 *start, int64 *end)
{
	int64 from;
	int64 to;
	int64 unused;

	local_bucket(bucket, first, &from, &unused);
	local_bucket(bucket, last, &unused, &to);
	if (*start >= to || *end <= from)
		return;
	*start = Min(*start, from);
	*end = Max(*end, to);
}

/*
 * Clocks that go back: local times come twice, and those that are in different buckets are not next to each other; these
 * buckets are one.
 */
static void
join_repeated(const Interval *bucket, int64 first, int64 last, int64 *start, int64 *end)
{
	join(bucket, first, last - 1, start, end);
}

/*
 * Clocks that go forward to the middle of an hour: date_trunc() gives its beginning as it were by the clocks of after, which
 * is in the hour before.
 */
static void
join_skipped(const Interval *bucket, int64 first, int64 last, int64 *start, int64 *end)
{
	int64 hour;
	int64 unused;

	local_bucket(bucket, last, &hour, &unused);
	if (bucket->time > 0 && bucket->time <= USECS_PER_HOUR && hour != last)
		join(bucket, hour - (last - first), last, start, end);
}

/* A bucket, in local time, with those that the changes of the clocks beside it, or in it, make one with it. */
static void
join_at_changes(const Interval *bucket, pg_tz *zone, int64 *start, int64 *end)
{
	pg_time_t at = timestamptz_to_time_t(from_local(*start, zone) - USECS_PER_DAY);
	pg_time_t until = timestamptz_to_time_t(from_local(*end, zone) + USECS_PER_DAY);
	pg_time_t change;
	long before;
	long after;
	int is_dst_before;
	int is_dst_after;

	while (pg_next_dst_boundary(&at, &before, &is_dst_before, &change, &after,
								&is_dst_after, zone) == 1 &&
		   change < until)
	{
		int64 by_before = time_t_to_timestamptz(change) + before * USECS_PER_SEC;
		int64 by_after = time_t_to_timestamptz(change) + after * USECS_PER_SEC;

		if (by_after < by_before)
			join_repeated(bucket, by_after, by_before, start, end);
		else if (by_after > by_before)
			join_skipped(bucket, by_before, by_after, start, end);
		at = change;
	}
}

/* The bucket that holds an instant. */
BmWindow
bm_bucket_of(const Interval *bucket, pg_tz *zone, TimestampTz at)
{
	BmWindow window;
	int64 start;
	int64 end;

	local_bucket(bucket, to_local(at, zone), &start, &end);
	join_at_changes(bucket, zone, &start, &end);
	window.start = from_local(start, zone);
	window.end = from_local(end, zone);
	return window;
}

/* From the oldest bucket that the lookback touches to the end of the current one. */
BmWindow
bm_bucket_window(const Interval *bucket, const Interval *lookback, pg_tz *zone,
				 TimestampTz now)
{
	BmWindow current = bm_bucket_of(bucket, zone, now);
	int64 oldest = DatumGetTimestamp(
		DirectFunctionCall2(timestamp_mi_interval, TimestampGetDatum(to_local(now, zone)),
							IntervalPGetDatum(lookback != NULL ? lookback : bucket)));

	current.start = bm_bucket_of(bucket, zone, from_local(oldest, zone)).start;
	return current;
}
