/* The clock that schedules and runs go by; tests put their own in its place. */
#ifndef BM_BASE_CLOCK_H
#define BM_BASE_CLOCK_H

#include "datatype/timestamp.h"

typedef TimestampTz (*BmClock)(void);

/* A test module stores a BmClock in the rendezvous variable of this name. */
#define BM_CLOCK_RENDEZVOUS "bizmetrics_clock"

extern TimestampTz bm_clock_now(void);

#endif
