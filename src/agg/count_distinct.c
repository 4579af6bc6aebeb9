/*
 * count_distinct.c
 *	  count_distinct(): what count(DISTINCT value) gives, by hashing.
 *
 * PostgreSQL sorts all values of a group for it, and has the rows sorted by group before. Here the different
 * values of a group are kept in a hash table, for which rows may come in any order. A group has the memory that a hash
 * table of the executor may have; values that do not fit are sorted at the end, on disk where they are many.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/tuplesort.h"

#include "agg/argument.h"
#include "agg/distinct.h"

typedef struct State
{
	BmDistinct *distinct;
	Tuplesortstate *rest; /* values that found no room */
	bool is_done;		  /* the rest is counted too */
	int64 result;
} State;

PG_FUNCTION_INFO_V1(bizmetrics_count_distinct_add);
PG_FUNCTION_INFO_V1(bizmetrics_count_distinct_result);

static State *
create(FunctionCallInfo fcinfo)
{
	State *state = MemoryContextAllocZero(bm_aggregate_context(fcinfo), sizeof(State));

	state->distinct = bm_distinct_create(fcinfo, 0);
	return state;
}

static void
end_sort(Datum arg)
{
	State *state = (State *) DatumGetPointer(arg);

	if (state->rest != NULL)
		tuplesort_end(state->rest);
	state->rest = NULL;
}

static void
put_aside(FunctionCallInfo fcinfo, State *state, Datum value)
{
	const BmDistinct *distinct = state->distinct;

	if (state->rest == NULL)
	{
		MemoryContext outside = MemoryContextSwitchTo(distinct->context);

		state->rest = tuplesort_begin_datum(distinct->type->type_id,
											distinct->type->lt_opr, distinct->collation,
											false, work_mem, NULL, TUPLESORT_NONE);
		MemoryContextSwitchTo(outside);
		AggRegisterCallback(fcinfo, end_sort, PointerGetDatum(state));
	}
	tuplesort_putdatum(state->rest, value, false);
}

/* Arguments: state, value. */
Datum
bizmetrics_count_distinct_add(PG_FUNCTION_ARGS)
{
	State *state = PG_ARGISNULL(0) ? create(fcinfo) : (State *) PG_GETARG_POINTER(0);
	Datum value;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(state);
	value = PG_GETARG_DATUM(1);
	if (state->distinct->type->typlen == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	if (bm_distinct_put(state->distinct, value, state->rest == NULL) == NULL)
		put_aside(fcinfo, state, value);
	PG_RETURN_POINTER(state);
}

static void
free_value(const BmDistinct *distinct, Datum value)
{
	if (!distinct->type->typbyval)
		pfree(DatumGetPointer(value));
}

/* How many different ones there are of those that were put aside. */
static int64
count_rest(State *state)
{
	int64 count = 0;
	Datum last = (Datum) 0;
	Datum value;
	bool isnull;

	tuplesort_performsort(state->rest);
	while (bm_tuplesort_getdatum(state->rest, &value, &isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (count > 0 && bm_distinct_same(state->distinct, last, value))
		{
			free_value(state->distinct, value);
			continue;
		}
		if (count++ > 0)
			free_value(state->distinct, last);
		last = value;
	}
	return count;
}

Datum
bizmetrics_count_distinct_result(PG_FUNCTION_ARGS)
{
	State *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	state = (State *) PG_GETARG_POINTER(0);
	if (!state->is_done)
	{
		state->result = state->distinct->count;
		if (state->rest != NULL)
			state->result += count_rest(state);
		state->is_done = true;
	}
	PG_RETURN_INT64(state->result);
}
