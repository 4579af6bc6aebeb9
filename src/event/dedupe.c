/*
 * Each dedupe key once per database, whatever partition its event is in.
 *
 * The ledger bizmetrics.dedupe_keys has one row a key. log_event() claims the key before it
 * stores the event; INSERT and COPY claim it in a trigger that ATTACH clones to every partition
 * before a restore loads it, so a restored database has its ledger without dumping it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/inserter.h"
#include "base/role.h"
#include "base/table.h"
#include "event/event.h"

/* Columns of bizmetrics.dedupe_keys. */
enum
{
	KEY_DEDUPE_KEY,
	KEY_EVENT_ID,
	KEY_RECORDED_AT
};

PG_FUNCTION_INFO_V1(bizmetrics_claim_dedupe_key);
PG_FUNCTION_INFO_V1(bizmetrics_prune_dedupe_keys);
PG_FUNCTION_INFO_V1(bizmetrics_dedupe_key_seen);

static BmInserter *ledger = NULL;
static bool ledger_valid = false;

static void
forget_ledger(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || ledger == NULL || bm_inserter_covers(ledger, relid))
		ledger_valid = false;
}

/* Learns the ledger anew. News that comes in meanwhile voids what is being learnt. */
static void
build_ledger(void)
{
	BmInserter *old = ledger;
	Relation rel;

	ledger = NULL;
	if (old != NULL)
		bm_inserter_free(old);
	rel = bm_table_open("dedupe_keys", RowExclusiveLock);
	ledger_valid = true;
	ledger = bm_inserter_create(rel, true);
	table_close(rel, NoLock);
}

static Relation
open_ledger(void)
{
	static bool registered = false;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget_ledger, (Datum) 0);
		registered = true;
	}
	for (;;)
	{
		Relation rel;

		while (ledger == NULL || !ledger_valid || ledger->broken)
			build_ledger();
		/* The lock may bring the news that the ledger is not what it was. */
		rel = table_open(ledger->relid, RowExclusiveLock);
		if (ledger_valid)
			return rel;
		table_close(rel, NoLock);
	}
}

static void
read_event_id(Relation rel, ItemPointer tid, pg_uuid_t *id)
{
	TupleTableSlot *row = table_slot_create(rel, NULL);
	bool isnull;

	if (!table_tuple_fetch_row_version(rel, tid, SnapshotAny, row))
		elog(ERROR, "could not fetch the dedupe key's row");
	*id = *DatumGetUUIDP(slot_getattr(row, KEY_EVENT_ID + 1, &isnull));
	ExecDropSingleTupleTableSlot(row);
}

/*
 * Claims the key for an event. False: it is claimed already, and *first_id is the event
 * that has it. Waits for a transaction that is just claiming the same key.
 */
