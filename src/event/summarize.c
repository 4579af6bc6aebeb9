/*
 * Keeping the BRIN index by which new events are found up to date.
 *
 * BRIN takes in no range of pages by itself: until somebody summarizes it, every scan reads it. VACUUM does
 * so, but who looks for new events looks sooner. The last range is left alone while it is being filled, or every event
 * that comes would have to change its summary; that of a past partition is summarized as it is.
 */
#include "postgres.h"

#include "access/brin_revmap.h"
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/role.h"
#include "event/event.h"

/* The index on xact_id of a partition, opened, or NULL. */
static Relation
open_index(Relation partition)
{
	List *indexes = RelationGetIndexList(partition);
	ListCell *cell;

	foreach(cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_rel->relam == BRIN_AM_OID &&
			index->rd_index->indkey.values[0] == BM_EVENT_XACT_ID + 1)
			return index;
		index_close(index, AccessShareLock);
	}
	return NULL;
}

/*
 * The first page that no summary tells of, looked for from the end; what is before one that has a summary was summarized
 * in its turn. InvalidBlockNumber: there is none.
 */
static BlockNumber
first_without_summary(Relation index, BlockNumber pages, bool is_past,
					  BlockNumber *pages_per_range)
{
	Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
	BrinRevmap *revmap = bm_brin_revmap(index, pages_per_range, snapshot);
	BlockNumber full = is_past ? pages : pages - pages % *pages_per_range;
	BlockNumber found = InvalidBlockNumber;
	Buffer buffer = InvalidBuffer;

	while (full > 0)
	{
		BlockNumber range = (full - 1) / *pages_per_range * *pages_per_range;

		CHECK_FOR_INTERRUPTS();
		if (bm_brin_has_summary(revmap, range, &buffer, snapshot))
			break;
		full = found = range;
	}
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	brinRevmapTerminate(revmap);
	UnregisterSnapshot(snapshot);
	return found;
}

/* Summarizes a partition's ranges from this page on, as its owner, unless VACUUM is at it. */
static void
summarize(Relation partition, Oid index, BlockNumber from, BlockNumber pages,
		  bool is_past, BlockNumber pages_per_range)
{
	BmRoleSwitch saved;

	if (!ConditionalLockRelation(partition, ShareUpdateExclusiveLock))
		return;
	saved = bm_role_enter(partition->rd_rel->relowner);
	for (BlockNumber range = from;
		 is_past ? range < pages : range + pages_per_range <= pages;
		 range += pages_per_range)
		(void) DirectFunctionCall2(brin_summarize_range, ObjectIdGetDatum(index),
								   Int64GetDatum((int64) range));
	bm_role_leave(&saved);
	UnlockRelation(partition, ShareUpdateExclusiveLock);
}

static void
summarize_partition(const BmPartition *bounds)
{
	Relation partition = try_relation_open(bounds->relid, AccessShareLock);
	Relation index = NULL;
	bool is_past = bounds->upper < bm_clock_now();

	if (partition == NULL)
		return;
	if (partition->rd_rel->relkind == RELKIND_RELATION)
		index = open_index(partition);
	if (index != NULL)
	{
		BlockNumber pages = RelationGetNumberOfBlocks(partition);
		BlockNumber pages_per_range;
		BlockNumber from = first_without_summary(index, pages, is_past, &pages_per_range);
		Oid index_oid = RelationGetRelid(index);

		index_close(index, AccessShareLock);
		if (from != InvalidBlockNumber)
			summarize(partition, index_oid, from, pages, is_past, pages_per_range);
	}
	relation_close(partition, AccessShareLock);
}

/* Summarizes what came since it was last done; whoever reads events may call it. */
void
bm_events_summarize(void)
{
	ListCell *cell;

	if (RecoveryInProgress() || XactReadOnly)
		return;
	foreach(cell, bm_partition_list_now())
		summarize_partition(lfirst(cell));
}
