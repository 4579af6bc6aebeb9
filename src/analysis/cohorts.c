/*
 * cohorts.c
 *	  Of those who began in each period, how many came back: what cohort_retention() counts.
 *
 * A subject's returns are an array of times in ascending order (of each segment, where there are
 * segments). A member looks at each period of the calendar that he came back in once: from the first
 * return in it the search goes on, in growing strides, to the first one behind it. So whoever has a
 * million events costs what his periods cost, and reading them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "analysis/cohort.h"
#include "analysis/cohort_table.h"

#define STARTS 1
#define RETURNS 2

typedef struct State
{
	const BmCohortQuery *query;
	BmCohortTable *table;
	int64 *time;	   /* returns, by segment and time */
	BmScanText *value; /* of each, where there are segments */
	uint32 count;
	uint32 room;
	uint64 member;		  /* counts up */
	uint64 *seen;		  /* of each period, the last member who came back in it */
	uint64 subject;		  /* counts up */
	uint64 *has_begun_in; /* of each cohort, the last subject who is in it */
} State;

/* The order of segments: bytes, and what has no value last. */
static int
compare_texts(const BmScanText *a, const BmScanText *b)
{
	int order;

	if (a->text == NULL || b->text == NULL)
		return (a->text == NULL) - (b->text == NULL);
	order = memcmp(a->text, b->text, Min(a->length, b->length));
	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static void *
begin(const void *parameters)
{
	State *state = palloc0(sizeof(State));

	state->query = parameters;
	state->table = bm_cohort_table_create(state->query->periods);
	state->seen = palloc0(state->query->periods * sizeof(uint64));
	state->has_begun_in = MemoryContextAllocExtended(
		CurrentMemoryContext, state->query->cohorts * sizeof(uint64),
		MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return state;
}

static void
reserve(State *state, uint32 count)
{
	MemoryContext context = GetMemoryChunkContext(state);

	if (count <= state->room)
		return;
	if (state->time != NULL)
		pfree(state->time);
	if (state->value != NULL)
		pfree(state->value);
	state->room = Max(count, count * 2);
	state->time = MemoryContextAllocHuge(context, (Size) state->room * sizeof(int64));
	if (state->query->segmented)
		state->value =
			MemoryContextAllocHuge(context, (Size) state->room * sizeof(BmScanText));
}

static int
compare_moments(const void *a, const void *b, void *values)
{
	const BmMoment *x = a;
	const BmMoment *y = b;
	const BmScanText *value = values;
	int order = compare_texts(&value[x->row], &value[y->row]);

	return order != 0 ? order : (x->time > y->time) - (x->time < y->time);
}

/* The moments from the anchor's time on that are returns. Those of a segment must be side by side. */
static void
collect_returns(State *state, const BmSubject *subject, uint32 first)
{
	BmMoment *moments = &subject->moments[first];
	uint32 count = subject->count - first;

	reserve(state, count);
	state->count = 0;
	if (state->query->segmented)
	{
		/* The starts have been looked at, so their order is of no more use. */
		moments = palloc_extended((Size) count * sizeof(BmMoment), MCXT_ALLOC_HUGE);
		memcpy(moments, &subject->moments[first], (Size) count * sizeof(BmMoment));
		qsort_arg(moments, count, sizeof(BmMoment), compare_moments,
				  unconstify(BmScanText *, subject->values));
	}
	for (uint32 i = 0; i < count; i++)
	{
		if ((moments[i].mask & RETURNS) == 0)
			continue;
		if (state->query->segmented)
			state->value[state->count] = subject->values[moments[i].row];
		state->time[state->count++] = moments[i].time;
	}
	if (state->query->segmented)
		pfree(moments);
}

/* The first of the returns from "low" on that is not before the time. */
static uint32
first_from(const State *state, uint32 low, uint32 high, int64 time)
{
	uint32 stride = 1;

	while (low < high && state->time[low] < time)
	{
		uint32 next = high - low > stride ? low + stride : high;

		if (next < high && state->time[next] < time)
		{
			low = next + 1;
			stride *= 2;
			continue;
		}
		/* Between the two. */
		high = next;
		low++;
		while (low < high)
		{
			uint32 middle = low + (high - low) / 2;

			if (state->time[middle] < time)
				low = middle + 1;
			else
				high = middle;
		}
		return low;
	}
	return low;
}

/* The returns of the segment: state->time[low] up to high. */
static void
find_segment(const State *state, const BmScanText *segment, uint32 *low, uint32 *high)
{
	uint32 end = state->count;

	*low = 0;
	*high = state->count;
	if (!state->query->segmented)
		return;
	while (*low < end)
	{
		uint32 middle = *low + (end - *low) / 2;

		if (compare_texts(&state->value[middle], segment) < 0)
			*low = middle + 1;
		else
			end = middle;
	}
	end = *low;
	while (end < *high)
	{
		uint32 middle = end + (*high - end) / 2;

		if (compare_texts(&state->value[middle], segment) <= 0)
			end = middle + 1;
		else
			*high = middle;
	}
}

/* The span that holds a time from query->from on. */
static int32
span_of(const BmCohortQuery *query, TimestampTz time)
{
	int32 low = 0;
	int32 high = query->spans;

	while (high - low > 1)
	{
		int32 middle = low + (high - low) / 2;

		if (query->span[middle].begin <= time)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void
count_rolling(State *state, int64 *counts, int64 anchor, uint32 low, uint32 high)
{
	const BmCohortQuery *query = state->query;

	if (query->or_after)
	{
		counts[1 + Min((state->time[high - 1] - anchor) / query->width,
					   query->periods - 1)]++;
		return;
	}
	while (low < high)
	{
		int64 index = (state->time[low] - anchor) / query->width;

		if (index >= query->periods)
			return;
		counts[1 + index]++;
		low = first_from(state, low, high, anchor + (index + 1) * query->width);
	}
}

/* A clock that is set back over midnight brings a period twice: what was counted is remembered. */
static void
count_by_calendar(State *state, int64 *counts, int32 cohort, uint32 low, uint32 high)
{
	const BmCohortQuery *query = state->query;
	int32 span = span_of(query, state->time[low]);
	int32 last = 0;

	state->member++;
	while (low < high)
	{
		int32 index;

		while (span + 1 < query->spans && query->span[span + 1].begin <= state->time[low])
			span++;
		index = query->span[span].bucket - cohort;
		if (query->or_after)
			last = Max(last, Min(index, query->periods - 1));
		else if (index > query->periods)
			break;
		else if (index < query->periods && state->seen[index] != state->member)
		{
			state->seen[index] = state->member;
			counts[1 + index]++;
		}
		if (span + 1 == query->spans)
			break;
		low = first_from(state, low, high, query->span[span + 1].begin);
	}
	if (query->or_after)
		counts[1 + last]++;
}

static void
count_member(State *state, int64 anchor, int32 cohort, const BmScanText *segment)
{
	int64 *counts = bm_cohort_table_counts(state->table, cohort, segment);
	uint32 low;
	uint32 high;

	counts[0]++;
	find_segment(state, segment, &low, &high);
	low = first_from(state, low, high, anchor);
	if (low == high)
		return;
	if (state->query->width > 0)
		count_rolling(state, counts, anchor, low, high);
	else
		count_by_calendar(state, counts, cohort, low, high);
}

/* Of the starts at one time, the first of which is given, the segment that is first in order. */
static BmScanText
segment_of(const BmCohortQuery *query, const BmSubject *subject, uint32 first)
{
	BmScanText segment = {0};

	if (!query->segmented)
		return segment;
	segment = subject->values[subject->moments[first].row];
	for (uint32 i = first + 1; i < subject->count; i++)
	{
		const BmMoment *moment = &subject->moments[i];

		if (moment->time != subject->moments[first].time)
			break;
		if ((moment->mask & STARTS) != 0 &&
			compare_texts(&subject->values[moment->row], &segment) < 0)
			segment = subject->values[moment->row];
	}
	return segment;
}

static void
visit(void *arg, const BmSubject *subject, StringInfo result)
{
	State *state = arg;
	const BmCohortQuery *query = state->query;
	bool has_returns = false;

	state->subject++;
	for (uint32 i = 0; i < subject->count; i++)
	{
		const BmMoment *moment = &subject->moments[i];
		BmScanText segment;
		int32 cohort;

		if ((moment->mask & STARTS) == 0)
			continue;
		/* The first one ever decides, or those of the range. */
		if (moment->time < query->from || moment->time >= query->to)
			break;
		cohort = query->span[span_of(query, moment->time)].bucket;
		if (state->has_begun_in[cohort] == state->subject)
			continue;
		state->has_begun_in[cohort] = state->subject;
		segment = segment_of(query, subject, i);
		if (!has_returns)
		{
			/* Returns of the same instant may come before the start. */
			uint32 first = i;

			while (first > 0 && subject->moments[first - 1].time == moment->time)
				first--;
			collect_returns(state, subject, first);
			has_returns = true;
		}
		count_member(state, moment->time, cohort, &segment);
		if (!query->recurring)
			break;
	}
}

static void
end(void *arg, StringInfo result)
{
	State *state = arg;

	bm_cohort_table_write(state->table, result);
}

const BmAnalysis bm_cohort_analysis = {begin, visit, end};
