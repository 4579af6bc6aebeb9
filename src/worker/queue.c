/* Queues of reports in a common store of fixed size, which may be shared memory. Pure. */
#include "worker/queue.h"

void
bm_queue_init_store(BmQueueStore *store)
{
	store->free = 0;
	for (int i = 0; i < BM_QUEUE_TASKS; i++)
		store->tasks[i].next = i + 1 < BM_QUEUE_TASKS ? i + 1 : BM_QUEUE_END;
}

void
bm_queue_init(BmQueue *queue)
{
	queue->first = queue->last = BM_QUEUE_END;
	queue->length = 0;
}

/* False where the store is full. */
bool
bm_queue_add(BmQueueStore *store, BmQueue *queue, int64_t report_id, int64_t due,
			 bool in_front)
{
	int i = store->free;

	if (i == BM_QUEUE_END)
		return false;
	store->free = store->tasks[i].next;
	store->tasks[i].report_id = report_id;
	store->tasks[i].due = due;
	store->tasks[i].next = in_front ? queue->first : BM_QUEUE_END;
	if (queue->length == 0)
		queue->first = queue->last = i;
	else if (in_front)
		queue->first = i;
	else
	{
		store->tasks[queue->last].next = i;
		queue->last = i;
	}
	queue->length++;
	return true;
}

/* Removes the task that follows another one, or, after BM_QUEUE_END, the first. */
void
bm_queue_remove(BmQueueStore *store, BmQueue *queue, int previous)
{
	int i = previous == BM_QUEUE_END ? queue->first : store->tasks[previous].next;

	if (previous == BM_QUEUE_END)
		queue->first = store->tasks[i].next;
	else
		store->tasks[previous].next = store->tasks[i].next;
	if (queue->last == i)
		queue->last = previous;
	queue->length--;
	store->tasks[i].next = store->free;
	store->free = i;
}

void
bm_queue_empty(BmQueueStore *store, BmQueue *queue)
{
	while (queue->length > 0)
		bm_queue_remove(store, queue, BM_QUEUE_END);
}
