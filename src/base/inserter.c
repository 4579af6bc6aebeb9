/*
 * Inserting rows into a heap table without the executor.
 *
 * What the executor builds anew for each statement (index descriptions, predicates, a slot)
 * is kept here for as long as the relation cache says that it holds: the owner of an
 * inserter frees it when one of the relations that bm_inserter_covers() changes. Relations are
 * opened and closed for each insert, so nothing outlives the resource owner of the caller.
 *
 * Protocol: begin, fill slot->tts_values and tts_isnull, ExecStoreVirtualTuple, store, end. The caller holds
 * RowExclusiveLock on the table and has checked privileges, triggers, constraints and the
 * partition's bound. An error between begin and end leaves the inserter marked as broken.
 */
#include "postgres.h"

#include "access/brin.h"
#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/brin.h"
#include "base/compat.h"
#include "base/inserter.h"

/* speculative: for bm_inserter_store_unique(). */
BmInserter *
bm_inserter_create(Relation rel, bool speculative)
{
	MemoryContext context = AllocSetContextCreate(
		CacheMemoryContext, "bizmetrics inserter", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	BmInserter *inserter = palloc0(sizeof(BmInserter));
	ResultRelInfo *rri = makeNode(ResultRelInfo);

	inserter->relid = RelationGetRelid(rel);
	inserter->context = context;
	inserter->estate = CreateExecutorState();
	inserter->rri = rri;
	/* A copy, for the relation's own descriptor is pinned by a resource owner. */
	inserter->slot = MakeSingleTupleTableSlot(
		CreateTupleDescCopyConstr(RelationGetDescr(rel)), &TTSOpsVirtual);
	InitResultRelInfo(rri, rel, 0, NULL, 0);
	ExecOpenIndices(rri, speculative);
	inserter->index_ids = palloc(sizeof(Oid) * Max(rri->ri_NumIndices, 1));
	inserter->index_relations = palloc0(sizeof(Relation) * Max(rri->ri_NumIndices, 1));
	inserter->index_descs = palloc0(sizeof(TupleDesc) * Max(rri->ri_NumIndices, 1));
	for (int i = 0; i < rri->ri_NumIndices; i++)
	{
		inserter->index_ids[i] = RelationGetRelid(rri->ri_IndexRelationDescs[i]);
		rri->ri_IndexRelationInfo[i]->ii_Context =
			AllocSetContextCreate(context, "bizmetrics index", ALLOCSET_SMALL_SIZES);
		index_close(rri->ri_IndexRelationDescs[i], NoLock);
		rri->ri_IndexRelationDescs[i] = NULL;
	}
	MemoryContextSwitchTo(old);
	return inserter;
}

void
bm_inserter_free(BmInserter *inserter)
{
	FreeExecutorState(inserter->estate);
	MemoryContextDelete(inserter->context);
}

/* Is this relation the inserter's table or one of its indexes? */
bool
bm_inserter_covers(const BmInserter *inserter, Oid relid)
{
	if (inserter->relid == relid)
		return true;
	for (int i = 0; i < inserter->rri->ri_NumIndices; i++)
		if (inserter->index_ids[i] == relid)
			return true;
	return false;
}

/*
 * Did an insert at this level of this transaction take the locks already? They last until its
 * end, so that the next event of a statement need not take them again.
 */
bool
bm_inserter_locked(const BmInserter *inserter)
{
	return inserter->locked_in == bm_local_transaction() &&
		   inserter->locked_in_sub == GetCurrentSubTransactionId();
}

/*
 * Is an insert under way, whose index expression or CHECK made the caller? One that an error
 * interrupted is not: the level of the transaction that it was in is over.
 */
bool
bm_inserter_busy(const BmInserter *inserter)
{
	return inserter->broken && inserter->locked_in == bm_local_transaction() &&
		   SubTransactionIsActive(inserter->locked_in_sub);
}

/*
 * Opens and locks an index. What its access method has kept points into the relation cache (BRIN's does to the row's
 * description), where the index may have been read anew since: VACUUM changes it, and taking the lock is what learns of
 * it.
 */
static void
open_index(BmInserter *inserter, int i)
{
	Relation index = index_open(inserter->index_ids[i], RowExclusiveLock);

	if (index != inserter->index_relations[i] ||
		RelationGetDescr(index) != inserter->index_descs[i])
		inserter->rri->ri_IndexRelationInfo[i]->ii_AmCache = NULL;
	inserter->index_relations[i] = index;
	inserter->index_descs[i] = RelationGetDescr(index);
}

/*
 * Opens the table, which the caller has locked, and its indexes. Where this transaction has done
 * so before, the relation cache need not be searched: what it would find is where it was, for
 * it frees or moves no relation without telling the inserter's owner, who then frees the inserter.
 */
void
bm_inserter_begin(BmInserter *inserter)
{
	ResultRelInfo *rri = inserter->rri;
	bool again = bm_inserter_locked(inserter);

	Assert(!inserter->broken);
	inserter->broken = true;
	inserter->locked_in = bm_local_transaction();
	inserter->locked_in_sub = GetCurrentSubTransactionId();
	if (again)
		RelationIncrementReferenceCount(rri->ri_RelationDesc);
	else
		rri->ri_RelationDesc = table_open(inserter->relid, NoLock);
	for (int i = 0; i < rri->ri_NumIndices; i++)
	{
		if (again)
			RelationIncrementReferenceCount(inserter->index_relations[i]);
		else
			open_index(inserter, i);
		rri->ri_IndexRelationDescs[i] = inserter->index_relations[i];
	}
	inserter->estate->es_output_cid = GetCurrentCommandId(true);
	ExecClearTuple(inserter->slot);
}

/* Stores the row in the slot; a unique index raises as it does for INSERT. */
void
bm_inserter_store(BmInserter *inserter)
{
	ResultRelInfo *rri = inserter->rri;

	table_tuple_insert(rri->ri_RelationDesc, inserter->slot,
					   inserter->estate->es_output_cid, 0, NULL);
	if (rri->ri_NumIndices > 0)
		list_free(
			bm_insert_index_tuples(rri, inserter->slot, inserter->estate, false, NULL));
}

/* A slot for a row of a batch, empty. It keeps its place until the inserter is freed. */
TupleTableSlot *
bm_inserter_batch_slot(BmInserter *inserter, int row)
{
	Assert(row < BM_BATCH_ROWS);
	if (inserter->batch == NULL)
		inserter->batch = MemoryContextAllocZero(
			inserter->context, sizeof(TupleTableSlot *) * BM_BATCH_ROWS);
	if (inserter->batch[row] == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(inserter->context);

		inserter->batch[row] =
			MakeSingleTupleTableSlot(inserter->slot->tts_tupleDescriptor, &TTSOpsVirtual);
		MemoryContextSwitchTo(old);
	}
	return ExecClearTuple(inserter->batch[row]);
}

/* Can the index's entries be made here? Those of a constraint are the executor's business. */
static bool
is_plain_index(const BmInserter *inserter, int i)
{
	const IndexInfo *info = inserter->rri->ri_IndexRelationInfo[i];

	return info->ii_ExclusionOps == NULL &&
		   inserter->index_relations[i]->rd_index->indimmediate;
}

static bool
has_plain_indexes(const BmInserter *inserter)
{
	for (int i = 0; i < inserter->rri->ri_NumIndices; i++)
		if (!is_plain_index(inserter, i))
			return false;
	return true;
}

/* Is the row in the index's predicate? */
static bool
is_indexed(IndexInfo *info, EState *estate)
{
	if (info->ii_Predicate == NIL)
		return true;
	if (info->ii_PredicateState == NULL)
		info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, estate);
	return ExecQual(info->ii_PredicateState, GetPerTupleExprContext(estate));
}

