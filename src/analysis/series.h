/*
 * series.h
 *	  Percentiles of numbers that come in many series, exact, in memory or sorted on disk.
 */
#ifndef BM_ANALYSIS_SERIES_H
#define BM_ANALYSIS_SERIES_H

typedef struct BmSeriesSet BmSeriesSet;

/* In the current context. "budget" is what the numbers may take of memory, in bytes. */
extern BmSeriesSet *bm_series_create(Size budget);

/* A new series; returns its number, from 0. */
extern int bm_series_add(BmSeriesSet *set);

/* The numbers need not be aligned. */
extern void bm_series_put(BmSeriesSet *set, int series, const char *numbers, int64 count);

/* No more numbers. */
extern void bm_series_finish(BmSeriesSet *set);

/*
 * As percentile_cont() has it; false where there are no numbers. After bm_series_finish(), series by
 * series in the order of their numbers, and for each with fractions that do not decrease.
 */
extern bool bm_series_percentile(BmSeriesSet *set, int series, double fraction,
								 double *result);

/* The two numbers in the middle, or twice the one that is there; false where there are none. */
extern bool bm_series_middle(BmSeriesSet *set, int series, int64 *low, int64 *high);
extern void bm_series_end(BmSeriesSet *set);

#endif
