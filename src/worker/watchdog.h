/* Ends attempts that do not end when their time is up. */
#ifndef BM_WORKER_WATCHDOG_H
#define BM_WORKER_WATCHDOG_H

#include "report/registry.h"

extern TimestampTz bm_watchdog_look(const BmReport *report);
extern bool bm_watchdog_terminated(const BmReport *report, int64 run_id);

#endif
