/*
 * cohort_calendar.c
 *	  The periods that cohorts are counted in, as spans of time.
 *
 * What local time is is asked of AT TIME ZONE itself, twice a day, so that every name that it knows
 * means here what it means there; where the answer changes, the instant is searched for. Then days,
 * weeks and months are arithmetic, and a clock that is set back over midnight only makes more spans.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"

#include "analysis/cohort.h"

#define STEP (12 * USECS_PER_HOUR)
#define MONDAY 2 /* 2000-01-03, in days since 2000-01-01 */

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

/* How much later local time is. */
static int64
offset_at(Datum zone, TimestampTz at)
{
	return DatumGetTimestamp(
			   DirectFunctionCall2(timestamptz_zone, zone, TimestampTzGetDatum(at))) -
		   at;
}

/* The first instant at which the offset is not what it was; "limit" or later where there is none. */
static TimestampTz
offset_end(Datum zone, TimestampTz at, int64 offset, TimestampTz limit)
{
	TimestampTz low = at;
	TimestampTz high = at;

	do
	{
		low = high;
		high += STEP;
	} while (low < limit && offset_at(zone, high) == offset);
	if (low >= limit)
		return low;
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		if (offset_at(zone, middle) == offset)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* The number of the period that a local time is in. */
static int64
bucket_of(BmCohortUnit unit, int64 local)
{
	int64 day = floor_div(local, USECS_PER_DAY);
	int year;
	int month;
	int mday;

	if (unit == BM_COHORT_DAY)
		return day;
	if (unit == BM_COHORT_WEEK)
		return floor_div(day - MONDAY, 7);
	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return (int64) year * 12 + month - 1;
}

/* Its first day. */
static int64
first_day(BmCohortUnit unit, int64 bucket)
{
	int64 year;

	if (unit == BM_COHORT_DAY)
		return bucket;
	if (unit == BM_COHORT_WEEK)
		return bucket * 7 + MONDAY;
	year = floor_div(bucket, 12);
	return (int64) date2j((int) year, (int) (bucket - year * 12) + 1, 1) -
		   POSTGRES_EPOCH_JDATE;
}

int32
bm_cohort_date(const BmCohortQuery *query, int32 cohort)
{
	return (int32) first_day(query->unit, (int64) query->first + cohort);
}

static BmCohortQuery *
add_span(BmCohortQuery *query, TimestampTz begin, int64 bucket)
{
	BmCohortSpan *span;

	if (query->spans > 0 && query->span[query->spans - 1].bucket == bucket)
		return query;
	/* Powers of two are full. */
	if ((query->spans & (query->spans - 1)) == 0)
		query = repalloc_huge(query, bm_cohort_query_size(Max(query->spans, 1) * 2));
	span = &query->span[query->spans++];
	span->begin = begin;
	span->bucket = (int32) bucket;
	span->unused = 0;
	return query;
}

BmCohortQuery *
bm_cohort_calendar(TimestampTz from, TimestampTz to, BmCohortUnit unit, int periods,
				   const char *timezone)
{
	Datum zone = CStringGetTextDatum(timezone);
	BmCohortQuery *query = palloc0(bm_cohort_query_size(1));
	int64 first = bucket_of(unit, from + offset_at(zone, from));
	int64 last = bucket_of(unit, to - 1 + offset_at(zone, to - 1));
	/* A period after the last one that counts, so that what is later is not in it. */
	int64 end = first_day(unit, last + periods + 2) * USECS_PER_DAY;
	TimestampTz at = from;

	query->unit = unit;
	query->from = from;
	query->to = to;
	query->periods = periods;
	query->first = (int32) first;
	while (at + offset_at(zone, at) < end)
	{
		int64 offset = offset_at(zone, at);
		TimestampTz until = offset_end(zone, at, offset, end - offset);

		while (at < until)
		{
			int64 bucket = bucket_of(unit, at + offset);
			TimestampTz next = first_day(unit, bucket + 1) * USECS_PER_DAY - offset;

			query = add_span(query, at, bucket - first);
			if (at < to)
				query->cohorts = Max(query->cohorts, (int32) (bucket - first) + 1);
			at = Min(next, until);
		}
	}
	return query;
}
