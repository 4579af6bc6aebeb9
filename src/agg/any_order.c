/*
 * any_order.c
 *	  How many different steps of a funnel happen within its window, whatever their order.
 *
 * A window slides over the moments and keeps how many of each mask are in it. A moment of one step
 * alone is best given to that step; the other steps are matched with the moments of several steps
 * by augmenting paths. Of one mask, no more moments can be needed than there are steps.
 */
#include <string.h>

#include "agg/any_order.h"

#define POLL_MOMENTS 65536
#define MAX_MASKS 256
#define MAX_GROUPS (BM_MAX_CONDITIONS * BM_MAX_CONDITIONS)

typedef struct Window
{
	const BmChainQuery *query;
	const BmMoment *moments;
	uint32_t steps;	 /* a bit each */
	size_t begin;	 /* the first moment in it */
	size_t end;		 /* behind the last one */
	uint32_t single; /* steps with a moment of theirs alone */
	size_t alone[BM_MAX_CONDITIONS];
	int masks; /* of several steps, in the order they were met */
	bool is_overfull;
	uint32_t mask[MAX_MASKS];
	size_t count[MAX_MASKS];
	bool is_known; /* the level is that of now */
	int level;
} Window;

/* Moments that may be given to the same steps, and the steps that got one. */
typedef struct Group
{
	uint32_t mask;
	int room;
	uint32_t given;
	bool visited;
} Group;

typedef struct Matching
{
	int groups;
	Group group[MAX_GROUPS];
} Matching;

static int
find_mask(Window *window, uint32_t mask)
{
	for (int i = 0; i < window->masks; i++)
		if (window->mask[i] == mask)
			return i;
	if (window->masks == MAX_MASKS)
	{
		window->is_overfull = true;
		return -1;
	}
	window->mask[window->masks] = mask;
	window->count[window->masks] = 0;
	return window->masks++;
}

static void
change_alone(Window *window, int step, int by)
{
	uint32_t bit = UINT32_C(1) << step;
	uint32_t before = window->single;

	window->alone[step] += by;
	if (window->alone[step] == 0)
		window->single &= ~bit;
	else
		window->single |= bit;
	if (window->single != before)
		window->is_known = false;
}

/* A moment comes into the window (by 1) or leaves it (by -1). */
static void
change(Window *window, uint32_t mask, int by)
{
	int i;

	mask &= window->steps;
	if (mask == 0)
		return;
	if ((mask & (mask - 1)) == 0)
	{
		change_alone(window, __builtin_ctz(mask), by);
		return;
	}
	i = find_mask(window, mask);
	if (i < 0)
	{
		window->is_known = false;
		return;
	}
	window->count[i] += by;
	if (window->count[i] <= (size_t) window->query->steps)
		window->is_known = false;
}

static void
add_group(Matching *matching, uint32_t mask, size_t room, int steps)
{
	Group *group;

	if (room == 0 || mask == 0 || matching->groups == MAX_GROUPS)
		return;
	group = &matching->group[matching->groups++];
	group->mask = mask;
	group->room = room > (size_t) steps ? steps : (int) room;
	group->given = 0;
}

/*
 * The moments of several steps, those of one mask together; where masks are too many, each for itself:
 * as long as one of its steps has fewer than there are steps, for such a step always finds one.
 */
static void
make_groups(const Window *window, Matching *matching)
{
	int steps = window->query->steps;
	size_t per_step[BM_MAX_CONDITIONS] = {0};

	matching->groups = 0;
	for (int i = 0; i < window->masks && !window->is_overfull; i++)
		add_group(matching, window->mask[i] & ~window->single, window->count[i], steps);
	for (size_t i = window->begin; i < window->end && window->is_overfull; i++)
	{
		uint32_t mask = window->moments[i].mask & window->steps;
		bool needed = false;

		if ((mask & (mask - 1)) == 0)
			continue;
		mask &= ~window->single;
		for (uint32_t rest = mask; rest != 0; rest &= rest - 1)
			needed |= per_step[__builtin_ctz(rest)] < (size_t) steps;
		for (uint32_t rest = mask; rest != 0 && needed; rest &= rest - 1)
			per_step[__builtin_ctz(rest)]++;
		if (needed)
			add_group(matching, mask, 1, steps);
	}
}

