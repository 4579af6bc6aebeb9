/* What new events add up to. */
#ifndef BM_REPORT_DELTA_H
#define BM_REPORT_DELTA_H

#include "report/bucket.h"
#include "report/select.h"

extern char *bm_delta_sql(const BmReport *report, const BmSelect *select);
extern uint64 bm_delta_add(const BmReport *report, const BmSelect *select);
extern uint64 bm_delta_add_before(const BmReport *report, TimestampTz end);
extern uint64 bm_delta_window(const BmReport *report, BmWindow window);
extern uint64 bm_delta_anew(const BmReport *report, const BmSelect *select);

#endif
