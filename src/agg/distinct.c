/*
 * distinct.c
 *	  The different values of a group, in a hash table of an aggregate's state.
 */
#include "postgres.h"

#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "agg/argument.h"
#include "agg/distinct.h"

#define FIRST_SLOTS 8
#define FIRST_BLOCK 256
#define LARGEST_BLOCK (64 * 1024)

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

static void *
allocate_zero(BmDistinct *distinct, Size size)
{
	distinct->used += size;
	return MemoryContextAllocExtended(distinct->context, size,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
allocate_slots(BmDistinct *distinct, uint32 slots)
{
	distinct->slots = slots;
	distinct->slot = allocate_zero(distinct, slots * sizeof(BmDistinctSlot));
	if (distinct->note_size > 0)
		distinct->note = allocate_zero(distinct, slots * distinct->note_size);
}

BmDistinct *
bm_distinct_create(FunctionCallInfo fcinfo, Size note_size)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	BmDistinct *distinct = MemoryContextAllocZero(context, sizeof(BmDistinct));

	distinct->context = context;
	distinct->type = type_of(fcinfo);
	distinct->collation = PG_GET_COLLATION();
	distinct->note_size = note_size;
	allocate_slots(distinct, FIRST_SLOTS);
	return distinct;
}

/* The place of a value, or the free one that it would have. */
static BmDistinctSlot *
look_up(BmDistinct *distinct, uint32 hash, Datum value)
{
	uint32 mask = distinct->slots - 1;
	BmDistinctSlot *slot = &distinct->slot[hash & mask];

	while (slot->used &&
		   !(slot->hash == hash && bm_distinct_same(distinct, slot->value, value)))
		slot = &distinct->slot[(slot - distinct->slot + 1) & mask];
	return slot;
}

static void
double_slots(BmDistinct *distinct)
{
	BmDistinct old = *distinct;

	allocate_slots(distinct, old.slots * 2);
	for (uint32 i = 0; i < old.slots; i++)
		if (old.slot[i].used)
		{
			uint32 at = old.slot[i].hash & (distinct->slots - 1);

			while (distinct->slot[at].used)
				at = (at + 1) & (distinct->slots - 1);
			distinct->slot[at] = old.slot[i];
			if (old.note != NULL)
				memcpy(bm_distinct_note(distinct, &distinct->slot[at]),
					   bm_distinct_note(&old, &old.slot[i]), old.note_size);
		}
	distinct->used -= old.slots * (sizeof(BmDistinctSlot) + old.note_size);
	pfree(old.slot);
	if (old.note != NULL)
		pfree(old.note);
}

/* Values are small and never freed: they lie side by side. */
static char *
allocate_value(BmDistinct *distinct, Size size)
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
copy_of(BmDistinct *distinct, Datum value)
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

/* The table is doubled when it is three quarters full. */
static bool
is_to_double(const BmDistinct *distinct)
{
	return distinct->count >= distinct->slots / 4 * 3;
}

/* Would one more be too much? */
static bool
is_full(const BmDistinct *distinct)
{
	Size more =
		is_to_double(distinct)
			? (Size) distinct->slots * 2 * (sizeof(BmDistinctSlot) + distinct->note_size)
			: 0;

	return distinct->used + more > get_hash_memory_limit();
}

BmDistinctSlot *
bm_distinct_put(BmDistinct *distinct, Datum value, bool may_grow)
{
	uint32 hash = DatumGetUInt32(
		FunctionCall1Coll(&distinct->type->hash_proc_finfo, distinct->collation, value));
	BmDistinctSlot *slot = look_up(distinct, hash, value);

	if (slot->used)
		return slot;
	if (!may_grow || is_full(distinct))
		return NULL;
	if (is_to_double(distinct))
	{
		double_slots(distinct);
		slot = look_up(distinct, hash, value);
	}
	*slot = (BmDistinctSlot){copy_of(distinct, value), hash, true};
	distinct->count++;
	return slot;
}
