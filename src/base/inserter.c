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

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

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
	for (int i = 0; i < rri->ri_NumIndices; i++)
	{
		inserter->index_ids[i] = RelationGetRelid(rri->ri_IndexRelationDescs[i]);
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
			inserter->index_relations[i] =
				index_open(inserter->index_ids[i], RowExclusiveLock);
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
