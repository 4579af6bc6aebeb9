/*
 * rolling_active_users.c
 *	  rolling_active_users(): how many different users were active on each of some days, in the 7 and in the 30 days
 *	  that end with it.
 *
 * Each user has a bit for each day. A day of activity counts from that day until 7 (30) days later or the user's next
 * active day, whichever comes first: so no day is counted over again for each window that it is in. A group has the
 * memory that a hash table of the executor may have; the rows of users that do not fit are sorted at the end, on disk
 * where they are many.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/tuplesort.h"

#include "agg/argument.h"
#include "agg/distinct.h"

#define WEEK 7
#define MONTH 30
#define MOST_DAYS 3660
#define NO_DAY (-MONTH) /* is in no window any more */

enum
{
	STATE,
	USER_ID,
	DAY,
	FIRST_DAY,
	LAST_DAY
};

enum
{
	DAILY,
	WEEKLY,
	MONTHLY,
	FIGURES
};

typedef int64 Counts[FIGURES];

typedef struct State
{
	BmDistinct
		*users; /* each with a bit a day, from MONTH - 1 days before the first one on */
	DateADT first_day;
	DateADT last_day;
	int32 days;
	int32 words;
	Tuplesortstate *rest; /* of users that found no room */
	TupleTableSlot *row;  /* that goes there */
	TupleTableSlot *slot; /* that comes from there */
	Counts *counts;		  /* NULL: not counted yet */
} State;

PG_FUNCTION_INFO_V1(bizmetrics_rolling_active_users_add);
PG_FUNCTION_INFO_V1(bizmetrics_rolling_active_users_result);

static DateADT
required_day(FunctionCallInfo fcinfo, int argument, const char *name)
{
	DateADT day;

	if (PG_ARGISNULL(argument))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be NULL", name));
	day = PG_GETARG_DATEADT(argument);
	if (DATE_NOT_FINITE(day))
		ereport(ERROR, errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				errmsg("%s must be finite", name));
	return day;
}

static State *
create(FunctionCallInfo fcinfo)
{
	State *state = MemoryContextAllocZero(bm_aggregate_context(fcinfo), sizeof(State));
	int64 days;

	state->first_day = required_day(fcinfo, FIRST_DAY, "first_day");
	state->last_day = required_day(fcinfo, LAST_DAY, "last_day");
	days = (int64) state->last_day - state->first_day + 1;
	if (days > MOST_DAYS)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("from first_day to last_day there are " INT64_FORMAT " days", days),
			errhint("There may be %d, some ten years.", MOST_DAYS));
	state->days = (int32) Max(days, 0);
	state->words = (state->days + MONTH - 1 + 63) / 64;
	state->users = bm_distinct_create(fcinfo, state->words * sizeof(uint64));
	return state;
}

