/*
 * Event types that are kept for less than the others: bizmetrics.event_retentions.
 *
 * A partition whose events are all older than a type's retention is rewritten without the type's
 * events (event/rewrite.c). What goes is looked for first without a lock that keeps anybody
 * out, and once more under it.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/clock.h"
#include "base/table.h"
#include "report/prune.h"

PG_FUNCTION_INFO_V1(bizmetrics_prune_event_types);

/* Columns of bizmetrics.event_retentions. */
enum
{
	RETENTION_EVENT_NAME,
	RETENTION_RETENTION,
	RETENTION_COLUMNS
};

/* Columns of what prune_event_types() returns. */
enum
{
	TYPES_PARTITION,
	TYPES_FROM_TIME,
	TYPES_TO_TIME,
	TYPES_EVENT_NAME,
	TYPES_EVENTS,
	TYPES_PRUNED,
	TYPES_REASON,
	TYPES_COLUMNS
};

/* A type whose events before the limit have had their time. */
typedef struct TypeLimit
{
	Datum name;
	TimestampTz limit;
} TypeLimit;

/* A partition with such events. */
typedef struct Work
{
	BmPartition partition;
	List *counts; /* of BmTypeCount */
	char *reason; /* what it is left alone for; NULL: nothing */
	bool done;
} Work;

static List *
read_limits(void)
{
	Relation rel = bm_table_open("event_retentions", AccessShareLock);
	List *limits = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		TypeLimit *limit = palloc(sizeof(TypeLimit));
		Datum v[RETENTION_COLUMNS];
		bool n[RETENTION_COLUMNS];

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), v, n);
		limit->name = v[RETENTION_EVENT_NAME];
		limit->limit = DatumGetTimestampTz(DirectFunctionCall2(
			timestamptz_mi_interval, TimestampTzGetDatum(bm_clock_now()),
			v[RETENTION_RETENTION]));
		limits = lappend(limits, limit);
	}
	table_close(rel, NoLock);
	return limits;
}

/* The types whose events in a partition that ends then have all had their time. */
static ArrayType *
types_over(const List *limits, TimestampTz upper)
{
	Datum *names = palloc(sizeof(Datum) * Max(list_length(limits), 1));
	int count = 0;
	ListCell *cell;

	foreach(cell, limits)
		if (upper <= ((TypeLimit *) lfirst(cell))->limit)
			names[count++] = ((TypeLimit *) lfirst(cell))->name;
	return count == 0 ? NULL
					  : construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT);
}

static char *
reason_to_leave(const BmPartition *partition, const BmLastReader *last)
{
	if (!bm_partition_can_rewrite(partition->relid))
		return "it is no ordinary table";
	return bm_prune_reason_to_keep(partition, last);
}

/* Partitions with events that have had their time. Leaves the parent locked against DDL. */
static List *
find_work(Relation parent)
{
	BmLastReader last = bm_prune_last_reader();
	List *limits = read_limits();
	List *list = NIL;
	ListCell *cell;

	foreach(cell, bm_partition_list(parent))
	{
		BmPartition *partition = lfirst(cell);
		ArrayType *names = types_over(limits, partition->upper);
		Work *work;

		if (names == NULL || partition->is_default)
			continue;
		work = palloc0(sizeof(Work));
		work->partition = *partition;
		work->reason = reason_to_leave(partition, &last);
		work->counts =
			bm_partition_count_types(parent->rd_rel->relowner, partition->relid, names);
		if (work->counts != NIL)
			list = lappend(list, work);
	}
	return list;
}

static int64
size_of(Oid relid)
{
	return DatumGetInt64(
		DirectFunctionCall1(pg_total_relation_size, ObjectIdGetDatum(relid)));
}

static void
record(const Work *work, int64 bytes, const char *by)
{
	ListCell *cell;

