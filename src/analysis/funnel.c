/*
 * funnel.c
 *	  Following one subject after the other through a funnel.
 *
 * A subject counts once for each bucket of time in which it enters, by its best chain there. What
 * processes hand over are counts and the times between steps; of these there may be many, so they
 * are handed over in between.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "agg/any_order.h"
#include "agg/chain.h"
#include "agg/moments.h"
#include "analysis/funnel.h"

/* Times between steps that a process keeps. */
#define MAX_TIMES (256 * 1024)

typedef struct Times
{
	int64 *since_previous;
	int64 *since_first;
	uint32 room;
} Times;

/* Of one bucket and value. */
typedef struct Tally
{
	struct Tally *next;
	int bucket;
	uint32 value_length;
	char *value;
	int64 actors[BM_MAX_CONDITIONS];
	Times times[BM_MAX_CONDITIONS];
} Tally;

#define TALLIES 256

/* How far a subject got, in one bucket. */
typedef struct Progress
{
	uint32 reached;
	int64 time[BM_MAX_CONDITIONS];
	int64 previous[BM_MAX_CONDITIONS];
	int64 first[BM_MAX_CONDITIONS];
} Progress;

typedef struct State
{
	const BmFunnelParameters *funnel;
	uint32 steps;	  /* a bit each */
	uint32 excluding; /* conditions that exclude from some step */
	int required;
	int required_step[BM_MAX_CONDITIONS];
	MemoryContext context; /* of the tallies */
	int64 kept_times;
	uint32 tallies;
	uint32 slots;
	Tally **tally; /* by hash */
} State;

static void
reset_tallies(State *state)
{
	MemoryContextReset(state->context);
	state->kept_times = 0;
	state->tallies = 0;
	state->slots = TALLIES;
	state->tally = MemoryContextAllocZero(state->context, TALLIES * sizeof(Tally *));
}

static void *
begin(const void *parameters)
{
	const BmFunnelParameters *funnel = parameters;
	State *state = palloc0(sizeof(State));

	state->funnel = funnel;
	state->steps = (uint32) ((UINT64CONST(1) << funnel->steps) - 1);
	for (int i = 0; i < funnel->steps; i++)
	{
		state->excluding |= funnel->excluding[i];
		if ((funnel->optional >> i & 1) == 0)
			state->required_step[state->required++] = i;
	}
	state->context =
		AllocSetContextCreate(CurrentMemoryContext, "funnel", ALLOCSET_DEFAULT_SIZES);
	reset_tallies(state);
	return state;
}

static int
compare_texts(const BmScanText *a, const BmScanText *b)
{
	int order = memcmp(a->text, b->text, Min(a->length, b->length));

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* Of the moments that are equal to this one, puts that with the least value here: the rows' order decides nothing. */
static void
put_least_value_first(const BmSubject *subject, uint32 first)
{
	BmMoment *moments = subject->moments;

	for (uint32 i = first + 1;
		 i < subject->count && bm_moment_compare(&moments[i], &moments[first]) == 0; i++)
	{
		const BmScanText *value = &subject->values[moments[i].row];
		const BmScanText *least = &subject->values[moments[first].row];
		uint32 row = moments[i].row;

		if (value->text == NULL ||
			(least->text != NULL && compare_texts(value, least) >= 0))
			continue;
		moments[i].row = moments[first].row;
		moments[first].row = row;
	}
}

/* Of the conditions that hold for the first time only, keeps the first. Already in order of time. */
static void
keep_first_times(const State *state, const BmSubject *subject)
{
	uint32 seen = 0;

	for (uint32 i = 0; i < subject->count; i++)
	{
		uint32 mask = subject->moments[i].mask;

		if (subject->values != NULL && (mask & ~seen & state->funnel->first_time) != 0)
			put_least_value_first(subject, i);
		subject->moments[i].mask &= ~(seen & state->funnel->first_time);
		seen |= mask;
	}
	bm_moments_order(subject->moments, subject->count);
}

/* A funnel of some of the steps: their moments, whose bits are those of that funnel. */
typedef struct Subset
{
	int steps;
	int step[BM_MAX_CONDITIONS];
	uint32 breaks[BM_MAX_CONDITIONS + 1];
	uint64 within[BM_MAX_CONDITIONS + 1];
} Subset;

static void
add_step(const State *state, Subset *subset, int step)
{
	subset->breaks[subset->steps] = state->funnel->excluding[step];
	subset->within[subset->steps] = state->funnel->within[step];
	subset->step[subset->steps++] = step;
}

/* The conditions that are not steps of it stay where they are. */
static BmMoment *
select_steps(const State *state, const Subset *subset, BmMoment *moments, uint32 count)
{
	BmMoment *selected;

	if (subset->steps == state->funnel->steps)
		return moments;
	selected =
		MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * sizeof(BmMoment));
	for (uint32 i = 0; i < count; i++)
	{
		selected[i] = moments[i];
		selected[i].mask &= ~state->steps;
		for (int step = 0; step < subset->steps; step++)
			selected[i].mask |= (moments[i].mask >> subset->step[step] & 1) << step;
	}
	bm_moments_order(selected, count);
	return selected;
}

