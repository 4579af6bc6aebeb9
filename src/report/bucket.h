/* Whole buckets in a report's time zone. */
#ifndef BM_REPORT_BUCKET_H
#define BM_REPORT_BUCKET_H

#include "datatype/timestamp.h"
#include "pgtime.h"

typedef struct BmWindow
{
	TimestampTz start; /* inclusive */
	TimestampTz end;   /* exclusive */
} BmWindow;

extern const char *bm_bucket_problem(const Interval *bucket);
extern const char *bm_duration_problem(const Interval *duration);
extern BmWindow bm_bucket_of(const Interval *bucket, pg_tz *zone, TimestampTz at);
extern PGDLLEXPORT BmWindow bm_bucket_window(const Interval *bucket,
											 const Interval *lookback, pg_tz *zone,
											 TimestampTz now);

#endif
