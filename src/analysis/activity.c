/*
 * activity.c
 *	  In which periods of a calendar subjects were active, and what follows from it: what
 *	  active_users(), lifecycle(), stickiness() and trend(), of subjects, make their tables of.
 *
 * A day of activity counts from that day until 7 (30) days later or the subject's next active day,
 * whichever comes first: so the subjects of each window are a running sum of what is counted here,
 * and no day is counted over again for each window that it is in.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "analysis/activity.h"

enum
{
	NEW,
	RETURNING,
	RESURRECTING,
	DORMANT
};

enum
{
	DAILY,
	WEEKLY,
	MONTHLY
};

typedef struct State
{
	const BmActivityQuery *query;
	BmCalendar *calendar;
	int64 *figure; /* of each period as many as there are */
	int64 *active; /* the subject's periods, ascending, counted from the first one */
	uint32 count;
	uint32 room;
} State;

static void *
begin(const void *parameters)
{
	State *state = palloc0(sizeof(State));
	const BmActivityQuery *query = parameters;

	state->query = query;
	state->calendar = bm_calendar_create(query->unit, query->timezone);
	state->figure = MemoryContextAllocExtended(
		CurrentMemoryContext, (Size) query->periods * query->figures * sizeof(int64),
		MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	state->room = 64;
	state->active = palloc(state->room * sizeof(int64));
	return state;
}

/* What is behind the last period is of no interest. */
static inline void
count(State *state, int64 period, int figure, int by)
{
	const BmActivityQuery *query = state->query;

	if (period < query->periods)
		state->figure[period * query->figures + figure] += by;
}

static int
compare_periods(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* Each period once. Only a clock that is set back over midnight brings them out of order. */
static void
collect_periods(State *state, const BmSubject *subject)
{
	bool is_ascending = true;
	uint32 different = 0;

	state->count = 0;
	for (uint32 i = 0; i < subject->count; i++)
	{
		int64 local = bm_calendar_local(state->calendar, subject->moments[i].time);
		int64 period =
			bm_calendar_bucket(state->query->unit, local) - state->query->first;

		if (state->count > 0 && period == state->active[state->count - 1])
			continue;
		if (state->count == state->room)
		{
			state->room *= 2;
			state->active =
				repalloc_huge(state->active, (Size) state->room * sizeof(int64));
		}
		is_ascending &= state->count == 0 || period > state->active[state->count - 1];
		state->active[state->count++] = period;
	}
	if (is_ascending)
		return;
	qsort(state->active, state->count, sizeof(int64), compare_periods);
	for (uint32 i = 0; i < state->count; i++)
		if (i == 0 || state->active[i] != state->active[i - 1])
			state->active[different++] = state->active[i];
	state->count = different;
}

static void
count_days(State *state)
{
	for (uint32 i = 0; i < state->count; i++)
	{
		int64 day = state->active[i];
		int64 next = i + 1 < state->count ? state->active[i + 1] : PG_INT64_MAX;

		if (day < 0)
			continue;
		count(state, day, DAILY, 1);
		count(state, day, WEEKLY, 1);
		count(state, day, MONTHLY, 1);
		count(state, Min(next, day + BM_ACTIVITY_WEEK), WEEKLY, -1);
		count(state, Min(next, day + BM_ACTIVITY_MONTH), MONTHLY, -1);
	}
}

static void
count_subjects(State *state)
{
	for (uint32 i = 0; i < state->count; i++)
		if (state->active[i] >= 0)
			count(state, state->active[i], 0, 1);
}

static void
count_statuses(State *state)
{
	for (uint32 i = 0; i < state->count; i++)
	{
		int64 period = state->active[i];

		if (period < 0)
			continue;
		if (i == 0)
			count(state, period, NEW, 1);
		else if (state->active[i - 1] == period - 1)
			count(state, period, RETURNING, 1);
		else
			count(state, period, RESURRECTING, 1);
		if (i + 1 == state->count || state->active[i + 1] != period + 1)
			count(state, period + 1, DORMANT, 1);
	}
}

static void
visit(void *arg, const BmSubject *subject, StringInfo result)
{
	State *state = arg;

	collect_periods(state, subject);
	switch (state->query->kind)
	{
		case BM_ACTIVITY_ACTIVE:
			count_days(state);
			break;
		case BM_ACTIVITY_LIFECYCLE:
			count_statuses(state);
			break;
		case BM_ACTIVITY_STICKINESS:
			count(state, (int64) state->count - 1, 0, 1);
			break;
		case BM_ACTIVITY_SUBJECTS:
			count_subjects(state);
			break;
	}
}

static void
end(void *arg, StringInfo result)
{
	State *state = arg;
	const BmActivityQuery *query = state->query;

	for (int32 i = 0; i < query->periods; i++)
	{
		BmActivityCounts counts = {.period = i};
		bool is_zero = true;

		for (int j = 0; j < query->figures; j++)
		{
			counts.figure[j] = state->figure[(Size) i * query->figures + j];
			is_zero &= counts.figure[j] == 0;
		}
		if (!is_zero)
			appendBinaryStringInfo(result, (char *) &counts, sizeof(counts));
	}
}

const BmAnalysis bm_activity_analysis = {begin, visit, end};
