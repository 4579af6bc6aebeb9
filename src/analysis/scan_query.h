/* A query as bytes, for the workers of a scan. */
#ifndef BM_ANALYSIS_SCAN_QUERY_H
#define BM_ANALYSIS_SCAN_QUERY_H

#include "analysis/scan.h"

extern void bm_scan_query_write(const BmScanQuery *query, StringInfo bytes);

/* In the current context; does not refer to the bytes. */
extern BmScanQuery *bm_scan_query_read(const char *bytes);

#endif
