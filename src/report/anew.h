/* Rows that go where a report is computed anew. */
#ifndef BM_REPORT_ANEW_H
#define BM_REPORT_ANEW_H

#include "report/registry.h"
#include "report/watermark.h"

extern uint64 bm_anew_empty(const BmReport *report, const BmWatermark *before,
							const List *found);

#endif
