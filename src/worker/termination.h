/* An attempt whose process is ended before it: by a shutdown, a restart or pg_terminate_backend(). */
#ifndef BM_WORKER_TERMINATION_H
#define BM_WORKER_TERMINATION_H

#include "report/history.h"

extern void bm_books_begin(void);
extern void bm_books_end(void);
extern void bm_attempt_begin(const BmRun *run);
extern void bm_attempt_end(void);
extern void bm_attempt_record_failure(const BmRunEnd *end);
extern void bm_attempt_record_termination(void);

#endif
