/* When a report's schedule fires, in its time zone. */
#ifndef BM_REPORT_SCHEDULE_H
#define BM_REPORT_SCHEDULE_H

#include "datatype/timestamp.h"
#include "pgtime.h"

extern pg_tz *bm_timezone_find(const char *name);
extern void bm_schedule_check(const char *schedule);
extern bool bm_schedule_next(const char *schedule, const char *timezone,
							 TimestampTz after, TimestampTz *next);
extern TimestampTz bm_schedule_latest(const char *schedule, const char *timezone,
									  TimestampTz slot, TimestampTz now);

#endif
