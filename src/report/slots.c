/*
 * Slots that ran and whose rows are gone, for the day on which a clock that was set back passes them again.
 *
 * Few spans say it for any number of slots: those of a schedule are about as far from each other, so that what
 * is joined first are neighbours, and a gap that a leaping clock left is joined last. What lies in a joined gap
 * counts as having run: it never runs twice, and a slot that was passed over stays so.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/compat.h"
#include "report/slots.h"

/* How many spans begin at this slot or before it. */
static int
spans_until(const BmSlots *slots, TimestampTz slot)
{
	int n = slots->count;

	while (n > 0 && slots->spans[n - 1].first > slot)
		n--;
	return n;
}

bool
bm_slots_have(const BmSlots *slots, TimestampTz slot)
{
	int n = spans_until(slots, slot);

	return n > 0 && slot <= slots->spans[n - 1].last;
}

static void
join_nearest(BmSlots *slots)
{
	BmSlotSpan *spans = slots->spans;
	int nearest = 1;

	for (int i = 2; i < slots->count; i++)
		if (spans[i].first - spans[i - 1].last <
			spans[nearest].first - spans[nearest - 1].last)
			nearest = i;
	spans[nearest - 1].last = spans[nearest].last;
	memmove(&spans[nearest], &spans[nearest + 1],
			(slots->count - nearest - 1) * sizeof(BmSlotSpan));
	slots->count--;
}

void
bm_slots_add(BmSlots *slots, TimestampTz slot)
{
	int at = spans_until(slots, slot);

	if (bm_slots_have(slots, slot))
		return;
	memmove(&slots->spans[at + 1], &slots->spans[at],
			(slots->count - at) * sizeof(BmSlotSpan));
	slots->spans[at] = (BmSlotSpan){.first = slot, .last = slot};
	slots->count++;
	if (slots->count > BM_SLOT_SPANS)
		join_nearest(slots);
}

static TypeCacheEntry *
multirange_type(void)
{
	return lookup_type_cache(TSTZMULTIRANGEOID, TYPECACHE_MULTIRANGE_INFO);
}

/* More spans than fit, which only another hand can have written, become fewer. */
void
bm_slots_read(BmSlots *slots, Datum multirange)
{
	TypeCacheEntry *range = multirange_type()->rngtype;
	RangeType **ranges;
	int32 count;

	slots->count = 0;
	multirange_deserialize(range, DatumGetMultirangeTypeP(multirange), &count, &ranges);
	for (int i = 0; i < count; i++)
	{
		RangeBound first;
		RangeBound last;
		bool empty;

		range_deserialize(range, ranges[i], &first, &last, &empty);
		slots->spans[slots->count++] =
			(BmSlotSpan){.first = DatumGetTimestampTz(first.val),
						 .last = DatumGetTimestampTz(last.val)};
		if (slots->count > BM_SLOT_SPANS)
			join_nearest(slots);
	}
}

Datum
bm_slots_datum(const BmSlots *slots)
{
	TypeCacheEntry *type = multirange_type();
	RangeType *ranges[BM_SLOT_SPANS];

	for (int i = 0; i < slots->count; i++)
	{
		RangeBound first = {.val = TimestampTzGetDatum(slots->spans[i].first),
							.inclusive = true,
							.lower = true};
		RangeBound last = {.val = TimestampTzGetDatum(slots->spans[i].last),
						   .inclusive = true};

		ranges[i] = bm_make_range(type->rngtype, &first, &last);
	}
	return MultirangeTypePGetDatum(
		make_multirange(TSTZMULTIRANGEOID, type->rngtype, slots->count, ranges));
}
