/*
 * The buffer of log_event_async(): bytes of committed events in shared memory, a queue a database.
 *
 * The memory is cut into blocks, and a queue is a chain of them, so that a database whose events
 * cannot be stored holds what it has and keeps no other from going on. A transaction reserves blocks
 * when it logs, when that may fail, and fills them when it commits, when nothing may; it needs no
 * more than it has reserved, for the room that the queue's last block has left only saves some.
 *
 * Room is promised only while a flusher is attached, and a flusher leaves only when nothing waits and
 * nothing is promised. So whatever is handed over has somebody who stores it, also when the server
 * is shutting down: the flusher then closes the queue and stays until the last promise is kept or
 * given back. One lock protects all of it. It is held for a few instructions and for copying what a
 * transaction hands over, never across anything that can fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "event/buffer.h"

#define TRANCHE "bizmetrics_buffer"
#define MAX_QUEUES 1024
#define BLOCK_SIZE 8192
#define NO_BLOCK PG_UINT32_MAX

/* Of all blocks: what one transaction and one database may hold, and what is flushed at once. */
#define TRANSACTION_SHARE(blocks) ((blocks) / 4)
#define DATABASE_SHARE(blocks) ((blocks) - (blocks) / 4)
#define PRESSING_SHARE(blocks) ((blocks) / 4)

typedef struct Block
{
	uint32 next; /* of the queue, or of the free blocks */
	/* A multiple of eight bytes, as records are, so that no record's length is cut in two. */
	char bytes[BLOCK_SIZE - 8] pg_attribute_aligned(8);
} Block;

#define BLOCK_BYTES ((uint32) sizeof(((Block *) NULL)->bytes))

typedef struct Place
{
	uint32 block;
	uint32 offset;
} Place;

typedef struct Queue
{
	Oid database;	/* InvalidOid: it is free */
	Latch *flusher; /* NULL: there is none */
	bool wanted;	/* somebody logged and there was none */
	bool left;		/* the last one left in good order */
	bool closed;	/* it is leaving */
	bool trouble;	/* it cannot store what there is */
	Place
		first; /* where what waits begins, and where it ends; valid if there are blocks */
	Place end;
	uint32 blocks;	 /* in the chain */
	uint32 reserved; /* promised to transactions */
	uint64 bytes;
	TimestampTz since; /* when the first of it came, or before */
	int64 queued;	   /* events, since the server's start; so are the others */
	int64 stored;
	int64 stored_now;
	int64 rejected;
	int64 discarded;
} Queue;

typedef struct EventBuffer
{
	LWLock *lock;
	Latch *launcher; /* NULL: there is none */
	uint32 size;	 /* in blocks */
	uint32 free;	 /* in no chain, those promised included */
	uint32 reserved;
	uint32 first_free;
	Queue queues[MAX_QUEUES];
	Block blocks[FLEXIBLE_ARRAY_MEMBER];
} EventBuffer;

/* Columns of buffer_state(). */
enum
{
	STATE_QUEUED,
	STATE_STORED,
	STATE_REJECTED,
	STATE_DISCARDED,
	STATE_STORED_AT_ONCE,
	STATE_WAITING,
	STATE_OLDEST_WAITING,
	STATE_WAITING_BYTES,
	STATE_USED_BYTES,
	STATE_SIZE_BYTES,
	STATE_COLUMNS
};

PG_FUNCTION_INFO_V1(bizmetrics_buffer_state);

static EventBuffer *buffer =
	NULL; /* NULL: the library was not preloaded, or the size is 0 */
static Queue *own_queue = NULL;
static TimestampTz
	read_at; /* when the flusher read, and whether that was all there was */
static bool read_everything; /* then */
static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* Shared memory -------------------------------------------------------------------------- */

static uint32
block_count(void)
{
	return (uint32) ((Size) bm_guc_buffer_size * 1024 / BLOCK_SIZE);
}

static Size
shared_size(void)
{
	return add_size(offsetof(EventBuffer, blocks),
					mul_size(block_count(), sizeof(Block)));
}

