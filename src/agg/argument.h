/*
 * argument.h
 *	  Arguments that the aggregates share: conditions, intervals, times.
 */
#ifndef BM_AGG_ARGUMENT_H
#define BM_AGG_ARGUMENT_H

#include "fmgr.h"
#include "utils/timestamp.h"

#include "base/compat.h"

/* The conditions of a call: its last arguments, or one array of them. Filled at the first call. */
typedef struct BmConditions
{
	int first;		/* argument */
	int count;		/* of the row that was read last */
	bool is_array;	/* one argument of type boolean[] */
	uint32 untyped; /* bare NULLs, a bit each */
} BmConditions;

/* argument.c */

/*
 * The conditions from this argument on, declared VARIADIC "any". Raises where there are more than
 * BM_MAX_CONDITIONS (54023) or one is not boolean (42804).
 */
extern void bm_conditions_describe(FunctionCallInfo fcinfo, int first,
								   BmConditions *conditions);

/* Bit i is set where condition i + 1 is true. */
extern uint32 bm_conditions_read(FunctionCallInfo fcinfo, BmConditions *conditions);

/*
 * Microseconds of an interval that must be neither NULL (22004) nor negative (22023), as many as
 * extract(epoch) has seconds: a day has 24 hours, a month 30 days, 12 months 365.25 days. What is
 * more than fits is the largest value. "name" is what messages call it.
 */
extern uint64 bm_interval_microseconds(Datum value, bool isnull, const char *name);

/* Raises where an argument that must be the same in all rows of a group is not (22023). */
pg_noreturn extern void bm_not_constant(const char *name);

/* A state to hand over; raises where that is too large (54000). */
extern bytea *bm_serial_alloc(Size size);

/* The context of an aggregate's states. */
extern MemoryContext bm_aggregate_context(FunctionCallInfo fcinfo);

static inline uint64
bm_interval_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	return bm_interval_microseconds(fcinfo->args[number].value, PG_ARGISNULL(number),
									name);
}

/* Neither NULL nor infinite. */
static inline bool
bm_is_time(FunctionCallInfo fcinfo, int number)
{
	return !PG_ARGISNULL(number) && !TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(number));
}

#endif
