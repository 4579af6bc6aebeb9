/*
 * calendar.h
 *	  Which day, week, month, quarter or year of a time zone an instant is in.
 */
#ifndef BM_ANALYSIS_CALENDAR_H
#define BM_ANALYSIS_CALENDAR_H

#include "fmgr.h"
#include "utils/timestamp.h"

typedef enum BmCalendarUnit
{
	BM_CALENDAR_DAY,
	BM_CALENDAR_WEEK, /* from Monday */
	BM_CALENDAR_MONTH,
	BM_CALENDAR_QUARTER,
	BM_CALENDAR_YEAR
} BmCalendarUnit;

/* Local time is AT TIME ZONE's; offsets are those that it adds. A zone is its name, a text. */

extern int64 bm_calendar_offset(Datum zone, TimestampTz at);

/* The first instant at which the offset is not what it was; "limit" or later where there is none. */
extern TimestampTz bm_calendar_offset_end(Datum zone, TimestampTz at, int64 offset,
										  TimestampTz limit);

/* The number of the period that a local time is in: they rise by 1. */
extern int64 bm_calendar_bucket(BmCalendarUnit unit, int64 local);

/* Its first day, as a DateADT. */
extern int64 bm_calendar_first_day(BmCalendarUnit unit, int64 bucket);

/* For many instants in no order: remembers the offsets of windows of some hours. */

#define BM_CALENDAR_WINDOW_BITS 35 /* of an instant: nine and a half hours */
#define BM_CALENDAR_WINDOWS 4096   /* four years and a half; a power of two */

typedef struct BmCalendarWindow
{
	int64 number;
	TimestampTz change; /* from here on the offset is "after" */
	int64 before;
	int64 after;
} BmCalendarWindow;

typedef struct BmCalendar
{
	BmCalendarUnit unit;
	Datum zone;
	BmCalendarWindow window[BM_CALENDAR_WINDOWS];
} BmCalendar;

/* In the current context. Raises 22023 where there is no such zone. */
extern BmCalendar *bm_calendar_create(BmCalendarUnit unit, const char *timezone);

extern void bm_calendar_look_up(BmCalendar *calendar, BmCalendarWindow *window,
								int64 number);

/* The local time of an instant. */
static inline int64
bm_calendar_local(BmCalendar *calendar, TimestampTz at)
{
	int64 number = at >> BM_CALENDAR_WINDOW_BITS;
	BmCalendarWindow *window = &calendar->window[number & (BM_CALENDAR_WINDOWS - 1)];

	if (unlikely(window->number != number))
		bm_calendar_look_up(calendar, window, number);
	return at + (at < window->change ? window->before : window->after);
}

#endif
