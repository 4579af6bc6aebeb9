/*
 * The BRIN index by which new events are found: keeping it up to date, and what it tells of a whole partition.
 *
 * BRIN takes in no range of pages by itself: until somebody summarizes it, every scan reads it. VACUUM does
 * so, but who looks for new events looks sooner. The last range is left alone while it is being filled, or every event
 * that comes would have to change its summary; that of a past partition is summarized as it is.
 *
 * Most partitions hold nothing new, and the index of each has a summary for every few pages of years of events. So
 * the summaries are read here page by page, for which a scan of the index goes back and forth between its
 * pages. Only partitions that may hold something are planned for, and only such pages of them are read: see
 * new_scan.c.
 */
#include "postgres.h"

#include "access/brin.h"
#include "access/brin_page.h"
#include "access/brin_tuple.h"
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "base/brin.h"
#include "base/clock.h"
#include "base/compat.h"
#include "base/role.h"
#include "event/event.h"
#include "event/new_events.h"

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

/* A partition with its index, or NULL where either is not there, or is none of ours. */
static Relation
open_partition(Oid relid, Relation *index)
{
	Relation partition = try_relation_open(relid, AccessShareLock);

	*index = NULL;
	if (partition != NULL && partition->rd_rel->relkind == RELKIND_RELATION)
		*index = open_index(partition);
	return partition;
}

/* An index of another form, which somebody made in place of ours. */
static void
summarize_as_owner(Relation partition, Relation index, BlockNumber from, BlockNumber end,
				   BlockNumber pages_per_range)
{
	BmRoleSwitch saved = bm_role_enter(partition->rd_rel->relowner);

	for (BlockNumber range = from; range < end; range += pages_per_range)
		(void) DirectFunctionCall2(brin_summarize_range,
								   ObjectIdGetDatum(RelationGetRelid(index)),
								   Int64GetDatum((int64) range));
	bm_role_leave(&saved);
}

/* Summarizes the ranges before an end that have no summary, unless VACUUM or another session is at it. */
static void
summarize(Relation partition, Relation index, BlockNumber end)
{
	BlockNumber pages_per_range;
	BlockNumber from;

	if (!ConditionalLockRelation(partition, ShareUpdateExclusiveLock))
		return;
	LockRelation(index, ShareUpdateExclusiveLock);
	from = bm_brin_first_without(index, end, &pages_per_range);
	if (from != InvalidBlockNumber && bm_brin_keeps_extremes(index, partition))
		bm_brin_summarize(index, partition, from, end);
	else if (from != InvalidBlockNumber)
		summarize_as_owner(partition, index, from, end, pages_per_range);
	UnlockRelation(index, ShareUpdateExclusiveLock);
	UnlockRelation(partition, ShareUpdateExclusiveLock);
}

