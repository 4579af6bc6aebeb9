/* Runs: one row an attempt, and the requests that ask for one. */
#ifndef BM_REPORT_HISTORY_H
#define BM_REPORT_HISTORY_H

#include "datatype/timestamp.h"

#include "report/bucket.h"
#include "report/state.h"

typedef enum BmRunState
{
	BM_RUN_RUNNING,
	BM_RUN_SUCCEEDED,
	BM_RUN_FAILED,
	BM_RUN_TIMED_OUT,
	BM_RUN_CANCELLED,
	BM_RUN_CRASHED,
	BM_RUN_SKIPPED
} BmRunState;

/* An attempt as it begins. */
typedef struct BmRun
{
	int64 run_id;
	int64 report_id;
	TimestampTz slot; /* BM_NO_TIME: not scheduled */
	int attempt;
	BmTrigger trigger;
	bool has_window;
	BmWindow window;
	TimestampTz started_at;
} BmRun;

/* How it ended. */
typedef struct BmRunEnd
{
	BmRunState state;
	uint64 row_count;
	int sqlerrcode; /* 0: none */
	char *message;
	char *detail;
	const char *reason; /* why no other attempt follows, or NULL */
} BmRunEnd;

/* An attempt that was recorded. */
typedef struct BmRunRow
{
	int64 run_id;
	int64 report_id;
	BmTrigger trigger;
	BmRunState state;
	int pid;
	TimestampTz started_at;
} BmRunRow;

extern const char *bm_run_state_name(BmRunState state);
extern void bm_history_begin(BmRun *run);
extern void bm_history_end(int64 run_id, const BmRunEnd *end, TimestampTz now);
extern void bm_history_skip(int64 report_id, TimestampTz slot, int64 count,
							const char *reason, TimestampTz now);
extern bool bm_history_find(int64 run_id, bool uncommitted, BmRunRow *run);
extern int64 bm_history_last_attempt(int64 report_id);
extern void bm_history_set_reason(int64 run_id, const char *reason);
extern bool bm_history_has_slot(int64 report_id, TimestampTz slot);
extern void bm_history_delete(int64 report_id);

extern void bm_request_insert(int64 report_id, TimestampTz now, const char *role);
extern bool bm_request_exists(int64 report_id);
extern void bm_request_delete(int64 report_id);

#endif
