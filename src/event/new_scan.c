/*
 * The scan of a partition for events that are new to a report.
 *
 * Which of its pages may hold some is known before the query is planned: see new_events.c. BRIN would be asked once
 * more, for each of its ranges, and the executor take apart and compare every row of a page that it names. Here those
 * pages alone are read; a row that is too old is passed over by its transaction, with which it ends, and of the others
 * no more is taken apart than is asked for.
 *
 * It stands for a scan with the condition is_new(xact_id), which is evaluated as well. Where there
 * are many pages the planner goes about it in its own way, for several processes can then take part.
 */
#include "postgres.h"

#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/extensible.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "utils/rel.h"

#include "base/row.h"
#include "base/table.h"
#include "event/event.h"
#include "event/new_events.h"

#define XACT_ID (BM_EVENT_XACT_ID + 1) /* as the number of an attribute */

/* 64 MB */
#define MOST_PAGES 8192

const BmNewEvents *bm_new_events = NULL;

static set_rel_pathlist_hook_type next_hook;

typedef struct NewScan
{
	CustomScanState state;
	int columns; /* that are read of a row, but for its transaction */
	int64 since;
	const BmNewPages *pages; /* NULL: all */
	int range; /* the last one that was begun; -1: none; -2: there is no more */
	bool is_begun;
	TableScanDesc scan;
	TupleTableSlot *row;
} NewScan;

static const BmNewPages *
pages_of(Oid relid)
{
	ListCell *cell;

	if (bm_new_events == NULL)
		return NULL;
	foreach(cell, bm_new_events->pages)
		if (((const BmNewPages *) lfirst(cell))->relid == relid)
			return lfirst(cell);
	return NULL;
}

/* Sets what is to be read next; false: nothing. */
static bool
next_pages(NewScan *scan, BlockNumber *from, BlockNumber *end)
{
	const BmNewPages *pages = scan->pages;

	*from = 0;
	*end = InvalidBlockNumber;
	if (pages == NULL)
	{
		scan->range++;
		return scan->range == 0;
	}
	/* Whoever is told that there is no more may ask again. */
	if (scan->range >= -1)
		scan->range = bms_next_member(pages->ranges, scan->range);
	if (scan->range < 0)
		return false;
	*from = (BlockNumber) scan->range * pages->pages_per_range;
	while (bms_is_member(scan->range + 1, pages->ranges))
		scan->range++;
	*end = ((BlockNumber) scan->range + 1) * pages->pages_per_range;
	return true;
}

static bool
begin_next_pages(NewScan *scan)
{
	BlockNumber from;
	BlockNumber end;
	ItemPointerData first;
	ItemPointerData last;

	if (!next_pages(scan, &from, &end))
		return false;
	ItemPointerSet(&first, from, FirstOffsetNumber);
	ItemPointerSet(&last, end - 1, MaxOffsetNumber);
	if (scan->scan == NULL)
		scan->scan =
			table_beginscan_tidrange(scan->state.ss.ss_currentRelation,
									 scan->state.ss.ps.state->es_snapshot, &first, &last);
	else
		table_rescan_tidrange(scan->scan, &first, &last);
	return true;
}

static Datum
xact_id_of(const NewScan *scan)
{
	return bm_row_value(ExecFetchSlotHeapTuple(scan->row, false, NULL), XACT_ID,
						scan->row->tts_tupleDescriptor);
}

/* The executor has compiled what follows for a slot of values. */
static TupleTableSlot *
give(const NewScan *scan, Datum xact_id)
{
	TupleTableSlot *slot = scan->state.ss.ss_ScanTupleSlot;

	slot_getsomeattrs(scan->row, scan->columns);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, scan->row->tts_values, scan->columns * sizeof(Datum));
	memcpy(slot->tts_isnull, scan->row->tts_isnull, scan->columns * sizeof(bool));
	slot->tts_values[XACT_ID - 1] = xact_id;
	slot->tts_isnull[XACT_ID - 1] = false;
	slot->tts_tid = scan->row->tts_tid;
	slot->tts_tableOid = scan->row->tts_tableOid;
	return ExecStoreVirtualTuple(slot);
}

static TupleTableSlot *
next_event(ScanState *state)
{
	NewScan *scan = (NewScan *) state;

	for (;;)
	{
		Datum xact_id;

		if (!scan->is_begun && !begin_next_pages(scan))
			return ExecClearTuple(state->ss_ScanTupleSlot);
		scan->is_begun =
			table_scan_getnextslot_tidrange(scan->scan, ForwardScanDirection, scan->row);
		if (!scan->is_begun)
			continue;
		xact_id = xact_id_of(scan);
		if (DatumGetInt64(xact_id) >= scan->since)
			return give(scan, xact_id);
	}
}

/* No row is locked and looked at once more. */
static bool
recheck(ScanState *state, TupleTableSlot *slot)
{
	return true;
}

