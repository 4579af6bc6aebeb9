/* Telling listeners how runs ended. */
#ifndef BM_REPORT_NOTIFY_H
#define BM_REPORT_NOTIFY_H

#include "report/registry.h"

extern void bm_notify_success(const BmReport *report, TimestampTz slot, int64 run_id);
extern void bm_notify_failure(const BmReport *report, TimestampTz slot, int64 run_id);
extern void bm_notify_broken(const BmReport *report, const char *reason);

#endif
