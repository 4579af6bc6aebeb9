/* What is counted of cohorts: for each cohort and segment, how many members, and how many came back. */
#ifndef BM_ANALYSIS_COHORT_TABLE_H
#define BM_ANALYSIS_COHORT_TABLE_H

#include "analysis/scan.h"

typedef struct BmCohortTable BmCohortTable;

/* counts[0] is the cohort's size, counts[1 + p] the number of those who came back in period p. */
typedef void (*BmCohortVisit)(void *arg, int32 cohort, const BmScanText *segment,
							  const int64 *counts);

/* In the current context, where it grows. */
extern BmCohortTable *bm_cohort_table_create(int periods);

/* Made of zeros where there is none yet; the segment's text is copied. */
extern int64 *bm_cohort_table_counts(BmCohortTable *table, int32 cohort,
									 const BmScanText *segment);

extern void bm_cohort_table_visit(BmCohortTable *table, BmCohortVisit visit, void *arg);

/* To another process, and what comes from there added to the table. */
extern void bm_cohort_table_write(BmCohortTable *table, StringInfo bytes);
extern void bm_cohort_table_add(BmCohortTable *table, const char *bytes, Size size);

#endif
