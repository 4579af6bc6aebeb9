/*
 * Reading and writing the extension's own tables in C.
 *
 * Bookkeeping must not depend on who calls or on what the caller's SQL has set: no SPI, no
 * privileges of the current role, no search_path, no triggers. Reads use the latest committed
 * state and the caller's own changes, also under REPEATABLE READ: what protects a row is the
 * report's lock (report/lock.h), not a snapshot. Nor are they reads to SERIALIZABLE: reports that
 * run side by side would fail for their neighbours' rows.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/table.h"

#define BM_SCHEMA "bizmetrics"

/*
 * The tables that C reads and writes, and how many columns it knows of each. It knows them by their numbers, and the
 * objects of a database are not always of the library's version: those that are older wait for ALTER EXTENSION UPDATE,
 * those that are newer for a server that has loaded the new library.
 */
typedef struct TableShape
{
	const char *name;
	int columns;
} TableShape;

static const TableShape shapes[] = {
	{"alert_changes", 6},  {"alert_checks", 5},		{"alert_states", 5},
	{"alerts", 15},		   {"dedupe_keys", 3},		{"event_mappings", 4},
	{"event_rejects", 12}, {"event_retentions", 2}, {"event_types", 4},
	{"grants", 3},		   {"maintenance", 7},		{"metric_series", 4},
	{"metric_state", 10},  {"metrics", 13},			{"pending_windows", 5},
	{"pruned_events", 8},  {"pruned_runs", 13},		{"report_backfills", 12},
	{"report_changes", 4}, {"report_state", 25},	{"report_watermarks", 8},
	{"reports", 36},	   {"run_requests", 4},		{"runs", 17}};

Oid
bm_schema_oid(bool missing_ok)
{
	return get_namespace_oid(BM_SCHEMA, missing_ok);
}

/* A table, index or sequence of the extension. */
Oid
bm_relation_oid(const char *name, bool missing_ok)
{
	Oid schema = bm_schema_oid(missing_ok);
	Oid relid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(relid) && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", BM_SCHEMA, name),
				 errhint("Install the extension with CREATE EXTENSION bizmetrics.")));
	return relid;
}

/* A trigger function of the extension, or InvalidOid. */
Oid
bm_function_oid(const char *name)
{
	oidvector *no_arguments = buildoidvector(NULL, 0);
	Oid schema = bm_schema_oid(true);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(no_arguments), ObjectIdGetDatum(schema));
}

/* A function of the extension that takes these types. */
Oid
bm_function_of(const char *name, int count, const Oid *types)
{
	return LookupFuncName(list_make2(makeString(BM_SCHEMA), makeString(pstrdup(name))),
						  count, types, false);
}

/* What maintains the indexes of our tables knows no expressions and no predicates. */
static void
check_indexes(Relation rel)
{
	ListCell *cell;
	List *indexes = RelationGetIndexList(rel);

	foreach(cell, indexes)
	{
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));
		bool plain = heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) &&
					 heap_attisnull(tuple, Anum_pg_index_indpred, NULL);

		ReleaseSysCache(tuple);
		if (!plain)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s.%s\" must not have index \"%s\"", BM_SCHEMA,
							RelationGetRelationName(rel), get_rel_name(lfirst_oid(cell))),
					 errhint("Drop it: no index on an expression or with a condition is "
							 "kept up to date here.")));
	}
	list_free(indexes);
}

static int
columns_of(const char *name)
{
	for (int i = 0; i < lengthof(shapes); i++)
		if (strcmp(shapes[i].name, name) == 0)
			return shapes[i].columns;
	elog(ERROR, "there is no table \"%s\" of ours", name);
}

/* Raises an error where this table of ours is of another version than the library. */
void
bm_table_check(Relation rel)
{
	const char *name = RelationGetRelationName(rel);
	int columns = RelationGetNumberOfAttributes(rel);
	int known = columns_of(name);

	if (columns == known)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("table \"%s.%s\" is not of the version of the library", BM_SCHEMA, name),
		 errdetail("It has %d columns, of which the library knows %d.", columns, known),
		 columns < known
			 ? errhint("Use ALTER EXTENSION bizmetrics UPDATE.")
			 : errhint(
				   "Restart the server, so that it loads the library that is installed. If a column was added by hand, restore a dump.")));
}

/* Why this library cannot keep the books of this database, or NULL. */
const char *
bm_tables_problem(void)
{
	for (int i = 0; i < lengthof(shapes); i++)
	{
		Oid relid = bm_relation_oid(shapes[i].name, true);
		HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		int columns = 0;

		if (HeapTupleIsValid(tuple))
		{
			columns = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
			ReleaseSysCache(tuple);
		}
		if (columns != shapes[i].columns)
			return psprintf("table \"%s.%s\" is not of the version of the library",
							BM_SCHEMA, shapes[i].name);
	}
	return NULL;
}

/* Opens one of the extension's own tables, which belong to a superuser: see 90_ownership.sql. */
Relation
bm_table_open(const char *name, LOCKMODE lockmode)
{
	Relation rel = table_open(bm_relation_oid(name, false), lockmode);

	if (!superuser_arg(rel->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("table \"%s.%s\" must belong to a superuser", BM_SCHEMA, name),
				 errhint("Give it back with ALTER TABLE ... OWNER TO.")));
	bm_table_check(rel);
	if (lockmode >= RowExclusiveLock)
		check_indexes(rel);
	return rel;
}

/* Locks one of them to the end of the transaction; false where that would have to be waited for. */
bool
bm_table_lock_at_once(const char *name, LOCKMODE lockmode)
{
	return ConditionalLockRelationOid(bm_relation_oid(name, false), lockmode);
}

