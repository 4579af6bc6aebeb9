/* When a report's schedule fires, in its time zone. */
#ifndef BM_REPORT_SCHEDULE_H
#define BM_REPORT_SCHEDULE_H

#include "datatype/timestamp.h"

/* Slots that fired. BM_NO_TIME, or DT_NOBEGIN, where there is no such one. */
typedef struct BmFired
{
	int64 count;
	TimestampTz last;
	TimestampTz last_but_one;
	TimestampTz next; /* the slot after them */
} BmFired;

extern void bm_schedule_check(const char *schedule);
extern bool bm_schedule_next(const char *schedule, const char *timezone,
							 TimestampTz after, TimestampTz *next);
extern void bm_schedule_fired(const char *schedule, const char *timezone,
							  TimestampTz first, TimestampTz until, int64 limit,
							  BmFired *fired);

#endif
