/* What the SQL functions on a registered report share. */
#ifndef BM_REPORT_MANAGE_H
#define BM_REPORT_MANAGE_H

#include "fmgr.h"

#include "report/registry.h"

extern void bm_require_owner_session(const BmReport *report);
extern void bm_backfill_delete(int64 report_id);
extern BmReport *bm_report_argument(FunctionCallInfo fcinfo);
extern bool bm_report_lock_soon(const BmReport *report);
extern void bm_report_lock_or_fail(const BmReport *report);
extern void bm_report_resume(const BmReport *report);

#endif
