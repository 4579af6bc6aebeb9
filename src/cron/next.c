/*
 * next.c
 *	  When a schedule fires next.
 *
 * Matches are searched in wall-clock time: seconds since 1970 as if the local
 * time were UTC.  There the calendar is regular, and whole months, days and
 * hours are skipped at once.  Wall-clock times are then mapped to instants.
 *
 * All that is known of the zone is its offset at any one instant.  Time is cut
 * into cells on a fixed grid; the zone is asked for the offset at both ends of
 * a cell, and if they differ the change between them is found by bisection.
 * This sees every change as long as none is followed by another in the same
 * cell; in the tz database there are days between them.  As the grid does not
 * depend on where a search begins, answers are consistent with each other
 * even for a zone that breaks this rule.
 */
#include "cron/cron.h"

#define MINUTE 60
#define DAY (24 * 60 * 60)
#define MINUTES_PER_DAY (24 * 60)

/* About a million years: nothing below can overflow within. */
#define MAX_INSTANT (INT64_C(1) << 45)

/*
 * The longest wait for a day is that for a February 29 on a given weekday,
 * 40 years across a year such as 2100.
 */
#define HORIZON_MONTHS (41 * 12)

/*
 * A zone may skip each match of a wildcard schedule.  Real zones do so for
 * some yearly ones, at 16 cells each; give up before a search gets slow.
 */
#define MAX_CELLS 2048

#define CELL (6 * 60 * 60)
#define MAX_OFFSET (2 * DAY) /* larger offsets are taken for this one */

typedef struct Zone
{
	BmCronUtcOffset offset;
	void *arg;
} Zone;

/* A time with a constant offset: start <= instant < end. */
typedef struct Piece
{
	int64_t start;
	int64_t end;
	int64_t offset;
} Piece;

/* Calendar */

static int64_t
floor_div(int64_t dividend, int64_t divisor)
{
	int64_t quotient = dividend / divisor;

	return dividend % divisor < 0 ? quotient - 1 : quotient;
}

/* Position of the lowest bit; the set must not be empty. */
static int
lowest_bit(uint64_t set)
{
	int bit = 0;

	while ((set & 1) == 0)
	{
		set >>= 1;
		bit++;
	}
	return bit;
}

/*
 * Days from 1970-01-01 to a date in the proleptic Gregorian calendar.  Years
 * are counted from March, so that the leap day is the last of its year.
 */
static int64_t
date_to_day(int64_t year, int month, int date)
{
	int64_t y = month > 2 ? year : year - 1;
	int m = month > 2 ? month - 3 : month + 9;

	return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) +
		   (153 * m + 2) / 5 + date - 1 - 719468;
}

static void
day_to_date(int64_t day, int64_t *year, int *month, int *date)
{
	int64_t days = day + 719468;		   /* since 0000-03-01 */
	int64_t era = floor_div(days, 146097); /* of 400 years */
	int d = (int) (days - era * 146097);
	int y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int m;

	d -= 365 * y + y / 4 - y / 100;
	m = (5 * d + 2) / 153;
	*date = d - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = era * 400 + y + (*month <= 2 ? 1 : 0);
}

/* The dates in a month of some occurrences of a weekday. */
static uint32_t
weekday_dates(uint8_t occurrences, int first, int length)
{
	uint32_t dates = 0;
	int n = 1;

	if (occurrences == 0)
		return 0;
	for (int date = first; date <= length; date += 7, n++)
	{
		bool last = date + 7 > length;

		if ((occurrences & (1 << n)) || (last && (occurrences & (1 << BM_CRON_LAST))))
			dates |= UINT32_C(1) << date;
	}
	return dates;
}

