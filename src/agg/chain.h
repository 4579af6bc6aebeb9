/*
 * chain.h
 *	  How far a group of moments gets through the steps of a funnel.
 *
 * A chain of level L is a series of moments, one for each of the steps 1 to L, that satisfy them
 * with times that do not decrease, the last at most the window after the first. What else a chain
 * must be is said by the mode.
 */
#ifndef BM_AGG_CHAIN_H
#define BM_AGG_CHAIN_H

#include <stddef.h>

#include "agg/moment.h"

/* Modes, combined by OR. */
typedef enum BmChainMode
{
	BM_CHAIN_ONCE = 1,	   /* a moment is at most one step of a chain */
	BM_CHAIN_INCREASE = 2, /* times increase from step to step */
	BM_CHAIN_ORDER = 4,	   /* whatever is neither the next nor the current step ends it */
	BM_CHAIN_REENTRY = 8,  /* with ORDER: but not what is another step */
	BM_CHAIN_DEDUPLICATE = 16, /* a step from the second on that comes again ends it */
} BmChainMode;

/* Those that follow each chain on its own, moment by moment. */
#define BM_CHAIN_ATTEMPTS (BM_CHAIN_ORDER | BM_CHAIN_DEDUPLICATE)

typedef struct BmChainQuery
{
	int steps;		 /* 1 to BM_MAX_CONDITIONS */
	unsigned modes;	 /* of BmChainMode */
	uint64_t window; /* microseconds; the largest one means no limit */
	bool is_limited; /* chains begin only at or after first_start and before end_start */
	int64_t first_start;
	int64_t end_start;
	/*
	 * NULL, or for each level the conditions, beyond those of the steps, that break a chain at it: what
	 * reached the level at an earlier time goes no further, also with a moment of the same time. Not
	 * with BM_CHAIN_ATTEMPTS.
	 */
	const uint32_t *breaks;
	/*
	 * NULL, or for each level how much later the next step may be than the one that got there, the
	 * largest meaning no limit.
	 */
	const uint64_t *within;
	/* With within, where times are asked for and not with BM_CHAIN_ATTEMPTS: for as many as are given. */
	BmMoment *room;
	void (*poll)(
		void); /* called now and then; may leave by longjmp. NULL: nothing to call */
} BmChainQuery;

/*
 * The highest level of any chain, 0 for none. The moments are in bm_moment_compare()'s order. If
 * times is not NULL it gets, for that many steps, the times of the chain that was first to reach
 * the level; of those that did so at the same time, of the one that began last; of those that did
 * that too, each step's is the earliest that any of them has. (With BM_CHAIN_ATTEMPTS attempts that
 * began at one time may differ in that.)
 *
 * Takes time in proportion to the moments times the steps, and no memory but the stack's.
 */
extern int bm_chain_longest(const BmChainQuery *query, const BmMoment *moments,
							size_t count, int64_t *times);

#endif /* BM_AGG_CHAIN_H */
