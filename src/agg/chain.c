/*
 * chain.c
 *	  The longest chain of a funnel.
 *
 * For each level the latest start of the chains that have reached it is kept, and no more: of two
 * chains at one level the one that began later can do whatever the other can, and for longer. So
 * one pass over the moments is exact, whatever the number of chains.
 *
 * Where a step must come within some time of the one before it, a chain is also the better the later
 * its last step was. That is never another one than began last: what reaches a level later comes
 * from a chain of the level below that began no earlier. So of each level the newest chain is kept,
 * even if it began when the one before did. It has the last of what may be the steps between, and
 * those that are told are the first: these are found by the same search, from the end to the start.
 */
#include <string.h>

#include "agg/chain.h"

#define POLL_MOMENTS 65536

/* Moments of one time that can matter when steps are given to different ones: see add_row(). */
#define MAX_ROWS (BM_MAX_CONDITIONS * BM_MAX_CONDITIONS)

/* The best chain at each level; index 0 is unused. */
typedef struct Levels
{
	uint64_t reached; /* bit L: there is a chain at level L */
	int64_t start[BM_MAX_CONDITIONS + 1];
	int64_t last[BM_MAX_CONDITIONS + 1];					 /* when it got there */
	int64_t times[BM_MAX_CONDITIONS + 1][BM_MAX_CONDITIONS]; /* where asked for */
} Levels;

typedef struct Search
{
	const BmChainQuery *query;
	Levels levels;
	Levels fresh; /* attempts that got to their level at fresh_time, with INCREASE */
	int64_t fresh_time; /* where fresh.reached is not 0 */
	int best;
	int64_t best_start;
	int64_t best_time;
	int64_t *times; /* of the best; NULL: not wanted */
	bool has_within;
	bool
		is_backward; /* from the last step to the first, the latest moment being the first */
} Search;

/* Moments of one time and which step each is given to. */
typedef struct Matching
{
	int rows;
	uint32_t mask[MAX_ROWS];
	int8_t step[MAX_ROWS]; /* -1: none */
	bool visited[MAX_ROWS];
	int per_step[BM_MAX_CONDITIONS];
} Matching;

static inline bool
is_alive(const Search *search, const Levels *levels, int level, int64_t now)
{
	const BmChainQuery *query = search->query;

	return (levels->reached >> level & 1) != 0 &&
		   bm_moment_distance(levels->start[level], now) <= query->window &&
		   (!search->has_within ||
			bm_moment_distance(levels->last[level], now) <= query->within[level]);
}

/* Does a chain that began then take the place of the one at the level? */
static inline bool
is_better(const Search *search, const Levels *levels, int level, int64_t start)
{
	return (levels->reached >> level & 1) == 0 || start > levels->start[level] ||
		   (search->has_within && start == levels->start[level]);
}

static inline bool
may_start(const Search *search, int64_t now)
{
	const BmChainQuery *query = search->query;

	return !query->is_limited || (now >= query->first_start && now < query->end_start);
}

/*
 * A chain that began at start is at this level now. Its times are those of level "from" of the
 * given levels, and now for the steps after it.
 */
static void
reach(Search *search, Levels *to, int level, const Levels *levels, int from,
	  int64_t start, int64_t now)
{
	if (is_better(search, to, level, start))
	{
		to->reached |= UINT64_C(1) << level;
		to->start[level] = start;
		to->last[level] = now;
		if (search->times != NULL)
		{
			if (from > 0)
				memmove(to->times[level], levels->times[from], from * sizeof(int64_t));
			for (int i = from; i < level; i++)
				to->times[level][i] = now;
		}
	}
	if (level > search->best || (level == search->best && now == search->best_time &&
								 (start > search->best_start || search->is_backward)))
	{
		search->best = level;
		search->best_start = start;
		search->best_time = now;
		if (search->times != NULL)
			memcpy(search->times, to->times[level], level * sizeof(int64_t));
	}
}

