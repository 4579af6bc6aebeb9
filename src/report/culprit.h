/* The event for which new ones cannot be added up. */
#ifndef BM_REPORT_CULPRIT_H
#define BM_REPORT_CULPRIT_H

#include "report/history.h"
#include "report/select.h"

extern bool bm_culprit_may_be(const BmReport *report, const BmSelect *select);
extern void bm_culprit_find(const BmReport *report, BmRun *run);

#endif
