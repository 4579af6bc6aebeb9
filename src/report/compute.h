/* What a run computes: a step of it, a transaction's worth. */
#ifndef BM_REPORT_COMPUTE_H
#define BM_REPORT_COMPUTE_H

#include "base/spi.h"
#include "report/increment.h"

extern bool bm_compute_step(const BmReport *report, BmRun *run, bool whole);
extern uint64 bm_compute_batch(const BmReport *report, const BmPiece *piece);
extern char *bm_compute_sql(const BmReport *report, const BmPiece *piece,
							BmParameters *parameters);
extern BmReport *bm_compute_report(const BmReport *report);

#endif
