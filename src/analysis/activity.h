/* In which periods of a calendar subjects were active, and what follows from it. */
#ifndef BM_ANALYSIS_ACTIVITY_H
#define BM_ANALYSIS_ACTIVITY_H

#include "analysis/calendar.h"
#include "analysis/scan.h"

#define BM_ACTIVITY_FIGURES_MAX 4

/* Days that a day of activity counts for. */
#define BM_ACTIVITY_WEEK 7
#define BM_ACTIVITY_MONTH 30

typedef enum BmActivityKind
{
	BM_ACTIVITY_ACTIVE,		/* of days: daily, and what weekly and monthly change by */
	BM_ACTIVITY_LIFECYCLE,	/* new, returning, resurrecting, dormant */
	BM_ACTIVITY_STICKINESS, /* subjects of one period, of two … */
	BM_ACTIVITY_SUBJECTS	/* those active in it */
} BmActivityKind;

/* What the analysis gets as its parameters. Condition 1 is the activity. */
typedef struct BmActivityQuery
{
	BmActivityKind kind;
	BmCalendarUnit unit;
	int64 first;   /* the number of period 0; what is earlier is known, but not counted */
	int32 periods; /* from there on */
	int32 figures; /* of each */
	char timezone[FLEXIBLE_ARRAY_MEMBER];
} BmActivityQuery;

extern const BmAnalysis bm_activity_analysis;

/* The figures of a period that are not zero, as a result of the scan; bytes without alignment. */
typedef struct BmActivityCounts
{
	int32 period;
	int32 unused;
	int64 figure[BM_ACTIVITY_FIGURES_MAX];
} BmActivityCounts;

#endif