bool
bm_dedupe_claim(Datum key, const pg_uuid_t *event_id, TimestampTz recorded_at,
				pg_uuid_t *first_id)
{
	Relation rel = open_ledger();
	TupleTableSlot *slot = ledger->slot;
	ItemPointerData conflict;
	bool claimed;

	bm_inserter_begin(ledger);
	slot->tts_values[KEY_DEDUPE_KEY] = key;
	slot->tts_values[KEY_EVENT_ID] = UUIDPGetDatum(event_id);
	slot->tts_values[KEY_RECORDED_AT] = TimestampTzGetDatum(recorded_at);
	memset(slot->tts_isnull, false, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	ExecStoreVirtualTuple(slot);
	claimed = bm_inserter_store_unique(ledger, &conflict);
	if (!claimed)
		read_event_id(rel, &conflict, first_id);
	bm_inserter_end(ledger);
	table_close(rel, NoLock);
	return claimed;
}

/* Gives up the claim that this transaction made on a key, for an event that was not stored. */
void
bm_dedupe_release(Datum key)
{
	Relation rel = bm_table_open("dedupe_keys", RowExclusiveLock);
	HeapTuple row = bm_table_get(rel, "dedupe_keys_pkey", TEXTOID, key);

	if (row != NULL)
		bm_table_delete(rel, row);
	table_close(rel, NoLock);
}

/* dedupe_key_seen(key): for import_events(), whose INSERT leaves such rows out. */
Datum
bizmetrics_dedupe_key_seen(PG_FUNCTION_ARGS)
{
	Relation rel = bm_table_open("dedupe_keys", AccessShareLock);
	HeapTuple row = bm_table_get(rel, "dedupe_keys_pkey", TEXTOID, PG_GETARG_DATUM(0));

	table_close(rel, AccessShareLock);
	PG_RETURN_BOOL(row != NULL);
}

/* The trigger's WHEN and the columns' NOT NULL leave none of those asked for NULL. */
static Datum
event_attribute(TriggerData *trigger, BmEventColumn column)
{
	return bm_event_attribute(trigger->tg_trigtuple,
							  RelationGetDescr(trigger->tg_relation), column);
}

/* A row that comes back from a dump or from another server, and was judged there. */
static bool
is_history(TriggerData *trigger)
{
	return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ||
		   DatumGetInt64(event_attribute(trigger, BM_EVENT_XACT_ID)) != bm_current_xact();
}

/*
 * AFTER INSERT on business_events and its partitions, where the event has a key. A key of history
 * that stands already is left alone, for after pruning a key may stand twice. A new row
 * raises, unless it is the one that log_event() claimed the key for.
 */
Datum
bizmetrics_claim_dedupe_key(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Datum key;
	pg_uuid_t id;
	pg_uuid_t first_id;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "bizmetrics_claim_dedupe_key is a trigger function");
	key = event_attribute(trigger, BM_EVENT_DEDUPE_KEY);
	id = *DatumGetUUIDP(event_attribute(trigger, BM_EVENT_ID));
	if (bm_event_being_inserted != NULL &&
		memcmp(&id, bm_event_being_inserted, sizeof(id)) == 0)
		return PointerGetDatum(NULL);
	if (!bm_dedupe_claim(key, &id, GetCurrentTransactionStartTimestamp(), &first_id) &&
		!is_history(trigger))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("duplicate dedupe_key \"%s\"", TextDatumGetCString(key)),
				 errdetail("The event %s has this key already.",
						   DatumGetCString(
							   DirectFunctionCall1(uuid_out, UUIDPGetDatum(&first_id)))),
				 errhint("Use bizmetrics.log_event(), which returns the first event's id "
						 "instead.")));
	return PointerGetDatum(NULL);
}

/*
 * Forgets keys that are older than bizmetrics.dedupe_retention, the oldest first and this many at
 * the most; says how many. Those that somebody else is just forgetting are left to him. Who
 * claims one of them meanwhile waits until this transaction ends, and then has it.
 */
int
bm_dedupe_prune(int limit)
{
	Datum arguments[2];
	Oid types[2] = {TIMESTAMPTZOID, INT4OID};
	BmRoleSwitch saved;
	Relation rel;
	int pruned;

	if (bm_guc_dedupe_retention == 0)
		return 0;
	arguments[0] = TimestampTzGetDatum(bm_clock_now() - bm_guc_dedupe_retention *
															(int64) USECS_PER_MINUTE);
	arguments[1] = Int32GetDatum(limit);
	rel = bm_table_open("dedupe_keys", RowExclusiveLock);
	saved = bm_role_enter(rel->rd_rel->relowner);
	table_close(rel, NoLock);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(
			"DELETE FROM bizmetrics.dedupe_keys WHERE ctid = ANY (ARRAY("
			"SELECT ctid FROM bizmetrics.dedupe_keys WHERE recorded_at < $1"
			" ORDER BY recorded_at LIMIT $2 FOR UPDATE SKIP LOCKED))",
			2, types, arguments, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete from dedupe_keys");
	pruned = (int) SPI_processed;
	SPI_finish();
	bm_role_leave(&saved);
	return pruned;
}

/* prune_dedupe_keys(max_keys): what the worker does, by hand. */
Datum
bizmetrics_prune_dedupe_keys(PG_FUNCTION_ARGS)
{
	int limit = PG_GETARG_INT32(0);

	if (limit < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_keys must be positive, not %d", limit)));
	PreventCommandIfReadOnly("prune_dedupe_keys()");
	PG_RETURN_INT32(bm_dedupe_prune(limit));
}
