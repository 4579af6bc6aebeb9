/* When a schedule will fire, for people to read. */
#ifndef BM_REPORT_PREVIEW_H
#define BM_REPORT_PREVIEW_H

#include "report/registry.h"

extern void bm_preview_announce(const BmReport *report);

#endif