#define BATCH_BLOCK(inserter, row) \
	ItemPointerGetBlockNumber(&(inserter)->batch[row]->tts_tid)

static void
index_row(BmInserter *inserter, int i, int row)
{
	ResultRelInfo *rri = inserter->rri;
	IndexInfo *info = rri->ri_IndexRelationInfo[i];
	Relation index = inserter->index_relations[i];
	TupleTableSlot *slot = inserter->batch[row];
	Datum values[INDEX_MAX_KEYS];
	bool isnull[INDEX_MAX_KEYS];

	GetPerTupleExprContext(inserter->estate)->ecxt_scantuple = slot;
	FormIndexDatum(info, slot, inserter->estate, values, isnull);
	index_insert(index, values, isnull, &slot->tts_tid, rri->ri_RelationDesc,
				 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO, false,
				 info);
}

/* Of rows [first .. last): the one with the least or the greatest value of a column. */
static int
extreme_row(const BmInserter *inserter, AttrNumber column, int first, int last, int sign)
{
	int extreme = first;
	int64 value = 0;

	for (int row = first; row < last; row++)
	{
		bool isnull;
		int64 other = DatumGetInt64(slot_getattr(inserter->batch[row], column, &isnull));

		if (row == first || (sign < 0 ? other < value : other > value))
		{
			value = other;
			extreme = row;
		}
	}
	return extreme;
}

