/* The registered metrics, and their series. */
#ifndef BM_METRIC_METRIC_H
#define BM_METRIC_METRIC_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

#include "metric/names.h"

typedef struct BmMetric
{
	char *name;
	BmMetricType type;
	char *help;
	char **labels;
	int label_count;
	char *query;
	char *owner;
	Interval *ttl;
	Interval *timeout;
	int32 max_series;
	double *bounds; /* of buckets, or quantiles */
	int bound_count;
	char *search_path;
	bool incremental; /* the query has $1 and $2, and returns what came since */
	TimestampTz created_at;
} BmMetric;

/* Where a metric stands: a row of bizmetrics.metric_state. */
typedef struct BmMetricState
{
	bool is_here;			  /* the row is of this database: what it says was seen was */
	char *seen;				  /* snapshot up to which events are counted, or NULL: none */
	TimestampTz counted_from; /* events recorded before are history from a dump */
	TimestampTz sampled_at;	  /* DT_NOBEGIN: never */
	TimestampTz failing_since; /* DT_NOBEGIN: it is not */
	double seconds;
	const char *sqlstate;
	const char *message;
} BmMetricState;

/* registry.c */
extern List *bm_metrics_of(const char *owner);
extern int bm_metric_currency(const BmMetric *metric);
extern BmMetric *bm_metric_find(const char *name);
extern void bm_metric_state_get(const BmMetric *metric, BmMetricState *state);
extern void bm_metric_state_put(const BmMetric *metric, const BmMetricState *state);
extern void bm_metric_series_delete(const char *name);

/* wrap.c */
extern char *bm_metric_wrap(const BmMetric *metric);
extern int bm_metric_width(const BmMetric *metric);

/* series.c */
extern ErrorData *bm_metric_refresh(const BmMetric *metric, BmMetricState *state);

#endif
