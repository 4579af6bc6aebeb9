/* The runners of the server, and the reports that wait for them. */
#ifndef BM_WORKER_POOL_H
#define BM_WORKER_POOL_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/lwlock.h"

/* Runners that a server can have: the most that bizmetrics.max_runners allows. */
#define BM_MAX_RUNNERS 64

/* Names a runner, and no later one in its place. */
typedef int64 BmRunnerId;

typedef enum BmRunnerState
{
	BM_RUNNER_FREE,
	BM_RUNNER_STARTING,
	BM_RUNNER_IDLE,
	BM_RUNNER_WORKING,
	BM_RUNNER_LEAVING
} BmRunnerState;

/* What can be said of a runner. */
typedef struct BmRunnerInfo
{
	BmRunnerState state;
	Oid database;
	Oid owner;
	int pid;
	int64 report_id;   /* 0: none */
	TimestampTz since; /* of this state, by the real clock */
	int64 attempts;
	int64 memory;
} BmRunnerInfo;

/* What a runner is to do. */
typedef enum BmPoolAnswer
{
	BM_POOL_RUN,
	BM_POOL_WAIT,
	BM_POOL_LEAVE
} BmPoolAnswer;

extern Size bm_pool_size(void);
extern void bm_pool_init(void *place, LWLock *lock, bool fresh);

/* For the scheduler of this database. */
extern bool bm_pool_offer(Oid owner, int64 report_id, TimestampTz due);
extern bool bm_pool_unclaimed(int64 *report_id);
extern int bm_pool_reports(int64 **reports);
extern bool bm_pool_failure(Oid *owner, bool *first);
extern bool bm_pool_reserve(BmRunnerId *id, Oid *owner, TimestampTz *retry_at);
extern void bm_pool_refused(BmRunnerId id);
extern bool bm_pool_ended(BmRunnerId id);
extern bool bm_pool_is_busy(void);
extern void bm_pool_close(Oid database);

/* For a runner. */
extern bool bm_pool_enter(BmRunnerId id, Oid *database, Oid *owner);
extern BmPoolAnswer bm_pool_take(int64 *report_id, TimestampTz *next);
extern void bm_pool_claimed(void);
extern void bm_pool_give_back(void);
extern void bm_pool_wake_waiting(void);

/* For everybody. */
extern bool bm_pool_signal(int64 report_id, int pid, int signal_number);
extern List *bm_pool_list(void);

#endif
