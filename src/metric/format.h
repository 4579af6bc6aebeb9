/* Prometheus's text format, version 0.0.4, line by line. Plain C. */
#ifndef BM_METRIC_FORMAT_H
#define BM_METRIC_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#define BM_METRIC_NUMBER_SIZE 32

/* Text that grows: the caller gives it a way to get memory, which never fails. */
typedef struct BmMetricText
{
	char *data;
	size_t length;
	size_t size;
	void *(*resize)(void *, size_t);
} BmMetricText;

extern void bm_metric_text_begin(BmMetricText *text, void *(*resize)(void *, size_t));
extern void bm_metric_number(double value, char number[BM_METRIC_NUMBER_SIZE]);
extern void bm_metric_header(BmMetricText *text, const char *name, const char *type,
							 const char *help);
extern void bm_metric_line(BmMetricText *text, const char *name,
						   const char *const *labels, const char *const *values,
						   int count, double value);

#endif