/* The level of a funnel of some of the steps, whose chains begin in the bucket. */
static int
follow(const State *state, const Subset *subset, BmMoment *moments, uint32 count,
	   int bucket, bool is_breaking, int64 *times)
{
	const BmFunnelParameters *funnel = state->funnel;
	BmChainQuery query = {.steps = subset->steps,
						  .window = funnel->window,
						  .is_limited = true,
						  .first_start = funnel->bound[bucket],
						  .end_start = funnel->bound[bucket + 1],
						  .poll = bm_moments_poll};
	int level;

	moments = select_steps(state, subset, moments, count);
	if (funnel->order == BM_FUNNEL_ANY)
		return bm_any_order_longest(&query, moments, count, times);
	query.modes = funnel->order == BM_FUNNEL_STRICT ? BM_CHAIN_ORDER : BM_CHAIN_ONCE;
	if (is_breaking)
		query.breaks = subset->breaks;
	if (funnel->has_within)
		query.within = subset->within;
	if (funnel->has_within && funnel->order == BM_FUNNEL_ORDERED && times != NULL)
		query.room =
			MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * sizeof(BmMoment));
	level = bm_chain_longest(&query, moments, count, times);
	if (query.room != NULL)
		pfree(query.room);
	return level;
}

static void
reach(Progress *progress, int step, const int64 *times, int level)
{
	progress->reached |= (uint32) 1 << step;
	progress->time[step] = times[level];
	progress->previous[step] = times[Max(level - 1, 0)];
	progress->first[step] = times[0];
}

/* An optional step is reached by who gets through the required steps before it, and then it. */
static void
follow_optional(const State *state, BmMoment *moments, uint32 count, int bucket, int step,
				bool is_breaking, Progress *progress)
{
	Subset subset = {0};
	int64 times[BM_MAX_CONDITIONS];

	for (int i = 0; i < state->required && state->required_step[i] < step; i++)
		add_step(state, &subset, state->required_step[i]);
	add_step(state, &subset, step);
	if (follow(state, &subset, moments, count, bucket, is_breaking, times) ==
		subset.steps)
		reach(progress, step, times, subset.steps - 1);
}

/*
 * How far the subject gets in a bucket. Who would have got further, had there not been an excluding
 * event, is left out of the funnel: false, as where there is no entry.
 */
static bool
make_progress(const State *state, BmMoment *moments, uint32 count, int bucket,
			  Progress *progress)
{
	Subset subset = {0};
	int64 times[BM_MAX_CONDITIONS];
	bool is_breaking = false;
	int level;

	for (uint32 i = 0; i < count && state->excluding != 0 && !is_breaking; i++)
		is_breaking = (moments[i].mask & state->excluding) != 0;
	for (int i = 0; i < state->required; i++)
		add_step(state, &subset, state->required_step[i]);
	level = follow(state, &subset, moments, count, bucket, is_breaking, times);
	if (level == 0 || (is_breaking && follow(state, &subset, moments, count, bucket,
											 false, NULL) > level))
		return false;
	progress->reached = 0;
	for (int i = 0; i < level; i++)
		reach(progress, subset.step[i], times, i);
	for (uint32 rest = state->funnel->optional; rest != 0; rest &= rest - 1)
		follow_optional(state, moments, count, bucket, __builtin_ctz(rest), is_breaking,
						progress);
	return true;
}

