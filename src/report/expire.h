/* Rows of a report's table that have had their time. */
#ifndef BM_REPORT_EXPIRE_H
#define BM_REPORT_EXPIRE_H

#include "base/spi.h"
#include "report/history.h"
#include "report/registry.h"

extern TimestampTz bm_report_retained_from(const BmReport *report);
extern char *bm_report_not_expired(const BmReport *report, BmParameters *parameters);
extern uint64 bm_report_expire(const BmReport *report, BmRun *run, bool has_written);

#endif