static void
request_shmem(void)
{
	if (previous_request_hook)
		previous_request_hook();
	if (block_count() == 0)
		return;
	RequestAddinShmemSpace(shared_size());
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
startup_shmem(void)
{
	bool found;

	if (previous_startup_hook)
		previous_startup_hook();
	buffer = NULL;
	if (block_count() == 0)
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	buffer = ShmemInitStruct("bizmetrics buffer", shared_size(), &found);
	if (!found)
	{
		memset(buffer, 0, offsetof(EventBuffer, blocks));
		buffer->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		buffer->size = buffer->free = block_count();
		for (uint32 i = 0; i < buffer->size; i++)
			buffer->blocks[i].next = i + 1 < buffer->size ? i + 1 : NO_BLOCK;
	}
	LWLockRelease(AddinShmemInitLock);
}

/* From _PG_init, while the postmaster loads libraries. */
void
bm_buffer_init(void)
{
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shmem;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shmem;
}

/* Queues: all of it under the lock ---------------------------------------------------------- */

static Queue *
find_queue(Oid database)
{
	for (int i = 0; i < MAX_QUEUES; i++)
		if (buffer->queues[i].database == database)
			return &buffer->queues[i];
	return NULL;
}

static bool
is_idle(const Queue *queue)
{
	return queue->flusher == NULL && queue->blocks == 0 && queue->reserved == 0;
}

/* A queue that nobody uses: one that never was, or else of a database that may be long gone. */
static Queue *
find_idle_queue(void)
{
	Queue *queue = find_queue(InvalidOid);

	for (int i = 0; queue == NULL && i < MAX_QUEUES; i++)
		if (is_idle(&buffer->queues[i]))
			queue = &buffer->queues[i];
	return queue;
}

/* The queue of this database; NULL where there are too many databases. */
static Queue *
get_own_queue(void)
{
	if (own_queue != NULL && own_queue->database == MyDatabaseId)
		return own_queue;
	own_queue = find_queue(MyDatabaseId);
	if (own_queue == NULL && (own_queue = find_idle_queue()) != NULL)
	{
		memset(own_queue, 0, sizeof(Queue));
		own_queue->database = MyDatabaseId;
	}
	return own_queue;
}

static int64
waiting_events(const Queue *queue)
{
	return queue->queued - queue->stored - queue->rejected - queue->discarded;
}

static void
wake(Latch *latch)
{
	if (latch != NULL)
		SetLatch(latch);
}

static void
ask_for_flusher(Queue *queue)
{
	if (queue->wanted)
		return;
	queue->wanted = true;
	wake(buffer->launcher);
}

/* The caller has reserved it. */
static uint32
take_block(void)
{
	uint32 block = buffer->first_free;

	Assert(buffer->free > 0);
	buffer->first_free = buffer->blocks[block].next;
	buffer->free--;
	return block;
}

static void
give_block(uint32 block)
{
	buffer->blocks[block].next = buffer->first_free;
	buffer->first_free = block;
	buffer->free++;
}

/* Where the bytes at a place are, and how many of a number are there together. */
static char *
bytes_at(Place *place, Size wanted, Size *there)
{
	if (place->offset == BLOCK_BYTES)
	{
		place->block = buffer->blocks[place->block].next;
		place->offset = 0;
	}
	*there = Min(wanted, BLOCK_BYTES - place->offset);
	return buffer->blocks[place->block].bytes + place->offset;
}

/* Reads or writes bytes from a place of the chain on, or passes over them where there is neither. */
static void
move_bytes(Place *place, char *to, const char *from, Size size)
{
	while (size > 0)
	{
		Size part;
		char *bytes = bytes_at(place, size, &part);

		if (to != NULL)
			memcpy(to, bytes, part);
		if (from != NULL)
			memcpy(bytes, from, part);
		to = to != NULL ? to + part : NULL;
		from = from != NULL ? from + part : NULL;
		place->offset += part;
		size -= part;
	}
}

/* Lengthens the chain so that so many bytes more have room in it. */
static void
extend_chain(Queue *queue, Size size)
{
	Size room = queue->blocks > 0 ? BLOCK_BYTES - queue->end.offset : 0;
	uint32 last = queue->end.block;

	while (room < size)
	{
		uint32 block = take_block();

		if (queue->blocks++ == 0)
			queue->first = queue->end = (Place){block, 0};
		else
			buffer->blocks[last].next = block;
		last = block;
		room += BLOCK_BYTES;
	}
}

/* Forgets the first bytes, and all blocks that nothing is in any more. */
static void
drop_bytes(Queue *queue, Size size)
{
	queue->bytes -= size;
	while (size > 0)
	{
		Size part = Min(size, BLOCK_BYTES - queue->first.offset);
		uint32 block = queue->first.block;

		queue->first.offset += part;
		size -= part;
		if (queue->first.offset < BLOCK_BYTES || queue->blocks == 1)
			continue;
		queue->first = (Place){buffer->blocks[block].next, 0};
		queue->blocks--;
		give_block(block);
	}
	if (queue->bytes == 0 && queue->blocks > 0)
	{
		Assert(queue->blocks == 1);
		give_block(queue->first.block);
		queue->blocks = 0;
	}
}

/* Who logs --------------------------------------------------------------------------------- */

uint32
bm_buffer_blocks_for(Size bytes)
{
	return (uint32) ((bytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
}

/*
 * Reserves blocks for this transaction, which holds some already. False where it has to store its
 * event itself: the buffer is full, or nobody is there to flush it. Then somebody is sent for.
 */
bool
bm_buffer_reserve(uint32 blocks, uint32 held)
{
	Queue *queue;
	bool reserved = false;

	if (buffer == NULL || held + blocks > TRANSACTION_SHARE(buffer->size))
		return false;
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	queue = get_own_queue();
	if (queue != NULL && queue->flusher == NULL)
		ask_for_flusher(queue);
	else if (queue != NULL && !queue->closed && !queue->trouble)
		reserved =
			buffer->reserved + blocks <= buffer->free &&
			queue->blocks + queue->reserved + blocks <= DATABASE_SHARE(buffer->size);
	if (reserved)
	{
		queue->reserved += blocks;
		buffer->reserved += blocks;
	}
	LWLockRelease(buffer->lock);
	return reserved;
}

static void
append(Queue *queue, const BmHandover *handover)
{
	bool was_empty = queue->bytes == 0;
	bool was_pressing = queue->blocks >= PRESSING_SHARE(buffer->size);

	if (was_empty)
		queue->since = GetCurrentTransactionStopTimestamp();
	extend_chain(queue, handover->size);
	move_bytes(&queue->end, NULL, handover->bytes, handover->size);
	queue->bytes += handover->size;
	queue->queued += handover->events;
	if (queue->flusher == NULL)
		ask_for_flusher(queue); /* it went against its will */
	else if (was_empty ||
			 (!was_pressing && queue->blocks >= PRESSING_SHARE(buffer->size)))
		wake(queue->flusher);
}

/*
 * The transaction commits, or aborts with nothing to hand over: its bytes go to the queue, and what
 * it reserved is free again. Cannot fail.
 */
void
bm_buffer_hand_over(const BmHandover *handover)
{
	Queue *queue;

	if (buffer == NULL)
		return;
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	queue = get_own_queue();
	/* Without one there was nothing to reserve either. */
	if (queue != NULL)
	{
		Assert(bm_buffer_blocks_for(handover->size) <= handover->blocks);
		queue->reserved -= handover->blocks;
		buffer->reserved -= handover->blocks;
		queue->stored_now += handover->stored_now;
		if (handover->size > 0)
			append(queue, handover);
		else if (queue->closed && queue->reserved == 0)
			wake(queue->flusher);
	}
	LWLockRelease(buffer->lock);
}

/* The flusher of this database --------------------------------------------------------------- */

static void
detach_flusher(int code, Datum arg)
{
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	if (own_queue->flusher == MyLatch)
	{
		own_queue->flusher = NULL;
		wake(buffer->launcher);
	}
	LWLockRelease(buffer->lock);
}

/* False where there is another one, or no room for one. */
bool
bm_buffer_attach(void)
{
	bool attached = false;

	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	if (get_own_queue() != NULL && own_queue->flusher == NULL)
	{
		own_queue->flusher = MyLatch;
		own_queue->wanted = own_queue->closed = own_queue->trouble = false;
		attached = true;
	}
	LWLockRelease(buffer->lock);
	if (attached)
		before_shmem_exit(detach_flusher, (Datum) 0);
	return attached;
}

BmWaiting
bm_buffer_waiting(void)
{
	BmWaiting waiting;

	LWLockAcquire(buffer->lock, LW_SHARED);
	waiting.events = waiting_events(own_queue);
	waiting.promised = own_queue->reserved > 0;
	waiting.pressing = own_queue->blocks >= PRESSING_SHARE(buffer->size);
	waiting.since = own_queue->since;
	LWLockRelease(buffer->lock);
	return waiting;
}

/*
 * A copy of the first records, as many whole ones as go into the limit, and at least one of them.
 * Nobody but the flusher takes anything away, so what there is can be read without the lock.
 */
char *
bm_buffer_read(Size limit, Size *size)
{
	Size available;
	Place place;
	char *copy;

	LWLockAcquire(buffer->lock, LW_SHARED);
	available = own_queue->bytes;
	place = own_queue->first;
	LWLockRelease(buffer->lock);
	read_at = GetCurrentTimestamp();
	for (*size = 0; *size < available;)
	{
		Size there;
		uint32 length = *(uint32 *) bytes_at(&place, sizeof(uint32), &there);

		if (*size > 0 && *size + length > limit)
			break;
		move_bytes(&place, NULL, NULL, length);
		*size += length;
	}
	read_everything = *size == available;
	copy = MemoryContextAllocHuge(CurrentMemoryContext, Max(*size, 1));
	place = own_queue->first;
	move_bytes(&place, copy, NULL, *size);
	return copy;
}

/* What was read is done with, but for what is kept, which goes back to the front. Cannot fail. */
void
bm_buffer_flushed(const BmFlushed *flushed)
{
	Place place;

	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	drop_bytes(own_queue, flushed->size - flushed->kept_size);
	place = own_queue->first;
	move_bytes(&place, NULL, flushed->kept, flushed->kept_size);
	if (read_everything && flushed->kept_size == 0)
		own_queue->since = read_at; /* the rest came after that */
	own_queue->stored += flushed->stored;
	own_queue->rejected += flushed->rejected;
	own_queue->discarded += flushed->discarded;
	LWLockRelease(buffer->lock);
}

/* While the flusher cannot store anything, whoever logs does so himself. */
void
bm_buffer_set_trouble(bool trouble)
{
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	own_queue->trouble = trouble;
	LWLockRelease(buffer->lock);
}

/* Nothing is promised any more. */
void
bm_buffer_close(void)
{
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	own_queue->closed = true;
	LWLockRelease(buffer->lock);
}

/* The flusher wants to leave; false where something waits or is promised. */
bool
bm_buffer_leave(void)
{
	bool leave;

	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	leave = own_queue->bytes == 0 && own_queue->reserved == 0;
	if (leave)
	{
		own_queue->flusher = NULL;
		own_queue->left = true;
		wake(buffer->launcher);
	}
	LWLockRelease(buffer->lock);
	return leave;
}

/* Who starts flushers -------------------------------------------------------------------------- */

static void
detach_launcher(int code, Datum arg)
{
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	buffer->launcher = NULL;
	LWLockRelease(buffer->lock);
}

void
bm_buffer_attach_launcher(void)
{
	if (buffer == NULL)
		return;
	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	buffer->launcher = MyLatch;
	LWLockRelease(buffer->lock);
	before_shmem_exit(detach_launcher, (Datum) 0);
}

/* Databases that have no flusher and want one. */
List *
bm_buffer_unattended(void)
{
	Oid databases[MAX_QUEUES];
	int count = 0;
	List *list = NIL;

	if (buffer == NULL)
		return NIL;
	LWLockAcquire(buffer->lock, LW_SHARED);
	for (int i = 0; i < MAX_QUEUES; i++)
	{
		const Queue *queue = &buffer->queues[i];

		if (OidIsValid(queue->database) && queue->flusher == NULL &&
			(queue->wanted || queue->bytes > 0))
			databases[count++] = queue->database;
	}
	LWLockRelease(buffer->lock);
	while (count > 0)
		list = lappend_oid(list, databases[--count]);
	return list;
}

/* The three below are asked of databases that have a queue. */
bool
bm_buffer_is_empty(Oid database)
{
	Queue *queue;
	bool empty;

	LWLockAcquire(buffer->lock, LW_SHARED);
	queue = find_queue(database);
	empty = queue == NULL || queue->bytes == 0;
	LWLockRelease(buffer->lock);
	return empty;
}

void
bm_buffer_starting(Oid database)
{
	Queue *queue;

	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	if ((queue = find_queue(database)) != NULL)
		queue->left = false;
	LWLockRelease(buffer->lock);
}

/* Did its last flusher leave in good order? */
bool
bm_buffer_was_left(Oid database)
{
	Queue *queue;
	bool left;

	LWLockAcquire(buffer->lock, LW_SHARED);
	queue = find_queue(database);
	left = queue == NULL || queue->left;
	LWLockRelease(buffer->lock);
	return left;
}

/* The database is gone: so are its events, whose number is returned. */
int64
bm_buffer_forget(Oid database)
{
	Queue *queue;
	int64 events = 0;

	LWLockAcquire(buffer->lock, LW_EXCLUSIVE);
	queue = find_queue(database);
	if (queue != NULL && queue->flusher == NULL && queue->reserved == 0)
	{
		events = waiting_events(queue);
		drop_bytes(queue, queue->bytes);
		memset(queue, 0, sizeof(Queue));
	}
	LWLockRelease(buffer->lock);
	return events;
}

/* What can be seen ------------------------------------------------------------------------------ */

/* For the view buffer_status: the queue of this database. */
Datum
bizmetrics_buffer_state(PG_FUNCTION_ARGS)
{
	Queue queue = {0};
	uint32 used = 0;
	TupleDesc desc;
	Datum values[STATE_COLUMNS];
	bool nulls[STATE_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (buffer != NULL)
	{
		Queue *own;

		LWLockAcquire(buffer->lock, LW_SHARED);
		own = find_queue(MyDatabaseId);
		if (own != NULL)
			queue = *own;
		used = buffer->size - buffer->free + buffer->reserved;
		LWLockRelease(buffer->lock);
	}
	values[STATE_QUEUED] = Int64GetDatum(queue.queued);
	values[STATE_STORED] = Int64GetDatum(queue.stored);
	values[STATE_REJECTED] = Int64GetDatum(queue.rejected);
	values[STATE_DISCARDED] = Int64GetDatum(queue.discarded);
	values[STATE_STORED_AT_ONCE] = Int64GetDatum(queue.stored_now);
	values[STATE_WAITING] = Int64GetDatum(waiting_events(&queue));
	nulls[STATE_OLDEST_WAITING] = queue.bytes == 0;
	values[STATE_OLDEST_WAITING] = TimestampTzGetDatum(queue.since);
	values[STATE_WAITING_BYTES] = Int64GetDatum(queue.bytes);
	values[STATE_USED_BYTES] = Int64GetDatum((int64) used * BLOCK_SIZE);
	values[STATE_SIZE_BYTES] =
		Int64GetDatum(buffer == NULL ? 0 : (int64) buffer->size * BLOCK_SIZE);
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
