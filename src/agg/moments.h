/*
 * moments.h
 *	  The state of an aggregate that has to see its rows in the order of time.
 */
#ifndef BM_AGG_MOMENTS_H
#define BM_AGG_MOMENTS_H

#include "fmgr.h"

#include "agg/moment.h"

/*
 * What is the same in all rows, and the moments. One chunk of memory, moved as it grows, so that a
 * small group costs one line of cache or two; 32 bytes before the moments, so that 2, 6, 14 and so
 * on of them fill what the allocator gives.
 */
typedef struct BmMoments
{
	uint64 window; /* of a funnel */
	text *pattern; /* of a sequence; NULL for a funnel */
	uint32 count;
	uint32 room;
	uint16 modes; /* of a funnel */
	uint8 conditions;
	bool is_sorted; /* as bm_moment_compare() has it */
	BmMoment moment[FLEXIBLE_ARRAY_MEMBER];
} BmMoments;

/* moments.c */

/* A state without moments, in the context of the aggregate's states. */
extern BmMoments *bm_moments_create(FunctionCallInfo fcinfo);

/* Room for one more; the result replaces the state, as that of bm_moments_add() does. */
extern BmMoments *bm_moments_enlarge(BmMoments *moments);

/* Sorts what is not; may be repeated, and moments added after it. */
extern void bm_moments_sort(BmMoments *moments);

/* Puts moments into bm_moment_compare()'s order. */
extern void bm_moments_order(BmMoment *moments, size_t count);

/* CHECK_FOR_INTERRUPTS() as a function. */
extern void bm_moments_poll(void);

static inline BmMoments *
bm_moments_add(BmMoments *moments, int64 time, uint32 mask)
{
	BmMoment *added;

	if (unlikely(moments->count == moments->room))
		moments = bm_moments_enlarge(moments);
	added = &moments->moment[moments->count];
	added->time = time;
	added->mask = mask;
	added->row = 0;
	if (moments->is_sorted && moments->count > 0 &&
		bm_moment_compare(added - 1, added) > 0)
		moments->is_sorted = false;
	moments->count++;
	return moments;
}

#endif
