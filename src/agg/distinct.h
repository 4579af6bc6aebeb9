/*
 * distinct.h
 *	  The different values of a group, in a hash table of an aggregate's state.
 */
#ifndef BM_AGG_DISTINCT_H
#define BM_AGG_DISTINCT_H

#include "fmgr.h"
#include "utils/typcache.h"

typedef struct BmDistinctSlot
{
	Datum value;
	uint32 hash;
	bool used;
} BmDistinctSlot;

typedef struct BmDistinct
{
	TypeCacheEntry *type;
	Oid collation;
	uint32 count;
	uint32 slots; /* a power of two */
	BmDistinctSlot *slot;
	Size note_size; /* of what is kept beside each value, zeroed */
	char *note;		/* a slot each */
	char *block;	/* the free rest of what values were last copied to */
	Size room;
	Size block_size;
	Size used; /* bytes, of all */
	MemoryContext context;
} BmDistinct;

/* For values of the second argument, in the aggregate's context. Raises where they cannot be hashed and sorted (42883). */
extern BmDistinct *bm_distinct_create(FunctionCallInfo fcinfo, Size note_size);

/*
 * The slot of a value, which is not toasted; a new one where may_grow says so and the memory that a hash table of the
 * executor may have lasts, or else NULL.
 */
extern BmDistinctSlot *bm_distinct_put(BmDistinct *distinct, Datum value, bool may_grow);

/* Are two values the same? */
static inline bool
bm_distinct_same(BmDistinct *distinct, Datum a, Datum b)
{
	return DatumGetBool(
		FunctionCall2Coll(&distinct->type->eq_opr_finfo, distinct->collation, a, b));
}

static inline char *
bm_distinct_note(const BmDistinct *distinct, const BmDistinctSlot *slot)
{
	return distinct->note + (slot - distinct->slot) * distinct->note_size;
}

#endif
