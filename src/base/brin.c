/*
 * Summaries of ranges of pages that are the least and the greatest value of columns which compare as integers do.
 *
 * brin_summarize_range() has each row judged for its visibility and each value compared by functions of its operator
 * class, and begins anew for each range; here the pages are read for the values alone. Its protocol is kept: a
 * placeholder is put in before the pages are read, and takes in what is stored meanwhile, for which the summary is
 * formed anew.
 */
#include "postgres.h"

#include "access/brin.h"
#include "access/brin_internal.h"
#include "access/brin_pageops.h"
#include "access/brin_revmap.h"
#include "access/brin_tuple.h"
#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/brin.h"
#include "base/compat.h"
#include "base/row.h"

typedef struct Summarizer
{
	Relation index;
	Relation table;
	BlockNumber pages_per_range;
	BrinRevmap *revmap;
	BrinDesc *desc;
	Snapshot snapshot;
	BrinMemTuple *summary; /* of the range that is at hand */
} Summarizer;

bool
bm_brin_keeps_extremes(Relation index, Relation table)
{
	if (index->rd_rel->relam != BRIN_AM_OID ||
		table->rd_rel->relam != HEAP_TABLE_AM_OID ||
		RelationGetIndexPredicate(index) != NIL)
		return false;
	for (int c = 0; c < IndexRelationGetNumberOfKeyAttributes(index); c++)
	{
		AttrNumber column = index->rd_index->indkey.values[c];

		if (column <= 0 ||
			!TupleDescAttr(RelationGetDescr(table), column - 1)->attnotnull ||
			(index->rd_opcintype[c] != INT8OID &&
			 index->rd_opcintype[c] != TIMESTAMPTZOID) ||
			index_getprocid(index, c + 1, BRIN_PROCNUM_OPCINFO) != F_BRIN_MINMAX_OPCINFO)
			return false;
	}
	return true;
}

/* Looked for from the end: what is before a range that has a summary was summarized in its turn. */
BlockNumber
bm_brin_first_without(Relation index, BlockNumber end, BlockNumber *pages_per_range)
{
	Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
	BrinRevmap *revmap = bm_brin_revmap(index, pages_per_range, snapshot);
	BlockNumber found = InvalidBlockNumber;
	Buffer buffer = InvalidBuffer;

	while (end > 0)
	{
		BlockNumber range = (end - 1) / *pages_per_range * *pages_per_range;
		OffsetNumber offset;
		Size size;

		CHECK_FOR_INTERRUPTS();
		if (bm_brin_summary(revmap, range, &buffer, &offset, &size, snapshot) != NULL)
		{
			UnlockReleaseBuffer(buffer);
			buffer = InvalidBuffer;
			break;
		}
		end = found = range;
	}
	if (BufferIsValid(buffer))
		ReleaseBuffer(buffer);
	brinRevmapTerminate(revmap);
	UnregisterSnapshot(snapshot);
	return found;
}

/* Takes a value, or a range of them, into the summary of a column. */
static inline void
widen(BrinMemTuple *summary, int column, Datum least, Datum greatest)
{
	BrinValues *values = &summary->bt_columns[column];

	if (values->bv_allnulls || DatumGetInt64(least) < DatumGetInt64(values->bv_values[0]))
		values->bv_values[0] = least;
	if (values->bv_allnulls ||
		DatumGetInt64(greatest) > DatumGetInt64(values->bv_values[1]))
		values->bv_values[1] = greatest;
	values->bv_allnulls = false;
	values->bv_hasnulls = false;
	summary->bt_empty_range = false;
}

static bool
page_reaches(Relation table, BlockNumber block, AttrNumber column, int64 value)
{
	Buffer buffer = ReadBuffer(table, block);
	Page page = BufferGetPage(buffer);
	bool found = false;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page) && !found;
		 i++)
	{
		ItemId item = PageGetItemId(page, i);
		HeapTupleData row = {.t_len = ItemIdGetLength(item)};

		if (!ItemIdIsNormal(item))
			continue;
		row.t_data = (HeapTupleHeader) PageGetItem(page, item);
		found =
			DatumGetInt64(bm_row_value(&row, column, RelationGetDescr(table))) >= value;
	}
	UnlockReleaseBuffer(buffer);
	return found;
}

bool
bm_pages_reach(Relation table, BlockNumber from, BlockNumber end, AttrNumber column,
			   int64 value)
{
	for (BlockNumber block = from; block < end; block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (page_reaches(table, block, column, value))
			return true;
	}
	return false;
}

