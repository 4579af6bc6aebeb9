/*
 * Storing one event.
 *
 * The fast path inserts straight into the partition: no planner, no executor, no tuple
 * routing. What the executor would have checked is checked here, most of it once for as long as
 * the relation cache says that nothing changed. Where a table is not as we made it (a trigger or
 * generated column of somebody else, row security, a foreign or columnar partition) the event
 * takes a prepared INSERT through the parent: the same result, slower.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/inserter.h"
#include "base/table.h"
#include "event/event.h"

const char *const bm_event_column_names[BM_EVENT_COLUMNS] = {
	"id",		  "event_name",	 "occurred_at", "actor_user_id",
	"company_id", "entity_type", "entity_id",	"properties",
	"request_id", "dedupe_key",	 "recorded_at", "xact_id",
};

static const Oid column_types[BM_EVENT_COLUMNS] = {
	UUIDOID, TEXTOID,  TIMESTAMPTZOID, TEXTOID, TEXTOID,		TEXTOID,
	TEXTOID, JSONBOID, TEXTOID,		   TEXTOID, TIMESTAMPTZOID, INT8OID,
};

#define SCHEMA_PREFIX "bizmetrics."

/* What log_event() checks or computes itself, as the server writes these expressions. */
typedef struct Expression
{
	const char *name;
	const char *text;
} Expression;

static const Expression own_checks[] = {
	{"business_events_event_name_check",
	 "((char_length(event_name) >= 1) AND (char_length(event_name) <= 100))"},
	{"business_events_occurred_at_check", "isfinite(occurred_at)"},
	{"business_events_properties_check", "(jsonb_typeof(properties) = 'object'::text)"},
	{"business_events_dedupe_key_check", "(char_length(dedupe_key) <= 500)"},
};

static const Expression own_defaults[] = {
	{"id", "uuid_v7()"},		   {"occurred_at", "now()"},
	{"properties", "'{}'::jsonb"}, {"recorded_at", "now()"},
	{"xact_id", "current_xact()"},
};

/* The event being stored by a prepared INSERT: its dedupe key is claimed already. */
const pg_uuid_t *bm_event_being_inserted = NULL;

/* Columns that log_event() never leaves NULL. */
static const BmEventColumn never_null_columns[] = {
	BM_EVENT_ID,		 BM_EVENT_NAME,		   BM_EVENT_OCCURRED_AT,
	BM_EVENT_PROPERTIES, BM_EVENT_RECORDED_AT, BM_EVENT_XACT_ID,
};

/* What is known of where events of a time go. Any change of a relation in it voids it. */
typedef struct Target
{
	bool valid;
	uint64 used; /* when, counting uses */
	Oid parent;
	Oid user; /* may insert the caller's columns into the parent */
	Oid partition;
	TimestampTz lower;
	TimestampTz upper;
	bool check_constraints; /* has others than log_event() checks itself */
	bool row_security;		/* may apply */
	AttrNumber column[BM_EVENT_COLUMNS];
	BmInserter *inserter; /* NULL: take the SQL path */
} Target;

/* History comes in any order of months: the partitions used last are kept in mind. */
#define TARGETS 16

static Target targets[TARGETS];
static Target *target = &targets[0];

static void
forget_target(Datum arg, Oid relid)
{
	for (int i = 0; i < TARGETS; i++)
	{
		Target *t = &targets[i];

		if (!OidIsValid(relid) || relid == t->parent || relid == t->partition ||
			(t->inserter != NULL && bm_inserter_covers(t->inserter, relid)))
			t->valid = false;
	}
}

static void
forget_user(Datum arg, int cacheid, uint32 hashvalue)
{
	for (int i = 0; i < TARGETS; i++)
		targets[i].user = InvalidOid;
}

static void
register_callbacks(void)
{
	static bool registered = false;

	if (registered)
		return;
	CacheRegisterRelcacheCallback(forget_target, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget_user, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_user, (Datum) 0);
	registered = true;
}

Oid
bm_event_parent(void)
{
	Oid schema = get_namespace_oid("public", true);
	Oid parent =
		OidIsValid(schema) ? get_relname_relid("business_events", schema) : InvalidOid;

	if (!OidIsValid(parent) || get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table \"public.business_events\" does not exist"),
				 errhint("Install the extension with CREATE EXTENSION bizmetrics.")));
	return parent;
}