/* The value of the event that was the step; of several that may have been, the least. */
static const BmScanText *
value_at(const State *state, const BmSubject *subject, int step, int64 time)
{
	uint32 mask =
		state->funnel->order == BM_FUNNEL_ANY ? state->steps : (uint32) 1 << step;
	const BmScanText *found = NULL;

	for (uint32 i = 0; i < subject->count && subject->moments[i].time <= time; i++)
	{
		const BmScanText *value = &subject->values[subject->moments[i].row];

		if (subject->moments[i].time == time && (subject->moments[i].mask & mask) != 0 &&
			value->text != NULL && (found == NULL || compare_texts(value, found) < 0))
			found = value;
	}
	return found;
}

/* Under which value the subject is counted; false: under none, for it did not get to the step. */
static bool
attribute(const State *state, const BmSubject *subject, const Progress *progress,
		  const BmScanText **value)
{
	int attribution = state->funnel->attribution;

	*value = NULL;
	if (subject->values == NULL)
		return true;
	if (attribution == BM_FUNNEL_ALL_STEPS)
	{
		const BmScanText *of_all = &subject->values[subject->moments[0].row];

		*value = of_all->text != NULL ? of_all : NULL;
		return true;
	}
	if (attribution >= 0)
	{
		if ((progress->reached >> attribution & 1) == 0)
			return false;
		*value = value_at(state, subject, attribution, progress->time[attribution]);
		return true;
	}
	for (int i = 0; i < state->funnel->steps && *value == NULL; i++)
	{
		int step = attribution == BM_FUNNEL_FIRST_STEP ? i : state->funnel->steps - 1 - i;

		if ((progress->reached >> step & 1) != 0)
			*value = value_at(state, subject, step, progress->time[step]);
	}
	return true;
}

static uint32
hash_of(int bucket, uint32 length, const char *value)
{
	uint32 hash = murmurhash32((uint32) bucket);

	if (length == BM_FUNNEL_NO_VALUE)
		return hash;
	return hash_combine(hash, hash_bytes((const unsigned char *) value, (int) length));
}

static void
enlarge_tallies(State *state)
{
	uint32 slots = state->slots * 4;
	Tally **tally =
		MemoryContextAllocZero(state->context, (Size) slots * sizeof(Tally *));

	for (uint32 i = 0; i < state->slots; i++)
	{
		Tally *next;

		for (Tally *moved = state->tally[i]; moved != NULL; moved = next)
		{
			uint32 slot =
				hash_of(moved->bucket, moved->value_length, moved->value) & (slots - 1);

			next = moved->next;
			moved->next = tally[slot];
			tally[slot] = moved;
		}
	}
	pfree(state->tally);
	state->tally = tally;
	state->slots = slots;
}

static Tally *
find_tally(State *state, int bucket, const BmScanText *value)
{
	uint32 length = value == NULL ? BM_FUNNEL_NO_VALUE : value->length;
	const char *text = value == NULL ? NULL : value->text;
	uint32 hash = hash_of(bucket, length, text);
	Tally *tally;

	for (tally = state->tally[hash & (state->slots - 1)]; tally != NULL;
		 tally = tally->next)
	{
		if (tally->bucket == bucket && tally->value_length == length &&
			(value == NULL || memcmp(tally->value, text, length) == 0))
			return tally;
	}
	if (state->tallies >= state->slots)
		enlarge_tallies(state);
	tally = MemoryContextAllocZero(state->context, sizeof(Tally));
	tally->bucket = bucket;
	tally->value_length = length;
	if (value != NULL)
	{
		tally->value = MemoryContextAlloc(state->context, Max(length, 1));
		memcpy(tally->value, text, length);
	}
	tally->next = state->tally[hash & (state->slots - 1)];
	state->tally[hash & (state->slots - 1)] = tally;
	state->tallies++;
	/* An empty one counts as well, or values without end would never be handed over. */
	state->kept_times += sizeof(Tally) / sizeof(int64);
	return tally;
}

