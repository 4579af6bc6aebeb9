/* Putting together what the processes of a funnel found out. */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "analysis/funnel.h"
#include "analysis/series.h"

#define MICROSECONDS 1000000.0

/* Two series for each step: times since the step before, times since the first. */
typedef struct Entry
{
	int series;
	uint32 hash;
	uint32 value_length;
	struct Entry *next;
	BmFunnelRow *row;
} Entry;

struct BmFunnelResult
{
	int steps;
	MemoryContext context;
	BmSeriesSet *series;
	uint32 slots;
	Entry **slot;
	List *rows; /* of Entry, in the order of their series; in the end of BmFunnelRow */
};

BmFunnelRow *
bm_funnel_row_create(int steps)
{
	return palloc0(offsetof(BmFunnelRow, step) + steps * sizeof(BmFunnelStep));
}

BmFunnelResult *
bm_funnel_result_create(int steps)
{
	BmFunnelResult *result = palloc0(sizeof(BmFunnelResult));

	result->steps = steps;
	result->context = CurrentMemoryContext;
	result->series = bm_series_create(get_hash_memory_limit());
	result->slots = 256;
	result->slot = palloc0(result->slots * sizeof(Entry *));
	return result;
}

static void
enlarge(BmFunnelResult *result)
{
	ListCell *cell;

	result->slots *= 4;
	pfree(result->slot);
	result->slot = palloc0(result->slots * sizeof(Entry *));
	foreach(cell, result->rows)
	{
		Entry *entry = lfirst(cell);
		Entry **head = &result->slot[entry->hash & (result->slots - 1)];

		entry->next = *head;
		*head = entry;
	}
}

static Entry *
find_entry(BmFunnelResult *result, const BmFunnelCounts *counts, const char *value)
{
	uint32 length = counts->value_length;
	uint32 hash = murmurhash32((uint32) counts->bucket);
	Entry **head;
	Entry *entry;

	if (length != BM_FUNNEL_NO_VALUE)
		hash =
			hash_combine(hash, hash_bytes((const unsigned char *) value, (int) length));
	for (entry = result->slot[hash & (result->slots - 1)]; entry != NULL;
		 entry = entry->next)
	{
		if (entry->row->bucket == counts->bucket && entry->value_length == length &&
			(length == BM_FUNNEL_NO_VALUE ||
			 memcmp(VARDATA(entry->row->value), value, length) == 0))
			return entry;
	}
	if (list_length(result->rows) >= result->slots)
		enlarge(result);
	entry = palloc0(sizeof(Entry));
	entry->row = bm_funnel_row_create(result->steps);
	entry->row->bucket = counts->bucket;
	entry->value_length = length;
	entry->hash = hash;
	if (length != BM_FUNNEL_NO_VALUE)
	{
		entry->row->value = palloc(VARHDRSZ + length);
		SET_VARSIZE(entry->row->value, VARHDRSZ + length);
		memcpy(VARDATA(entry->row->value), value, length);
	}
	head = &result->slot[hash & (result->slots - 1)];
	entry->next = *head;
	*head = entry;
	entry->series = bm_series_add(result->series);
	for (int i = 1; i < 2 * result->steps; i++)
		(void) bm_series_add(result->series);
	result->rows = lappend(result->rows, entry);
	return entry;
}

/* One BmFunnelCounts; returns how long it is. */
static Size
take_counts(BmFunnelResult *result, const char *bytes)
{
	BmFunnelCounts counts;
	const char *at = bytes + sizeof(counts);
	Entry *entry;

	memcpy(&counts, bytes, sizeof(counts));
	entry = find_entry(result, &counts, at);
	if (counts.value_length != BM_FUNNEL_NO_VALUE)
		at += counts.value_length;
	for (int step = 0; step < result->steps; step++)
	{
		entry->row->step[step].actors += counts.actors[step];
		for (int i = 0; i < 2 && step > 0; i++)
		{
			bm_series_put(result->series, entry->series + 2 * step + i, at,
						  counts.actors[step]);
			at += counts.actors[step] * sizeof(int64);
		}
	}
	return at - bytes;
}

void
bm_funnel_result_take(void *arg, const char *bytes, Size size)
{
	BmFunnelResult *result = arg;
	MemoryContext old = MemoryContextSwitchTo(result->context);

	for (Size at = 0; at < size;)
		at += take_counts(result, bytes + at);
	MemoryContextSwitchTo(old);
}

static void
read_times(BmFunnelResult *result, Entry *entry, int step)
{
	BmFunnelStep *row = &entry->row->step[step];
	int series = entry->series + 2 * step;

	row->has_times =
		bm_series_percentile(result->series, series, 0.5, &row->median) &&
		bm_series_percentile(result->series, series, 0.9, &row->p90) &&
		bm_series_percentile(result->series, series + 1, 0.5, &row->total_median) &&
		bm_series_percentile(result->series, series + 1, 0.9, &row->total_p90);
	row->median /= MICROSECONDS;
	row->p90 /= MICROSECONDS;
	row->total_median /= MICROSECONDS;
	row->total_p90 /= MICROSECONDS;
}

static int
compare_rows(const ListCell *a, const ListCell *b)
{
	const BmFunnelRow *x = lfirst(a);
	const BmFunnelRow *y = lfirst(b);
	int order;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	if (x->value == NULL || y->value == NULL)
		return (x->value == NULL) - (y->value == NULL);
	order = memcmp(VARDATA(x->value), VARDATA(y->value),
				   Min(VARSIZE(x->value), VARSIZE(y->value)) - VARHDRSZ);
	return order != 0 ? order : (int) VARSIZE(x->value) - (int) VARSIZE(y->value);
}

List *
bm_funnel_result_rows(BmFunnelResult *result)
{
	ListCell *cell;

	bm_series_finish(result->series);
	foreach(cell, result->rows)
	{
		Entry *entry = lfirst(cell);

		for (int step = 1; step < result->steps; step++)
			read_times(result, entry, step);
		lfirst(cell) = entry->row;
	}
	bm_series_end(result->series);
	list_sort(result->rows, compare_rows);
	return result->rows;
}
