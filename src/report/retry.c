/* When a failed attempt is tried again. Pure. */
#include "postgres.h"

#include "report/retry.h"

/* Spread, so that reports that failed together do not come back together. */
#define JITTER 0.1

/*
 * Errors that another try cannot mend: bad SQL or no permission (42), a feature that is not
 * supported (0A), a missing database or schema (3D, 3F).
 */
bool
bm_retry_is_permanent(int sqlerrcode)
{
	int category = ERRCODE_TO_CATEGORY(sqlerrcode);

	return category == MAKE_SQLSTATE('4', '2', '0', '0', '0') ||
		   category == MAKE_SQLSTATE('0', 'A', '0', '0', '0') ||
		   category == MAKE_SQLSTATE('3', 'D', '0', '0', '0') ||
		   category == MAKE_SQLSTATE('3', 'F', '0', '0', '0');
}

/*
 * Errors that pass by themselves: a conflict with another transaction, a lock that could not be had,
 * resources (53), a server or a connection that went away (57P0x, 08), the system's (58).
 */
bool
bm_retry_is_transient(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_T_R_SERIALIZATION_FAILURE:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_LOCK_NOT_AVAILABLE:
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_CANNOT_CONNECT_NOW:
			return true;
	}
	return ERRCODE_TO_CATEGORY(sqlerrcode) == MAKE_SQLSTATE('5', '3', '0', '0', '0') ||
		   ERRCODE_TO_CATEGORY(sqlerrcode) == MAKE_SQLSTATE('0', '8', '0', '0', '0') ||
		   ERRCODE_TO_CATEGORY(sqlerrcode) == MAKE_SQLSTATE('5', '8', '0', '0', '0');
}

/*
 * Errors that one row may cause while others are all right: data (22), constraints (21, 23, 44), what a function raises
 * (38, 39, P0), a limit (54). Not 22000, which is ours, of a query that never fits its buckets.
 */
bool
bm_retry_is_of_data(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case MAKE_SQLSTATE('2', '1', '0', '0', '0'):
		case MAKE_SQLSTATE('2', '2', '0', '0', '0'):
		case MAKE_SQLSTATE('2', '3', '0', '0', '0'):
		case MAKE_SQLSTATE('3', '8', '0', '0', '0'):
		case MAKE_SQLSTATE('3', '9', '0', '0', '0'):
		case MAKE_SQLSTATE('4', '4', '0', '0', '0'):
		case MAKE_SQLSTATE('5', '4', '0', '0', '0'):
		case MAKE_SQLSTATE('P', '0', '0', '0', '0'):
			return sqlerrcode != ERRCODE_DATA_EXCEPTION;
	}
	return false;
}

/*
 * Microseconds to wait after a failed attempt (from 1): the list's item for it, the last one
 * repeating, give or take a tenth; random is in [0, 1).
 */
int64
bm_retry_delay(const int64 *backoff, int length, int attempt, double random)
{
	int64 delay = backoff[Min(attempt, length) - 1];

	return delay + (int64) (delay * JITTER * (2 * random - 1));
}