static bool
give(Matching *matching, int step)
{
	uint32_t bit = UINT32_C(1) << step;

	for (int i = 0; i < matching->groups; i++)
	{
		Group *group = &matching->group[i];

		if ((group->mask & bit) == 0 || group->visited)
			continue;
		group->visited = true;
		if (__builtin_popcount(group->given) < group->room)
		{
			group->given |= bit;
			return true;
		}
		for (uint32_t rest = group->given; rest != 0; rest &= rest - 1)
		{
			if (!give(matching, __builtin_ctz(rest)))
				continue;
			group->given ^= (rest & (0 - rest)) | bit;
			return true;
		}
	}
	return false;
}

static int
level_of(Window *window)
{
	Matching matching;

	if (window->is_known)
		return window->level;
	window->is_known = true;
	window->level = __builtin_popcount(window->single);
	if (window->masks == 0)
		return window->level;
	make_groups(window, &matching);
	for (uint32_t rest = window->steps & ~window->single; rest != 0; rest &= rest - 1)
	{
		for (int i = 0; i < matching.groups; i++)
			matching.group[i].visited = false;
		window->level += give(&matching, __builtin_ctz(rest));
	}
	return window->level;
}

static void
open_window(Window *window, const BmChainQuery *query, const BmMoment *moments, size_t at)
{
	memset(window, 0, sizeof(*window));
	window->query = query;
	window->moments = moments;
	window->steps = (uint32_t) ((UINT64_C(1) << query->steps) - 1);
	window->begin = window->end = at;
}

static void
take_end(Window *window)
{
	change(window, window->moments[window->end++].mask, 1);
}

static void
drop_begin(Window *window)
{
	change(window, window->moments[window->begin++].mask, -1);
}

static bool
may_begin(const BmChainQuery *query, int64_t time)
{
	return !query->is_limited || (time >= query->first_start && time < query->end_start);
}

static void
poll(const BmChainQuery *query, size_t at)
{
	if (query->poll != NULL && at % POLL_MOMENTS == POLL_MOMENTS - 1)
		query->poll();
}

/* The best level of any window; each one is as long as it may be. */
static int
best_level(const BmChainQuery *query, const BmMoment *moments, size_t count)
{
	Window window;
	int best = 0;

	open_window(&window, query, moments, 0);
	while (window.begin < count && best < query->steps)
	{
		int64_t begin = moments[window.begin].time;

		while (window.end < count &&
			   bm_moment_distance(begin, moments[window.end].time) <= query->window)
			take_end(&window);
		if (may_begin(query, begin) && level_of(&window) > best)
			best = level_of(&window);
		poll(query, window.begin);
		drop_begin(&window);
	}
	return best;
}

/* The moment at which the window that was first to hold so many steps began last. */
static size_t
first_window(const BmChainQuery *query, const BmMoment *moments, size_t count, int level)
{
	Window window;
	size_t found = 0;

	open_window(&window, query, moments, 0);
	while (window.end < count)
	{
		int64_t now = moments[window.end].time;

		while (window.end < count && moments[window.end].time == now)
			take_end(&window);
		while (bm_moment_distance(moments[window.begin].time, now) > query->window ||
			   (query->is_limited && moments[window.begin].time < query->first_start &&
				window.begin + 1 < window.end))
			drop_begin(&window);
		poll(query, window.end);
		if (may_begin(query, moments[window.begin].time) && level_of(&window) >= level)
			break;
	}
	/* Without those of the first time it may still hold them. */
	while (window.begin < window.end && level_of(&window) >= level &&
		   may_begin(query, moments[window.begin].time))
	{
		int64_t time = moments[window.begin].time;

		found = window.begin;
		while (window.begin < window.end && moments[window.begin].time == time)
			drop_begin(&window);
	}
	return found;
}

int
bm_any_order_longest(const BmChainQuery *query, const BmMoment *moments, size_t count,
					 int64_t *times)
{
	int best = best_level(query, moments, count);
	Window window;
	int reached = 0;

	if (best == 0 || times == NULL)
		return best;
	open_window(&window, query, moments, first_window(query, moments, count, best));
	while (reached < best)
	{
		int64_t now = moments[window.end].time;

		while (window.end < count && moments[window.end].time == now)
			take_end(&window);
		while (reached < level_of(&window))
			times[reached++] = now;
	}
	return best;
}
