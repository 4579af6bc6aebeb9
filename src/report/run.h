/* One attempt to run a report: claimed, executed, recorded. */
#ifndef BM_REPORT_RUN_H
#define BM_REPORT_RUN_H

#include "report/history.h"
#include "report/registry.h"
#include "report/watermark.h"

extern bool bm_run_claim(const BmReport *report, BmRun *run);
extern bool bm_run_signal(int64 report_id, int64 run_id, int signal_number);
extern bool bm_run_is_executing(int64 report_id);
extern TimestampTz bm_run_start_timer(const BmReport *report);
extern bool bm_run_stop_timer(TimestampTz outer);
extern bool bm_run_execute(const BmReport *report, BmRun *run, bool whole);
extern bool bm_run_goes_on(const BmReport *report, BmRun *run, const BmRun *before,
						   bool whole, ErrorData *error);
extern uint64 bm_run_backfill(const BmReport *report, const BmPiece *piece);
extern void bm_run_progress(const BmRun *run);
extern void bm_run_succeeded(const BmReport *report, const BmRun *run);
extern void bm_run_failed(const BmReport *report, const BmRun *run, BmRunEnd *end);
extern BmRunEnd bm_run_attempt(const BmReport *report, BmRun *run);
extern bool bm_run_bury(const BmReport *report, bool terminated);
extern BmRunEnd bm_run_end_of_error(const ErrorData *error, bool timed_out);
extern BmRunEnd bm_run_end_failed(const BmRun *run, bool timed_out);

#endif
