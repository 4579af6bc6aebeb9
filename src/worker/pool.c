/*
 * The runners of the server, and the reports that wait for them.
 *
 * A runner is logged in to one database as one role, and runs any report of that role there. Such a pair has a
 * lane: a queue of reports, which the scheduler of the database fills and the lane's runners empty, without a
 * word between them for each report. A report in a lane is not claimed: its runner claims it, and one that is
 * lost on the way is still due. There are no more runners than bizmetrics.max_runners. A lane that waits for
 * one without having any gets one of a lane that has several, or has had its turn: see must_give_way().
 *
 * One lock protects all of it; it is held for a few instructions, never across anything that can fail.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "worker/pool.h"
#include "worker/queue.h"
#include "worker/worker.h"

#define MAX_LANES 128

/* Of one lane, so that a flood leaves room for others; the rest follows when few are left. */
#define MAX_LENGTH 1024
#define LOW_WATER 128

/* The end of a report may make others due: the scheduler is told this often while more wait. */
#define TELL_INTERVAL USECS_PER_SEC

/* How long a lane's only runner works before it makes way for a lane that has none. */
#define TURN USECS_PER_SEC

/* Waits after a process could not be had, or could not log in; doubling. */
#define REFUSED_WAIT (USECS_PER_SEC / 10)
#define FAILED_WAIT (2 * USECS_PER_SEC)
#define LAST_WAIT (60 * USECS_PER_SEC)
#define MAX_DOUBLINGS 10

typedef struct Lane
{
	Oid database; /* InvalidOid: it is free */
	Oid owner;
	BmQueue waiting;
	BmQueue unclaimed; /* a runner took them and made no claim: the scheduler asks */
	int runners;
	uint64 ended;		  /* the number of the last end of a report in it */
	bool more;			  /* there were more tasks than fit */
	TimestampTz told_at;  /* when the scheduler was last told that a report ended */
	bool failed;		  /* since the scheduler asked */
	int failures;		  /* runners that could not log in, one after the other */
	int refusals;		  /* processes that could not be had, one after the other */
	TimestampTz retry_at; /* no runner is started before; by the real clock */
} Lane;

typedef struct Runner
{
	uint32 generation; /* how many were here before */
	BmRunnerState state;
	int lane;
	bool leave; /* it was asked to */
	int pid;
	Latch *latch;
	int64 report_id;
	TimestampTz due; /* of the report */
	bool claimed;	 /* the report was */
	TimestampTz began;
	TimestampTz since;
	int64 attempts;
	int64 memory;
} Runner;

typedef struct Pool
{
	LWLock *lock;
	uint64 ends; /* of reports, so far */
	BmQueueStore store;
	Lane lanes[MAX_LANES];
	Runner runners[BM_MAX_RUNNERS];
} Pool;

static Pool *pool = NULL;
static BmRunnerId my_id = -1;

/* Of a scheduler: the ends of reports that its last look at them has seen. */
static uint64 seen_ends = 0;

Size
bm_pool_size(void)
{
	return sizeof(Pool);
}

void
bm_pool_init(void *place, LWLock *lock, bool fresh)
{
	pool = place;
	if (!fresh)
		return;
	memset(pool, 0, sizeof(Pool));
	pool->lock = lock;
	bm_queue_init_store(&pool->store);
}

/* ---- lanes; the caller has the lock ---- */

static Lane *
find_lane(Oid database, Oid owner)
{
	for (int i = 0; i < MAX_LANES; i++)
		if (pool->lanes[i].database == database && pool->lanes[i].owner == owner)
			return &pool->lanes[i];
	return NULL;
}

/* NULL where all are taken. */
static Lane *
open_lane(Oid database, Oid owner)
{
	Lane *lane = find_lane(database, owner);

	if (lane != NULL || (lane = find_lane(InvalidOid, InvalidOid)) == NULL)
		return lane;
	memset(lane, 0, sizeof(Lane));
	lane->database = database;
	lane->owner = owner;
	lane->told_at = GetCurrentTimestamp();
	bm_queue_init(&lane->waiting);
	bm_queue_init(&lane->unclaimed);
	return lane;
}

