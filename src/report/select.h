/* The SELECT of a declarative report: what it gives, what it reads, and how it is restricted. */
#ifndef BM_REPORT_SELECT_H
#define BM_REPORT_SELECT_H

#include "access/tupdesc.h"
#include "nodes/parsenodes.h"

#include "report/bucket.h"
#include "report/registry.h"

/* How a column of a delta's rows is put together with that of the table. */
typedef enum BmCombine
{
	BM_COMBINE_NONE, /* it cannot be */
	BM_COMBINE_KEY,	 /* it is what tells rows apart */
	BM_COMBINE_ADD,
	BM_COMBINE_LEAST,
	BM_COMBINE_GREATEST,
	BM_COMBINE_AND,
	BM_COMBINE_OR,
	BM_COMBINE_HLL
} BmCombine;

typedef struct BmSelect
{
	Query *query;
	const char *text; /* that it was read from */
	TupleDesc desc;
	BmCombine *combine; /* a column each */
	int events;			/* the range table entry of business_events, or 0 */
	bool reads_events;	/* anywhere in it, but for views */
	bool is_plain;		/* a condition on the events restricts the result to them */
	bool has_window;	/* it names $1 and $2 */
	int grain_column;	/* of the result, from 0, that is the report's grain, or -1 */
} BmSelect;

/* What a SELECT is restricted to, a set of these. */
#define BM_ONLY_WINDOW 1 /* events of [$1, $2), where it does not say so itself */
#define BM_ONLY_GRAIN 2	 /* events whose grain is in $3 */
#define BM_ONLY_NEW 4	 /* events that are new in the increment that is entered */

typedef struct BmRestriction
{
	int only;
	BmWindow window; /* what $1 and $2 are */
} BmRestriction;

#define BM_ALWAYS ((BmWindow){DT_NOBEGIN, DT_NOEND})

extern bool bm_select_is_one(const char *query);
extern bool bm_query_calls(const char *query, const char *function);
extern int bm_report_parameters(const BmReport *report);
extern BmSelect *bm_select_read(const BmReport *report);
extern const char *bm_select_delta_problem(const BmSelect *select);
extern ArrayType *bm_select_natural_events(const BmSelect *select);
extern const char *bm_select_natural_grain(const BmSelect *select,
										   const BmReport *report);
extern char *bm_select_sql(const BmSelect *select, const BmReport *report,
						   const BmRestriction *restriction);

#endif
