/* Asking the query of a metric or an alert, so that its failure is its own. */
#ifndef BM_METRIC_EVALUATE_H
#define BM_METRIC_EVALUATE_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/elog.h"

typedef struct BmEvaluation
{
	const char *query;
	const char *search_path;
	int64 timeout; /* microseconds */
	int nargs;
	Oid *types;
	Datum *values;
	void (*row)(void *arg, HeapTuple row, TupleDesc desc);
	void (*end)(void *arg); /* after the last row, or NULL */
	void *arg;
	const char *snapshot; /* result: what the query saw, as text */
} BmEvaluation;

/* evaluate.c */
extern ErrorData *bm_evaluate(BmEvaluation *evaluation);
extern const char *bm_snapshot_text(void);
extern void bm_evaluate_lock(Oid owner);

/* query.c */
extern char *bm_query_trim(const char *query, bool *has_parameters);
extern void bm_query_check(const char *wrapped, Oid owner, int nargs, Oid *types,
						   const char *hint);
extern Oid bm_query_owner(FunctionCallInfo fcinfo, int argument, const char *what);
extern void bm_query_interval_check(const char *name, const Interval *value, int64 least);
extern void bm_query_schedule(const char *owner);
extern void bm_query_lock(const char *what, const char *name, const char *owner);
extern void bm_named_rows_delete(const char *table, const char *index, const char *name);
extern Interval *bm_interval_copy(Datum value);
extern bool bm_look_due(TimestampTz looked_at, const Interval *every, TimestampTz now);
extern void bm_query_require(FunctionCallInfo fcinfo, int argument, const char *name);

#endif