/* A column of an event; its owner may have renamed it or changed its type. */
Datum
bm_event_attribute(HeapTuple row, TupleDesc desc, BmEventColumn column)
{
	int attnum = SPI_fnumber(desc, bm_event_column_names[column]);
	bool isnull;

	if (attnum <= 0 || TupleDescAttr(desc, attnum - 1)->atttypid != column_types[column])
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table \"business_events\" has no column \"%s\" of type %s",
					bm_event_column_names[column], format_type_be(column_types[column])),
			 errhint("Give the column back the name and type that CREATE EXTENSION "
					 "gave it.")));
	return heap_getattr(row, attnum, desc, &isnull);
}

/*
 * Raises 42501 unless the role may log: a writer has INSERT on the first ten columns, an owner on
 * the table.
 */
void
bm_event_check_writer(Oid parent, Oid role)
{
	if (pg_class_aclcheck(parent, role, ACL_INSERT) == ACLCHECK_OK)
		return;
	for (int i = 0; i < BM_EVENT_CALLER_COLUMNS; i++)
	{
		AttrNumber column = get_attnum(parent, bm_event_column_names[i]);

		if (pg_attribute_aclcheck(parent, column, role, ACL_INSERT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(parent));
	}
}

static void
check_may_insert(Oid parent)
{
	Oid user = GetUserId();

	if (target->user == user)
		return;
	bm_event_check_writer(parent, user);
	target->user = user;
}

/* Is this the expression that the extension was made with? */
static bool
is_own(const Expression *own, int count, const char *name, const char *binary,
	   Relation rel)
{
	List *context =
		deparse_context_for(RelationGetRelationName(rel), RelationGetRelid(rel));
	const char *text = deparse_expression(stringToNode(binary), context, false, false);

	/* Our schema is left out where it is in the search_path. */
	if (strncmp(text, SCHEMA_PREFIX, strlen(SCHEMA_PREFIX)) == 0)
		text += strlen(SCHEMA_PREFIX);
	for (int i = 0; i < count; i++)
		if (strcmp(own[i].name, name) == 0)
			return strcmp(own[i].text, text) == 0;
	return false;
}

static bool
is_event_column(Form_pg_attribute att)
{
	for (int c = 0; c < BM_EVENT_COLUMNS; c++)
		if (strcmp(NameStr(att->attname), bm_event_column_names[c]) == 0)
			return att->atttypid == column_types[c];
	return false;
}

/* An INSERT would fill columns from the parent's defaults: only ours may be there. */
static bool
only_own_defaults(Relation parent)
{
	TupleDesc desc = RelationGetDescr(parent);
	TupleConstr *constr = desc->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
		if (!is_own(own_defaults, lengthof(own_defaults),
					NameStr(TupleDescAttr(desc, constr->defval[i].adnum - 1)->attname),
					constr->defval[i].adbin, parent))
			return false;
	return true;
}

/* The event columns' places in the partition; false where it has others that need a value. */
static bool
map_columns(TupleDesc desc)
{
	int mapped = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		if (att->attgenerated != '\0' || att->attidentity != '\0')
			return false;
		if (!is_event_column(att))
			continue;
		for (int c = 0; c < BM_EVENT_COLUMNS; c++)
			if (strcmp(NameStr(att->attname), bm_event_column_names[c]) == 0)
				target->column[c] = att->attnum;
		mapped++;
	}
	return mapped == BM_EVENT_COLUMNS;
}

/* Does only what this file does too fire on INSERT? */
static bool
only_own_triggers(Relation rel)
{
	Oid claim = bm_function_oid("claim_dedupe_key");
	Oid stamp = bm_function_oid("stamp_event");
	TriggerDesc *triggers = rel->trigdesc; /* now: looking up may have read it anew */

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (!TRIGGER_FOR_INSERT(trigger->tgtype) ||
			trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA ||
			trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		if (!OidIsValid(trigger->tgfoid) ||
			(trigger->tgfoid != claim && trigger->tgfoid != stamp))
			return false;
	}
	return true;
}

