/* Readers of report tables, and who may do what with a report. */
#ifndef BM_REPORT_ACCESS_H
#define BM_REPORT_ACCESS_H

#include "report/registry.h"

extern bool bm_access_is_shared(Oid target);
extern void bm_access_share_target(Oid target);
extern bool bm_may_see(const char *owner);
extern bool bm_may_manage(const BmReport *report);
extern void bm_require_manager(const BmReport *report);

#endif
