/* What a report's runs add up to. */
#ifndef BM_REPORT_TOTALS_H
#define BM_REPORT_TOTALS_H

#include "report/history.h"
#include "report/slots.h"

/* Four for each power of two of microseconds, to 2^40 (12 days) and beyond. */
#define BM_DURATION_BUCKETS 161

/* Kinds of endings: of each the history keeps so many. */
typedef enum BmEnding
{
	BM_ENDING_SUCCESS,
	BM_ENDING_FAILURE,
	BM_ENDING_SKIPPED,
	BM_ENDINGS
} BmEnding;

/* Names of states that a run can end in, and how many there are. */
#define BM_END_STATES 6

typedef struct BmTotals
{
	int64 report_id;
	int64 ended[BM_END_STATES];
	int64 row_count;
	int64 duration_total; /* durations of successes, in microseconds */
	int64 duration_min;
	int64 duration_max;
	int64 durations[BM_DURATION_BUCKETS];
	BmSlots slots; /* that these runs were of */
} BmTotals;

extern BmEnding bm_ending_of(const BmRunRow *row);
extern void bm_totals_get(int64 report_id, BmTotals *totals);
extern bool bm_totals_have_slot(int64 report_id, TimestampTz slot);
extern void bm_totals_put(const BmTotals *totals);
extern void bm_totals_delete(int64 report_id);
extern List *bm_totals_reports(void);
extern void bm_totals_add(BmTotals *totals, const BmRunRow *row);

#endif
