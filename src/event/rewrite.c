/*
 * Rewriting a partition without some of its events.
 *
 * The triggers refuse DELETE, and dead rows would leave their space behind. So the rows that
 * stay are copied, as they are, into new storage that then takes the place of the old one: what
 * ALTER TABLE does where it rewrites. The table itself, with its indexes, triggers, privileges and
 * whatever else hangs on it, stays; its indexes are built anew. It is locked for the time that this
 * takes, which is that of the rows that stay, and needs as much space once more; the parent is not.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/cluster.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/role.h"
#include "event/event.h"

/* Is it storage of our kind, that can be rewritten? */
bool
bm_partition_can_rewrite(Oid partition)
{
	Relation rel = table_open(partition, AccessShareLock);
	bool can = rel->rd_rel->relkind == RELKIND_RELATION &&
			   rel->rd_rel->relam == HEAP_TABLE_AM_OID;

	table_close(rel, NoLock);
	return can;
}

/* Which of these event types have events in the partition, and how many: BmTypeCounts. */
List *
bm_partition_count_types(Oid owner, Oid partition, ArrayType *names)
{
	MemoryContext context = CurrentMemoryContext;
	BmRoleSwitch saved = bm_role_enter(owner);
	Datum argument = PointerGetDatum(names);
	Oid type = TEXTARRAYOID;
	List *counts = NIL;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* Most types have none in most partitions, which the index tells at once. */
	if (SPI_execute_with_args(
			psprintf("SELECT n, (SELECT pg_catalog.count(*) FROM ONLY %1$s"
					 " WHERE event_name = n)"
					 " FROM pg_catalog.unnest($1) n"
					 " WHERE EXISTS (SELECT FROM ONLY %1$s WHERE event_name = n)"
					 " ORDER BY n",
					 quote_qualified_identifier(
						 get_namespace_name(get_rel_namespace(partition)),
						 get_rel_name(partition))),
			1, &type, &argument, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not count the events of a partition");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		BmTypeCount *count = palloc(sizeof(BmTypeCount));
		bool isnull;

		count->name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		count->events = DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull));
		counts = lappend(counts, count);
		MemoryContextSwitchTo(old);
	}
	SPI_finish();
	bm_role_leave(&saved);
	return counts;
}

/* The type that the name is among, or NULL. */
static BmTypeCount *
find_type(Datum name, const List *counts)
{
	text *t = DatumGetTextPP(name);
	ListCell *cell;

	foreach(cell, counts)
	{
		BmTypeCount *count = lfirst(cell);

		if (strlen(count->name) == VARSIZE_ANY_EXHDR(t) &&
			memcmp(count->name, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)) == 0)
			return count;
	}
	return NULL;
}

/*
 * The row as a whole: one that is older than a column has only what the catalog keeps for it, and
 * that is forgotten with the old storage.
 */
static void
fill_in(TupleTableSlot *whole, TupleTableSlot *row)
{
	TupleDesc desc = row->tts_tupleDescriptor;

	slot_getallattrs(row);
	ExecClearTuple(whole);
	for (int i = 0; i < desc->natts; i++)
	{
		whole->tts_values[i] = row->tts_values[i];
		whole->tts_isnull[i] = row->tts_isnull[i] || TupleDescAttr(desc, i)->attisdropped;
	}
	ExecStoreVirtualTuple(whole);
}

/* Counts those that it leaves out. */
static void
copy_others(Relation from, Relation to, const List *counts)
{
	AttrNumber column =
		SPI_fnumber(RelationGetDescr(from), bm_event_column_names[BM_EVENT_NAME]);
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(from, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(from, NULL);
	TupleTableSlot *whole =
		MakeSingleTupleTableSlot(RelationGetDescr(from), &TTSOpsVirtual);
	BulkInsertState bulk = GetBulkInsertState();

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool isnull;
		BmTypeCount *gone = find_type(slot_getattr(slot, column, &isnull), counts);

		CHECK_FOR_INTERRUPTS();
		if (gone != NULL)
			gone->events++;
		else
		{
			fill_in(whole, slot);
			table_tuple_insert(to, whole, GetCurrentCommandId(true),
							   TABLE_INSERT_SKIP_FSM, bulk);
		}
	}
	FreeBulkInsertState(bulk);
	table_finish_bulk_insert(to, TABLE_INSERT_SKIP_FSM);
	ExecDropSingleTupleTableSlot(whole);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
}

/*
 * Rewrites the partition without the events of these types, and counts anew how many those were:
 * some may have come since. As the owner, for indexes may have expressions. The caller holds ACCESS EXCLUSIVE on it, and a lock on the parent.
 */
void
bm_partition_rewrite(Oid owner, Oid partition, const List *counts)
{
	BmRoleSwitch saved = bm_role_enter(owner);
	Relation old = table_open(partition, NoLock);
	char persistence = old->rd_rel->relpersistence;
	Oid storage;
	Relation new;

	ListCell *cell;

	CheckTableNotInUse(old, "prune events of");
	/* Rows get new places. */
	TransferPredicateLocksToHeapRelation(old);
	/* What the command that calls this has logged before stays, too. */
	CommandCounterIncrement();
	foreach(cell, counts)
		((BmTypeCount *) lfirst(cell))->events = 0;
	storage = make_new_heap(partition, old->rd_rel->reltablespace, old->rd_rel->relam,
							persistence, AccessExclusiveLock);
	new = table_open(storage, NoLock);
	copy_others(old, new, counts);
	table_close(new, NoLock);
	table_close(old, NoLock);
	finish_heap_swap(partition, storage, false, false, false, true, RecentXmin,
					 ReadNextMultiXactId(), persistence);
	bm_role_leave(&saved);
}
