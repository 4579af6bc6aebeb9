/* Summaries of ranges of pages that are the least and the greatest value of columns which compare as integers do. */
#ifndef BM_BASE_BRIN_H
#define BM_BASE_BRIN_H

#include "access/attnum.h"
#include "storage/block.h"
#include "utils/relcache.h"

/* Does the index keep no more than these, of columns of its table, a heap, that are never NULL? */
extern bool bm_brin_keeps_extremes(Relation index, Relation table);

/* The first page that no summary tells of, of those before an end; InvalidBlockNumber: there is none. */
extern BlockNumber bm_brin_first_without(Relation index, BlockNumber end,
										 BlockNumber *pages_per_range);

/* Has a row of these pages, visible or not, that value or a greater one in such a column? */
extern bool bm_pages_reach(Relation table, BlockNumber from, BlockNumber end,
						   AttrNumber column, int64 value);

/* Summarizes the ranges from one on that begin before an end; none of them may have a summary. */
extern void bm_brin_summarize(Relation index, Relation table, BlockNumber from,
							  BlockNumber end);

#endif