/* Whoever sees the row, or nobody: its transaction may still be under way. */
static inline void
take_row(Summarizer *s, HeapTupleHeader header, Size length)
{
	HeapTupleData row = {.t_data = header, .t_len = (uint32) length};

	for (int c = 0; c < s->desc->bd_tupdesc->natts; c++)
	{
		Datum value = bm_row_value(&row, s->index->rd_index->indkey.values[c],
								   RelationGetDescr(s->table));

		widen(s->summary, c, value, value);
	}
}

static void
take_page(Summarizer *s, BlockNumber block)
{
	Buffer buffer = ReadBuffer(s->table, block);
	Page page = BufferGetPage(buffer);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (OffsetNumber i = FirstOffsetNumber; i <= PageGetMaxOffsetNumber(page); i++)
	{
		ItemId item = PageGetItemId(page, i);

		if (ItemIdIsNormal(item))
			take_row(s, (HeapTupleHeader) PageGetItem(page, item), ItemIdGetLength(item));
	}
	UnlockReleaseBuffer(buffer);
}

static void
take_summary(Summarizer *s, BrinTuple *other)
{
	BrinMemTuple *read = brin_deform_tuple(s->desc, other, NULL);

	for (int c = 0; c < s->desc->bd_tupdesc->natts; c++)
		if (!read->bt_columns[c].bv_allnulls)
			widen(s->summary, c, read->bt_columns[c].bv_values[0],
				  read->bt_columns[c].bv_values[1]);
}

/* A copy of what stands there, which has changed since it was put there. */
static BrinTuple *
copy_placeholder(Summarizer *s, BlockNumber range, Buffer *buffer, OffsetNumber *offset,
				 Size *size)
{
	BrinTuple *found =
		bm_brin_summary(s->revmap, range, buffer, offset, size, s->snapshot);
	BrinTuple *copy;

	if (found == NULL)
		elog(ERROR, "missing placeholder of range %u of \"%s\"", range,
			 RelationGetRelationName(s->index));
	copy = brin_copy_tuple(found, *size, NULL, NULL);
	LockBuffer(*buffer, BUFFER_LOCK_UNLOCK);
	return copy;
}

static bool
replace_placeholder(Summarizer *s, BlockNumber range, Buffer buffer, OffsetNumber offset,
					BrinTuple *placeholder, Size size)
{
	Size new_size;
	BrinTuple *summary = brin_form_tuple(s->desc, range, s->summary, &new_size);

	return brin_doupdate(s->index, s->pages_per_range, s->revmap, range, buffer, offset,
						 placeholder, size, summary, new_size,
						 brin_can_do_samepage_update(buffer, size, new_size));
}

static void
summarize_range(Summarizer *s, BlockNumber range)
{
	Buffer buffer = InvalidBuffer;
	Size size;
	BrinTuple *placeholder = brin_form_placeholder_tuple(s->desc, range, &size);
	OffsetNumber offset = brin_doinsert(s->index, s->pages_per_range, s->revmap, &buffer,
										range, placeholder, size);
	BlockNumber end = RelationGetNumberOfBlocks(s->table);

	s->summary = brin_new_memtuple(s->desc);
	for (BlockNumber block = range; block < end && block < range + s->pages_per_range;
		 block++)
		take_page(s, block);
	while (!replace_placeholder(s, range, buffer, offset, placeholder, size))
	{
		placeholder = copy_placeholder(s, range, &buffer, &offset, &size);
		take_summary(s, placeholder);
	}
	ReleaseBuffer(buffer);
}

void
bm_brin_summarize(Relation index, Relation table, BlockNumber from, BlockNumber end)
{
	Summarizer s = {.index = index, .table = table};
	MemoryContext own = AllocSetContextCreate(
		CurrentMemoryContext, "bizmetrics summaries", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outside = MemoryContextSwitchTo(own);

	s.snapshot = RegisterSnapshot(GetTransactionSnapshot());
	s.revmap = bm_brin_revmap(index, &s.pages_per_range, s.snapshot);
	s.desc = brin_build_desc(index);
	for (BlockNumber range = from; range < end; range += s.pages_per_range)
	{
		/* Here, and not in between: a placeholder that is left behind stays, and its range is always scanned. */
		CHECK_FOR_INTERRUPTS();
		summarize_range(&s, range);
	}
	brinRevmapTerminate(s.revmap);
	UnregisterSnapshot(s.snapshot);
	MemoryContextSwitchTo(outside);
	MemoryContextDelete(own);
}
