/*
 * calendar.c
 *	  Which day, week, month, quarter or year of a time zone an instant is in.
 *
 * What local time is is asked of AT TIME ZONE itself, so that every name that it knows means here
 * what it means there: at both ends of some hours, and where the answers differ, the instant at which
 * they change is searched for. Then days, weeks and months are arithmetic. A clock that is set back
 * over midnight makes a later instant's period an earlier one.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "analysis/calendar.h"

#define STEP (12 * USECS_PER_HOUR)
#define MONDAY 2 /* 2000-01-03, in days since 2000-01-01 */
#define WINDOW_LENGTH (INT64CONST(1) << BM_CALENDAR_WINDOW_BITS)

/* The number of no window. */
#define NO_WINDOW PG_INT64_MAX

static inline int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

int64
bm_calendar_offset(Datum zone, TimestampTz at)
{
	return DatumGetTimestamp(
			   DirectFunctionCall2(timestamptz_zone, zone, TimestampTzGetDatum(at))) -
		   at;
}

TimestampTz
bm_calendar_offset_end(Datum zone, TimestampTz at, int64 offset, TimestampTz limit)
{
	TimestampTz low = at;
	TimestampTz high = at;

	do
	{
		low = high;
		high += STEP;
	} while (low < limit && bm_calendar_offset(zone, high) == offset);
	if (low >= limit)
		return low;
	while (high - low > 1)
	{
		TimestampTz middle = low + (high - low) / 2;

		if (bm_calendar_offset(zone, middle) == offset)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* Months since the year 0. */
static int64
month_of(int64 day)
{
	int year;
	int month;
	int mday;

	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return (int64) year * 12 + month - 1;
}

int64
bm_calendar_bucket(BmCalendarUnit unit, int64 local)
{
	int64 day = floor_div(local, USECS_PER_DAY);

	switch (unit)
	{
		case BM_CALENDAR_DAY:
			return day;
		case BM_CALENDAR_WEEK:
			return floor_div(day - MONDAY, 7);
		case BM_CALENDAR_MONTH:
			return month_of(day);
		case BM_CALENDAR_QUARTER:
			return floor_div(month_of(day), 3);
		default:
			return floor_div(month_of(day), 12);
	}
}

static int64
first_day_of_month(int64 month)
{
	int64 year = floor_div(month, 12);

	return (int64) date2j((int) year, (int) (month - year * 12) + 1, 1) -
		   POSTGRES_EPOCH_JDATE;
}

int64
bm_calendar_first_day(BmCalendarUnit unit, int64 bucket)
{
	switch (unit)
	{
		case BM_CALENDAR_DAY:
			return bucket;
		case BM_CALENDAR_WEEK:
			return bucket * 7 + MONDAY;
		case BM_CALENDAR_MONTH:
			return first_day_of_month(bucket);
		case BM_CALENDAR_QUARTER:
			return first_day_of_month(bucket * 3);
		default:
			return first_day_of_month(bucket * 12);
	}
}

BmCalendar *
bm_calendar_create(BmCalendarUnit unit, const char *timezone)
{
	BmCalendar *calendar = palloc(sizeof(BmCalendar));

	calendar->unit = unit;
	calendar->zone = CStringGetTextDatum(timezone);
	(void) bm_calendar_offset(calendar->zone, 0);
	for (int i = 0; i < BM_CALENDAR_WINDOWS; i++)
		calendar->window[i].number = NO_WINDOW;
	return calendar;
}

void
bm_calendar_look_up(BmCalendar *calendar, BmCalendarWindow *window, int64 number)
{
	TimestampTz begin = number * WINDOW_LENGTH;
	TimestampTz end = begin + (WINDOW_LENGTH - 1);

	window->number = number;
	window->change = PG_INT64_MAX;
	window->before = 0;
	window->after = 0;
	/* Infinity is the same everywhere. */
	if (end < MIN_TIMESTAMP || begin >= END_TIMESTAMP)
		return;
	begin = Max(begin, MIN_TIMESTAMP);
	end = Min(end, END_TIMESTAMP - 1);
	window->before = bm_calendar_offset(calendar->zone, begin);
	window->after = bm_calendar_offset(calendar->zone, end);
	if (window->after != window->before)
		window->change =
			bm_calendar_offset_end(calendar->zone, begin, window->before, end);
}
