/*
 * any_order_test.c
 *	  Steps in any order, against a search that follows the definition word by word.
 */
#include <stdlib.h>

#include "agg/any_order.h"
#include "tap.h"

#define MAX_ROWS 8
#define MAX_STEPS 4
#define GROUPS 100000

static uint64_t
next_random(void)
{
	static uint64_t state = 4711;

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
} Group;

/* The most steps that can each have a row of their own, among those from begin to end. */
static int
matched(const Group *g, int row, int64_t begin, int64_t end, uint32_t taken)
{
	int best;

	if (row == g->count)
		return __builtin_popcount(taken);
	best = matched(g, row + 1, begin, end, taken);
	if (g->rows[row].time < begin || g->rows[row].time > end)
		return best;
	for (int step = 0; step < g->query.steps; step++)
	{
		int with;

		if (!(g->rows[row].mask >> step & 1) || (taken >> step & 1))
			continue;
		with = matched(g, row + 1, begin, end, taken | UINT32_C(1) << step);
		if (with > best)
			best = with;
	}
	return best;
}

static bool
may_begin(const Group *g, int row)
{
	return !g->query.is_limited || (g->rows[row].time >= g->query.first_start &&
									g->rows[row].time < g->query.end_start);
}

static int
solve(const Group *g, int64_t *times)
{
	int best = 0;
	int64_t first_end = INT64_MAX;
	int64_t begin = 0;

	for (int i = 0; i < g->count; i++)
	{
		int64_t limit = g->rows[i].time + (int64_t) g->query.window;
		int level = may_begin(g, i) ? matched(g, 0, g->rows[i].time, limit, 0) : 0;

		if (level > best)
			best = level;
	}
	if (best == 0)
		return 0;
	for (int i = 0; i < g->count; i++)
		for (int j = i; j < g->count; j++)
		{
			int64_t end = g->rows[j].time;

			if (!may_begin(g, i) ||
				(uint64_t) (end - g->rows[i].time) > g->query.window ||
				matched(g, 0, g->rows[i].time, end, 0) < best)
				continue;
			if (end < first_end || (end == first_end && g->rows[i].time > begin))
			{
				first_end = end;
				begin = g->rows[i].time;
			}
		}
	for (int level = 1; level <= best; level++)
	{
		int64_t end = begin;

		while (matched(g, 0, begin, end, 0) < level)
			end++;
		times[level - 1] = end;
	}
	return best;
}

static int
compare_moments(const void *a, const void *b)
{
	return bm_moment_compare(a, b);
}

static void
make_group(Group *g)
{
	int spread = 1 + below(7);
	int density = 1 + below(3);

	memset(&g->query, 0, sizeof(g->query));
	g->query.steps = 1 + below(MAX_STEPS);
	g->query.window = (uint64_t) below(7);
	g->query.is_limited = below(3) == 0;
	g->query.first_start = below(spread);
	g->query.end_start = below(spread + 1);
	g->count = below(MAX_ROWS + 1);
	for (int i = 0; i < g->count; i++)
	{
		g->rows[i] = (BmMoment){.time = below(spread)};
		for (int j = below(density + 1); j > 0; j--)
			g->rows[i].mask |= UINT32_C(1) << below(g->query.steps + 1);
	}
	qsort(g->rows, (size_t) g->count, sizeof(BmMoment), compare_moments);
}

static void
test_against_the_definition(void)
{
	int wrong = 0;

	for (int n = 0; n < GROUPS; n++)
	{
		int64_t times[BM_MAX_CONDITIONS];
		int64_t expected[BM_MAX_CONDITIONS];
		Group g;
		int level;

		make_group(&g);
		level = solve(&g, expected);
		wrong +=
			bm_any_order_longest(&g.query, g.rows, (size_t) g.count, NULL) != level ||
			bm_any_order_longest(&g.query, g.rows, (size_t) g.count, times) != level ||
			memcmp(times, expected, (size_t) level * sizeof(int64_t)) != 0;
	}
	is_int(wrong, 0, "%d random groups are as defined", GROUPS);
}

/* More masks of several steps than are counted by mask. */
static void
test_many_masks(void)
{
	static BmMoment rows[5000];
	BmChainQuery query = {.steps = 32, .window = 10000};

	for (int i = 0; i < 5000; i++)
		rows[i] = (BmMoment){.time = i,
							 .mask = (uint32_t) next_random() & UINT32_C(0x7fffffff)};
	is_int(bm_any_order_longest(&query, rows, 5000, NULL), 31,
		   "all steps that any row has, of thousands of masks");
	for (int i = 0; i < 5000; i++)
		rows[i].mask = i < 3 ? UINT32_MAX : 0;
	is_int(bm_any_order_longest(&query, rows, 5000, NULL), 3, "three rows, three steps");
}

static void
test_a_million_rows(void)
{
	static BmMoment rows[1000000];
	BmChainQuery query = {.steps = 4, .window = 500000};
	int64_t times[BM_MAX_CONDITIONS];

	for (int i = 0; i < 1000000; i++)
		rows[i] = (BmMoment){.time = i, .mask = i == 999999 ? 8 : i % 2 == 0 ? 3 : 4};
	is_int(bm_any_order_longest(&query, rows, 1000000, times), 4, "a million rows");
	is_int(times[0], 999996, "in the last window that holds all steps");
}

int
main(void)
{
	test_against_the_definition();
	test_many_masks();
	test_a_million_rows();
	return done_testing();
}
