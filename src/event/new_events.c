/*
 * The BRIN index by which new events are found: keeping it up to date, and what it tells of a whole partition.
 *
 * BRIN takes in no range of pages by itself: until somebody summarizes it, every scan reads it. VACUUM does
 * so, but who looks for new events looks sooner. The last range is left alone while it is being filled, or every event
 * that comes would have to change its summary; that of a past partition is summarized as it is.
 *
 * Most partitions hold nothing new, and the index of each has a summary for every few pages of years of events. So
 * the summaries are read here page by page, for which a scan goes back and forth between the
 * pages of the index, and only partitions that may hold something are planned for and scanned.
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

/* The ranges of pages of a partition, and of which ones a summary was seen. */
typedef struct Summaries
{
	BlockNumber pages_per_range;
	BlockNumber ranges;
	Bitmapset *seen;
	int64 since; /* the transaction that is looked for */
} Summaries;

/*
 * Says that the range may hold an event of that transaction or a later one; where its summary is of another form than
 * that of two columns without NULLs, it stays unseen.
 */
static bool
range_may_hold(Summaries *summaries, BrinTuple *summary)
{
	/* The least and the greatest value of the first column come first. */
	const int64 *xact_ids =
		(const int64 *) ((const char *) summary + BrinTupleDataOffset(summary));
	BlockNumber range = summary->bt_blkno / summaries->pages_per_range;

	if ((summary->bt_info & ~BRIN_OFFSET_MASK) != 0)
		return false;
	if (range < summaries->ranges)
		summaries->seen = bms_add_member(summaries->seen, (int) range);
	return xact_ids[1] >= summaries->since;
}

static bool
page_may_hold(Summaries *summaries, Page page)
{
	if (PageIsNew(page) || !BRIN_IS_REGULAR_PAGE(page))
		return false;
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
	{
		ItemId item = PageGetItemId(page, i);

		if (ItemIdIsUsed(item) &&
			range_may_hold(summaries, (BrinTuple *) PageGetItem(page, item)))
			return true;
	}
	return false;
}

/* Of the ranges without a summary, one of which is being filled as a rule, the events themselves tell. */
static bool
others_may_hold(const Summaries *summaries, Relation partition, BlockNumber pages)
{
	int others = (int) summaries->ranges - bms_num_members(summaries->seen);

	if (others > MOST_READ)
		return true;
	for (BlockNumber range = 0; range < summaries->ranges && others > 0; range++)
	{
		BlockNumber from = range * summaries->pages_per_range;

		if (bms_is_member((int) range, summaries->seen))
			continue;
		others--;
		if (bm_pages_reach(partition, from, Min(from + summaries->pages_per_range, pages),
						   BM_EVENT_XACT_ID + 1, summaries->since))
			return true;
	}
	return false;
}

/*
 * May a partition hold such an event? A summary that is moved from one page to another while they are read
 * may be seen twice, or not at all: then its range is one without. An older version of it will do: events that
 * were committed before are in it.
 */
static bool
index_may_hold(Relation index, Relation partition, int64 since)
{
	Summaries summaries = {.pages_per_range = BrinGetPagesPerRange(index),
						   .since = since};
	BlockNumber table_pages = RelationGetNumberOfBlocks(partition);
	BlockNumber pages = RelationGetNumberOfBlocks(index);
	bool found = false;

	summaries.ranges =
		(table_pages + summaries.pages_per_range - 1) / summaries.pages_per_range;
	for (BlockNumber block = 0; block < pages && !found; block++)
	{
		Buffer buffer = ReadBuffer(index, block);

		CHECK_FOR_INTERRUPTS();
		LockBuffer(buffer, BUFFER_LOCK_SHARE);
		found = page_may_hold(&summaries, BufferGetPage(buffer));
		UnlockReleaseBuffer(buffer);
	}
	if (!found)
		found = others_may_hold(&summaries, partition, table_pages);
	bms_free(summaries.seen);
	return found;
}

static bool
partition_may_hold(const BmPartition *bounds, int64 since)
{
	Relation index;
	Relation partition = open_partition(bounds->relid, &index);
	bool found = true;

	if (partition == NULL)
		return false;
	if (index != NULL)
	{
		if (bm_brin_keeps_extremes(index, partition))
			found = index_may_hold(index, partition, since);
		index_close(index, AccessShareLock);
	}
	relation_close(partition, AccessShareLock);
	return found;
}

/*
 * Between which times events of this transaction and later ones are, those that a snapshot from before the call shows:
 * from the first partition that may hold some to the last. No bound where there is no partition beyond: every event
 * would be compared with it for nothing. False: there are none.
 */
bool
bm_events_since(int64 xact, TimestampTz *from, TimestampTz *to)
{
	List *partitions = bm_partition_list_now();
	int first = 0;
	int last = list_length(partitions) - 1;

	while (first <= last && !partition_may_hold(list_nth(partitions, first), xact))
		first++;
	while (last > first && !partition_may_hold(list_nth(partitions, last), xact))
		last--;
	if (first > last)
		return false;
	*from = DT_NOBEGIN;
	*to = DT_NOEND;
	/* The default partition, whose events are of any time, is the last. */
	if (((const BmPartition *) list_nth(partitions, last))->is_default)
		return true;
	if (first > 0)
		*from = ((const BmPartition *) list_nth(partitions, first))->lower;
	if (last < list_length(partitions) - 1)
		*to = ((const BmPartition *) list_nth(partitions, last))->upper;
	return true;
}
