/* The lock of a report: one attempt at a time, and changes of its state one at a time. */
#ifndef BM_REPORT_LOCK_H
#define BM_REPORT_LOCK_H

/* What became of a signal to a process that may be a runner. */
typedef enum BmSignalled
{
	BM_SIGNAL_IS_NO_RUNNER,
	BM_SIGNAL_SENT,
	BM_SIGNAL_TOO_LATE /* it is at another report, or at none */
} BmSignalled;

/* Sends a signal to a runner while it cannot go on to another report. Set by the worker, where there is one. */
extern BmSignalled (*bm_runner_signal)(int64 report_id, int pid, int signal_number);

extern bool bm_report_lock(int64 report_id, bool session);
extern void bm_report_unlock(int64 report_id);
extern bool bm_backfill_lock(int64 report_id);
extern void bm_backfill_unlock(int64 report_id);
extern bool bm_report_signal(int64 report_id, int pid, int signal_number);

#endif
