/*
 * Registered event types: bizmetrics.event_types, its functions, and the check of each event.
 *
 * A session reads the whole registry at its first event and keeps it until the relation cache
 * says that the table changed. Whoever writes to it sends that message: the functions here, and
 * for INSERT, COPY, UPDATE and DELETE the guard. It reaches other sessions when the writer commits,
 * and they look for it at the latest when their next transaction begins; the writer's own session
 * gets it with the next command, and once more where that is rolled back. A schema is compiled when
 * its type is first logged, so that a session pays for the types it uses.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/guc.h"
#include "base/table.h"
#include "event/event.h"
#include "event/json_schema.h"

PG_FUNCTION_INFO_V1(bizmetrics_create_event_type);
PG_FUNCTION_INFO_V1(bizmetrics_create_event_types);
PG_FUNCTION_INFO_V1(bizmetrics_drop_event_type);
PG_FUNCTION_INFO_V1(bizmetrics_guard_event_type);

#define REGISTRY "event_types"
#define REGISTRY_KEY "event_types_pkey"

/* A hint is for a slip of the finger: as far as PostgreSQL's own go for a column. */
#define HINT_DISTANCE 3

/* Columns of bizmetrics.event_types. */
enum
{
	TYPE_EVENT_NAME,
	TYPE_DESCRIPTION,
	TYPE_PROPERTIES_SCHEMA,
	TYPE_CREATED_AT,
	TYPE_COLUMNS
};

/* A key of the hash table: not copied to be looked up. */
typedef struct EventName
{
	const char *data;
	int length;
} EventName;

typedef struct EventType
{
	EventName name;
	Jsonb *source;		  /* NULL: no schema */
	BmJsonSchema *schema; /* NULL: not compiled yet */
} EventType;

/* What the session knows of the registry. */
static struct
{
	bool loaded;
	bool changed; /* since it was loaded */
	Oid relid;
	MemoryContext context; /* holds the rest */
	HTAB *types;		   /* NULL: none is registered */
} registry;

/* What the session knows ------------------------------------------------------------------ */

static void
forget_registry(Datum arg, Oid relid)
{
	/* Only a mark: the tables may be in use. */
	if (!OidIsValid(relid) || relid == registry.relid)
		registry.changed = true;
}

static uint32
hash_name(const void *key, Size size)
{
	const EventName *name = key;

	return hash_bytes((const unsigned char *) name->data, name->length);
}

static int
match_names(const void *a, const void *b, Size size)
{
	const EventName *one = a;
	const EventName *other = b;

	return one->length != other->length || memcmp(one->data, other->data, one->length);
}

static void
clear_registry(void)
{
	registry.loaded = false;
	registry.types = NULL;
	if (registry.context != NULL)
	{
		MemoryContextReset(registry.context);
		return;
	}
	registry.context = AllocSetContextCreate(CacheMemoryContext, "bizmetrics event types",
											 ALLOCSET_SMALL_SIZES);
	CacheRegisterRelcacheCallback(forget_registry, (Datum) 0);
}