/* Constraints that log_event() does not check itself: the owner's CHECK and NOT NULL. */
static bool
has_other_constraints(Relation rel)
{
	TupleDesc desc = RelationGetDescr(rel);
	TupleConstr *constr = desc->constr;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
		if (!is_own(own_checks, lengthof(own_checks), constr->check[i].ccname,
					constr->check[i].ccbin, rel))
			return true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool never_null = false;

		for (int c = 0; c < lengthof(never_null_columns); c++)
			never_null |= target->column[never_null_columns[c]] == att->attnum;
		if (att->attnotnull && !att->attisdropped && !never_null)
			return true;
	}
	return false;
}

static bool
fast_path_fits(Relation parent, Relation partition)
{
	return parent->rd_rules == NULL && partition->rd_rel->relkind == RELKIND_RELATION &&
		   partition->rd_rel->relam == HEAP_TABLE_AM_OID && only_own_defaults(parent) &&
		   map_columns(RelationGetDescr(partition)) && only_own_triggers(parent) &&
		   only_own_triggers(partition);
}

static void
release_inserter(void)
{
	if (target->inserter != NULL)
		bm_inserter_free(target->inserter);
	target->inserter = NULL;
}

/* Learns the partition for a time, making it where it is missing. Leaves it locked. */
static void
find_target(TimestampTz occurred_at)
{
	Relation parent;
	Relation partition;
	BmPartition found;

	target->valid = false;
	target->user = InvalidOid;
	release_inserter();
	target->parent = bm_event_parent();
	parent = table_open(target->parent, RowExclusiveLock);
	check_may_insert(target->parent);
	found = bm_partition_find(parent, occurred_at);
	if (!OidIsValid(found.relid))
	{
		table_close(parent, NoLock);
		bm_partition_make(target->parent, occurred_at);
		parent = table_open(target->parent, RowExclusiveLock);
		found = bm_partition_find(parent, occurred_at);
	}
	else
		bm_partition_guard(parent->rd_rel->relowner, found.relid);
	target->partition = found.relid;
	target->row_security = parent->rd_rel->relrowsecurity;
	target->lower = found.lower;
	target->upper = found.upper;
	/* From here on a change of either relation voids what we learn. */
	target->valid = true;
	partition = relation_open(found.relid, RowExclusiveLock);
	if (!found.is_default && fast_path_fits(parent, partition))
	{
		target->check_constraints = has_other_constraints(partition);
		target->inserter = bm_inserter_create(partition, false);
	}
	relation_close(partition, NoLock);
	table_close(parent, NoLock);
}

static bool
target_holds(const Target *t, TimestampTz occurred_at)
{
	return t->valid && occurred_at >= t->lower && occurred_at < t->upper &&
		   (t->inserter == NULL || !t->inserter->broken);
}

/* Makes target the one for a time: one that is known, or else the one longest unused, learnt anew. */
static void
choose_target(TimestampTz occurred_at)
{
	static uint64 uses = 0;
	Target *oldest = &targets[0];

	if (!target_holds(target, occurred_at))
	{
		for (int i = 0; i < TARGETS; i++)
		{
			if (target_holds(&targets[i], occurred_at))
			{
				oldest = &targets[i];
				break;
			}
			if (targets[i].used < oldest->used)
				oldest = &targets[i];
		}
		target = oldest;
	}
	target->used = ++uses;
	while (!target_holds(target, occurred_at))
		find_target(occurred_at);
}

/* Locks parent and partition and makes sure that what is known of them is true under the lock. */
static void
lock_target(TimestampTz occurred_at)
{
	choose_target(occurred_at);
	if (target->inserter != NULL && bm_inserter_locked(target->inserter))
		return;
	for (;;)
	{
		LockRelationOid(target->parent, RowExclusiveLock);
		LockRelationOid(target->partition, RowExclusiveLock);
		if (target_holds(target, occurred_at))
			return;
		find_target(occurred_at);
	}
}

/* Is an insert under way, whose index expression or CHECK made this call? */
static bool
is_nested(void)
{
	for (int i = 0; i < TARGETS; i++)
		if (targets[i].inserter != NULL && bm_inserter_busy(targets[i].inserter))
			return true;
	return false;
}

