/* The clock that schedules and runs go by. */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"

TimestampTz
bm_clock_now(void)
{
	static BmClock *replacement = NULL;

	if (replacement == NULL)
		replacement = (BmClock *) find_rendezvous_variable(BM_CLOCK_RENDEZVOUS);
	return *replacement != NULL ? (*replacement)() : GetCurrentTimestamp();
}
