/* Cohorts: who began in which period of a calendar, and in which periods he came back. */
#ifndef BM_ANALYSIS_COHORT_H
#define BM_ANALYSIS_COHORT_H

#include "analysis/calendar.h"
#include "analysis/scan.h"

/* From "begin" to the next span, local time is in this period; those of the first cohort are 0. */
typedef struct BmCohortSpan
{
	TimestampTz begin;
	int32 bucket;
	int32 unused;
} BmCohortSpan;

/* What the analysis gets as its parameters. Condition 1 is the start, condition 2 the return. */
typedef struct BmCohortQuery
{
	TimestampTz from; /* starts: inclusive */
	TimestampTz to;	  /* exclusive */
	int64 width; /* of a rolling period, in microseconds; 0: periods of the calendar */
	BmCalendarUnit unit;
	int32 first; /* the first cohort, for bm_cohort_date() */
	int32 cohorts;
	int32 periods;
	int32 spans;
	bool recurring;
	bool or_after;
	bool segmented;
	BmCohortSpan span[FLEXIBLE_ARRAY_MEMBER];
} BmCohortQuery;

#define bm_cohort_query_size(spans) \
	(offsetof(BmCohortQuery, span) + (Size) (spans) * sizeof(BmCohortSpan))

extern const BmAnalysis bm_cohort_analysis;

/* cohort_calendar.c */

/*
 * The query with its spans, from "from" until a period more than any return can count in, by local
 * times as AT TIME ZONE has them. All else is to be filled in. In the current context.
 */
extern BmCohortQuery *bm_cohort_calendar(TimestampTz from, TimestampTz to,
										 BmCalendarUnit unit, int periods,
										 const char *timezone);

/* The first day of a cohort, counted from the first one, as a DateADT. */
extern int32 bm_cohort_date(const BmCohortQuery *query, int32 cohort);

#endif