static void
close_lane_if_idle(Lane *lane)
{
	if (lane->waiting.length > 0 || lane->unclaimed.length > 0 || lane->runners > 0)
		return;
	lane->database = lane->owner = InvalidOid;
}

static Lane *
lane_of(const Runner *runner)
{
	return &pool->lanes[runner->lane];
}

/* It has reports to run, nobody to run them, and may have somebody. */
static bool
is_starving(const Lane *lane, TimestampTz now)
{
	return lane->waiting.length > 0 && lane->runners == 0 &&
		   (lane->retry_at <= now || lane->failures == 0);
}

static int
count_runners(const Lane *lane, BmRunnerState state)
{
	int count = 0;

	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (pool->runners[i].state == state &&
			(lane == NULL || lane_of(&pool->runners[i]) == lane))
			count++;
	return count;
}

static bool
is_full(void)
{
	return BM_MAX_RUNNERS - count_runners(NULL, BM_RUNNER_FREE) >= bm_guc_max_runners;
}

/* The lanes, but for this one, that starve for want of a process. */
static int
count_starving(const Lane *but, TimestampTz now)
{
	bool full = is_full();
	int count = 0;

	for (int i = 0; i < MAX_LANES; i++)
		if (&pool->lanes[i] != but && is_starving(&pool->lanes[i], now) &&
			(full || pool->lanes[i].refusals > 0))
			count++;
	return count;
}

/* ---- runners; the caller has the lock ---- */

static Runner *
find_runner(BmRunnerId id)
{
	Runner *runner = &pool->runners[id % BM_MAX_RUNNERS];

	return id >= 0 && runner->generation == id / BM_MAX_RUNNERS &&
				   runner->state != BM_RUNNER_FREE
			   ? runner
			   : NULL;
}

static void
set_state(Runner *runner, BmRunnerState state)
{
	if (runner->state == state && state != BM_RUNNER_WORKING)
		return;
	runner->state = state;
	runner->since = GetCurrentTimestamp();
}

static void
ask_to_leave(Runner *runner)
{
	runner->leave = true;
	if (runner->latch != NULL)
		SetLatch(runner->latch);
}

/* There is something to do for those that wait. */
static void
wake_idle_runners(const Lane *lane)
{
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (pool->runners[i].state == BM_RUNNER_IDLE &&
			lane_of(&pool->runners[i]) == lane)
			SetLatch(pool->runners[i].latch);
}

/* One that has nothing to do makes way for another lane's. */
static void
ask_idle_runner(const Lane *waiting)
{
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (pool->runners[i].leave)
			return;
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
	{
		Runner *runner = &pool->runners[i];

		if (runner->state != BM_RUNNER_IDLE || lane_of(runner) == waiting ||
			lane_of(runner)->waiting.length > 0)
			continue;
		ask_to_leave(runner);
		return;
	}
}

/*
 * A lane without a runner waits for one: of a lane with several, one leaves for it; of a lane
 * with one, when it had its turn, or two floods would have a new process for each report.
 */
static bool
must_give_way(const Runner *runner)
{
	TimestampTz now = GetCurrentTimestamp();
	const Lane *lane = lane_of(runner);

	return (lane->runners > 1 || now >= runner->began + TURN) &&
		   count_starving(lane, now) > count_runners(NULL, BM_RUNNER_LEAVING);
}

static TimestampTz
later(int64 wait, int times)
{
	return GetCurrentTimestamp() + Min(wait << Min(times - 1, MAX_DOUBLINGS), LAST_WAIT);
}

/* The runner has its report no longer. Says whether it never made a claim. */
static bool
let_go(Runner *runner)
{
	bool unclaimed = runner->report_id != 0 && !runner->claimed;

	if (runner->report_id != 0)
		lane_of(runner)->ended = ++pool->ends;
	if (unclaimed)
		(void) bm_queue_add(&pool->store, &lane_of(runner)->unclaimed, runner->report_id,
							runner->due, false);
	runner->report_id = 0;
	return unclaimed;
}