static Oid
equality_function(Oid type)
{
	switch (type)
	{
		case INT8OID:
			return F_INT8EQ;
		case TEXTOID:
			return F_TEXTEQ;
	}
	elog(ERROR, "bizmetrics has no key of type %u", type);
}

static SysScanDesc
begin_scan(Relation rel, const char *index, Oid type, Datum key, Snapshot snapshot,
		   ScanKeyData *scankey)
{
	if (index == NULL)
		return systable_beginscan(rel, InvalidOid, false, snapshot, 0, NULL);
	/* The index's first column is the key; systable_beginscan wants the heap's number of it. */
	{
		Oid index_oid = bm_relation_oid(index, false);
		HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index_oid));
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
		AttrNumber column = form->indkey.values[0];

		ReleaseSysCache(tuple);
		ScanKeyEntryInitialize(
			scankey, 0, column, BTEqualStrategyNumber, InvalidOid,
			TupleDescAttr(RelationGetDescr(rel), column - 1)->attcollation,
			equality_function(type), key);
		return systable_beginscan(rel, index_oid, true, snapshot, 1, scankey);
	}
}

/*
 * What is committed now and the transaction's own changes, for rows that nobody else changes meanwhile; of
 * SERIALIZABLE only snapshots like this one go unnoticed.
 */
Snapshot
bm_snapshot_begin(void)
{
	return IsolationIsSerializable() ? SnapshotSelf
									 : RegisterSnapshot(GetLatestSnapshot());
}

void
bm_snapshot_end(Snapshot snapshot)
{
	if (snapshot != SnapshotSelf)
		UnregisterSnapshot(snapshot);
}

static List *
list_rows(Relation rel, const char *index, Oid type, Datum key, Snapshot snapshot)
{
	ScanKeyData scankey;
	SysScanDesc scan = begin_scan(rel, index, type, key, snapshot, &scankey);
	List *rows = NIL;
	HeapTuple row;

	while (HeapTupleIsValid(row = systable_getnext(scan)))
		rows = lappend(rows, heap_copytuple(row));
	systable_endscan(scan);
	return rows;
}

/* Copies of all rows, or of those whose first column in the index is the key. */
List *
bm_table_list(Relation rel, const char *index, Oid type, Datum key)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	List *rows = list_rows(rel, index, type, key, snapshot);

	UnregisterSnapshot(snapshot);
	return rows;
}

/* A copy of the one row with this key, or NULL. */
HeapTuple
bm_table_get(Relation rel, const char *index, Oid type, Datum key)
{
	Snapshot snapshot = bm_snapshot_begin();
	List *rows = list_rows(rel, index, type, key, snapshot);

	bm_snapshot_end(snapshot);
	/* That snapshot misses a row that moves while it is looked for. */
	if (rows == NIL && snapshot == SnapshotSelf)
		rows = bm_table_list(rel, index, type, key);
	return rows != NIL ? linitial(rows) : NULL;
}

/* Likewise as a query of now sees it, which the transaction's snapshot may let see less than there is. */
HeapTuple
bm_table_get_seen(Relation rel, const char *index, Oid type, Datum key)
{
	List *rows = list_rows(rel, index, type, key, GetActiveSnapshot());

	return rows != NIL ? linitial(rows) : NULL;
}

void
bm_table_insert(Relation rel, Datum *values, bool *nulls)
{
	CatalogTupleInsert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls));
	CommandCounterIncrement();
}

void
bm_table_update(Relation rel, HeapTuple row, Datum *values, bool *nulls)
{
	HeapTuple changed = heap_form_tuple(RelationGetDescr(rel), values, nulls);

	changed->t_self = row->t_self;
	CatalogTupleUpdate(rel, &row->t_self, changed);
	CommandCounterIncrement();
}

/* False where somebody else deleted the row first, which is waited for. */
bool
bm_table_delete(Relation rel, HeapTuple row)
{
	TM_FailureData failure;
	TM_Result result =
		table_tuple_delete(rel, &row->t_self, GetCurrentCommandId(true), InvalidSnapshot,
						   InvalidSnapshot, true, &failure, false);

	if (result != TM_Ok && result != TM_Deleted)
		elog(ERROR, "a row of table \"%s\" changed while it was deleted",
			 RelationGetRelationName(rel));
	CommandCounterIncrement();
	return result == TM_Ok;
}

/* A text of a row, or NULL. */
void
bm_table_set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Stores the row of a bigint key, in place of the one there is. */
void
bm_table_put(Relation rel, const char *index, int64 key, Datum *values, bool *nulls)
{
	HeapTuple row = bm_table_get(rel, index, INT8OID, Int64GetDatum(key));

	if (row != NULL)
		bm_table_update(rel, row, values, nulls);
	else
		bm_table_insert(rel, values, nulls);
}

/* Deletes the row of a bigint key, where there is one. */
void
bm_table_delete_key(Relation rel, const char *index, int64 key)
{
	HeapTuple row = bm_table_get(rel, index, INT8OID, Int64GetDatum(key));

	if (row != NULL)
		(void) bm_table_delete(rel, row);
}

/* Also in a report that is read-only: what is written are our books. */
int64
bm_next_id(const char *sequence)
{
	Oid relid = bm_relation_oid(sequence, false);
	bool read_only = XactReadOnly;
	int64 id;

	XactReadOnly = false;
	id = nextval_internal(relid, false);
	XactReadOnly = read_only;
	return id;
}

/* Has member the rights of role? A superuser has all. */
bool
bm_role_inherits(Oid member, Oid role)
{
	return OidIsValid(role) && has_privs_of_role(member, role);
}

Oid
bm_extension_owner(void)
{
	Relation rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	Oid owner = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum("bizmetrics"));
	scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
	if (HeapTupleIsValid(tuple = systable_getnext(scan)))
		owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}
