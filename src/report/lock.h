/* The lock of a report: one attempt at a time, and changes of its state one at a time. */
#ifndef BM_REPORT_LOCK_H
#define BM_REPORT_LOCK_H

/* Sends a signal to a runner if it is at the report; says whether. Set by the worker, where there is one. */
extern bool (*bm_runner_signal)(int64 report_id, int pid, int signal_number);

extern bool bm_report_lock(int64 report_id, bool session);
extern void bm_report_unlock(int64 report_id);
extern bool bm_backfill_lock(int64 report_id);
extern void bm_backfill_unlock(int64 report_id);

extern PGDLLEXPORT void bm_signals_lock(int pid); /* for tests too */
extern void bm_signals_unlock(int pid);
extern void bm_signals_await(void);
extern bool bm_report_signal(int64 report_id, int pid, int signal_number);

#endif
