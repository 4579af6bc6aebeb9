/*
 * moment.h
 *	  A row as window_funnel() and sequence_match() keep it: when it happened and which of the
 *	  conditions held.
 *
 * Pure C, as are chain.h and sequence.h, which work on arrays of moments: the same code runs in
 * the server, in unit tests and under the fuzzer.
 */
#ifndef BM_AGG_MOMENT_H
#define BM_AGG_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Conditions of one call, the bits of a mask. */
#define BM_MAX_CONDITIONS 32

typedef struct BmMoment
{
	int64_t time;  /* microseconds, of any epoch */
	uint32_t mask; /* bit i: condition i + 1 held */
	uint32_t
		row; /* whose it is, for those who ask; in aggregates 0, so that no byte is undefined */
} BmMoment;

/* How much later one time is than another that is not later itself: exact for any two. */
static inline uint64_t
bm_moment_distance(int64_t earlier, int64_t later)
{
	return (uint64_t) later - (uint64_t) earlier;
}

/*
 * The order in which moments are looked at: by time, and at one time those without a condition
 * first, then by the lowest condition that held. What remains equal is the same, so that the order
 * of the rows decides nothing.
 */
static inline int
bm_moment_compare(const BmMoment *a, const BmMoment *b)
{
	uint32_t low_a;
	uint32_t low_b;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	low_a = a->mask & (0 - a->mask);
	low_b = b->mask & (0 - b->mask);
	if (low_a != low_b)
		return low_a < low_b ? -1 : 1;
	return (a->mask > b->mask) - (a->mask < b->mask);
}

#endif /* BM_AGG_MOMENT_H */
