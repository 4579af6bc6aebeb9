/*
 * sessionize.c
 *	  sessionize(): numbers the sessions of a partition, in the window's order.
 */
#include "postgres.h"

#include "windowapi.h"

#include "agg/argument.h"
#include "agg/moment.h"

/* Of a partition, zero at its beginning. */
typedef struct Sessions
{
	int64 number;
	TimestampTz last;
} Sessions;

PG_FUNCTION_INFO_V1(bizmetrics_sessionize);

Datum
bizmetrics_sessionize(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	Sessions *sessions = WinGetPartitionLocalMemory(window, sizeof(Sessions));
	TimestampTz time;
	uint64 distance;
	uint64 gap;
	Datum value;
	bool isnull;

	value = WinGetFuncArgCurrent(window, 1, &isnull);
	gap = bm_interval_microseconds(value, isnull, "gap");
	time = DatumGetTimestampTz(WinGetFuncArgCurrent(window, 0, &isnull));
	if (isnull)
		PG_RETURN_NULL();

	/* Also where the window's order is from the latest to the earliest. */
	distance = time > sessions->last ? bm_moment_distance(sessions->last, time)
									 : bm_moment_distance(time, sessions->last);
	if (sessions->number == 0 || distance > gap)
		sessions->number++;
	sessions->last = time;
	PG_RETURN_INT64(sessions->number);
}
