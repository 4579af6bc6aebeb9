/* The table that a declarative report fills. */
#ifndef BM_REPORT_TARGET_H
#define BM_REPORT_TARGET_H

#include "utils/jsonb.h"

#include "report/registry.h"
#include "report/select.h"

extern void bm_target_make(const BmReport *report, const BmSelect *select);
extern void bm_target_check(const BmReport *report, const BmSelect *select, Oid target);
extern void bm_target_add_columns(const BmReport *report, const BmSelect *select,
								  Oid target);
extern void bm_target_comment(const BmReport *report, const char *description,
							  Jsonb *columns);
extern char *bm_target_key_columns(const BmReport *report);
extern bool bm_target_is_time(Oid type);
extern char *bm_target_bucket_column(const BmReport *report, const BmSelect *select);
extern char *bm_target_time_bound(const BmReport *report, Oid type, int parameter);
extern bool bm_target_is_empty(const BmReport *report);

#endif