static void
summarize_partition(const BmPartition *bounds)
{
	Relation index;
	Relation partition = open_partition(bounds->relid, &index);

	if (partition == NULL)
		return;
	if (index != NULL)
	{
		BlockNumber end = RelationGetNumberOfBlocks(partition);
		BlockNumber pages_per_range;

		if (bounds->upper >= bm_clock_now())
			end -= end % BrinGetPagesPerRange(index);
		if (bm_brin_first_without(index, end, &pages_per_range) != InvalidBlockNumber)
			summarize(partition, index, end);
		index_close(index, AccessShareLock);
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

/* Of so many ranges without a summary the events are read, to know whether any is new. */
#define MOST_READ 2

/* The ranges of pages of a partition. */
typedef struct Summaries
{
	BmNewPages *new;
	BlockNumber count;
	Bitmapset *seen; /* those of which a summary was */
	int64 since;	 /* the transaction that is looked for */
} Summaries;

/*
 * Notes a range that may hold an event of that transaction or a later one; where its summary is of another form than
 * that of two columns without NULLs, it stays unseen.
 */
static void
take_summary(Summaries *summaries, BrinTuple *summary)
{
	/* The least and the greatest value of the first column come first. */
	const int64 *xact_ids =
		(const int64 *) ((const char *) summary + BrinTupleDataOffset(summary));
	BlockNumber range = summary->bt_blkno / summaries->new->pages_per_range;

	if ((summary->bt_info & ~BRIN_OFFSET_MASK) != 0 || range >= summaries->count)
		return;
	summaries->seen = bms_add_member(summaries->seen, (int) range);
	if (xact_ids[1] >= summaries->since)
		summaries->new->ranges = bms_add_member(summaries->new->ranges, (int) range);
}

static void
take_page(Summaries *summaries, Page page)
{
	if (PageIsNew(page) || !BRIN_IS_REGULAR_PAGE(page))
		return;
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
	{
		ItemId item = PageGetItemId(page, i);

		if (ItemIdIsUsed(item))
			take_summary(summaries, (BrinTuple *) PageGetItem(page, item));
	}
}

static void
take_index(Summaries *summaries, Relation index)
{
	BlockNumber pages = RelationGetNumberOfBlocks(index);

	for (BlockNumber block = 0; block < pages; block++)
	{
		Buffer buffer = ReadBuffer(index, block);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		take_page(summaries, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
	}
}

/* Of the ranges without a summary, one of which is being filled as a rule, the events themselves tell. */
static void
take_others(Summaries *summaries, Relation partition, BlockNumber pages)
{
	BlockNumber size = summaries->new->pages_per_range;
	int others = (int) summaries->count - bms_num_members(summaries->seen);
	bool are_few = others <= MOST_READ;

	for (BlockNumber range = 0; range < summaries->count && others > 0; range++)
	{
		if (bms_is_member((int) range, summaries->seen))
			continue;
		others--;
		if (!are_few ||
			bm_pages_reach(partition, range * size, Min((range + 1) * size, pages),
						   BM_EVENT_XACT_ID + 1, summaries->since))
			summaries->new->ranges = bms_add_member(summaries->new->ranges, (int) range);
	}
}

/*
 * The pages of a partition that may hold such an event. A summary that is moved from one page to another while they
 * are read may be seen twice, or not at all: then its range is one without. An older version of it will do: events
 * that were committed before are in it.
 */
static BmNewPages *
find_pages(Relation partition, Relation index, int64 since)
{
	BmNewPages *found = palloc0(sizeof(BmNewPages));
	BlockNumber pages = RelationGetNumberOfBlocks(partition);
	Summaries summaries = {.new = found, .since = since};

	found->relid = RelationGetRelid(partition);
	found->pages_per_range = BrinGetPagesPerRange(index);
	summaries.count = (pages + found->pages_per_range - 1) / found->pages_per_range;
	take_index(&summaries, index);
	take_others(&summaries, partition, pages);
	bms_free(summaries.seen);
	return found;
}

/* May it hold new events? Then its pages stay where they are until the transaction ends. */
static bool
partition_may_hold(const BmPartition *bounds, BmNewEvents *events)
{
	Relation index;
	Relation partition = open_partition(bounds->relid, &index);
	BmNewPages *pages = NULL;
	bool found;

	if (partition == NULL)
		return false;
	if (index != NULL && bm_brin_keeps_extremes(index, partition))
	{
		pages = find_pages(partition, index, events->since);
		events->pages = lappend(events->pages, pages);
	}
	found = pages == NULL || !bms_is_empty(pages->ranges);
	if (index != NULL)
		index_close(index, AccessShareLock);
	relation_close(partition, found ? NoLock : AccessShareLock);
	return found;
}

/*
 * Finds where events of a transaction and later ones are, those that a snapshot from before the call shows: between
 * which times, from the first partition that may hold some to the last, and in which pages. No bound of the time
 * where there is no partition beyond: every event would be compared with it for nothing. Where there are none, the
 * times end before they begin.
 */
void
bm_events_since(BmNewEvents *events)
{
	List *partitions = bm_partition_list_now();
	int first = -1;
	int last = -1;

	events->pages = NIL;
	for (int i = 0; i < list_length(partitions); i++)
		if (partition_may_hold(list_nth(partitions, i), events))
		{
			first = first < 0 ? i : first;
			last = i;
		}
	events->from = DT_NOBEGIN;
	events->to = last < 0 ? DT_NOBEGIN : DT_NOEND;
	/* The default partition, whose events are of any time, is the last. */
	if (last < 0 || ((const BmPartition *) list_nth(partitions, last))->is_default)
		return;
	if (first > 0)
		events->from = ((const BmPartition *) list_nth(partitions, first))->lower;
	if (last < list_length(partitions) - 1)
		events->to = ((const BmPartition *) list_nth(partitions, last))->upper;
}