/* Of the rows of each range of pages, those with the extremes: what the others are, they say too. */
static void
fill_summaries(BmInserter *inserter, int i, int count, int *row)
{
	const IndexInfo *info = inserter->rri->ri_IndexRelationInfo[i];
	BlockNumber per_range = BrinGetPagesPerRange(inserter->index_relations[i]);
	int last;

	for (int first = 0; first < count; first = last)
	{
		BlockNumber range = BATCH_BLOCK(inserter, first) / per_range;

		for (last = first + 1;
			 last < count && BATCH_BLOCK(inserter, last) / per_range == range; last++)
			;
		for (int c = 0; c < info->ii_NumIndexKeyAttrs; c++)
			for (int sign = -1; sign <= 1; sign += 2)
			{
				*row = extreme_row(inserter, info->ii_IndexAttrNumbers[c], first, last,
								   sign);
				index_row(inserter, i, *row);
			}
	}
}

/* One index, all rows: what the first row brings into the processor's cache serves the others. */
static void
fill_index(BmInserter *inserter, int i, int count, int *row)
{
	EState *estate = inserter->estate;
	IndexInfo *info = inserter->rri->ri_IndexRelationInfo[i];

	if (!info->ii_ReadyForInserts)
		return;
	if (bm_brin_keeps_extremes(inserter->index_relations[i],
							   inserter->rri->ri_RelationDesc))
	{
		fill_summaries(inserter, i, count, row);
		return;
	}
	for (*row = 0; *row < count; (*row)++)
	{
		GetPerTupleExprContext(estate)->ecxt_scantuple = inserter->batch[*row];
		if (is_indexed(info, estate))
			index_row(inserter, i, *row);
	}
}

/*
 * Stores the rows in the batch's slots from 0 on; a unique index raises as it does for INSERT, and
 * *row is then the row.
 */
void
bm_inserter_store_batch(BmInserter *inserter, int count, int *row)
{
	ResultRelInfo *rri = inserter->rri;
	/* Copies of the rows are left there, until bm_inserter_end() empties it. */
	MemoryContext old = MemoryContextSwitchTo(GetPerTupleMemoryContext(inserter->estate));

	*row = -1;
	table_multi_insert(rri->ri_RelationDesc, inserter->batch, count,
					   inserter->estate->es_output_cid, 0, NULL);
	if (has_plain_indexes(inserter))
		for (int i = 0; i < rri->ri_NumIndices; i++)
			fill_index(inserter, i, count, row);
	else
		for (*row = 0; *row < count; (*row)++)
			list_free(bm_insert_index_tuples(rri, inserter->batch[*row], inserter->estate,
											 false, NULL));
	for (*row = 0; *row < count; (*row)++)
		ExecClearTuple(inserter->batch[*row]);
	*row = -1;
	MemoryContextSwitchTo(old);
}

/*
 * Stores the row in the slot unless a unique index has one like it, whose place is then left
 * in *conflict. Waits for a transaction that is just storing one, as ON CONFLICT does.
 */
bool
bm_inserter_store_unique(BmInserter *inserter, ItemPointer conflict)
{
	ResultRelInfo *rri = inserter->rri;
	EState *estate = inserter->estate;

	for (;;)
	{
		uint32 token;
		bool raced = false;

		if (!bm_check_index_constraints(rri, inserter->slot, estate, conflict))
			return false;
		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(rri->ri_RelationDesc, inserter->slot,
									   estate->es_output_cid, 0, NULL, token);
		list_free(bm_insert_index_tuples(rri, inserter->slot, estate, true, &raced));
		table_tuple_complete_speculative(rri->ri_RelationDesc, inserter->slot, token,
										 !raced);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
		if (!raced)
			return true;
		CHECK_FOR_INTERRUPTS();
	}
}

void
bm_inserter_end(BmInserter *inserter)
{
	ResultRelInfo *rri = inserter->rri;

	for (int i = 0; i < rri->ri_NumIndices; i++)
	{
		bm_index_insert_cleanup(rri->ri_IndexRelationDescs[i],
								rri->ri_IndexRelationInfo[i]);
		RelationClose(rri->ri_IndexRelationDescs[i]);
	}
	RelationClose(rri->ri_RelationDesc);
	ResetPerTupleExprContext(inserter->estate);
	ExecClearTuple(inserter->slot);
	inserter->broken = false;
}
