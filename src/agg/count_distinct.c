/*
 * count_distinct.c
 *	  count_distinct(): what count(DISTINCT value) gives, by hashing.
 *
 * PostgreSQL sorts all values of a group for it, and has the rows sorted by group before. Here the different
 * values of a group are kept in a hash table, for which rows may come in any order. A group has the memory that a hash
 * table of the executor may have; values that do not fit are sorted at the end, on disk where they are many.
 */
#include "postgres.h"

#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "agg/argument.h"

#define FIRST_SLOTS 8
#define FIRST_BLOCK 256
#define LARGEST_BLOCK (64 * 1024)

typedef struct Slot
{
	Datum value;
	uint32 hash;
	bool used;
} Slot;

typedef struct Distinct
{
	TypeCacheEntry *type;
	Oid collation;
	uint32 count;
	uint32 slots; /* a power of two */
	Slot *slot;
	char *block; /* the free rest of what values were last copied to */
	Size room;
	Size block_size;
	Size used; /* bytes, of all */
	MemoryContext context;
	Tuplesortstate *rest; /* values that found no room */
	bool is_done;		  /* the rest is counted too */
	int64 result;
} Distinct;

PG_FUNCTION_INFO_V1(bizmetrics_count_distinct_add);
PG_FUNCTION_INFO_V1(bizmetrics_count_distinct_result);

static TypeCacheEntry *
type_of(FunctionCallInfo fcinfo)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	TypeCacheEntry *entry = lookup_type_cache(
		type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO | TYPECACHE_LT_OPR);

	if (!OidIsValid(entry->hash_proc) || !OidIsValid(entry->lt_opr) ||
		!OidIsValid(entry->eq_opr))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_FUNCTION),
				errmsg("values of type %s cannot be both hashed and sorted",
					   format_type_be(type)),
				errhint("Cast them to a type that can, such as text or jsonb, or use "
						"count(DISTINCT value)."));
	return entry;
}

static void
allocate_slots(Distinct *distinct, uint32 slots)
{
	distinct->slots = slots;
	distinct->slot = MemoryContextAllocExtended(distinct->context, slots * sizeof(Slot),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	distinct->used += slots * sizeof(Slot);
}

static Distinct *
create(FunctionCallInfo fcinfo)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	Distinct *distinct = MemoryContextAllocZero(context, sizeof(Distinct));

	distinct->context = context;
	distinct->type = type_of(fcinfo);
	distinct->collation = PG_GET_COLLATION();
	allocate_slots(distinct, FIRST_SLOTS);
	return distinct;
}

/* The place of a value, or the free one that it would have. */
static Slot *
look_up(Distinct *distinct, uint32 hash, Datum value)
{
	uint32 mask = distinct->slots - 1;
	Slot *slot = &distinct->slot[hash & mask];

	while (slot->used &&
		   !(slot->hash == hash &&
			 DatumGetBool(FunctionCall2Coll(&distinct->type->eq_opr_finfo,
											distinct->collation, slot->value, value))))
		slot = &distinct->slot[(slot - distinct->slot + 1) & mask];
	return slot;
}

static void
double_slots(Distinct *distinct)
{
	Slot *old = distinct->slot;
	uint32 slots = distinct->slots;

	allocate_slots(distinct, slots * 2);
	for (uint32 i = 0; i < slots; i++)
		if (old[i].used)
		{
			uint32 at = old[i].hash & (distinct->slots - 1);

			while (distinct->slot[at].used)
				at = (at + 1) & (distinct->slots - 1);
			distinct->slot[at] = old[i];
		}
	distinct->used -= slots * sizeof(Slot);
	pfree(old);
}

/* Values are small and never freed: they lie side by side. */
static char *
allocate_value(Distinct *distinct, Size size)
{
	char *value;

	size = MAXALIGN(size);
	if (size > distinct->room)
	{
		distinct->block_size = distinct->block_size == 0
								   ? FIRST_BLOCK
								   : Min(distinct->block_size * 2, LARGEST_BLOCK);
		distinct->room = Max(distinct->block_size, size);
		distinct->block = MemoryContextAllocHuge(distinct->context, distinct->room);
		distinct->used += distinct->room;
	}
	value = distinct->block;
	distinct->block += size;
	distinct->room -= size;
	return value;
}