static HTAB *
make_type_table(int size)
{
	HASHCTL control = {0};

	control.keysize = sizeof(EventName);
	control.entrysize = sizeof(EventType);
	control.hash = hash_name;
	control.match = match_names;
	control.hcxt = registry.context;
	return hash_create("bizmetrics event types", size, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

static void
remember_type(Relation rel, HeapTuple row)
{
	MemoryContext old = MemoryContextSwitchTo(registry.context);
	Datum values[TYPE_COLUMNS];
	bool nulls[TYPE_COLUMNS];
	EventName name;
	EventType *type;

	heap_deform_tuple(row, RelationGetDescr(rel), values, nulls);
	name.data = TextDatumGetCString(values[TYPE_EVENT_NAME]);
	name.length = strlen(name.data);
	type = hash_search(registry.types, &name, HASH_ENTER, NULL);
	type->source = nulls[TYPE_PROPERTIES_SCHEMA]
					   ? NULL
					   : DatumGetJsonbPCopy(values[TYPE_PROPERTIES_SCHEMA]);
	type->schema = NULL;
	MemoryContextSwitchTo(old);
}

/* An error on the way leaves it unloaded. */
static void
load_registry(void)
{
	Relation rel;
	List *rows;
	ListCell *cell;

	clear_registry();
	registry.relid = bm_relation_oid(REGISTRY, false);
	rel = table_open(registry.relid, AccessShareLock);
	bm_table_check(rel);
	/* What changes from here on, the rows may lack. */
	registry.changed = false;
	rows = bm_table_list(rel, NULL, InvalidOid, (Datum) 0);
	if (rows != NIL)
		registry.types = make_type_table(list_length(rows));
	foreach(cell, rows)
		remember_type(rel, lfirst(cell));
	list_free_deep(rows);
	table_close(rel, AccessShareLock);
	registry.loaded = true;
}

static EventType *
find_type(Datum event_name)
{
	text *t = DatumGetTextPP(event_name);
	EventName name = {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};

	if (registry.types == NULL)
		return NULL;
	return hash_search(registry.types, &name, HASH_FIND, NULL);
}

/* Checking an event ----------------------------------------------------------------------- */

/* The registered name that differs least, of several the first; NULL: none is near. */
static const char *
nearest_name(const char *name)
{
	HASH_SEQ_STATUS scan;
	EventType *type;
	const char *nearest = NULL;
	int length = strlen(name);
	int limit = Min(HINT_DISTANCE, length / 2);

	if (registry.types == NULL)
		return NULL;
	hash_seq_init(&scan, registry.types);
	while ((type = hash_seq_search(&scan)) != NULL)
	{
		int distance = varstr_levenshtein_less_equal(
			name, length, type->name.data, type->name.length, 1, 1, 1, limit, true);

		if (distance < limit ||
			(distance == limit &&
			 (nearest == NULL || strcmp(type->name.data, nearest) < 0)))
		{
			nearest = type->name.data;
			limit = distance;
		}
	}
	return nearest;
}

static void
report_unknown_type(Datum event_name)
{
	char *name;
	const char *nearest;

	if (bm_guc_unknown_events == BM_UNKNOWN_EVENTS_ACCEPT)
		return;
	name = TextDatumGetCString(event_name);
	nearest = nearest_name(name);
	ereport(bm_guc_unknown_events == BM_UNKNOWN_EVENTS_REJECT ? ERROR : WARNING,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("event type \"%s\" is not registered", name),
			 nearest != NULL
				 ? errhint("Perhaps you meant \"%s\".", nearest)
				 : errhint("Register it with bizmetrics.create_event_type().")));
}

/* Values are for the caller alone: events are never logged. */
static void
check_properties(EventType *type, Jsonb *properties)
{
	BmJsonMismatch mismatch;

	if (type->schema == NULL)
		type->schema = bm_json_schema_compile(type->source, registry.context);
	if (bm_json_schema_conforms(type->schema, properties, &mismatch))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg("properties of event type \"%s\" do not conform to its schema at \"%s\"",
				type->name.data, mismatch.pointer),
		 errdetail("Expected %s, found %s.", mismatch.expected, mismatch.found),
		 errdetail_log("Expected %s.", mismatch.expected)));
}

/*
 * Is the event's type one that may be logged, with such properties? Throws 22023 where it is not;
 * only warns of an unknown type where bizmetrics.unknown_events says so. The caller has checked
 * that there are a name and an object of properties.
 */
void
bm_event_type_check(const BmEvent *event)
{
	EventType *type;

	if (!registry.loaded || registry.changed)
		load_registry();
	if (registry.types == NULL && bm_guc_unknown_events == BM_UNKNOWN_EVENTS_ACCEPT)
		return;
	type = find_type(event->values[BM_EVENT_NAME]);
	if (type == NULL)
		report_unknown_type(event->values[BM_EVENT_NAME]);
	else if (type->source != NULL)
		check_properties(type, DatumGetJsonbP(event->values[BM_EVENT_PROPERTIES]));
}

/* Changing the registry ------------------------------------------------------------------- */

/* Locked against other writers to the end of the transaction, so that what is looked up stays true. */
static Relation
open_registry(const char *command)
{
	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	return bm_table_open(REGISTRY, ShareRowExclusiveLock);
}

static HeapTuple
find_row(Relation rel, Datum name)
{
	return bm_table_get(rel, REGISTRY_KEY, TEXTOID, name);
}

