/*
 * counts.h
 *	  States that are counts: a bigint[], changed in place.
 */
#ifndef BM_AGG_COUNTS_H
#define BM_AGG_COUNTS_H

#include "utils/array.h"

/* counts.c */

/* So many zeros. */
extern ArrayType *bm_counts_create(MemoryContext context, int count);

/* The counts; raises where there are not so many (2202E). */
extern int64 *bm_counts(ArrayType *counts, int count);

#endif