static int64 *
enlarge_times(MemoryContext context, int64 *times, uint32 room)
{
	if (times == NULL)
		return MemoryContextAlloc(context, room * sizeof(int64));
	return repalloc_huge(times, (Size) room * sizeof(int64));
}

static void
count_step(State *state, Tally *tally, const Progress *progress, int step)
{
	Times *times = &tally->times[step];
	int64 row = tally->actors[step]++;

	if (step == 0)
		return;
	if (row == times->room)
	{
		times->room = times->room * 2 + 4;
		times->since_previous =
			enlarge_times(state->context, times->since_previous, times->room);
		times->since_first =
			enlarge_times(state->context, times->since_first, times->room);
	}
	times->since_previous[row] = progress->time[step] - progress->previous[step];
	times->since_first[row] = progress->time[step] - progress->first[step];
	state->kept_times += 2;
}

static void
write_tally(const State *state, const Tally *tally, StringInfo result)
{
	BmFunnelCounts counts;

	memset(&counts, 0, sizeof(counts));
	counts.bucket = tally->bucket;
	counts.value_length = tally->value_length;
	memcpy(counts.actors, tally->actors, sizeof(counts.actors));
	appendBinaryStringInfo(result, (const char *) &counts, sizeof(counts));
	if (tally->value_length != BM_FUNNEL_NO_VALUE)
		appendBinaryStringInfo(result, tally->value, (int) tally->value_length);
	for (int step = 1; step < state->funnel->steps; step++)
	{
		int bytes = (int) (tally->actors[step] * sizeof(int64));

		if (bytes == 0)
			continue;
		appendBinaryStringInfo(result, (const char *) tally->times[step].since_previous,
							   bytes);
		appendBinaryStringInfo(result, (const char *) tally->times[step].since_first,
							   bytes);
	}
}

static void
write_tallies(State *state, StringInfo result)
{
	for (uint32 i = 0; i < state->slots; i++)
		for (const Tally *tally = state->tally[i]; tally != NULL; tally = tally->next)
			write_tally(state, tally, result);
	reset_tallies(state);
}

static void
write_subject(const BmSubject *subject, const Progress *progress, int bucket,
			  const BmScanText *value, StringInfo result)
{
	BmFunnelSubject head;

	memset(&head, 0, sizeof(head));
	head.bucket = bucket;
	head.reached = progress->reached;
	head.id_length = subject->id.length;
	head.value_length = value == NULL ? BM_FUNNEL_NO_VALUE : value->length;
	for (uint32 rest = progress->reached; rest != 0; rest &= rest - 1)
		head.time[__builtin_ctz(rest)] = progress->time[__builtin_ctz(rest)];
	appendBinaryStringInfo(result, (const char *) &head, sizeof(head));
	appendBinaryStringInfo(result, subject->id.text, (int) subject->id.length);
	if (value != NULL)
		appendBinaryStringInfo(result, value->text, (int) value->length);
}

/* Is the subject one of those who are asked for? */
static bool
is_wanted(const State *state, const Progress *progress)
{
	int step = state->funnel->output_step;
	bool has_reached = (progress->reached >> step & 1) != 0;
	int before = 0;

	if (state->funnel->output == BM_FUNNEL_REACHED)
		return has_reached;
	for (int i = 0; i < state->required && state->required_step[i] < step; i++)
		before = state->required_step[i];
	return !has_reached && (progress->reached >> before & 1) != 0;
}