/* Extends the best chain of the level before the step (from 0) by that step. */
static inline void
extend(Search *search, int step, int64_t now)
{
	Levels *levels = &search->levels;

	if (step == 0)
	{
		if (may_start(search, now))
			reach(search, levels, 1, levels, 0, now, now);
	}
	else if (is_alive(search, levels, step, now))
		reach(search, levels, step + 1, levels, step, levels->start[step], now);
}

/* From the first step on: a chain may take several steps at this time. */
static void
extend_upwards(Search *search, uint32_t mask, int64_t now)
{
	while (mask != 0)
	{
		int step = __builtin_ctz(mask);

		mask &= mask - 1;
		extend(search, step, now);
	}
}

/* From the last step on: a chain takes one step at most. */
static void
extend_downwards(Search *search, uint32_t mask, int64_t now)
{
	while (mask != 0)
	{
		int step = 31 - __builtin_clz(mask);

		mask ^= UINT32_C(1) << step;
		extend(search, step, now);
	}
}

/*
 * Keeps a moment that one of its steps may need. A step that has as many moments as there are steps
 * always finds one that is free, so it needs no more of them.
 */
static void
add_row(Matching *matching, uint32_t mask)
{
	bool needed = false;

	for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
		needed |= matching->per_step[__builtin_ctz(rest)] < BM_MAX_CONDITIONS;
	if (!needed)
		return;
	for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
		matching->per_step[__builtin_ctz(rest)]++;
	matching->mask[matching->rows] = mask;
	matching->step[matching->rows] = -1;
	matching->rows++;
}

/* Finds a moment for one more step, giving others to the steps in its way: an augmenting path. */
static bool
find_row(Matching *matching, int step)
{
	for (int row = 0; row < matching->rows; row++)
	{
		if ((matching->mask[row] >> step & 1) == 0 || matching->visited[row])
			continue;
		matching->visited[row] = true;
		if (matching->step[row] < 0 || find_row(matching, matching->step[row]))
		{
			matching->step[row] = (int8_t) step;
			return true;
		}
	}
	return false;
}

static bool
give_row(Matching *matching, int step)
{
	memset(matching->visited, 0, matching->rows * sizeof(bool));
	return find_row(matching, step);
}

static void
take_row(Matching *matching, int step)
{
	for (int row = 0; row < matching->rows; row++)
	{
		if (matching->step[row] == step)
			matching->step[row] = -1;
	}
}

/*
 * Several moments of one time, each for at most one step. The steps from "first" to before "end"
 * have a moment each, end being as large as possible; as first goes down, end never goes up. A
 * level is read before those below it can change it.
 */
static void
extend_by_matching(Search *search, const BmMoment *moments, size_t count)
{
	Matching matching;
	uint32_t steps = (uint32_t) ((UINT64_C(1) << search->query->steps) - 1);
	int64_t now = moments[0].time;
	int end = search->query->steps;

	matching.rows = 0;
	memset(matching.per_step, 0, sizeof(matching.per_step));
	for (size_t i = 0; i < count; i++)
		add_row(&matching, moments[i].mask & steps);

	for (int first = search->query->steps - 1; first >= 0; first--)
	{
		Levels *levels = &search->levels;
		int64_t start;

		while (!give_row(&matching, first))
		{
			if (--end == first)
				break;
			take_row(&matching, end);
		}
		if (first > 0 ? !is_alive(search, levels, first, now) : !may_start(search, now))
			continue;
		start = first == 0 ? now : levels->start[first];
		for (int step = first; step < end; step++)
			reach(search, levels, step + 1, levels, first, start, now);
	}
}

/* Ends the chains at levels that a condition in the mask breaks. */
static void
break_chains(Search *search, uint32_t mask)
{
	for (int level = 1; level < search->query->steps; level++)
		if ((mask & search->query->breaks[level]) != 0)
			search->levels.reached &= ~(UINT64_C(1) << level);
}

