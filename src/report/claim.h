/* Which slot or request a report's next attempt is for, and what becomes of the others. */
#ifndef BM_REPORT_CLAIM_H
#define BM_REPORT_CLAIM_H

#include "report/history.h"
#include "report/registry.h"
#include "report/state.h"

extern BmLook bm_claim_look(const BmReport *report, TimestampTz now);
extern bool bm_claim_next(const BmReport *report, BmReportState *state, TimestampTz now);
extern void bm_claim_settle(const BmReport *report, BmReportState *state,
							TimestampTz started_at, TimestampTz now);

#endif