static TupleTableSlot *
execute(CustomScanState *state)
{
	return ExecScan(&state->ss, next_event, recheck);
}

/* A plan may be older than what is new now. */
static void
begin(CustomScanState *state, EState *estate, int flags)
{
	NewScan *scan = (NewScan *) state;
	Relation partition = state->ss.ss_currentRelation;

	scan->pages = pages_of(RelationGetRelid(partition));
	scan->since = scan->pages != NULL ? bm_new_events->since : PG_INT64_MIN;
	scan->range = -1;
	scan->row = table_slot_create(partition, &estate->es_tupleTable);
	/* What is not asked for stays so. */
	memset(state->ss.ss_ScanTupleSlot->tts_isnull, true,
		   RelationGetNumberOfAttributes(partition));
}

static void
end(CustomScanState *state)
{
	NewScan *scan = (NewScan *) state;

	if (scan->scan != NULL)
		table_endscan(scan->scan);
}

static void
rescan(CustomScanState *state)
{
	NewScan *scan = (NewScan *) state;

	scan->range = -1;
	scan->is_begun = false;
	ExecScanReScan(&state->ss);
}

static const CustomExecMethods exec_methods = {
	.CustomName = "New Events",
	.BeginCustomScan = begin,
	.ExecCustomScan = execute,
	.EndCustomScan = end,
	.ReScanCustomScan = rescan,
};

static Node *
create_state(CustomScan *plan)
{
	NewScan *scan = palloc0(sizeof(NewScan));

	NodeSetTag(scan, T_CustomScanState);
	scan->columns = linitial_int(plan->custom_private);
	scan->state.methods = &exec_methods;
	return (Node *) scan;
}

static const CustomScanMethods scan_methods = {
	.CustomName = "New Events",
	.CreateCustomScanState = create_state,
};

/*
 * The last column that is named but for the transaction's, counted from 1. Not by the targets: they may be those of a
 * projection yet to come.
 */
static int
last_column(const RelOptInfo *rel, List *quals)
{
	Bitmapset *columns = NULL;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &columns);
	pull_varattnos((Node *) quals, rel->relid, &columns);
	columns = bms_del_member(columns, XACT_ID - FirstLowInvalidHeapAttributeNumber);
	return Max(bms_prev_member(columns, -1) + FirstLowInvalidHeapAttributeNumber, 0);
}

static Plan *
create_plan(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *targets,
			List *clauses, List *no_plans)
{
	CustomScan *plan = makeNode(CustomScan);

	plan->scan.plan.targetlist = targets;
	plan->scan.plan.qual = extract_actual_clauses(clauses, false);
	plan->scan.scanrelid = rel->relid;
	plan->custom_private = list_make1_int(last_column(rel, plan->scan.plan.qual));
	plan->flags = path->flags;
	plan->methods = &scan_methods;
	return &plan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "New Events",
	.PlanCustomPath = create_plan,
};

static bool
is_condition(const Node *clause, Index relid, Oid is_new)
{
	const FuncExpr *call = (const FuncExpr *) clause;
	const Var *column;

	if (!IsA(clause, FuncExpr) || call->funcid != is_new)
		return false;
	column = linitial(call->args);
	return IsA(column, Var) && column->varno == (int) relid &&
		   column->varattno == XACT_ID;
}

/* Are new events asked for, and no columns of the system's, which a slot of values has not? */
static bool
can_be_scanned(const RelOptInfo *rel)
{
	const Oid int8 = INT8OID;
	Oid is_new = bm_function_of("is_new", 1, &int8);
	Bitmapset *columns = NULL;
	bool found = false;
	ListCell *cell;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &columns);
	foreach(cell, rel->baserestrictinfo)
	{
		Node *clause = (Node *) lfirst_node(RestrictInfo, cell)->clause;

		pull_varattnos(clause, rel->relid, &columns);
		found |= is_condition(clause, rel->relid, is_new);
	}
	return found && bms_is_empty(rel->lateral_relids) &&
		   bms_next_member(columns, -1) > -FirstLowInvalidHeapAttributeNumber;
}

/* It reads less than any other scan. */
static Path *
create_path(RelOptInfo *rel)
{
	CustomPath *path = makeNode(CustomPath);

	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.rows = rel->rows;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->methods = &path_methods;
	return &path->path;
}

static void
add_new_scan(PlannerInfo *root, RelOptInfo *rel, Index index, RangeTblEntry *entry)
{
	const BmNewPages *pages = NULL;

	if (next_hook != NULL)
		next_hook(root, rel, index, entry);
	if (entry->rtekind == RTE_RELATION && entry->relkind == RELKIND_RELATION)
		pages = pages_of(entry->relid);
	if (pages != NULL &&
		bms_num_members(pages->ranges) * (int64) pages->pages_per_range <= MOST_PAGES &&
		can_be_scanned(rel))
		add_path(rel, create_path(rel));
}

void
bm_new_scan_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	next_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_new_scan;
}