/* Frees the place of a runner that ended. */
static void
release(Runner *runner)
{
	Lane *lane = lane_of(runner);

	if (runner->state == BM_RUNNER_STARTING)
	{
		lane->failed = true;
		lane->failures++;
		lane->retry_at = later(FAILED_WAIT, lane->failures);
	}
	(void) let_go(runner);
	lane->runners--;
	close_lane_if_idle(lane);
	*runner = (Runner){.generation = runner->generation + 1};
}

static bool
is_short(const Lane *lane)
{
	return lane->waiting.length >
		   count_runners(lane, BM_RUNNER_IDLE) + count_runners(lane, BM_RUNNER_STARTING);
}

/* A runner left: wakes the schedulers of lanes that would have one more. */
static void
wake_short_lanes(void)
{
	Oid databases[MAX_LANES];
	int count = 0;

	LWLockAcquire(pool->lock, LW_SHARED);
	for (int i = 0; i < MAX_LANES; i++)
		if (pool->lanes[i].waiting.length > 0 && is_short(&pool->lanes[i]))
			databases[count++] = pool->lanes[i].database;
	LWLockRelease(pool->lock);
	for (int i = 0; i < count; i++)
		bm_scheduler_wake(databases[i]);
}

/* ---- for the scheduler ---- */

/* Puts a report into its owner's lane; false where there is no room: it stays due. */
bool
bm_pool_offer(Oid owner, int64 report_id, TimestampTz due)
{
	Lane *lane;
	bool taken = false;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	lane = open_lane(MyDatabaseId, owner);
	if (lane != NULL)
	{
		taken = lane->waiting.length < MAX_LENGTH &&
				bm_queue_add(&pool->store, &lane->waiting, report_id, due, false);
		lane->more = !taken;
		wake_idle_runners(lane);
		close_lane_if_idle(lane);
	}
	LWLockRelease(pool->lock);
	return taken;
}

/* A report of this database that a runner took and did not claim; false where there is none. */
bool
bm_pool_unclaimed(int64 *report_id)
{
	bool found = false;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_LANES && !found; i++)
	{
		Lane *lane = &pool->lanes[i];

		if (lane->database != MyDatabaseId || lane->unclaimed.length == 0)
			continue;
		found = true;
		*report_id = pool->store.tasks[lane->unclaimed.first].report_id;
		bm_queue_remove(&pool->store, &lane->unclaimed, BM_QUEUE_END);
		close_lane_if_idle(lane);
	}
	LWLockRelease(pool->lock);
	return found;
}

static int
compare_ids(const void *a, const void *b)
{
	int64 left = *(const int64 *) a;
	int64 right = *(const int64 *) b;

	return left < right ? -1 : left > right;
}

/* The reports of this database that are in a lane or at work, in ascending order. */
int
bm_pool_reports(int64 **reports)
{
	int count = 0;

	*reports = palloc(sizeof(int64) * (BM_QUEUE_TASKS + BM_MAX_RUNNERS));
	LWLockAcquire(pool->lock, LW_SHARED);
	for (int i = 0; i < MAX_LANES; i++)
		if (pool->lanes[i].database == MyDatabaseId && pool->lanes[i].waiting.length > 0)
			for (int t = pool->lanes[i].waiting.first; t != BM_QUEUE_END;
				 t = pool->store.tasks[t].next)
				(*reports)[count++] = pool->store.tasks[t].report_id;
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (pool->runners[i].state == BM_RUNNER_WORKING &&
			lane_of(&pool->runners[i])->database == MyDatabaseId)
			(*reports)[count++] = pool->runners[i].report_id;
	seen_ends = pool->ends;
	LWLockRelease(pool->lock);
	qsort(*reports, count, sizeof(int64), compare_ids);
	return count;
}

/*
 * Has a runner failed to log in since the last call? Its lane is emptied, for whether its reports can
 * run at all is to be looked at anew. Says whose lane it is, and whether it fails for the first time.
 */
