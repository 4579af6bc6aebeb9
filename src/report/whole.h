/* Reports that compute everything, each time. */
#ifndef BM_REPORT_WHOLE_H
#define BM_REPORT_WHOLE_H

#include "base/spi.h"
#include "report/select.h"

extern bool bm_whole_keeps_pruned(const BmReport *report, const BmSelect *select);
extern char *bm_whole_sql(const BmReport *report, const BmSelect *select,
						  BmParameters *parameters);
extern uint64 bm_whole_compute(const BmReport *report);

#endif