static void
require_constants(FunctionCallInfo fcinfo, const State *state)
{
	if (PG_ARGISNULL(FIRST_DAY) || PG_GETARG_DATEADT(FIRST_DAY) != state->first_day)
		bm_not_constant("first_day");
	if (PG_ARGISNULL(LAST_DAY) || PG_GETARG_DATEADT(LAST_DAY) != state->last_day)
		bm_not_constant("last_day");
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
begin_sort(FunctionCallInfo fcinfo, State *state)
{
	const TypeCacheEntry *type = state->users->type;
	MemoryContext outside = MemoryContextSwitchTo(state->users->context);
	AttrNumber columns[] = {1, 2};
	Oid operators[] = {type->lt_opr, Int4LessOperator};
	Oid collations[] = {state->users->collation, InvalidOid};
	bool nulls_first[] = {false, false};
	TupleDesc desc = CreateTemplateTupleDesc(2);

	TupleDescInitEntry(desc, 1, "user_id", type->type_id, -1, 0);
	TupleDescInitEntry(desc, 2, "day", INT4OID, -1, 0);
	state->row = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	state->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	state->rest = tuplesort_begin_heap(desc, 2, columns, operators, collations,
									   nulls_first, work_mem, NULL, TUPLESORT_NONE);
	MemoryContextSwitchTo(outside);
	AggRegisterCallback(fcinfo, end_sort, PointerGetDatum(state));
}

static void
put_aside(FunctionCallInfo fcinfo, State *state, Datum user, int32 day)
{
	if (state->rest == NULL)
		begin_sort(fcinfo, state);
	ExecClearTuple(state->row);
	state->row->tts_values[0] = user;
	state->row->tts_values[1] = Int32GetDatum(day);
	memset(state->row->tts_isnull, false, 2 * sizeof(bool));
	ExecStoreVirtualTuple(state->row);
	tuplesort_puttupleslot(state->rest, state->row);
}

/* Arguments: state, user, day, first_day, last_day. */
Datum
bizmetrics_rolling_active_users_add(PG_FUNCTION_ARGS)
{
	State *state =
		PG_ARGISNULL(STATE) ? create(fcinfo) : (State *) PG_GETARG_POINTER(STATE);
	BmDistinctSlot *slot;
	Datum user;
	int64 bit;

	require_constants(fcinfo, state);
	if (PG_ARGISNULL(USER_ID) || PG_ARGISNULL(DAY))
		PG_RETURN_POINTER(state);
	bit = (int64) PG_GETARG_DATEADT(DAY) - state->first_day + MONTH - 1;
	if (bit < 0 || bit >= state->days + MONTH - 1)
		PG_RETURN_POINTER(state);
	user = PG_GETARG_DATUM(USER_ID);
	if (state->users->type->typlen == -1)
		user = PointerGetDatum(PG_DETOAST_DATUM_PACKED(user));
	slot = bm_distinct_put(state->users, user, state->rest == NULL);
	if (slot == NULL)
		put_aside(fcinfo, state, user, (int32) bit - (MONTH - 1));
	else
		((uint64 *) bm_distinct_note(state->users, slot))[bit / 64] |= UINT64CONST(1)
																	   << (bit % 64);
	PG_RETURN_POINTER(state);
}

/* A user counts from a day on, until so many days later or the next one; day 0 is the first one. */
static inline void
count_span(const State *state, int figure, int32 day, int32 next, int32 length)
{
	int32 from = Max(day, 0);
	int32 to = Min(next, day + length);

	if (to <= from)
		return;
	state->counts[from][figure]++;
	if (to < state->days)
		state->counts[to][figure]--;
}

/* An active day of a user, and the next one. */
static void
count_day(const State *state, int32 day, int32 next)
{
	if (day == NO_DAY)
		return;
	if (day >= 0)
		state->counts[day][DAILY]++;
	count_span(state, WEEKLY, day, next, WEEK);
	count_span(state, MONTHLY, day, next, MONTH);
}

static void
count_bits(const State *state, const uint64 *bits)
{
	int32 last = NO_DAY;

	for (int32 i = 0; i < state->words; i++)
		for (uint64 word = bits[i]; word != 0; word &= word - 1)
		{
			int32 day = i * 64 + pg_rightmost_one_pos64(word) - (MONTH - 1);

			count_day(state, last, day);
			last = day;
		}
	count_day(state, last, PG_INT32_MAX);
}

/* The rows that were put aside: one user after the other, day after day. */
static void
count_rest(State *state)
{
	TypeCacheEntry *type = state->users->type;
	Datum last_user = (Datum) 0;
	int32 last = NO_DAY;

	tuplesort_performsort(state->rest);
	while (tuplesort_gettupleslot(state->rest, true, false, state->slot, NULL))
	{
		bool isnull;
		Datum user = slot_getattr(state->slot, 1, &isnull);
		int32 day = DatumGetInt32(slot_getattr(state->slot, 2, &isnull));

		CHECK_FOR_INTERRUPTS();
		if (last != NO_DAY && bm_distinct_same(state->users, last_user, user))
		{
			if (day != last)
				count_day(state, last, day);
			last = day;
			continue;
		}
		count_day(state, last, PG_INT32_MAX);
		if (last != NO_DAY && !type->typbyval)
			pfree(DatumGetPointer(last_user));
		last_user = datumCopy(user, type->typbyval, type->typlen);
		last = day;
	}
	count_day(state, last, PG_INT32_MAX);
}

static void
count_all(State *state)
{
	state->counts =
		MemoryContextAllocZero(state->users->context, (state->days + 1) * sizeof(Counts));
	for (uint32 i = 0; i < state->users->slots; i++)
		if (state->users->slot[i].used)
			count_bits(state,
					   (uint64 *) bm_distinct_note(state->users, &state->users->slot[i]));
	if (state->rest != NULL)
		count_rest(state);
	for (int32 day = 1; day < state->days; day++)
	{
		state->counts[day][WEEKLY] += state->counts[day - 1][WEEKLY];
		state->counts[day][MONTHLY] += state->counts[day - 1][MONTHLY];
	}
}

static Datum
row_of_day(const State *state, int32 day, TupleDesc desc)
{
	const int64 *counts = state->counts[day];
	Datum values[] = {DateADTGetDatum(state->first_day + day),
					  Int64GetDatum(counts[DAILY]), Int64GetDatum(counts[WEEKLY]),
					  Int64GetDatum(counts[MONTHLY])};
	bool nulls[] = {false, false, false, false};

	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

Datum
bizmetrics_rolling_active_users_result(PG_FUNCTION_ARGS)
{
	Oid type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc desc;
	State *state;
	Datum *rows;

	if (PG_ARGISNULL(STATE))
		PG_RETURN_NULL();
	state = (State *) PG_GETARG_POINTER(STATE);
	if (state->counts == NULL)
		count_all(state);
	desc = lookup_rowtype_tupdesc(type, -1);
	rows = palloc(Max(state->days, 1) * sizeof(Datum));
	for (int32 day = 0; day < state->days; day++)
		rows[day] = row_of_day(state, day, desc);
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(rows, state->days, type, -1, false, TYPALIGN_DOUBLE));
}
