/* Queues of reports in a common store of fixed size, which may be shared memory. Pure. */
#ifndef BM_WORKER_QUEUE_H
#define BM_WORKER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define BM_QUEUE_TASKS 4096

/* What follows the last task, and precedes the first. */
#define BM_QUEUE_END (-1)

typedef struct BmTask
{
	int64_t report_id;
	int64_t due;
	int next;
} BmTask;

typedef struct BmQueueStore
{
	int free; /* the first task that is in no queue */
	BmTask tasks[BM_QUEUE_TASKS];
} BmQueueStore;

typedef struct BmQueue
{
	int first;
	int last;
	int length;
} BmQueue;

extern void bm_queue_init_store(BmQueueStore *store);
extern void bm_queue_init(BmQueue *queue);
extern bool bm_queue_add(BmQueueStore *store, BmQueue *queue, int64_t report_id,
						 int64_t due, bool in_front);
extern void bm_queue_remove(BmQueueStore *store, BmQueue *queue, int previous);
extern void bm_queue_empty(BmQueueStore *store, BmQueue *queue);

#endif
