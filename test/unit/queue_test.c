/* src/worker/queue.c against plain arrays: random additions and removals in two queues of one store. */
#include <stdlib.h>
#include <string.h>

#include "worker/queue.h"

#include "tap.h"

#define STEPS 200000

static BmQueueStore store;
static BmQueue queues[2];
static int64_t model[2][BM_QUEUE_TASKS];
static int lengths[2];

static bool
same(int q)
{
	int count = 0;
	int last = BM_QUEUE_END;

	for (int i = queues[q].first; i != BM_QUEUE_END && queues[q].length > 0;
		 last = i, i = store.tasks[i].next)
		if (count >= lengths[q] || store.tasks[i].report_id != model[q][count++])
			return false;
	return count == lengths[q] && queues[q].length == count &&
		   (count == 0 || queues[q].last == last);
}

static bool
add(int q, int64_t id, bool in_front)
{
	bool fits = lengths[0] + lengths[1] < BM_QUEUE_TASKS;

	if (bm_queue_add(&store, &queues[q], id, id, in_front) != fits)
		return false;
	if (fits && in_front)
		memmove(&model[q][1], &model[q][0], sizeof(int64_t) * lengths[q]);
	if (fits)
		model[q][in_front ? 0 : lengths[q]] = id;
	lengths[q] += fits ? 1 : 0;
	return true;
}

static void
remove_at(int q, int position)
{
	int previous = BM_QUEUE_END;

	for (int i = 0; i < position; i++)
		previous =
			previous == BM_QUEUE_END ? queues[q].first : store.tasks[previous].next;
	bm_queue_remove(&store, &queues[q], previous);
	lengths[q]--;
	memmove(&model[q][position], &model[q][position + 1],
			sizeof(int64_t) * (lengths[q] - position));
}

int
main(void)
{
	bool good = true;

	srand(1);
	bm_queue_init_store(&store);
	bm_queue_init(&queues[0]);
	bm_queue_init(&queues[1]);
	for (int step = 0; step < STEPS && good; step++)
	{
		int q = rand() % 2;
		int likely_to_add = step / (STEPS / 4) % 2 == 0 ? 7 : 3;

		if (rand() % 10 < likely_to_add)
			good = add(q, step, rand() % 4 == 0);
		else if (lengths[q] > 0)
			remove_at(q, rand() % (lengths[q] < 10 ? lengths[q] : 10));
		if (step % 97 == 0)
			good = good && same(0) && same(1);
	}
	ok(good, "queues hold what was added, in its order, and no more than the store has");
	bm_queue_empty(&store, &queues[0]);
	lengths[0] = 0;
	ok(same(0) && same(1), "one is emptied, and the other as it was");
	for (int i = 0; good && lengths[0] + lengths[1] < BM_QUEUE_TASKS; i++)
		good = add(0, i, false);
	ok(good && !bm_queue_add(&store, &queues[1], 1, 1, true) && same(0) && same(1),
	   "what was removed is room again");
	return done_testing();
}
