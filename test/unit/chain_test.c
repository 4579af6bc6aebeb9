/*
 * chain_test.c
 *	  Funnels: each mode against a search that follows the definition word by word, over random
 *	  groups, and against the vectors of the definition.
 */
#include <stdlib.h>

#include "agg/chain.h"
#include "tap.h"

#define MAX_ROWS 8
#define MAX_STEPS 5
#define GROUPS 100000 /* of each mode */

static uint64_t
next_random(void)
{
	static uint64_t state = 42;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int
below(int limit)
{
	return (int) (next_random() % (uint64_t) limit);
}

typedef struct Group
{
	BmChainQuery query;
	int count;
	BmMoment rows[MAX_ROWS];
	/* of the best chain found so far */
	int level;
	int64_t end;
	int64_t start;
	int64_t path[MAX_STEPS];	 /* of the chain that is followed */
	int64_t earliest[MAX_STEPS]; /* of any chain as good as the best, for each step */
} Group;

static void
found(Group *g, int level, int64_t start, int64_t end)
{
	if (level > g->level ||
		(level == g->level && (end < g->end || (end == g->end && start > g->start))))
	{
		g->level = level;
		g->start = start;
		g->end = end;
		for (int step = 0; step < level; step++)
			g->earliest[step] = g->path[step];
	}
	else if (level == g->level && end == g->end && start == g->start)
	{
		for (int step = 0; step < level; step++)
			if (g->path[step] < g->earliest[step])
				g->earliest[step] = g->path[step];
	}
}

static bool
is_too_late(const Group *g, int level, int64_t last, int64_t now)
{
	return g->query.within != NULL && (uint64_t) (now - last) > g->query.within[level];
}

static bool
may_start(const Group *g, int64_t time)
{
	return !g->query.is_limited ||
		   (time >= g->query.first_start && time < g->query.end_start);
}

/* Does something break a chain at this level between these times, the later one included? */
static bool
is_broken(const Group *g, int level, int64_t last, int64_t now)
{
	for (int i = 0; i < g->count && g->query.breaks != NULL; i++)
	{
		if ((g->rows[i].mask & g->query.breaks[level]) != 0 && g->rows[i].time > last &&
			g->rows[i].time <= now)
			return true;
	}
	return false;
}

/* Every chain that skips what it has no use for. */
static void
follow_chains(Group *g, int level, int64_t start, int64_t last, unsigned used)
{
	for (int i = 0; i < g->count; i++)
	{
		const BmMoment *row = &g->rows[i];
		int64_t begin = level == 0 ? row->time : start;

		if (!(row->mask >> level & 1) || (level > 0 && row->time < last))
			continue;
		if ((g->query.modes & BM_CHAIN_INCREASE) && level > 0 && row->time == last)
			continue;
		if ((g->query.modes & BM_CHAIN_ONCE) && (used >> i & 1))
			continue;
		if ((uint64_t) (row->time - begin) > g->query.window)
			continue;
		if (level == 0 ? !may_start(g, begin)
					   : is_broken(g, level, last, row->time) ||
							 is_too_late(g, level, last, row->time))
			continue;
		g->path[level] = row->time;
		found(g, level + 1, begin, row->time);
		if (level + 1 < g->query.steps)
			follow_chains(g, level + 1, begin, row->time, used | 1u << i);
	}
}

static bool
matches_passed(uint32_t mask, int level)
{
	for (int step = 2; step <= level; step++)
	{
		if (mask >> (step - 1) & 1)
			return true;
	}
	return false;
}

/* One attempt, from the row that begins it. */
static void
follow_attempt(Group *g, int first)
{
	unsigned modes = g->query.modes;
	int64_t start = g->rows[first].time;
	int64_t last = start;
	int level = 1;

	g->path[0] = start;
	found(g, 1, start, start);
	for (int i = first + 1; i < g->count && level < g->query.steps; i++)
	{
		uint32_t mask = g->rows[i].mask;

		if ((uint64_t) (g->rows[i].time - start) > g->query.window)
			return;
		if ((modes & BM_CHAIN_INCREASE) && g->rows[i].time == last)
			continue;
		if (mask >> level & 1)
		{
			if (is_too_late(g, level, last, g->rows[i].time))
				return;
			last = g->rows[i].time;
			g->path[level] = last;
			found(g, ++level, start, last);
			continue;
		}
		if ((modes & BM_CHAIN_DEDUPLICATE) && matches_passed(mask, level))
			return;
		if (!(modes & BM_CHAIN_ORDER) || (mask >> (level - 1) & 1))
			continue;
		if (!(modes & BM_CHAIN_REENTRY) || mask == 0)
			return;
	}
}

static void
solve(Group *g)
{
	g->level = 0;
	g->start = g->end = 0;
	if (!(g->query.modes & BM_CHAIN_ATTEMPTS))
		follow_chains(g, 0, 0, 0, 0);
	else
	{
		for (int i = 0; i < g->count; i++)
		{
			if ((g->rows[i].mask & 1) && may_start(g, g->rows[i].time))
				follow_attempt(g, i);
		}
	}
}

static int
compare_moments(const void *a, const void *b)
{
	return bm_moment_compare(a, b);
}

/* Some rows satisfy a condition behind the steps, which breaks chains at some levels. */
static void
add_breaks(Group *g)
{
	static uint32_t breaks[MAX_STEPS + 1];

	for (int level = 0; level <= MAX_STEPS; level++)
		breaks[level] = below(2) << g->query.steps | below(2) << (g->query.steps + 1);
	for (int i = 0; i < g->count; i++)
		if (below(4) == 0)
			g->rows[i].mask |= UINT32_C(1) << (g->query.steps + below(2));
	g->query.breaks = breaks;
}

/* Some steps must come soon after the one before. */
static void
add_within(Group *g)
{
	static uint64_t within[MAX_STEPS + 1];
	static BmMoment room[MAX_ROWS];

	for (int level = 0; level <= MAX_STEPS; level++)
		within[level] = below(4) == 0 ? UINT64_MAX : (uint64_t) below(4);
	g->query.within = within;
	g->query.room = room;
}

static void
make_group(Group *g, unsigned modes)
{
	int spread = 1 + below(6);
	int density = 1 + below(3);

	g->query.modes = modes;
	g->query.steps = 1 + below(MAX_STEPS);
	g->query.window = (uint64_t) below(7);
	g->query.poll = NULL;
	g->count = below(MAX_ROWS + 1);
	for (int i = 0; i < g->count; i++)
	{
		g->rows[i].time = below(spread);
		g->rows[i].mask = 0;
		g->rows[i].row = 0;
		for (int j = below(density + 1); j > 0; j--)
			g->rows[i].mask |= UINT32_C(1) << below(g->query.steps);
	}
	g->query.is_limited = below(3) == 0;
	g->query.first_start = below(spread);
	g->query.end_start = below(spread + 1);
	g->query.breaks = NULL;
	if (below(3) == 0 && !(modes & BM_CHAIN_ATTEMPTS))
		add_breaks(g);
	g->query.within = NULL;
	g->query.room = NULL;
	if (below(2) == 0)
		add_within(g);
	qsort(g->rows, (size_t) g->count, sizeof(BmMoment), compare_moments);
}

/* Attempts that began at one time may differ between their ends. */
static bool
are_earliest(const Group *g, const int64_t *times)
{
	for (int step = 0; step < g->level; step++)
		if (times[step] != g->earliest[step] && !(g->query.modes & BM_CHAIN_ATTEMPTS))
			return false;
	return true;
}

/* Are these the times of a chain in this mode? For attempts only that the steps are there. */
static bool
is_chain(const Group *g, const int64_t *times, int step, unsigned used)
{
	if (step == g->level)
		return true;
	if (step > 0 &&
		(times[step] < times[step - 1] ||
		 is_too_late(g, step, times[step - 1], times[step]) ||
		 ((g->query.modes & BM_CHAIN_INCREASE) && times[step] == times[step - 1])))
		return false;
	for (int i = 0; i < g->count; i++)
	{
		if (g->rows[i].time != times[step] || !(g->rows[i].mask >> step & 1))
			continue;
		if ((g->query.modes & (BM_CHAIN_ONCE | BM_CHAIN_ATTEMPTS)) && (used >> i & 1))
			continue;
		if (is_chain(g, times, step + 1, used | 1u << i))
			return true;
	}
	return false;
}

/* The number of groups of a mode for which something differs. */
static int
wrong_groups(unsigned modes)
{
	int64_t times[BM_MAX_CONDITIONS];
	int wrong = 0;
	Group g;

	for (int n = 0; n < GROUPS; n++)
	{
		int level;

		make_group(&g, modes);
		solve(&g);
		level = bm_chain_longest(&g.query, g.rows, (size_t) g.count, NULL);
		wrong += level != g.level ||
				 bm_chain_longest(&g.query, g.rows, (size_t) g.count, times) != level ||
				 (level > 0 && (times[0] != g.start || times[level - 1] != g.end ||
								!is_chain(&g, times, 0, 0) || !are_earliest(&g, times)));
	}
	return wrong;
}

static void
test_against_the_definition(void)
{
	static const unsigned modes[] = {
		0,
		BM_CHAIN_ONCE,
		BM_CHAIN_INCREASE,
		BM_CHAIN_ONCE | BM_CHAIN_INCREASE,
		BM_CHAIN_ORDER,
		BM_CHAIN_ORDER | BM_CHAIN_REENTRY,
		BM_CHAIN_DEDUPLICATE,
		BM_CHAIN_ORDER | BM_CHAIN_DEDUPLICATE,
		BM_CHAIN_ORDER | BM_CHAIN_REENTRY | BM_CHAIN_DEDUPLICATE,
		BM_CHAIN_ORDER | BM_CHAIN_INCREASE,
		BM_CHAIN_ORDER | BM_CHAIN_REENTRY | BM_CHAIN_INCREASE,
		BM_CHAIN_DEDUPLICATE | BM_CHAIN_INCREASE,
		BM_CHAIN_ORDER | BM_CHAIN_DEDUPLICATE | BM_CHAIN_INCREASE,
		BM_CHAIN_ORDER | BM_CHAIN_REENTRY | BM_CHAIN_DEDUPLICATE | BM_CHAIN_INCREASE};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		is_int(wrong_groups(modes[i]), 0, "%d random groups in mode %u are as defined",
			   GROUPS, modes[i]);
}

static void
test_many_rows_of_one_time(void)
{
	static BmMoment rows[20000];
	BmChainQuery query = {.steps = 32, .modes = BM_CHAIN_ONCE, .window = 0};

	/* Row i satisfies the steps from i on: only one assignment fits. */
	for (int i = 0; i < 32; i++)
		rows[i] = (BmMoment){.time = 7, .mask = UINT32_MAX << i};
	qsort(rows, 32, sizeof(BmMoment), compare_moments);
	is_int(bm_chain_longest(&query, rows, 32, NULL), 32, "32 steps are given to 32 rows");
	is_int(bm_chain_longest(&query, rows + 1, 31, NULL), 0,
		   "without a row for the first step, none");
	is_int(bm_chain_longest(&query, rows, 31, NULL), 31,
		   "without one for the last step, the others");

	for (int i = 0; i < 20000; i++)
		rows[i] = (BmMoment){.time = 7, .mask = (uint32_t) next_random() | 2};
	qsort(rows, 20000, sizeof(BmMoment), compare_moments);
	is_int(bm_chain_longest(&query, rows, 20000, NULL), 32, "so are they to 20000 rows");
	for (int i = 0; i < 20000; i++)
		rows[i].mask = 3;
	is_int(bm_chain_longest(&query, rows, 20000, NULL), 2, "all rows alike");
}

static void
test_extreme_times(void)
{
	BmMoment rows[] = {{.time = -INT64_C(211813488000000000), .mask = 1},
					   {.time = INT64_C(9223371331199999999), .mask = 2}};
	BmChainQuery query = {.steps = 2, .window = INT64_MAX};

	is_int(bm_chain_longest(&query, rows, 2, NULL), 1,
		   "all of time is longer than 2^63 microseconds");
	query.window = UINT64_MAX;
	is_int(bm_chain_longest(&query, rows, 2, NULL), 2, "and shorter than no limit");
	query.window = UINT64_C(9435184819199999999);
	is_int(bm_chain_longest(&query, rows, 2, NULL), 2, "a window of exactly all of time");
	query.window--;
	is_int(bm_chain_longest(&query, rows, 2, NULL), 1, "one microsecond less");
}

static int polled;

static void
poll(void)
{
	polled++;
}

static void
test_interrupts(void)
{
	static BmMoment rows[300000];
	BmChainQuery query = {.steps = 2, .window = 1, .poll = poll};

	for (int i = 0; i < 300000; i++)
		rows[i] = (BmMoment){.time = i, .mask = 1};
	polled = 0;
	bm_chain_longest(&query, rows, 300000, NULL);
	ok(polled >= 4, "a long group lets itself be interrupted");
	query.modes = BM_CHAIN_ORDER;
	polled = 0;
	bm_chain_longest(&query, rows, 300000, NULL);
	ok(polled >= 4, "so does one whose attempts are followed");
}

int
main(void)
{
	test_against_the_definition();
	test_many_rows_of_one_time();
	test_extreme_times();
	test_interrupts();
	return done_testing();
}