/* The moments of one time, in the modes where a chain skips what it has no use for. */
static void
extend_by_group(Search *search, const BmMoment *moments, size_t count)
{
	unsigned modes = search->query->modes;
	uint32_t steps = (uint32_t) ((UINT64_C(1) << search->query->steps) - 1);
	uint32_t all = 0;
	bool several = false;

	for (size_t i = 0; i < count; i++)
	{
		uint32_t mask = moments[i].mask & steps;

		all |= moments[i].mask;
		several |= (mask & (mask - 1)) != 0;
	}
	if (search->query->breaks != NULL && !search->is_backward)
		break_chains(search, all);
	if ((modes & BM_CHAIN_INCREASE) != 0)
		extend_downwards(search, all & steps, moments[0].time);
	else if ((modes & BM_CHAIN_ONCE) == 0 || !several)
		extend_upwards(search, all & steps, moments[0].time);
	else if (count == 1)
		extend_downwards(search, all & steps, moments[0].time);
	else
		extend_by_matching(search, moments, count);
	/* What breaks a chain at the time of a step breaks it before that one, not behind it. */
	if (search->query->breaks != NULL && search->is_backward)
		break_chains(search, all);
}

/* Does an attempt at this level go on after a moment that is not its next step? */
static bool
survives(unsigned modes, int level, uint32_t mask)
{
	uint32_t passed = (uint32_t) ((UINT64_C(1) << level) - 2); /* steps 2 to level */

	if ((modes & BM_CHAIN_DEDUPLICATE) != 0 && (mask & passed) != 0)
		return false;
	if ((modes & BM_CHAIN_ORDER) == 0)
		return true;
	return (mask >> (level - 1) & 1) != 0 ||
		   ((modes & BM_CHAIN_REENTRY) != 0 && mask != 0);
}

/* What got to its level at an earlier time sees what comes now. */
static void
settle(Search *search)
{
	Levels *fresh = &search->fresh;

	for (; fresh->reached != 0; fresh->reached &= fresh->reached - 1)
	{
		int level = __builtin_ctzll(fresh->reached);
		Levels *levels = &search->levels;

		if (!is_better(search, levels, level, fresh->start[level]))
			continue;
		levels->reached |= UINT64_C(1) << level;
		levels->start[level] = fresh->start[level];
		levels->last[level] = fresh->last[level];
		if (search->times != NULL)
			memcpy(levels->times[level], fresh->times[level], level * sizeof(int64_t));
	}
}

/* One moment, in the modes where each attempt is followed. Levels from above: a level moves once. */
static void
advance_attempts(Search *search, const BmMoment *moment)
{
	const BmChainQuery *query = search->query;
	Levels *levels = &search->levels;
	Levels *target = levels;
	int64_t now = moment->time;

	if ((query->modes & BM_CHAIN_INCREASE) != 0)
	{
		target = &search->fresh;
		if (now != search->fresh_time)
			settle(search);
		search->fresh_time = now;
	}
	for (uint64_t rest = levels->reached; rest != 0;)
	{
		int level = 63 - __builtin_clzll(rest);
		uint64_t bit = UINT64_C(1) << level;

		rest ^= bit;
		if (is_alive(search, levels, level, now))
		{
			if (level == query->steps || (moment->mask >> level & 1) == 0)
			{
				if (survives(query->modes, level, moment->mask))
					continue;
			}
			else
				reach(search, target, level + 1, levels, level, levels->start[level],
					  now);
		}
		levels->reached &= ~bit;
	}
	if ((moment->mask & 1) != 0 && may_start(search, now))
		reach(search, target, 1, levels, 0, now, now);
}

