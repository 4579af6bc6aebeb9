/*
 * Funnels over the event log.
 *
 * funnel_steps.c reads what the caller wrote, funnel.c follows subjects in whichever process,
 * funnel_result.c puts together what processes found, funnel_sql.c is what SQL calls.
 */
#ifndef BM_ANALYSIS_FUNNEL_H
#define BM_ANALYSIS_FUNNEL_H

#include "nodes/pg_list.h"

#include "analysis/scan.h"

typedef enum BmFunnelOrder
{
	BM_FUNNEL_ORDERED,
	BM_FUNNEL_STRICT,
	BM_FUNNEL_ANY
} BmFunnelOrder;

/* Whose value a subject is counted under: of the first or the last step with one, of this step, or of all. */
#define BM_FUNNEL_FIRST_STEP (-1)
#define BM_FUNNEL_LAST_STEP (-2)
#define BM_FUNNEL_ALL_STEPS (-3)

typedef enum BmFunnelOutput
{
	BM_FUNNEL_COUNTS,  /* BmFunnelCounts */
	BM_FUNNEL_REACHED, /* BmFunnelSubject of those who reached the step */
	BM_FUNNEL_DROPPED  /* of those who reached the one before it, and not it */
} BmFunnelOutput;

/* What each process must know; without pointers. */
typedef struct BmFunnelParameters
{
	int steps;
	int conditions; /* the steps, and what excludes */
	BmFunnelOrder order;
	uint64 window;
	uint32 optional;   /* steps, a bit each */
	uint32 first_time; /* conditions that only the first event ever meets */
	uint32 excluding[BM_MAX_CONDITIONS]; /* conditions, since the step before */
	bool has_within;
	uint64 within[BM_MAX_CONDITIONS]; /* after the step before; PG_UINT64_MAX: no limit */
	int attribution;				  /* a step from 0, or BM_FUNNEL_... */
	BmFunnelOutput output;
	int output_step;						  /* from 0 */
	int buckets;							  /* one less than bounds */
	TimestampTz bound[FLEXIBLE_ARRAY_MEMBER]; /* chains begin in [bound[i], bound[i+1]) */
} BmFunnelParameters;

/* A result: what entered in one bucket with one value. Lengths of time in microseconds. */
typedef struct BmFunnelCounts
{
	int bucket;
	uint32 value_length; /* BM_FUNNEL_NO_VALUE: NULL */
	int64 actors[BM_MAX_CONDITIONS];
	/*
	 * Then the value, and for each step but the first as many times since the step before as there
	 * are actors, and as many since the first step.
	 */
} BmFunnelCounts;

#define BM_FUNNEL_NO_VALUE PG_UINT32_MAX

/* A result: one subject. */
typedef struct BmFunnelSubject
{
	int bucket;
	uint32 reached; /* steps, a bit each */
	uint32 id_length;
	uint32 value_length;
	TimestampTz time[BM_MAX_CONDITIONS]; /* of the steps that were reached */
										 /* Then the id and the value. */
} BmFunnelSubject;

/* funnel.c */
extern const BmAnalysis bm_funnel_analysis;

/* funnel_steps.c */
typedef struct BmFunnel
{
	BmScanQuery query; /* its time is still to be set */
	BmScanCondition condition[BM_MAX_CONDITIONS];
	BmFunnelParameters *parameters; /* with room for the bounds */
	char *name[BM_MAX_CONDITIONS];
} BmFunnel;

/* In the current context. Raises 22023 for what is no funnel, 54023 for too many steps. */
extern BmFunnel *bm_funnel_parse(const Jsonb *steps, const char *order, int buckets);
extern void bm_funnel_set_attribution(BmFunnel *funnel, const char *attribution);

/* funnel_result.c */
typedef struct BmFunnelResult BmFunnelResult;

typedef struct BmFunnelStep
{
	int64 actors;
	bool has_times;
	double median; /* seconds since the step before */
	double p90;
	double total_median; /* since the first */
	double total_p90;
} BmFunnelStep;

typedef struct BmFunnelRow
{
	int bucket;
	text *value; /* NULL: none */
	BmFunnelStep step[FLEXIBLE_ARRAY_MEMBER];
} BmFunnelRow;

extern BmFunnelRow *bm_funnel_row_create(int steps);
extern BmFunnelResult *bm_funnel_result_create(int steps);
extern void bm_funnel_result_take(void *result, const char *bytes, Size size);

/* A list of BmFunnelRow, by bucket and value, NULL last. */
extern List *bm_funnel_result_rows(BmFunnelResult *result);

#endif