/* The message goes before the row, for it is the row that completes a command. */
static void
insert_type(Relation rel, Datum name, NullableDatum description, NullableDatum schema)
{
	Datum values[TYPE_COLUMNS] = {
		name, description.value, schema.value,
		TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())};
	bool nulls[TYPE_COLUMNS] = {false, description.isnull, schema.isnull, false};

	CacheInvalidateRelcache(rel);
	bm_table_insert(rel, values, nulls);
}

/* Throws what bm_json_schema_compile() throws. */
static void
check_schema(Datum schema)
{
	(void) bm_json_schema_compile(DatumGetJsonbP(schema), CurrentMemoryContext);
}

Datum
bizmetrics_create_event_type(PG_FUNCTION_ARGS)
{
	Datum name = PG_GETARG_DATUM(0);
	Relation rel;

	bm_event_check_name(name, PG_ARGISNULL(0));
	if (!PG_ARGISNULL(2))
		check_schema(PG_GETARG_DATUM(2));
	rel = open_registry("create_event_type()");
	if (find_row(rel, name) != NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("event type \"%s\" already exists", TextDatumGetCString(name)),
			 errhint("To register it anew, use bizmetrics.drop_event_type() first.")));
	insert_type(rel, name, fcinfo->args[1], fcinfo->args[2]);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

Datum
bizmetrics_drop_event_type(PG_FUNCTION_ARGS)
{
	Datum name = PG_GETARG_DATUM(0);
	Relation rel;
	HeapTuple row;

	bm_event_check_name(name, PG_ARGISNULL(0));
	rel = open_registry("drop_event_type()");
	row = find_row(rel, name);
	if (row == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("event type \"%s\" does not exist", TextDatumGetCString(name)),
				 errhint("Registered types are in bizmetrics.event_types.")));
	CacheInvalidateRelcache(rel);
	bm_table_delete(rel, row);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

static Oid
enum_argument(FunctionCallInfo fcinfo)
{
	Oid type;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("enum_type must not be NULL")));
	type = getBaseType(PG_GETARG_OID(0));
	if (get_typtype(type) != TYPTYPE_ENUM)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("type %s is not an enum", format_type_be(PG_GETARG_OID(0))),
				 errhint("Use a type made with CREATE TYPE ... AS ENUM.")));
	return type;
}

Datum
bizmetrics_create_event_types(PG_FUNCTION_ARGS)
{
	Oid enum_type = enum_argument(fcinfo);
	Relation rel = open_registry("create_event_types()");
	NullableDatum none = {(Datum) 0, true};
	CatCList *labels = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(enum_type));
	List *names = NIL;
	ListCell *cell;
	int32 created = 0;

	/* Copied, for an error would leave the list's members pinned until the transaction's end. */
	for (int i = 0; i < labels->n_members; i++)
	{
		HeapTuple label = &labels->members[i]->tuple;
		Form_pg_enum form = (Form_pg_enum) GETSTRUCT(label);

		names = lappend(names, cstring_to_text(NameStr(form->enumlabel)));
	}
	ReleaseCatCacheList(labels);
	foreach(cell, names)
	{
		Datum name = PointerGetDatum(lfirst(cell));

		bm_event_check_name(name, false);
		if (find_row(rel, name) != NULL)
			continue;
		insert_type(rel, name, none, none);
		created++;
	}
	table_close(rel, NoLock);
	PG_RETURN_INT32(created);
}

/*
 * BEFORE INSERT, UPDATE or DELETE of a row: what reaches the table past the functions, as a
 * restore's COPY does. For each row and not each statement, so that it sees schemas, and because
 * logical replication fires no other trigger. TRUNCATE sends the message by itself.
 */
Datum
bizmetrics_guard_event_type(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	HeapTuple row;
	Datum schema;
	bool isnull;

	if (!CALLED_AS_TRIGGER(fcinfo))
		elog(ERROR, "bizmetrics_guard_event_type is a trigger function");
	CacheInvalidateRelcache(trigger->tg_relation);
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		return PointerGetDatum(trigger->tg_trigtuple);
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
													 : trigger->tg_trigtuple;
	schema = heap_getattr(row, TYPE_PROPERTIES_SCHEMA + 1,
						  RelationGetDescr(trigger->tg_relation), &isnull);
	if (!isnull)
		check_schema(schema);
	return PointerGetDatum(row);
}