/* The dates in a month that match the two day fields. */
static uint32_t
matching_dates(const BmCron *cron, int64_t year, int month)
{
	int64_t first = date_to_day(year, month, 1);
	int64_t next = date_to_day(month < 12 ? year : year + 1, month % 12 + 1, 1);
	int length = (int) (next - first);
	int weekday = (int) (first + 4 - 7 * floor_div(first + 4, 7));
	uint32_t by_date;
	uint32_t by_weekday = 0;

	by_date = cron->dates & (((UINT32_C(1) << length) - 1) << 1);
	if (cron->dates & (UINT32_C(1) << BM_CRON_LAST))
		by_date |= UINT32_C(1) << length;
	for (int i = 0; i < 7; i++)
		by_weekday |= weekday_dates(cron->weekdays[i], 1 + (i - weekday + 7) % 7, length);
	return cron->match_both ? by_date & by_weekday : by_date | by_weekday;
}

/* The first matching day from "day" on. */
static bool
next_day(const BmCron *cron, int64_t day, int64_t *match)
{
	int64_t year;
	int month;
	int date;

	day_to_date(day, &year, &month, &date);
	for (int i = 0; i < HORIZON_MONTHS; i++)
	{
		if (cron->months & (UINT32_C(1) << month))
		{
			uint32_t dates = matching_dates(cron, year, month);

			dates &= UINT32_MAX << date;
			if (dates != 0)
			{
				*match = date_to_day(year, month, lowest_bit(dates));
				return true;
			}
		}
		date = 1;
		if (++month > 12)
		{
			month = 1;
			year++;
		}
	}
	return false;
}

/* The first matching minute of a day, from "minute" on. */
static bool
next_minute(const BmCron *cron, int minute, int *match)
{
	int hour = minute / 60;
	uint64_t minutes = cron->minutes & (UINT64_MAX << minute % 60);
	uint32_t hours = cron->hours & (UINT32_MAX << hour);

	/* Nothing is left of this hour? */
	if (minutes == 0)
		hours &= ~(UINT32_C(1) << hour);
	if (hours == 0)
		return false;
	if ((hours & (UINT32_C(1) << hour)) == 0)
	{
		hour = lowest_bit(hours);
		minutes = cron->minutes;
	}
	*match = hour * 60 + lowest_bit(minutes);
	return true;
}

/* The first matching wall-clock time from "wall" on. */
static bool
next_match(const BmCron *cron, int64_t wall, int64_t *match)
{
	int64_t minutes = floor_div(wall + MINUTE - 1, MINUTE);
	int64_t today = floor_div(minutes, MINUTES_PER_DAY);
	int64_t day;
	int minute;

	if (!next_day(cron, today, &day))
		return false;
	if (day != today)
		minute = 0;
	else
		minute = (int) (minutes - today * MINUTES_PER_DAY);
	if (!next_minute(cron, minute, &minute))
	{
		if (!next_day(cron, today + 1, &day) || !next_minute(cron, 0, &minute))
			return false;
	}
	*match = (day * MINUTES_PER_DAY + minute) * MINUTE;
	return true;
}

/* Zone */

static int64_t
offset_at(const Zone *zone, int64_t instant)
{
	int32_t offset = zone->offset(instant, zone->arg);

	if (offset > MAX_OFFSET)
		return MAX_OFFSET;
	return offset < -MAX_OFFSET ? -MAX_OFFSET : offset;
}

/* A cell is two pieces, the second of them empty if the offset stays. */
static void
get_cell(const Zone *zone, int64_t cell, Piece pieces[2])
{
	int64_t start = cell * CELL;
	int64_t end = start + CELL;
	int64_t before = offset_at(zone, start);
	int64_t after = offset_at(zone, end);
	int64_t change = end;

	if (before != after)
	{
		int64_t same = start;

		while (change - same > 1)
		{
			int64_t middle = same + (change - same) / 2;

			if (offset_at(zone, middle) == before)
				same = middle;
			else
				change = middle;
		}
	}
	pieces[0].start = start;
	pieces[0].end = change;
	pieces[0].offset = before;
	pieces[1].start = change;
	pieces[1].end = end;
	pieces[1].offset = after;
}

