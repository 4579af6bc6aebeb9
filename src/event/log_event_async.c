/*
 * bizmetrics.log_event_async(): an event that is stored soon after its transaction has committed.
 *
 * All that can be wrong with an event is found at the call, where there is somebody to tell. Until
 * the transaction commits the event is kept in this process, with room for it reserved in the
 * buffer; where a subtransaction rolls back, what it logged is cut off again. At commit the bytes go
 * to the buffer (buffer.c), which cannot fail, and a flusher stores them. A transaction that is
 * prepared stores them itself, for nothing of ours runs when it is committed.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/role.h"
#include "event/buffer.h"
#include "event/event.h"
#include "event/event_record.h"

/* What a session keeps from transaction to transaction. */
#define KEPT_BYTES (64 * 1024)
#define FIRST_BYTES 1024
#define FIRST_LEVELS 8

PG_FUNCTION_INFO_V1(bizmetrics_log_event_async);

/* What was there when a subtransaction logged its first event. */
typedef struct Level
{
	SubTransactionId id;
	Size size;
	int64 events;
	int64 stored_now;
} Level;

/* What this transaction is to hand over. The levels are those of it that logged, innermost last. */
static struct
{
	char *bytes;
	Size allocated;
	Level *levels;
	int levels_allocated;
	int level_count;
	Size size;
	uint32 blocks; /* reserved */
	int64 events;
	int64 stored_now;
} pending;

/* Who was seen to have the right to log, for as long as nothing changes that. */
static struct
{
	Oid parent; /* InvalidOid: look again */
	Oid user;	/* likewise */
	bool row_security;
} writer;

/* The transaction's events ------------------------------------------------------------------ */

static void
cut_off(const Level *level)
{
	pending.size = level->size;
	pending.events = level->events;
	pending.stored_now = level->stored_now;
}

static void
forget_pending(void)
{
	static const Level nothing = {0};

	cut_off(&nothing);
	pending.blocks = 0;
	pending.level_count = 0;
	if (pending.allocated <= KEPT_BYTES)
		return;
	pfree(pending.bytes);
	pending.bytes = NULL;
	pending.allocated = 0;
}

/* Gives the buffer what there is, and its reservation back. */
static void
hand_over(void)
{
	BmHandover handover = {pending.bytes, pending.size, pending.blocks, pending.events,
						   pending.stored_now};

	if (handover.blocks > 0 || handover.stored_now > 0)
		bm_buffer_hand_over(&handover);
	forget_pending();
}

/* The current subtransaction logs: from here on it can be cut off. */
static void
note_level(void)
{
	SubTransactionId id = GetCurrentSubTransactionId();

	if (pending.level_count > 0 && pending.levels[pending.level_count - 1].id == id)
		return;
	if (pending.level_count == pending.levels_allocated)
	{
		int allocated = Max(2 * pending.levels_allocated, FIRST_LEVELS);

		pending.levels =
			pending.levels == NULL
				? MemoryContextAlloc(TopMemoryContext, sizeof(Level) * allocated)
				: repalloc(pending.levels, sizeof(Level) * allocated);
		pending.levels_allocated = allocated;
	}
	pending.levels[pending.level_count++] =
		(Level){id, pending.size, pending.events, pending.stored_now};
}

static void
make_room(Size size)
{
	Size allocated = Max(pending.allocated, FIRST_BYTES);

	while (allocated < size)
		allocated *= 2;
	if (allocated == pending.allocated)
		return;
	pending.bytes = pending.bytes == NULL
						? MemoryContextAllocHuge(TopMemoryContext, allocated)
						: repalloc_huge(pending.bytes, allocated);
	pending.allocated = allocated;
}

/* False where the buffer has no room for it. */
static bool
add_pending(BmEvent *event)
{
	Size size = bm_event_record_size(event);
	uint32 blocks = bm_buffer_blocks_for(pending.size + size);

	if (blocks > pending.blocks)
	{
		make_room(pending.size + size);
		if (!bm_buffer_reserve(blocks - pending.blocks, pending.blocks))
			return false;
		pending.blocks = blocks;
	}
	make_room(pending.size + size);
	bm_event_to_record(event, size, pending.bytes + pending.size);
	pending.size += size;
	pending.events++;
	return true;
}