static void
run(Search *search, const BmChainQuery *query, const BmMoment *moments, size_t count,
	bool is_start_wanted)
{
	bool attempts = (query->modes & BM_CHAIN_ATTEMPTS) != 0;
	size_t polled = 0;
	size_t end;

	search->query = query;
	search->has_within = query->within != NULL;
	search->levels.reached = 0;
	search->fresh.reached = 0;
	search->fresh_time = 0;
	search->best = 0;
	search->best_start = 0;
	search->best_time = 0;

	for (size_t i = 0; i < count; i = end)
	{
		end = i + 1;
		/* Later moments can change nothing of a whole chain. */
		if (search->best == query->steps &&
			(!is_start_wanted || moments[i].time != search->best_time))
			break;
		if (attempts)
			advance_attempts(search, &moments[i]);
		else
		{
			while (end < count && moments[end].time == moments[i].time)
				end++;
			extend_by_group(search, &moments[i], end - i);
		}
		if (query->poll != NULL && end - polled >= POLL_MOMENTS)
		{
			query->poll();
			polled = end;
		}
	}
}

/* The steps from the last to the first. */
static uint32_t
turn_mask(uint32_t mask, int steps, int all_steps)
{
	uint32_t turned = mask & ~(uint32_t) ((UINT64_C(1) << all_steps) - 1);

	for (int step = 0; step < steps; step++)
		turned |= (mask >> step & 1) << (steps - 1 - step);
	return turned;
}

/*
 * The moments from the best chain's start to its end, turned around. Only there may its first step and
 * its last one be: that of another start need not be allowed.
 */
static size_t
turn_moments(const Search *search, const BmMoment *moments, size_t count, BmMoment *to)
{
	int steps = search->best;
	uint32_t first = UINT32_C(1) << (steps - 1);
	size_t turned = 0;

	for (size_t i = count; i-- > 0 && moments[i].time >= search->best_start;)
	{
		if (moments[i].time > search->best_time)
			continue;
		to[turned] = moments[i];
		to[turned].time = ~moments[i].time;
		to[turned].mask = turn_mask(moments[i].mask, steps, search->query->steps);
		if (moments[i].time != search->best_start)
			to[turned].mask &= ~first;
		if (moments[i].time != search->best_time)
			to[turned].mask &= ~UINT32_C(1);
		turned++;
	}
	return turned;
}

/*
 * The earliest times of the steps that a chain of the best one's start and end can have. Backwards
 * the newest chain of a level is the one whose step is the earliest.
 */
static void
find_times(const Search *found, const BmMoment *moments, size_t count, int64_t *times)
{
	const BmChainQuery *query = found->query;
	int steps = found->best;
	uint64_t within[BM_MAX_CONDITIONS + 1];
	uint32_t breaks[BM_MAX_CONDITIONS + 1];
	int64_t turned[BM_MAX_CONDITIONS];
	BmChainQuery backward = {.steps = steps,
							 .modes = query->modes,
							 .window = query->window,
							 .within = within,
							 .poll = query->poll};
	Search search;

	if (steps == 1)
		times[0] = found->best_time;
	if (steps <= 1)
		return;
	for (int level = 1; level < steps; level++)
	{
		within[level] = query->within[steps - level];
		if (query->breaks != NULL)
			breaks[level] = query->breaks[steps - level];
	}
	if (query->breaks != NULL)
		backward.breaks = breaks;
	search.times = turned;
	search.is_backward = true;
	count = turn_moments(found, moments, count, query->room);
	run(&search, &backward, query->room, count, true);
	for (int step = 0; step < steps; step++)
		times[step] = ~turned[steps - 1 - step];
}

int
bm_chain_longest(const BmChainQuery *query, const BmMoment *moments, size_t count,
				 int64_t *times)
{
	bool is_turned =
		query->within != NULL && (query->modes & BM_CHAIN_ATTEMPTS) == 0 && times != NULL;
	Search search;

	search.times = is_turned ? NULL : times;
	search.is_backward = false;
	run(&search, query, moments, count, times != NULL);
	if (is_turned)
		find_times(&search, moments, count, times);
	return search.best;
}
