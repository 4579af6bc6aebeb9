/*
 * bizmetrics.emit_event(): the trigger on a tracked table.
 *
 * Whoever writes the table need not have the right to log: its owner has, and chose to. So the row
 * is read as the writer, whose code may run in that (a type's cast to json), and the event is stored
 * as the table's owner, security-restricted.
 *
 * What a trigger's argument means is kept for the session, by the trigger's oid, until the relation
 * cache says that its table changed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/role.h"
#include "event/tracking.h"

PG_FUNCTION_INFO_V1(bizmetrics_emit_event);

typedef struct Entry
{
	Oid trigger; /* the key */
	Oid relid;	 /* the table it fires for */
	Oid tracked; /* the table whose owner chose: for a clone, the one it was cloned from */
	bool valid;
	MemoryContext context; /* holds the rest */
	BmTracking *tracking;  /* NULL: an error interrupted its making */
} Entry;

static HTAB *entries = NULL;

static void
forget_table(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	Entry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (!OidIsValid(relid) || entry->relid == relid)
			entry->valid = false;
}

/*
 * Drops what holds no more. A cast to json may have led here from the very trigger whose entry this
 * is, so that the contents last until the transaction ends.
 */
static void
drop_invalid_entries(void)
{
	HASH_SEQ_STATUS status;
	Entry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->valid && entry->tracking != NULL)
			continue;
		MemoryContextSetParent(entry->context, TopTransactionContext);
		(void) hash_search(entries, &entry->trigger, HASH_REMOVE, NULL);
	}
}

static void
create_entries(void)
{
	HASHCTL info;

	info.keysize = sizeof(Oid);
	info.entrysize = sizeof(Entry);
	entries = hash_create("bizmetrics tracked tables", 16, &info, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(forget_table, (Datum) 0);
}

/* The trigger that this one was cloned from, or InvalidOid; and the table it is on. */
static Oid
parent_trigger(Oid trigger, Oid *relid)
{
	Relation rel = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid parent = InvalidOid;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(rel, TriggerOidIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		parent = ((Form_pg_trigger) GETSTRUCT(tuple))->tgparentid;
		*relid = ((Form_pg_trigger) GETSTRUCT(tuple))->tgrelid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return parent;
}

static Oid
tracked_table(const Trigger *trigger, Oid relid)
{
	Oid parent = trigger->tgisclone ? trigger->tgoid : InvalidOid;

	while (OidIsValid(parent))
		parent = parent_trigger(parent, &relid);
	return relid;
}

static Entry *
add_entry(const Trigger *trigger, Relation rel)
{
	MemoryContext context = AllocSetContextCreate(
		TopMemoryContext, "bizmetrics tracked table", ALLOCSET_SMALL_SIZES);
	MemoryContext old;
	Entry *entry = hash_search(entries, &trigger->tgoid, HASH_ENTER, NULL);

	entry->context = context;
	entry->tracking = NULL;
	entry->relid = RelationGetRelid(rel);
	/* A change from here on voids it. */
	entry->valid = true;
	entry->tracked = tracked_table(trigger, entry->relid);
	if (trigger->tgnargs != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("emit_event() has one argument, not %d", trigger->tgnargs),
						errhint("Let bizmetrics.track_table() write it.")));
	old = MemoryContextSwitchTo(context);
	entry->tracking = bm_tracking_create(rel, trigger->tgname, trigger->tgargs[0]);
	MemoryContextSwitchTo(old);
	return entry;
}

static Entry *
find_entry(const Trigger *trigger, Relation rel)
{
	Entry *entry;

	if (entries == NULL)
		create_entries();
	entry = hash_search(entries, &trigger->tgoid, HASH_FIND, NULL);
	if (entry != NULL && entry->valid && entry->tracking != NULL)
		return entry;
	drop_invalid_entries();
	return add_entry(trigger, rel);
}

static Oid
table_owner(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
log_as_owner(Oid tracked, BmEvent *event)
{
	BmRoleSwitch saved = bm_role_enter(table_owner(tracked));
	pg_uuid_t id;

	bm_event_log(event, &id);
	bm_role_leave(&saved);
}

/* Says in an error where it comes from: who writes the table may not know that it is tracked. */
static void
add_context(void *arg)
{
	TriggerData *data = arg;

	errcontext("trigger \"%s\" that logs events of table \"%s\"",
			   data->tg_trigger->tgname, RelationGetRelationName(data->tg_relation));
}

static BmOperation
operation_of(TriggerEvent event)
{
	if (TRIGGER_FIRED_BY_INSERT(event))
		return BM_OPERATION_INSERT;
	return TRIGGER_FIRED_BY_UPDATE(event) ? BM_OPERATION_UPDATE : BM_OPERATION_DELETE;
}

static void
emit(TriggerData *data)
{
	BmOperation operation = operation_of(data->tg_event);
	bool is_update = operation == BM_OPERATION_UPDATE;
	Entry *entry = find_entry(data->tg_trigger, data->tg_relation);
	Oid tracked = entry->tracked;
	BmEvent event;

	if (bm_tracking_fill(entry->tracking, operation, RelationGetDescr(data->tg_relation),
						 is_update ? data->tg_newtuple : data->tg_trigtuple,
						 is_update ? data->tg_trigtuple : NULL, &event))
		log_as_owner(tracked, &event);
}

/* AFTER INSERT, UPDATE or DELETE, for each row. */
Datum
bizmetrics_emit_event(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	ErrorContextCallback callback;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("emit_event() is for AFTER triggers FOR EACH ROW")));
	callback.callback = add_context;
	callback.arg = data;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	emit(data);
	error_context_stack = callback.previous;
	return PointerGetDatum(NULL);
}