bool
bm_pool_failure(Oid *owner, bool *first)
{
	bool failure = false;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_LANES && !failure; i++)
	{
		Lane *lane = &pool->lanes[i];

		if (lane->database != MyDatabaseId || !lane->failed)
			continue;
		failure = true;
		lane->failed = false;
		*owner = lane->owner;
		*first = lane->failures == 1;
		bm_queue_empty(&pool->store, &lane->waiting);
	}
	LWLockRelease(pool->lock);
	return failure;
}

/* The lane of this database that wants a runner most, and when one that may have none yet may. */
static Lane *
neediest_lane(TimestampTz now, TimestampTz *retry_at)
{
	Lane *neediest = NULL;

	for (int i = 0; i < MAX_LANES; i++)
	{
		Lane *lane = &pool->lanes[i];

		if (lane->database != MyDatabaseId || !is_short(lane))
			continue;
		if (lane->retry_at > now)
			*retry_at = Min(*retry_at, lane->retry_at);
		else if (neediest == NULL || lane->runners < neediest->runners)
			neediest = lane;
	}
	return neediest;
}

/*
 * Reserves a runner for a lane that is short of them: the caller starts its process, or says that
 * it was refused. False where none may be started now; retry_at is when to try again, by the
 * real clock, DT_NOEND where somebody wakes the scheduler.
 */
bool
bm_pool_reserve(BmRunnerId *id, Oid *owner, TimestampTz *retry_at)
{
	TimestampTz now = GetCurrentTimestamp();
	Lane *lane;
	bool reserved = false;

	*retry_at = DT_NOEND;
	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	lane = neediest_lane(now, retry_at);
	if (lane != NULL && is_full())
		ask_idle_runner(lane);
	else if (lane != NULL && (lane->runners == 0 || count_starving(lane, now) == 0))
	{
		Runner *runner = pool->runners;

		while (runner->state != BM_RUNNER_FREE)
			runner++;
		*id = (int64) runner->generation * BM_MAX_RUNNERS + (runner - pool->runners);
		*owner = lane->owner;
		*runner = (Runner){.generation = runner->generation,
						   .state = BM_RUNNER_STARTING,
						   .lane = lane - pool->lanes,
						   .since = now};
		lane->runners++;
		reserved = true;
	}
	LWLockRelease(pool->lock);
	return reserved;
}

/* No process could be had for a runner. */
void
bm_pool_refused(BmRunnerId id)
{
	Runner *runner;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	if ((runner = find_runner(id)) != NULL)
	{
		Lane *lane = lane_of(runner);

		lane->refusals++;
		lane->retry_at = later(REFUSED_WAIT, lane->refusals);
		set_state(runner, BM_RUNNER_LEAVING);
		release(runner);
		ask_idle_runner(lane);
	}
	LWLockRelease(pool->lock);
}

/* The process of a runner ended; it may have said so itself. Says whether it left something undone. */
bool
bm_pool_ended(BmRunnerId id)
{
	Runner *runner;
	bool news = false;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	if ((runner = find_runner(id)) != NULL)
	{
		news = runner->state == BM_RUNNER_STARTING || runner->state == BM_RUNNER_WORKING;
		release(runner);
	}
	LWLockRelease(pool->lock);
	return news;
}

/* Does a report of this database wait or run, or has one ended since the last look? */
bool
bm_pool_is_busy(void)
{
	bool busy = false;

	LWLockAcquire(pool->lock, LW_SHARED);
	for (int i = 0; i < MAX_LANES; i++)
		if (pool->lanes[i].database == MyDatabaseId &&
			(pool->lanes[i].waiting.length > 0 || pool->lanes[i].ended > seen_ends))
			busy = true;
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (lane_of(&pool->runners[i])->database == MyDatabaseId &&
			(pool->runners[i].state == BM_RUNNER_STARTING ||
			 pool->runners[i].state == BM_RUNNER_WORKING))
			busy = true;
	LWLockRelease(pool->lock);
	return busy;
}

