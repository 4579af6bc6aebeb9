/* Names of metrics and of their labels: what Prometheus takes, and what it means. Plain C. */
#ifndef BM_METRIC_NAMES_H
#define BM_METRIC_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#define BM_METRIC_NAME_MAX 100

/* The label that becomes a part of the name, for sums over currencies mean nothing. */
#define BM_CURRENCY_LABEL "currency"
#define BM_CURRENCY_LENGTH 3

#define BM_METRICS_OF_SAMPLE 4

typedef enum BmMetricType
{
	BM_METRIC_COUNTER,
	BM_METRIC_GAUGE,
	BM_METRIC_HISTOGRAM,
	BM_METRIC_SUMMARY
} BmMetricType;

/* What is wrong with a name: parts of sentences, the hint a whole one. */
typedef struct BmNameProblem
{
	char message[120];
	char hint[160];
} BmNameProblem;

extern bool bm_metric_type_find(const char *name, BmMetricType *type);
extern const char *bm_metric_type_name(BmMetricType type);
extern bool bm_metric_name_ok(const char *name, BmMetricType type,
							  BmNameProblem *problem);
extern size_t bm_metric_name_stem(const char *metric);
extern bool bm_metric_name_in_currency(const char *metric, const char *name);
extern int bm_metrics_of_sample(const char *sample, char *const *metrics);
extern bool bm_label_name_ok(const char *name, BmNameProblem *problem);

#endif