/* What the subject did in a bucket. */
static void
visit_bucket(State *state, const BmSubject *subject, BmMoment *moments, uint32 count,
			 int bucket, StringInfo result)
{
	Progress progress;
	const BmScanText *value;
	Tally *tally;

	if (!make_progress(state, moments, count, bucket, &progress) ||
		!attribute(state, subject, &progress, &value))
		return;
	if (state->funnel->output != BM_FUNNEL_COUNTS)
	{
		if (is_wanted(state, &progress))
			write_subject(subject, &progress, bucket, value, result);
		return;
	}
	tally = find_tally(state, bucket, value);
	for (uint32 rest = progress.reached; rest != 0; rest &= rest - 1)
		count_step(state, tally, &progress, __builtin_ctz(rest));
	if (state->kept_times > MAX_TIMES)
		write_tallies(state, result);
}

/* The bucket of a time; -1 before the first, the number of buckets behind the last. */
static int
bucket_of(const BmFunnelParameters *funnel, int64 time)
{
	int low = 0;
	int high = funnel->buckets + 1; /* bounds at or before time */

	while (low < high)
	{
		int middle = (low + high) / 2;

		if (funnel->bound[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static void
visit_moments(State *state, const BmSubject *subject, StringInfo result)
{
	const BmFunnelParameters *funnel = state->funnel;
	uint32 entries = funnel->order == BM_FUNNEL_ANY ? state->steps : 1;
	uint32 i = 0;

	if (funnel->first_time != 0)
		keep_first_times(state, subject);
	/* Each bucket in which there may be an entry, from there to the end of its last window. */
	while (i < subject->count)
	{
		const BmMoment *entry = &subject->moments[i];
		int bucket;
		uint32 end = i + 1;

		bucket = (entry->mask & entries) == 0 ? -1 : bucket_of(funnel, entry->time);
		if (bucket < 0 || bucket >= funnel->buckets)
		{
			i++;
			continue;
		}
		while (end < subject->count &&
			   (subject->moments[end].time < funnel->bound[bucket + 1] ||
				bm_moment_distance(funnel->bound[bucket + 1],
								   subject->moments[end].time) < funnel->window))
			end++;
		visit_bucket(state, subject, &subject->moments[i], end - i, bucket, result);
		while (i < subject->count && subject->moments[i].time < funnel->bound[bucket + 1])
			i++;
	}
}

/* By value, none last; those of one value in their own order. */
static int
compare_by_value(const void *a, const void *b, void *values)
{
	const BmScanText *x = (const BmScanText *) values + ((const BmMoment *) a)->row;
	const BmScanText *y = (const BmScanText *) values + ((const BmMoment *) b)->row;
	int order;

	if (x->text == NULL || y->text == NULL)
		order = (x->text == NULL) - (y->text == NULL);
	else
		order = compare_texts(x, y);
	return order != 0 ? order : bm_moment_compare(a, b);
}

static bool
same_value(const BmSubject *subject, uint32 a, uint32 b)
{
	const BmScanText *x = &subject->values[subject->moments[a].row];
	const BmScanText *y = &subject->values[subject->moments[b].row];

	if (x->text == NULL || y->text == NULL)
		return x->text == y->text;
	return compare_texts(x, y) == 0;
}

static void
visit(void *arg, const BmSubject *subject, StringInfo result)
{
	State *state = arg;
	BmSubject part = *subject;

	if (state->funnel->attribution != BM_FUNNEL_ALL_STEPS || subject->values == NULL)
	{
		visit_moments(state, subject, result);
		return;
	}
	qsort_arg(subject->moments, subject->count, sizeof(BmMoment), compare_by_value,
			  unconstify(BmScanText *, subject->values));
	for (uint32 first = 0; first < subject->count; first += part.count)
	{
		part.moments = &subject->moments[first];
		part.count = 1;
		while (first + part.count < subject->count &&
			   same_value(subject, first, first + part.count))
			part.count++;
		visit_moments(state, &part, result);
	}
}

static void
end(void *arg, StringInfo result)
{
	write_tallies(arg, result);
}

const BmAnalysis bm_funnel_analysis = {begin, visit, end};
