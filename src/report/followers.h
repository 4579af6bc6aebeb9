/* Reports that read another report's table: they are told what it changed. */
#ifndef BM_REPORT_FOLLOWERS_H
#define BM_REPORT_FOLLOWERS_H

#include "report/registry.h"
#include "report/watermark.h"

extern bool bm_has_followers(const BmReport *report);
extern void bm_tell_followers(const BmReport *report, uint64 rows, BmWindow window);

#endif
