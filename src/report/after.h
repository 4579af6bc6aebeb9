/* Reports that run after others. */
#ifndef BM_REPORT_AFTER_H
#define BM_REPORT_AFTER_H

#include "report/registry.h"

extern void bm_after_check(const BmReport *report);
extern void bm_after_add(BmReport *report, const char *name);
extern const char *bm_after_problem(const BmReport *report);
extern TimestampTz bm_after_ready(const BmReport *report, TimestampTz now);
extern bool bm_after_has_followers(const char *name);

#endif
