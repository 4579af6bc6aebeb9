/* Keeping the history of runs short. */
#ifndef BM_REPORT_HISTORY_PRUNE_H
#define BM_REPORT_HISTORY_PRUNE_H

extern PGDLLEXPORT bool bm_history_prune(void);
extern void bm_history_prune_report(int64 report_id);

#endif
