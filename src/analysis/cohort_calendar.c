/*
 * cohort_calendar.c
 *	  The periods that cohorts are counted in, as spans of time.
 *
 * A clock that is set back over midnight only makes more spans.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "analysis/cohort.h"

int32
bm_cohort_date(const BmCohortQuery *query, int32 cohort)
{
	return (int32) bm_calendar_first_day(query->unit, (int64) query->first + cohort);
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
bm_cohort_calendar(TimestampTz from, TimestampTz to, BmCalendarUnit unit, int periods,
				   const char *timezone)
{
	Datum zone = CStringGetTextDatum(timezone);
	BmCohortQuery *query = palloc0(bm_cohort_query_size(1));
	int64 first = bm_calendar_bucket(unit, from + bm_calendar_offset(zone, from));
	int64 last = bm_calendar_bucket(unit, to - 1 + bm_calendar_offset(zone, to - 1));
	/* A period after the last one that counts, so that what is later is not in it. */
	int64 end = bm_calendar_first_day(unit, last + periods + 2) * USECS_PER_DAY;
	TimestampTz at = from;

	query->unit = unit;
	query->from = from;
	query->to = to;
	query->periods = periods;
	query->first = (int32) first;
	while (at + bm_calendar_offset(zone, at) < end)
	{
		int64 offset = bm_calendar_offset(zone, at);
		TimestampTz until = bm_calendar_offset_end(zone, at, offset, end - offset);

		while (at < until)
		{
			int64 bucket = bm_calendar_bucket(unit, at + offset);
			TimestampTz next =
				bm_calendar_first_day(unit, bucket + 1) * USECS_PER_DAY - offset;

			query = add_span(query, at, bucket - first);
			if (at < to)
				query->cohorts = Max(query->cohorts, (int32) (bucket - first) + 1);
			at = Min(next, until);
		}
	}
	return query;
}
