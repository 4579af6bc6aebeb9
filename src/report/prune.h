/* Events that have had their time. */
#ifndef BM_REPORT_PRUNE_H
#define BM_REPORT_PRUNE_H

extern bool bm_prune_partition(void);

#endif
