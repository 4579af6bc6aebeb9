/*
 * paths.c
 *	  Which event follows which in the sessions of a subject: what paths() counts.
 *
 * Pauses are handed over when there are many, for medians are exact; whoever has been counted for a
 * transition is remembered in it, so that a subject is counted once however often that happens.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "analysis/path.h"

/* Pauses that a process keeps before it hands them over. */
#define PAUSES_KEPT 32768

typedef struct State
{
	const BmPathQuery *query;
	BmPathTable *table;
	int32 start;	/* the name that paths begin with */
	uint64 subject; /* counts up */
	int32 pauses;
} State;

/* A path under way. */
typedef struct Path
{
	bool has_begun;
	int32 step; /* 0: no event yet */
	int32 name;
	int64 time;
} Path;

static void *
begin(const void *parameters)
{
	State *state = palloc0(sizeof(State));

	state->query = parameters;
	state->table = bm_path_table_create();
	if (state->query->has_start)
		state->start = bm_path_name(state->table, state->query->start,
									(uint32) strlen(state->query->start));
	return state;
}

static int
compare_ids(const void *a, const void *b, void *values)
{
	const BmScanText *value = values;

	return memcmp(value[((const BmMoment *) a)->row].text,
				  value[((const BmMoment *) b)->row].text, BM_PATH_ID_BYTES);
}

/* Events of one time are in the order of their ids. */
static void
order_by_id(const BmSubject *subject)
{
	BmMoment *moments = subject->moments;
	uint32 first = 0;

	for (uint32 i = 1; i <= subject->count; i++)
	{
		if (i < subject->count && moments[i].time == moments[first].time)
			continue;
		if (i - first > 1)
			qsort_arg(&moments[first], i - first, sizeof(BmMoment), compare_ids,
					  unconstify(BmScanText *, subject->values));
		first = i;
	}
}

static void
count_step(State *state, const Path *path, int32 target, int64 pause)
{
	BmPathKey key = {path->step, path->name, target};
	BmPathEntry *entry;

	if (path->step == 0 || path->step > state->query->max_steps)
		return;
	entry = bm_path_entry(state->table, key);
	entry->count++;
	if (entry->last != state->subject)
	{
		entry->last = state->subject;
		entry->subjects++;
	}
	if (target == BM_PATH_END)
		return;
	bm_path_pause(state->table, entry, pause);
	state->pauses++;
}

static void
visit(void *arg, const BmSubject *subject, StringInfo result)
{
	State *state = arg;
	const BmPathQuery *query = state->query;
	Path path = {0};
	int32 last = BM_PATH_END; /* the event before, in the same session */

	state->subject++;
	order_by_id(subject);
	for (uint32 i = 0; i < subject->count; i++)
	{
		int64 time = subject->moments[i].time;
		const BmScanText *value = &subject->values[subject->moments[i].row];
		int32 name = bm_path_name(state->table, value->text + BM_PATH_ID_BYTES,
								  value->length - BM_PATH_ID_BYTES);

		if (i == 0 || time - subject->moments[i - 1].time > query->gap)
		{
			count_step(state, &path, BM_PATH_END, 0);
			path = (Path){.has_begun = !query->has_start};
			last = BM_PATH_END;
		}
		path.has_begun |= query->has_start && name == state->start;
		if (path.has_begun && name != last)
		{
			count_step(state, &path, name, time - path.time);
			path.step++;
			path.name = name;
			path.time = time;
		}
		last = name;
	}
	count_step(state, &path, BM_PATH_END, 0);
	if (state->pauses >= PAUSES_KEPT)
	{
		bm_path_table_flush(state->table, result);
		state->pauses = 0;
	}
}

static void
end(void *arg, StringInfo result)
{
	State *state = arg;

	bm_path_table_flush(state->table, result);
}

const BmAnalysis bm_path_analysis = {begin, visit, end};
