/* When a report's schedule fires, in its time zone, and the words for what becomes of its slots. */
#ifndef BM_REPORT_SCHEDULE_H
#define BM_REPORT_SCHEDULE_H

#include "datatype/timestamp.h"

/* Of a schedule that restricts both day of month and day of week: what a day must match. */
typedef enum BmMatchDays
{
	BM_MATCH_ANY, /* one of them, as cron has it */
	BM_MATCH_ALL  /* both */
} BmMatchDays;

/* What becomes of slots that nobody could run in time. */
typedef enum BmMisfire
{
	BM_MISFIRE_ONCE, /* one run, for the latest of them */
	BM_MISFIRE_SKIP, /* likewise, unless that is later than misfire_grace */
	BM_MISFIRE_EACH	 /* each is run, the oldest first */
} BmMisfire;

/* What becomes of slots that fire while a run is under way. */
typedef enum BmOverlap
{
	BM_OVERLAP_SKIP,
	BM_OVERLAP_QUEUE_ONE
} BmOverlap;

/* Slots that fired. BM_NO_TIME, or DT_NOBEGIN, where there is no such one. */
typedef struct BmFired
{
	int64 count;
	TimestampTz last;
	TimestampTz last_but_one;
	TimestampTz next; /* the slot after them */
} BmFired;

extern const char *bm_match_days_name(BmMatchDays match_days);
extern bool bm_match_days_find(const char *name, BmMatchDays *match_days);
extern void bm_schedule_check(const char *schedule, BmMatchDays match_days);
extern bool bm_schedule_next(const char *schedule, const char *timezone,
							 BmMatchDays match_days, TimestampTz after,
							 TimestampTz *next);
extern void bm_schedule_fired(const char *schedule, const char *timezone,
							  BmMatchDays match_days, TimestampTz first,
							  TimestampTz until, int64 limit, BmFired *fired);

#endif
