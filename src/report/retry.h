/* When a failed attempt is tried again. Pure. */
#ifndef BM_REPORT_RETRY_H
#define BM_REPORT_RETRY_H

extern bool bm_retry_is_permanent(int sqlerrcode);
extern bool bm_retry_is_transient(int sqlerrcode);
extern bool bm_retry_is_of_data(int sqlerrcode);
extern int64 bm_retry_delay(const int64 *backoff, int length, int attempt, double random);

#endif