/* The transaction is being prepared: nothing is left to be handed over. */
static void
store_pending(void)
{
	Size done = 0;

	if (pending.size == 0)
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	/* A trigger of somebody may log on: what it adds is stored too, and may move the bytes. */
	while (done < pending.size)
	{
		BmEvent event;
		BmEvent *one = &event;
		pg_uuid_t id;
		char *record = pending.bytes + done;
		uint32 size = *(uint32 *) record;

		record = memcpy(palloc(size), record, size);
		done += bm_event_from_record(record, &event, &id);
		bm_event_store_as_owner(&one, 1);
		pfree(record);
	}
	PopActiveSnapshot();
	pending.stored_now += pending.events;
	pending.size = 0;
	pending.events = 0;
}

static void
at_transaction_end(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			store_pending();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			hand_over();
			break;
		case XACT_EVENT_ABORT:
			pending.size = 0;
			pending.events = pending.stored_now = 0;
			hand_over();
			break;
		default:
			break;
	}
}

static void
at_subtransaction_end(SubXactEvent event, SubTransactionId id, SubTransactionId parent,
					  void *arg)
{
	int last = pending.level_count - 1;

	if (last < 0 || pending.levels[last].id != id)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		cut_off(&pending.levels[last]);
		pending.level_count--;
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		/* What it logged is its parent's now, which may have logged before. */
		if (last > 0 && pending.levels[last - 1].id == parent)
			pending.level_count--;
		else
			pending.levels[last].id = parent;
	}
}

/* Who may log --------------------------------------------------------------------------------- */

static void
forget_parent(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == writer.parent)
		writer.parent = InvalidOid;
}

static void
forget_user(Datum arg, int cacheid, uint32 hashvalue)
{
	writer.user = InvalidOid;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	RegisterSubXactCallback(at_subtransaction_end, NULL);
	CacheRegisterRelcacheCallback(forget_parent, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget_user, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_user, (Datum) 0);
	registered = true;
}

/* Raises 42501 unless the current role may log. */
static void
check_writer(void)
{
	Oid user = GetUserId();
	Oid parent;
	Relation rel;

	if (OidIsValid(writer.parent) && writer.user == user)
		return;
	parent = bm_event_parent();
	/* From here on a change voids what we learn. */
	writer.parent = parent;
	rel = table_open(parent, AccessShareLock);
	writer.row_security = rel->rd_rel->relrowsecurity;
	table_close(rel, AccessShareLock);
	bm_event_check_writer(parent, user);
	writer.user = user;
}

/* The flusher is the owner: policies would be checked for him and not for the caller. */
static bool
row_security_applies(void)
{
	return writer.row_security &&
		   check_enable_rls(writer.parent, InvalidOid, true) != RLS_NONE;
}

/* Storing and logging ---------------------------------------------------------------------------- */

/* Who is security-restricted cannot leave a trigger for later: SET CONSTRAINTS ALL IMMEDIATE. */
static void
defer_nothing(void)
{
	ConstraintsSetStmt statement = {.type = T_ConstraintsSetStmt};

	AfterTriggerSetState(&statement);
}

/*
 * Stores events that were checked when they were logged, with the rights of the table's owner, as
 * whoever logged them may be gone. Puts them into another order. Nothing of the transaction may
 * still be deferred.
 */
void
bm_event_store_as_owner(BmEvent **events, int count)
{
	BmBatchPlace place;
	Relation parent = table_open(bm_event_parent(), RowExclusiveLock);
	BmRoleSwitch saved = bm_role_enter(parent->rd_rel->relowner);

	table_close(parent, NoLock);
	defer_nothing();
	for (int i = 0; i < count; i++)
		bm_event_stamp(events[i]);
	bm_event_store_batch(events, count, &place);
	bm_role_leave(&saved);
}

Datum
bizmetrics_log_event_async(PG_FUNCTION_ARGS)
{
	BmEvent event;
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t));

	register_callbacks();
	bm_event_from_arguments(fcinfo, &event);
	PreventCommandIfReadOnly("log_event_async()");
	PreventCommandIfParallelMode("log_event_async()");
	bm_event_prepare(&event, id);
	check_writer();
	note_level();
	if (!row_security_applies() && add_pending(&event))
		PG_RETURN_UUID_P(id);
	bm_event_store(&event);
	pending.stored_now++;
	PG_RETURN_UUID_P(id);
}
