/* Runs: one row an attempt, and the requests that ask for one. */
#ifndef BM_REPORT_HISTORY_H
#define BM_REPORT_HISTORY_H

#include "access/genam.h"
#include "datatype/timestamp.h"

#include "report/attempt.h"
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

/* How it ended. */
typedef struct BmRunEnd
{
	BmRunState state;
	uint64 row_count;
	int sqlerrcode; /* 0: none */
	char *message;
	char *detail;
	const char *reason; /* why no other attempt follows, or NULL */
	bool interrupted;	/* by no fault of the report: the next attempt need not wait */
} BmRunEnd;

/* A row of the history. */
typedef struct BmRunRow
{
	HeapTuple tuple;
	int64 report_id;
	int64 run_id;
	TimestampTz slot; /* BM_NO_TIME: not scheduled */
	int attempt;	  /* 0: slots that were skipped */
	BmTrigger trigger;
	BmRunState state;
	int pid;
	TimestampTz started_at;
	TimestampTz finished_at; /* BM_NO_TIME: by hand, and under way */
	int64 row_count;		 /* -1: none is recorded */
	const char *sqlstate;	 /* NULL: none, as message */
	const char *message;
	int64 missed_count; /* slots that were skipped; 0: it is an attempt */
} BmRunRow;

/* A walk along a report's runs. */
typedef struct BmRunWalk
{
	Relation rel;
	Snapshot snapshot;
	SysScanDesc scan;
} BmRunWalk;

extern const char *bm_run_state_name(BmRunState state);
extern int64 bm_history_next_id(void);
extern void bm_history_put(const BmRun *run, const BmRunEnd *end, TimestampTz now);
extern bool bm_history_get(int64 report_id, TimestampTz slot, int64 run_id,
						   BmRunRow *row);
extern bool bm_history_find(int64 run_id, BmRunRow *row);
extern int64 bm_history_next_report(Relation rel, int64 report_id);
extern BmRunWalk bm_history_walk(Relation rel, int64 report_id);
extern bool bm_history_walk_next(const BmRunWalk *walk, BmRunRow *row);
extern void bm_history_walk_end(const BmRunWalk *walk);
extern void bm_history_skip(int64 report_id, TimestampTz slot, int64 count,
							const char *reason, TimestampTz now);
extern void bm_history_set_reason(int64 report_id, TimestampTz slot, int64 run_id,
								  const char *reason);
extern bool bm_history_has_slot(int64 report_id, TimestampTz slot);
extern void bm_history_delete(int64 report_id);

extern void bm_request_insert(int64 report_id, TimestampTz now, const char *role);
extern bool bm_request_exists(int64 report_id);
extern void bm_request_delete(int64 report_id);

#endif