/* The scheduler of a database leaves: its runners end what they are doing, and leave. */
void
bm_pool_close(Oid database)
{
	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_LANES; i++)
		if (pool->lanes[i].database == database)
		{
			bm_queue_empty(&pool->store, &pool->lanes[i].waiting);
			bm_queue_empty(&pool->store, &pool->lanes[i].unclaimed);
		}
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
	{
		Runner *runner = &pool->runners[i];

		if (lane_of(runner)->database != database)
			continue;
		if (runner->state == BM_RUNNER_STARTING && runner->pid == 0)
		{
			set_state(runner, BM_RUNNER_LEAVING); /* it did not fail */
			release(runner);
		}
		else if (runner->state == BM_RUNNER_STARTING || runner->state == BM_RUNNER_IDLE)
			ask_to_leave(runner); /* a process that has begun gives up its place itself */
	}
	for (int i = 0; i < MAX_LANES; i++)
		if (pool->lanes[i].database == database)
			close_lane_if_idle(&pool->lanes[i]);
	LWLockRelease(pool->lock);
}

/* ---- for a runner ---- */

/* The runner has its report no longer, and its place still. */
static bool
stop_work(void)
{
	Runner *runner;
	bool news = false;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	if ((runner = find_runner(my_id)) != NULL && runner->state == BM_RUNNER_WORKING)
	{
		news = true;
		(void) let_go(runner);
		set_state(runner, BM_RUNNER_LEAVING);
	}
	LWLockRelease(pool->lock);
	return news;
}

/* The scheduler is told before the place is free: until then it does not leave. */
static void
leave(int code, Datum database)
{
	if (stop_work())
		bm_scheduler_wake(DatumGetObjectId(database));
	(void) bm_pool_ended(my_id);
	wake_short_lanes();
}

/*
 * A runner's process begins; false where it is not wanted any more. There is always an owner:
 * without one, the process would log in as a superuser.
 */
bool
bm_pool_enter(BmRunnerId id, Oid *database, Oid *owner)
{
	Runner *runner;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	runner = find_runner(id);
	if (runner != NULL)
	{
		runner->pid = MyProcPid;
		runner->latch = MyLatch;
		runner->began = GetCurrentTimestamp();
		*database = lane_of(runner)->database;
		*owner = lane_of(runner)->owner;
	}
	LWLockRelease(pool->lock);
	if (runner == NULL || !OidIsValid(*owner))
		return false;
	my_id = id;
	before_shmem_exit(leave, ObjectIdGetDatum(*database));
	return true;
}

/* The first task of a lane that is due, or when one will be. */
static bool
take_task(Lane *lane, Runner *runner, TimestampTz *next)
{
	TimestampTz now = bm_clock_now();
	int previous = BM_QUEUE_END;

	*next = DT_NOEND;
	if (lane->waiting.length == 0)
		return false;
	for (int i = lane->waiting.first; i != BM_QUEUE_END;
		 previous = i, i = pool->store.tasks[i].next)
	{
		if (pool->store.tasks[i].due > now)
		{
			*next = Min(*next, pool->store.tasks[i].due);
			continue;
		}
		runner->report_id = pool->store.tasks[i].report_id;
		runner->due = pool->store.tasks[i].due;
		runner->claimed = false;
		runner->attempts++;
		bm_queue_remove(&pool->store, &lane->waiting, previous);
		return true;
	}
	return false;
}

/*
 * Is the scheduler to be told that a report ended? When its runner has no other one, for then it may
 * be alone to know what is due next; else now and then.
 */
static bool
is_to_be_told(Lane *lane, BmPoolAnswer answer)
{
	TimestampTz now = GetCurrentTimestamp();
	bool refill = lane->more && lane->waiting.length < LOW_WATER;

	if (answer == BM_POOL_RUN && !refill && now < lane->told_at + TELL_INTERVAL)
		return false;
	lane->told_at = now;
	lane->more = lane->more && !refill;
	return true;
}

/*
 * What is there to do? A report of the runner's lane; to wait until a time of our clock, which
 * DT_NOEND is not; or to leave.
 */
