/* How the state of an alert, and a counter, go on from one look to the next. Plain C: no server. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "metric/step.h"

#define USECS_PER_MINUTE INT64_C(60000000)

static const char *const state_names[] = {"inactive", "pending", "firing", "resolved"};
static const char *const operator_names[] = {">", ">=", "<", "<=", "=", "<>"};

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

static int
find_name(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

bool
bm_alert_state_find(const char *name, BmAlertState *state)
{
	int found = find_name(state_names, LENGTH(state_names), name);

	*state = found >= 0 ? (BmAlertState) found : BM_ALERT_INACTIVE;
	return found >= 0;
}

const char *
bm_alert_state_name(BmAlertState state)
{
	return state_names[state];
}

bool
bm_alert_operator_find(const char *name, BmAlertOperator *op)
{
	int found = find_name(operator_names, LENGTH(operator_names), name);

	*op = found >= 0 ? (BmAlertOperator) found : BM_ALERT_GREATER;
	return found >= 0;
}

/* Not of NaN, whatever the operator: there is no figure to say anything of. */
bool
bm_alert_holds(BmAlertOperator op, double value, double threshold)
{
	if (isnan(value))
		return false;
	switch (op)
	{
		case BM_ALERT_GREATER:
			return value > threshold;
		case BM_ALERT_GREATER_EQUAL:
			return value >= threshold;
		case BM_ALERT_LESS:
			return value < threshold;
		case BM_ALERT_LESS_EQUAL:
			return value <= threshold;
		case BM_ALERT_EQUAL:
			return value == threshold;
		case BM_ALERT_NOT_EQUAL:
			return value != threshold;
	}
	return false;
}

/* Is the threshold that clears an alert no nearer than the one that raises it? */
bool
bm_alert_clears_later(BmAlertOperator op, double threshold, double clear)
{
	switch (op)
	{
		case BM_ALERT_GREATER:
		case BM_ALERT_GREATER_EQUAL:
			return clear <= threshold;
		case BM_ALERT_LESS:
		case BM_ALERT_LESS_EQUAL:
			return clear >= threshold;
		default:
			return clear == threshold;
	}
}

/* Looks are made at the beginning of minutes, a moment earlier or later. */
static int64_t
minutes(int64_t time)
{
	return time / USECS_PER_MINUTE - (time % USECS_PER_MINUTE < 0);
}

/*
 * The next state of an alert that has been in this one since then. An alert fires once its condition
 * held at every look for the time hold, and goes on firing until what clears it holds; between the two
 * thresholds nothing changes. Times are microseconds.
 */
BmAlertState
bm_alert_step(BmAlertState state, bool breached, bool cleared, int64_t since, int64_t now,
			  int64_t hold)
{
	switch (state)
	{
		case BM_ALERT_INACTIVE:
		case BM_ALERT_RESOLVED:
			if (!breached)
				return state;
			return hold <= 0 ? BM_ALERT_FIRING : BM_ALERT_PENDING;
		case BM_ALERT_PENDING:
			if (!breached)
				return BM_ALERT_INACTIVE;
			if ((minutes(now) - minutes(since)) * USECS_PER_MINUTE >= hold)
				return BM_ALERT_FIRING;
			return BM_ALERT_PENDING;
		case BM_ALERT_FIRING:
			return cleared ? BM_ALERT_RESOLVED : BM_ALERT_FIRING;
	}
	return BM_ALERT_INACTIVE;
}

/*
 * What a counter shows whose query said last and now says seen: what came is added. Where the query says
 * less than before, as after events were pruned, nothing is; it counts on from there.
 */
double
bm_counter_step(double stored, double last, double seen)
{
	return seen > last ? stored + (seen - last) : stored;
}
