/* Taking over reports that a restore brought. */
#ifndef BM_WORKER_ADOPT_H
#define BM_WORKER_ADOPT_H

#include "report/registry.h"
#include "report/state.h"

extern Oid bm_partition_without_key(void);
extern void bm_adopt(const BmReport *report, BmReportState *state);

#endif