BmPoolAnswer
bm_pool_take(int64 *report_id, TimestampTz *next)
{
	static const BmRunnerState states[] = {[BM_POOL_RUN] = BM_RUNNER_WORKING,
										   [BM_POOL_WAIT] = BM_RUNNER_IDLE,
										   [BM_POOL_LEAVE] = BM_RUNNER_LEAVING};
	int64 memory = MemoryContextMemAllocated(TopMemoryContext, true);
	BmPoolAnswer answer = BM_POOL_WAIT;
	Runner *runner;
	Lane *lane;
	bool tell;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	runner = find_runner(my_id);
	Assert(runner != NULL);
	lane = lane_of(runner);
	lane->failures = lane->refusals = 0;
	lane->failed = false;
	lane->retry_at = 0;
	runner->memory = memory;
	tell = let_go(runner);
	if (runner->leave || must_give_way(runner))
		answer = BM_POOL_LEAVE;
	else if (take_task(lane, runner, next))
		answer = BM_POOL_RUN;
	if (runner->state == BM_RUNNER_WORKING && is_to_be_told(lane, answer))
		tell = true;
	set_state(runner, states[answer]);
	*report_id = runner->report_id;
	LWLockRelease(pool->lock);
	if (tell)
		bm_scheduler_wake(MyDatabaseId);
	return answer;
}

/* The runner claimed its report. */
void
bm_pool_claimed(void)
{
	Runner *runner;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	if ((runner = find_runner(my_id)) != NULL)
		runner->claimed = true;
	LWLockRelease(pool->lock);
}

/* The runner leaves without having begun its report: the next one of the lane takes it. */
void
bm_pool_give_back(void)
{
	Runner *runner;

	LWLockAcquire(pool->lock, LW_EXCLUSIVE);
	runner = find_runner(my_id);
	Assert(runner != NULL && runner->state == BM_RUNNER_WORKING);
	(void) bm_queue_add(&pool->store, &lane_of(runner)->waiting, runner->report_id,
						runner->due, true);
	runner->report_id = 0;
	runner->attempts--;
	set_state(runner, BM_RUNNER_LEAVING);
	LWLockRelease(pool->lock);
}

/* For tests that set the clock: runners that wait for a time look at it again. */
void
bm_pool_wake_waiting(void)
{
	LWLockAcquire(pool->lock, LW_SHARED);
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (pool->runners[i].latch != NULL)
			SetLatch(pool->runners[i].latch);
	LWLockRelease(pool->lock);
}

/* ---- for everybody ---- */

/* See bm_runner_signal: under the lock no runner ends, which gives its number to another process. */
bool
bm_pool_signal(int64 report_id, int pid, int signal_number)
{
	bool sent = false;

	LWLockAcquire(pool->lock, LW_SHARED);
	for (const Runner *r = pool->runners; r < pool->runners + BM_MAX_RUNNERS; r++)
		if (r->state != BM_RUNNER_FREE && r->pid == pid && r->report_id == report_id)
			sent = kill(pid, signal_number) == 0;
	LWLockRelease(pool->lock);
	return sent;
}

/* What can be said of each runner, as BmRunnerInfo. */
List *
bm_pool_list(void)
{
	BmRunnerInfo *infos = palloc0(sizeof(BmRunnerInfo) * BM_MAX_RUNNERS);
	List *list = NIL;

	LWLockAcquire(pool->lock, LW_SHARED);
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
	{
		const Runner *runner = &pool->runners[i];

		infos[i] = (BmRunnerInfo){.state = runner->state,
								  .database = lane_of(runner)->database,
								  .owner = lane_of(runner)->owner,
								  .pid = runner->pid,
								  .report_id = runner->report_id,
								  .since = runner->since,
								  .attempts = runner->attempts,
								  .memory = runner->memory};
	}
	LWLockRelease(pool->lock);
	for (int i = 0; i < BM_MAX_RUNNERS; i++)
		if (infos[i].state != BM_RUNNER_FREE)
			list = lappend(list, &infos[i]);
	return list;
}