/* The latest wall-clock time that has been reached at an instant or before. */
static int64_t
latest_wall(const Zone *zone, int64_t instant)
{
	int64_t latest = instant - MAX_OFFSET;
	int64_t last = floor_div(instant, CELL);

	/* What was earlier than this cannot have been later on the clock. */
	for (int64_t cell = floor_div(instant - 2 * MAX_OFFSET, CELL); cell <= last; cell++)
	{
		Piece pieces[2];

		get_cell(zone, cell, pieces);
		for (int i = 0; i < 2; i++)
		{
			int64_t end = pieces[i].end - 1;

			if (end > instant)
				end = instant;
			if (end >= pieces[i].start && end + pieces[i].offset > latest)
				latest = end + pieces[i].offset;
		}
	}
	return latest;
}

/*
 * The first instant at which the wall clock has reached a time.  In an overlap
 * this is the first occurrence, for a time in a gap the end of the gap.
 */
static int64_t
first_instant(const Zone *zone, int64_t wall)
{
	for (int64_t cell = floor_div(wall - MAX_OFFSET, CELL);; cell++)
	{
		Piece pieces[2];

		get_cell(zone, cell, pieces);
		for (int i = 0; i < 2; i++)
		{
			const Piece *piece = &pieces[i];

			if (piece->end > piece->start && piece->end - 1 + piece->offset >= wall)
				return piece->start + piece->offset >= wall ? piece->start
															: wall - piece->offset;
		}
	}
}

/* Fires */

static int64_t
next_interval(int64_t interval, int64_t after)
{
	return (floor_div(after, interval) + 1) * interval;
}

/*
 * A wall-clock time has its fire in the future just if the clock has not yet
 * reached it.  So all times in one gap are over with the gap, and so is an
 * overlap after its first pass.
 */
static bool
next_fixed(const BmCron *cron, int64_t after, const Zone *zone, int64_t *next)
{
	int64_t wall;

	if (!next_match(cron, latest_wall(zone, after) + 1, &wall))
		return false;
	*next = first_instant(zone, wall);
	return true;
}

static bool
next_wildcard(const BmCron *cron, int64_t after, const Zone *zone, int64_t *next)
{
	int64_t from = after + 1;

	for (int n = 0; n < MAX_CELLS; n++)
	{
		Piece pieces[2];
		int64_t wall;

		/* Skip the time in which the clock cannot show any match. */
		if (!next_match(cron, from - MAX_OFFSET, &wall))
			return false;
		if (from < wall - MAX_OFFSET)
			from = wall - MAX_OFFSET;

		get_cell(zone, floor_div(from, CELL), pieces);
		for (int i = 0; i < 2; i++)
		{
			const Piece *piece = &pieces[i];

			if (from < piece->start)
				from = piece->start;
			if (from < piece->end && next_match(cron, from + piece->offset, &wall) &&
				wall < piece->end + piece->offset)
			{
				*next = wall - piece->offset;
				return true;
			}
		}
		from = pieces[1].end;
	}
	return false;
}

bool
bm_cron_next(const BmCron *cron, int64_t after, BmCronUtcOffset offset, void *zone,
			 int64_t *next)
{
	const Zone z = {offset, zone};

	if (after >= MAX_INSTANT)
		return false;
	if (after < -MAX_INSTANT)
		after = -MAX_INSTANT;

	if (cron->interval > 0)
	{
		*next = next_interval(cron->interval, after);
		return true;
	}
	return cron->wildcard ? next_wildcard(cron, after, &z, next)
						  : next_fixed(cron, after, &z, next);
}

void
bm_cron_match_all_days(BmCron *cron)
{
	cron->match_both = true;
}

bool
bm_cron_never_fires(const BmCron *cron)
{
	if (cron->interval > 0)
		return false;

	/* These years are all kinds of years, by length and first weekday. */
	for (int year = 2000; year < 2028; year++)
	{
		for (int month = 1; month <= 12; month++)
		{
			if ((cron->months & (UINT32_C(1) << month)) &&
				matching_dates(cron, year, month) != 0)
				return false;
		}
	}
	return true;
}