static Datum
copy_of(Distinct *distinct, Datum value)
{
	Size size;
	char *copy;

	if (distinct->type->typbyval)
		return value;
	size = datumGetSize(value, false, distinct->type->typlen);
	copy = allocate_value(distinct, size);
	memcpy(copy, DatumGetPointer(value), size);
	return PointerGetDatum(copy);
}

static void
end_sort(Datum arg)
{
	Distinct *distinct = (Distinct *) DatumGetPointer(arg);

	if (distinct->rest != NULL)
		tuplesort_end(distinct->rest);
	distinct->rest = NULL;
}

static void
put_aside(FunctionCallInfo fcinfo, Distinct *distinct, Datum value)
{
	if (distinct->rest == NULL)
	{
		MemoryContext outside = MemoryContextSwitchTo(distinct->context);

		distinct->rest = tuplesort_begin_datum(
			distinct->type->type_id, distinct->type->lt_opr, distinct->collation, false,
			work_mem, NULL, TUPLESORT_NONE);
		MemoryContextSwitchTo(outside);
		AggRegisterCallback(fcinfo, end_sort, PointerGetDatum(distinct));
	}
	tuplesort_putdatum(distinct->rest, value, false);
}

/* Would one more be too much? The table is doubled when it is three quarters full. */
static bool
is_full(const Distinct *distinct)
{
	Size more = distinct->count >= distinct->slots / 4 * 3
					? distinct->slots * 2 * sizeof(Slot)
					: 0;

	return distinct->used + more > get_hash_memory_limit();
}

static void
add(FunctionCallInfo fcinfo, Distinct *distinct, Datum value)
{
	uint32 hash = DatumGetUInt32(
		FunctionCall1Coll(&distinct->type->hash_proc_finfo, distinct->collation, value));
	Slot *slot = look_up(distinct, hash, value);

	if (slot->used)
		return;
	if (distinct->rest != NULL || is_full(distinct))
	{
		put_aside(fcinfo, distinct, value);
		return;
	}
	if (distinct->count >= distinct->slots / 4 * 3)
	{
		double_slots(distinct);
		slot = look_up(distinct, hash, value);
	}
	*slot = (Slot){copy_of(distinct, value), hash, true};
	distinct->count++;
}

/* Arguments: state, value. */
Datum
bizmetrics_count_distinct_add(PG_FUNCTION_ARGS)
{
	Distinct *distinct =
		PG_ARGISNULL(0) ? create(fcinfo) : (Distinct *) PG_GETARG_POINTER(0);
	Datum value;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(distinct);
	value = PG_GETARG_DATUM(1);
	if (distinct->type->typlen == -1)
		value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	add(fcinfo, distinct, value);
	PG_RETURN_POINTER(distinct);
}

static void
free_value(const Distinct *distinct, Datum value)
{
	if (!distinct->type->typbyval)
		pfree(DatumGetPointer(value));
}

/* How many different ones there are of those that were put aside. */
static int64
count_rest(Distinct *distinct)
{
	int64 count = 0;
	Datum last = (Datum) 0;
	Datum value;
	bool isnull;

	tuplesort_performsort(distinct->rest);
	while (bm_tuplesort_getdatum(distinct->rest, &value, &isnull))
	{
		bool is_new = count == 0 ||
					  !DatumGetBool(FunctionCall2Coll(&distinct->type->eq_opr_finfo,
													  distinct->collation, last, value));

		CHECK_FOR_INTERRUPTS();
		if (!is_new)
		{
			free_value(distinct, value);
			continue;
		}
		if (count++ > 0)
			free_value(distinct, last);
		last = value;
	}
	return count;
}

Datum
bizmetrics_count_distinct_result(PG_FUNCTION_ARGS)
{
	Distinct *distinct;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	distinct = (Distinct *) PG_GETARG_POINTER(0);
	if (!distinct->is_done)
	{
		distinct->result = distinct->count;
		if (distinct->rest != NULL)
			distinct->result += count_rest(distinct);
		distinct->is_done = true;
	}
	PG_RETURN_INT64(distinct->result);
}