/* Puts the event into an empty slot of the target's inserter. */
static void
fill_slot(BmEvent *event, TupleTableSlot *slot)
{
	BmInserter *inserter = target->inserter;

	event->values[BM_EVENT_XACT_ID] = Int64GetDatum(bm_current_xact());
	memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
	for (int c = 0; c < BM_EVENT_COLUMNS; c++)
	{
		slot->tts_values[target->column[c] - 1] = event->values[c];
		slot->tts_isnull[target->column[c] - 1] = event->isnull[c];
	}
	ExecStoreVirtualTuple(slot);
	if (target->check_constraints)
		ExecConstraints(inserter->rri, slot, inserter->estate);
}

static void
insert_fast(BmEvent *event)
{
	BmInserter *inserter = target->inserter;

	bm_inserter_begin(inserter);
	fill_slot(event, inserter->slot);
	bm_inserter_store(inserter);
	bm_inserter_end(inserter);
}

/* The caller's columns through the parent, as the caller: defaults, triggers and policies apply. */
static void
insert_by_sql(BmEvent *event)
{
	static SPIPlanPtr plan = NULL;
	char nulls[BM_EVENT_CALLER_COLUMNS];
	const pg_uuid_t *outer = bm_event_being_inserted;

	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
		nulls[c] = event->isnull[c] ? 'n' : ' ';
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (plan == NULL)
	{
		Oid types[BM_EVENT_CALLER_COLUMNS];

		memcpy(types, column_types, sizeof(types));
		plan =
			SPI_prepare("INSERT INTO public.business_events (id, event_name, occurred_at,"
						" actor_user_id, company_id, entity_type, entity_id, properties,"
						" request_id, dedupe_key)"
						" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
						BM_EVENT_CALLER_COLUMNS, types);
		if (plan == NULL)
			elog(ERROR, "could not prepare the insert into business_events");
		SPI_keepplan(plan);
	}
	bm_event_being_inserted = DatumGetUUIDP(event->values[BM_EVENT_ID]);
	PG_TRY();
	{
		if (SPI_execute_plan(plan, event->values, nulls, false, 0) < 0)
			elog(ERROR, "could not insert into business_events");
	}
	PG_FINALLY();
	{
		bm_event_being_inserted = outer; /* a trigger that logs another event ends here */
	}
	PG_END_TRY();
	/* Somebody's trigger or rule may have left it out: its key is free again. */
	if (SPI_processed == 0 && !event->isnull[BM_EVENT_DEDUPE_KEY])
		bm_dedupe_release(event->values[BM_EVENT_DEDUPE_KEY]);
	SPI_finish();
}

static bool
row_security_applies(void)
{
	return target->row_security &&
		   check_enable_rls(target->parent, InvalidOid, false) == RLS_ENABLED;
}

/* False where the dedupe key was seen before: the event's id is then made the first one's. */
static bool
claim_key(BmEvent *event)
{
	pg_uuid_t *id = DatumGetUUIDP(event->values[BM_EVENT_ID]);
	pg_uuid_t first_id;

	if (event->isnull[BM_EVENT_DEDUPE_KEY] ||
		bm_dedupe_claim(event->values[BM_EVENT_DEDUPE_KEY], id,
						GetCurrentTransactionStartTimestamp(), &first_id))
		return true;
	*id = first_id;
	return false;
}

/*
 * An index expression or a CHECK of somebody logs an event while another one is being stored: what
 * is known of the target is in use, so this one takes the SQL path.
 */
static bool
store_nested(BmEvent *event, TimestampTz occurred_at)
{
	Oid parent_oid = bm_event_parent();
	Relation parent = table_open(parent_oid, RowExclusiveLock);
	BmPartition found = bm_partition_find(parent, occurred_at);

	table_close(parent, NoLock);
	check_may_insert(parent_oid);
	if (!OidIsValid(found.relid))
		(void) bm_partition_make(parent_oid, occurred_at);
	if (!claim_key(event))
		return false;
	insert_by_sql(event);
	return true;
}

/* Must events of the target take the SQL path? */
static bool
takes_sql_path(void)
{
	return target->inserter == NULL ||
		   SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ||
		   row_security_applies();
}

static TimestampTz
time_of(const BmEvent *event)
{
	return DatumGetTimestampTz(event->values[BM_EVENT_OCCURRED_AT]);
}

