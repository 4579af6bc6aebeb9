/* Truncating the times of events, which is much of what grouping them by bucket costs. */
#ifndef BM_REPORT_TRUNCATE_H
#define BM_REPORT_TRUNCATE_H

#include "nodes/parsenodes.h"

#include "report/bucket.h"

extern Interval *bm_truncated_bucket(Node *node, int events, const char *timezone);
extern Query *bm_truncate_fast(const Query *query, int events, BmWindow window);

#endif
