/*
 * any_order.h
 *	  How many different steps of a funnel happen within its window, whatever their order.
 *
 * Each moment is for one step at most. The window begins with a moment of any step; the others are
 * at most its length later.
 */
#ifndef BM_AGG_ANY_ORDER_H
#define BM_AGG_ANY_ORDER_H

#include "agg/chain.h"

/*
 * The largest number of steps, 0 for none; of the query its steps, window and limits of the start
 * count, but not within, for no step is before another. If times is not NULL it gets, for that
 * many, when the first, the second and so on of them was done, in the window that was first to
 * hold so many, and of those in the one that began last.
 *
 * The moments are in bm_moment_compare()'s order. Takes time in proportion to them where each is of one
 * step. Where some are of several, matching steps with them is done anew for each change that may
 * matter; only beyond 256 different masks of several steps does that look at the whole window.
 */
extern int bm_any_order_longest(const BmChainQuery *query, const BmMoment *moments,
								size_t count, int64_t *times);

#endif