/*
 * Stores the event. Its id becomes the first event's where the dedupe key was seen before; then it
 * returns false. The caller has checked the columns' values.
 */
bool
bm_event_store(BmEvent *event)
{
	TimestampTz occurred_at = time_of(event);

	register_callbacks();
	if (is_nested())
		return store_nested(event, occurred_at);
	lock_target(occurred_at);
	check_may_insert(target->parent);
	if (!claim_key(event))
		return false;
	/* The claim may have waited for another transaction, and taken news in meanwhile. */
	if (!event->isnull[BM_EVENT_DEDUPE_KEY])
		lock_target(occurred_at);
	if (takes_sql_path())
		insert_by_sql(event);
	else
		insert_fast(event);
	return true;
}

/* All at once, into the target, which holds them. */
static void
insert_many_fast(BmEvent **events, int count, BmBatchPlace *place)
{
	BmInserter *inserter = target->inserter;

	bm_inserter_begin(inserter);
	for (place->row = 0; place->row < count; place->row++)
		fill_slot(events[place->row], bm_inserter_batch_slot(inserter, place->row));
	bm_inserter_store_batch(inserter, count, &place->row);
	bm_inserter_end(inserter);
}

/* Stores those that go where the first one goes, up to a batch of them, and puts them in front. */
static int
store_neighbours(BmEvent **events, int count, BmBatchPlace *place)
{
	int stored = 0;

	place->events = events;
	place->row = 0;
	lock_target(time_of(events[0]));
	check_may_insert(target->parent);
	for (int i = 0; i < count && stored < BM_BATCH_ROWS; i++)
		if (target_holds(target, time_of(events[i])))
		{
			BmEvent *event = events[i];

			events[i] = events[stored];
			events[stored++] = event;
		}
	if (!takes_sql_path())
		insert_many_fast(events, stored, place);
	else
		for (; place->row < stored; place->row++)
			insert_by_sql(events[place->row]);
	return stored;
}

static int
compare_keys(const void *a, const void *b)
{
	const BmEvent *event_a = *(BmEvent *const *) a;
	const BmEvent *event_b = *(BmEvent *const *) b;
	bool isnull_a = event_a->isnull[BM_EVENT_DEDUPE_KEY];
	bool isnull_b = event_b->isnull[BM_EVENT_DEDUPE_KEY];
	int order = (int) isnull_a - (int) isnull_b;

	if (order == 0 && !isnull_a)
		order = DatumGetInt32(DirectFunctionCall2Coll(
			bttextcmp, C_COLLATION_OID, event_a->values[BM_EVENT_DEDUPE_KEY],
			event_b->values[BM_EVENT_DEDUPE_KEY]));
	return order != 0 ? order : (event_a < event_b ? -1 : event_a > event_b);
}

/*
 * Claims the keys of those that have one, in the order of the keys, that two batches do not wait for
 * each other. Leaves those that are new, and returns how many.
 */
static int
claim_keys(BmEvent **events, int count, BmBatchPlace *place)
{
	bool any = false;
	int left = 0;

	for (int i = 0; i < count; i++)
		any = any || !events[i]->isnull[BM_EVENT_DEDUPE_KEY];
	if (!any)
		return count;
	qsort(events, count, sizeof(BmEvent *), compare_keys);
	for (place->row = 0; place->row < count; place->row++)
		if (claim_key(events[place->row]))
			events[left++] = events[place->row];
	return left;
}

/*
 * Stores many events as one, as bm_event_store() does each. Puts them into another order. Who catches
 * an error learns from *place which event it is about.
 */
void
bm_event_store_batch(BmEvent **events, int count, BmBatchPlace *place)
{
	place->events = events;
	register_callbacks();
	if (is_nested())
	{
		for (place->row = 0; place->row < count; place->row++)
			(void) bm_event_store(events[place->row]);
		return;
	}
	/* Partitions first: who waits for somebody that makes one holds no key that he waits for. */
	for (place->row = 0; place->row < count; place->row++)
	{
		choose_target(time_of(events[place->row]));
		check_may_insert(target->parent);
	}
	count = claim_keys(events, count, place);
	while (count > 0)
	{
		int stored = store_neighbours(events, count, place);

		events += stored;
		count -= stored;
	}
	place->row = -1;
}