	foreach(cell, work->counts)
	{
		BmTypeCount *count = lfirst(cell);

		/* The space is that of all types together. */
		bm_prune_record(&work->partition, count->name, count->events,
						foreach_current_index(cell) == 0 ? bytes : 0, by);
		ereport(LOG, (errmsg("pruned events of type \"%s\" from partition \"%s\"",
							 count->name, get_rel_name(work->partition.relid)),
					  errdetail("%s pruned " INT64_FORMAT " events.",
								by != NULL ? psprintf("Role \"%s\"", by) : "The worker",
								count->events)));
	}
}

/* Rewrites the partition; what it counts is what there is once it is locked. */
static void
do_work(Relation parent, Work *work, const char *by)
{
	Oid owner = parent->rd_rel->relowner;
	Oid partition = work->partition.relid;
	ArrayType *names;
	int64 bytes;

	LockRelationOid(partition, AccessExclusiveLock);
	names = types_over(read_limits(), work->partition.upper);
	work->counts =
		names != NULL ? bm_partition_count_types(owner, partition, names) : NIL;
	if (work->counts == NIL)
		return;
	bytes = size_of(partition);
	bm_partition_rewrite(owner, partition, work->counts);
	work->done = true;
	record(work, bytes - size_of(partition), by);
}

/*
 * The worker's share of set_event_retention(), one partition; says whether there was one. One that
 * has to be left alone is an error, once the others are done.
 */
bool
bm_prune_types(void)
{
	Relation parent = table_open(bm_event_parent(), AccessShareLock);
	List *list = find_work(parent);
	Work *left = NULL;
	bool found = false;
	ListCell *cell;

	foreach(cell, list)
	{
		Work *work = lfirst(cell);

		if (work->reason != NULL)
			left = work;
		else if (!found)
		{
			do_work(parent, work, NULL);
			found = true;
		}
	}
	table_close(parent, NoLock);
	if (!found && left != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("events of partition \"%s\" cannot be pruned: %s",
							   get_rel_name(left->partition.relid), left->reason)));
	return found;
}

static void
return_work(FunctionCallInfo fcinfo, const Work *work)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	foreach(cell, work->counts)
	{
		BmTypeCount *count = lfirst(cell);
		Datum v[TYPES_COLUMNS];
		bool n[TYPES_COLUMNS] = {false};

		v[TYPES_PARTITION] = CStringGetTextDatum(get_rel_name(work->partition.relid));
		bm_prune_set_time(v, n, TYPES_FROM_TIME, work->partition.lower);
		bm_prune_set_time(v, n, TYPES_TO_TIME, work->partition.upper);
		v[TYPES_EVENT_NAME] = CStringGetTextDatum(count->name);
		v[TYPES_EVENTS] = Int64GetDatum(count->events);
		v[TYPES_PRUNED] = BoolGetDatum(work->done);
		v[TYPES_REASON] = CStringGetTextDatum(work->reason != NULL ? work->reason
											  : work->done		   ? "they are older"
														   : "dry run: they are older");
		tuplestore_putvalues(result->setResult, result->setDesc, v, n);
	}
}

/* prune_event_types(dry_run) */
Datum
bizmetrics_prune_event_types(PG_FUNCTION_ARGS)
{
	Oid parent_oid = bm_event_parent();
	Relation parent;
	bool dry_run;
	ListCell *cell;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("dry_run must not be NULL")));
	dry_run = PG_GETARG_BOOL(0);
	bm_prune_check_owner(parent_oid);
	if (!dry_run)
		PreventCommandIfReadOnly("prune_event_types()");
	InitMaterializedSRF(fcinfo, 0);
	parent = table_open(parent_oid, AccessShareLock);
	foreach(cell, find_work(parent))
	{
		Work *work = lfirst(cell);

		if (!dry_run && work->reason == NULL)
			do_work(parent, work, GetUserNameFromId(GetUserId(), false));
		return_work(fcinfo, work);
	}
	table_close(parent, NoLock);
	return (Datum) 0;
}
