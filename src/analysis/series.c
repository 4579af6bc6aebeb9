/*
 * series.c
 *	  Percentiles of numbers that come in many series, exact, in memory or sorted on disk.
 *
 * In memory each series is an array, of which as much is put in order as is asked for. When they get too
 * large all of them go into one sort, by series and number, which is read forward once.
 */
#include "postgres.h"

#include <math.h>

#include "access/tupdesc.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "analysis/series.h"

typedef struct Series
{
	int64 *number; /* NULL once they are in the sort */
	int64 count;
	int64 room;
} Series;

struct BmSeriesSet
{
	MemoryContext context;
	Size budget;
	Size used;
	int series;
	int room;
	Series *one;
	Tuplesortstate *sort;	   /* NULL: in memory */
	TupleTableSlot *slot;	   /* to write */
	TupleTableSlot *read_slot; /* to read */
	int at_series;			   /* of what was read last */
	int64 at_row;
	int64 at_number;
	int64 before; /* the number of the row before it */
};

BmSeriesSet *
bm_series_create(Size budget)
{
	BmSeriesSet *set = palloc0(sizeof(BmSeriesSet));

	set->context = CurrentMemoryContext;
	set->budget = budget;
	set->at_series = -1;
	return set;
}

int
bm_series_add(BmSeriesSet *set)
{
	if (set->series == set->room)
	{
		set->room = set->room * 2 + 64;
		set->one = set->one == NULL
					   ? MemoryContextAllocHuge(set->context, set->room * sizeof(Series))
					   : repalloc_huge(set->one, set->room * sizeof(Series));
	}
	memset(&set->one[set->series], 0, sizeof(Series));
	return set->series++;
}

static void
put_sorted(BmSeriesSet *set, int series, const char *numbers, int64 count)
{
	for (int64 i = 0; i < count; i++)
	{
		int64 number;

		memcpy(&number, numbers + i * sizeof(int64), sizeof(int64));
		ExecClearTuple(set->slot);
		set->slot->tts_values[0] = Int32GetDatum(series);
		set->slot->tts_values[1] = Int64GetDatum(number);
		set->slot->tts_isnull[0] = set->slot->tts_isnull[1] = false;
		ExecStoreVirtualTuple(set->slot);
		tuplesort_puttupleslot(set->sort, set->slot);
	}
}

/* From memory into a sort. */
static void
begin_sort(BmSeriesSet *set)
{
	MemoryContext old = MemoryContextSwitchTo(set->context);
	TupleDesc desc = CreateTemplateTupleDesc(2);
	AttrNumber columns[2] = {1, 2};
	Oid operators[2] = {Int4LessOperator, Int8LessOperator};
	Oid collations[2] = {InvalidOid, InvalidOid};
	bool nulls_first[2] = {false, false};

	TupleDescInitEntry(desc, 1, "series", INT4OID, -1, 0);
	TupleDescInitEntry(desc, 2, "number", INT8OID, -1, 0);
	set->read_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	set->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	set->sort = tuplesort_begin_heap(desc, 2, columns, operators, collations, nulls_first,
									 work_mem, NULL, TUPLESORT_NONE);
	for (int i = 0; i < set->series; i++)
	{
		if (set->one[i].number == NULL)
			continue;
		put_sorted(set, i, (const char *) set->one[i].number, set->one[i].count);
		pfree(set->one[i].number);
		set->one[i].number = NULL;
	}
	MemoryContextSwitchTo(old);
}

static void
make_room(BmSeriesSet *set, Series *series, int64 count)
{
	Size bytes;

	if (series->count + count <= series->room)
		return;
	set->used -= series->room * sizeof(int64);
	series->room = Max(series->count + count, series->room + series->room / 2);
	bytes = series->room * sizeof(int64);
	set->used += bytes;
	series->number = series->number == NULL ? MemoryContextAllocHuge(set->context, bytes)
											: repalloc_huge(series->number, bytes);
}

void
bm_series_put(BmSeriesSet *set, int number, const char *numbers, int64 count)
{
	Series *series = &set->one[number];

	if (count == 0)
		return;
	if (set->sort == NULL && set->used + count * sizeof(int64) > set->budget)
		begin_sort(set);
	if (set->sort != NULL)
		put_sorted(set, number, numbers, count);
	else
	{
		make_room(set, series, count);
		memcpy(&series->number[series->count], numbers, count * sizeof(int64));
	}
	series->count += count;
}

void
bm_series_finish(BmSeriesSet *set)
{
	if (set->sort != NULL)
		tuplesort_performsort(set->sort);
}

/* Puts the number of this rank where it belongs, smaller ones before it and greater ones behind. */
static int64
select_rank(int64 *number, int64 count, int64 rank)
{
	int64 low = 0;
	int64 high = count - 1;

	while (low < high)
	{
		int64 pivot = number[low + (high - low) / 2];
		int64 i = low;
		int64 j = high;

		CHECK_FOR_INTERRUPTS();
		while (i <= j)
		{
			while (number[i] < pivot)
				i++;
			while (number[j] > pivot)
				j--;
			if (i <= j)
			{
				int64 swapped = number[i];

				number[i++] = number[j];
				number[j--] = swapped;
			}
		}
		if (rank <= j)
			high = j;
		else if (rank >= i)
			low = i;
		else
			break;
	}
	return number[rank];
}

/* Reads on in the sort up to this row of this series. */
static int64
read_rank(BmSeriesSet *set, int series, int64 rank)
{
	if (set->at_series == series && set->at_row == rank + 1)
		return set->before;
	while (set->at_series != series || set->at_row < rank)
	{
		bool isnull;
		int found;

		CHECK_FOR_INTERRUPTS();
		if (!tuplesort_gettupleslot(set->sort, true, false, set->read_slot, NULL))
			elog(ERROR, "a series of numbers ended too early");
		found = DatumGetInt32(slot_getattr(set->read_slot, 1, &isnull));
		set->at_row = found == set->at_series ? set->at_row + 1 : 0;
		set->at_series = found;
		set->before = set->at_number;
		set->at_number = DatumGetInt64(slot_getattr(set->read_slot, 2, &isnull));
	}
	return set->at_number;
}

static int64
number_at(BmSeriesSet *set, int series, int64 rank)
{
	if (set->sort != NULL)
		return read_rank(set, series, rank);
	return select_rank(set->one[series].number, set->one[series].count, rank);
}

bool
bm_series_percentile(BmSeriesSet *set, int series, double fraction, double *result)
{
	int64 count = set->one[series].count;
	double place = fraction * (double) (count - 1);
	int64 rank = (int64) floor(place);
	double low;

	if (count == 0)
		return false;
	low = (double) number_at(set, series, rank);
	*result = low;
	if ((double) rank < place)
		*result +=
			(place - (double) rank) * ((double) number_at(set, series, rank + 1) - low);
	return true;
}

bool
bm_series_middle(BmSeriesSet *set, int series, int64 *low, int64 *high)
{
	int64 count = set->one[series].count;

	if (count == 0)
		return false;
	*low = number_at(set, series, (count - 1) / 2);
	*high = number_at(set, series, count / 2);
	return true;
}

void
bm_series_end(BmSeriesSet *set)
{
	if (set->sort == NULL)
		return;
	tuplesort_end(set->sort);
	ExecDropSingleTupleTableSlot(set->slot);
	ExecDropSingleTupleTableSlot(set->read_slot);
}
