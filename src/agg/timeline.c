/*
 * timeline.c
 *	  state_durations() and time_weighted_avg(): values that hold from their row to the next one.
 *	  sequence_next_node() keeps its rows likewise.
 *
 * Rows are kept as they come, their values one behind the other in a buffer, one that repeats the
 * row before only once. They are put in the order of time at the end.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "agg/argument.h"
#include "agg/moment.h"
#include "agg/timeline.h"

#define FIRST_ROWS 6
#define FIRST_BYTES 64

typedef struct Order
{
	const BmTimeline *timeline;
	BmTimelineCompare compare;
} Order;

PG_FUNCTION_INFO_V1(bizmetrics_timeline_add);
PG_FUNCTION_INFO_V1(bizmetrics_timeline_combine);
PG_FUNCTION_INFO_V1(bizmetrics_timeline_serialize);
PG_FUNCTION_INFO_V1(bizmetrics_timeline_deserialize);
PG_FUNCTION_INFO_V1(bizmetrics_state_durations_result);
PG_FUNCTION_INFO_V1(bizmetrics_time_weighted_avg_result);

/* At one time the greatest value is the last one; NULL is less than any. */
static int
compare_rows(const BmTimelineRow *a, const BmTimelineRow *b, Order *order)
{
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->value == b->value)
		return 0;
	if (a->value == BM_TIMELINE_NO_VALUE || b->value == BM_TIMELINE_NO_VALUE)
		return a->value == BM_TIMELINE_NO_VALUE ? -1 : 1;
	return order->compare(bm_timeline_value(order->timeline, a->value),
						  bm_timeline_value(order->timeline, b->value));
}

#define ST_SORT sort_rows
#define ST_ELEMENT_TYPE BmTimelineRow
#define ST_COMPARE(a, b, arg) compare_rows(a, b, arg)
#define ST_COMPARE_ARG_TYPE Order
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

int
bm_timeline_compare_bytes(const struct varlena *a, const struct varlena *b)
{
	Size length_a = VARSIZE(a) - VARHDRSZ;
	Size length_b = VARSIZE(b) - VARHDRSZ;
	int result = memcmp(VARDATA(a), VARDATA(b), Min(length_a, length_b));

	return result != 0 ? result : (length_a > length_b) - (length_a < length_b);
}

static int
compare_numerics(const struct varlena *a, const struct varlena *b)
{
	return DatumGetInt32(
		DirectFunctionCall2(numeric_cmp, PointerGetDatum(a), PointerGetDatum(b)));
}

static BmTimeline *
create(MemoryContext context, uint64 rows, uint64 bytes)
{
	BmTimeline *timeline = MemoryContextAllocZero(context, sizeof(BmTimeline));

	timeline->room = Max(rows, FIRST_ROWS);
	timeline->bytes_room = Max(bytes, FIRST_BYTES);
	timeline->row =
		MemoryContextAllocHuge(context, timeline->room * sizeof(BmTimelineRow));
	timeline->values = MemoryContextAllocHuge(context, timeline->bytes_room);
	return timeline;
}

static void
make_room(BmTimeline *timeline, uint64 rows, uint64 bytes)
{
	if (timeline->count + rows > timeline->room)
	{
		timeline->room = Max(timeline->room * 2, timeline->count + rows);
		timeline->row =
			repalloc_huge(timeline->row, timeline->room * sizeof(BmTimelineRow));
	}
	if (timeline->bytes + bytes > timeline->bytes_room)
	{
		timeline->bytes_room = Max(timeline->bytes_room * 2, timeline->bytes + bytes);
		timeline->values = repalloc_huge(timeline->values, timeline->bytes_room);
	}
}

/* Where the value is in the buffer, which has room for it; the one of the row before if it is the same. */
static uint64
keep_value(BmTimeline *timeline, const struct varlena *value)
{
	Size size = VARHDRSZ + VARSIZE_ANY_EXHDR(value);
	uint64 at = timeline->bytes;
	uint64 last = timeline->count == 0 ? BM_TIMELINE_NO_VALUE
									   : timeline->row[timeline->count - 1].value;

	if (last != BM_TIMELINE_NO_VALUE &&
		VARSIZE(bm_timeline_value(timeline, last)) == size &&
		memcmp(VARDATA(bm_timeline_value(timeline, last)), VARDATA_ANY(value),
			   size - VARHDRSZ) == 0)
		return last;
	SET_VARSIZE(bm_timeline_value(timeline, at), size);
	memcpy(VARDATA(bm_timeline_value(timeline, at)), VARDATA_ANY(value), size - VARHDRSZ);
	memset(timeline->values + at + size, 0, MAXALIGN(size) - size);
	timeline->bytes += MAXALIGN(size);
	return at;
}

static void
add_row(BmTimeline *timeline, TimestampTz time, uint64 value)
{
	timeline->row[timeline->count].time = time;
	timeline->row[timeline->count].value = value;
	timeline->count++;
}

BmTimeline *
bm_timeline_create(FunctionCallInfo fcinfo)
{
	return create(bm_aggregate_context(fcinfo), 0, 0);
}

void
bm_timeline_add(BmTimeline *timeline, TimestampTz time, const struct varlena *value)
{
	make_room(timeline, 1,
			  value == NULL ? 0 : MAXALIGN(VARHDRSZ + VARSIZE_ANY_EXHDR(value)));
	add_row(timeline, time,
			value == NULL ? BM_TIMELINE_NO_VALUE : keep_value(timeline, value));
}

/* Arguments: state, value (of any varlena type), time, and perhaps until. */
Datum
bizmetrics_timeline_add(PG_FUNCTION_ARGS)
{
	BmTimeline *timeline = PG_ARGISNULL(0) ? NULL : (BmTimeline *) PG_GETARG_POINTER(0);
	bool has_until = PG_NARGS() > 3 && !PG_ARGISNULL(3);
	TimestampTz until = has_until ? PG_GETARG_TIMESTAMPTZ(3) : 0;

	if (timeline == NULL)
	{
		timeline = bm_timeline_create(fcinfo);
		timeline->has_constant = has_until;
		timeline->constant = until;
		if (has_until && TIMESTAMP_NOT_FINITE(until))
			ereport(
				ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("until must be finite: \"%s\"", timestamptz_to_str(until)),
				errhint(
					"Give the time up to which the last value holds, such as now()."));
	}
	else if (timeline->has_constant != has_until || timeline->constant != until)
		bm_not_constant("until");

	/* What begins later is not looked at. */
	if (bm_is_time(fcinfo, 2) && (!has_until || PG_GETARG_TIMESTAMPTZ(2) <= until))
		bm_timeline_add(timeline, PG_GETARG_TIMESTAMPTZ(2),
						PG_ARGISNULL(1) ? NULL
										: PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1)));
	PG_RETURN_POINTER(timeline);
}

/* Adds the rows of another state, whose values move as one. */
static void
append(BmTimeline *into, const BmTimeline *from)
{
	uint64 moved = into->bytes;

	make_room(into, from->count, from->bytes);
	memcpy(into->values + moved, from->values, from->bytes);
	into->bytes += from->bytes;
	for (uint64 i = 0; i < from->count; i++)
	{
		uint64 value = from->row[i].value;

		add_row(into, from->row[i].time,
				value == BM_TIMELINE_NO_VALUE ? value : value + moved);
	}
}

Datum
bm_timeline_combine(FunctionCallInfo fcinfo, const char *constant)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	BmTimeline *into = PG_ARGISNULL(0) ? NULL : (BmTimeline *) PG_GETARG_POINTER(0);
	const BmTimeline *from = PG_ARGISNULL(1) ? NULL : (BmTimeline *) PG_GETARG_POINTER(1);

	if (from != NULL)
	{
		if (into == NULL)
		{
			into = create(context, from->count, from->bytes);
			into->has_constant = from->has_constant;
			into->constant = from->constant;
		}
		else if (into->has_constant != from->has_constant ||
				 into->constant != from->constant)
			bm_not_constant(constant);
		append(into, from);
	}
	if (into == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(into);
}

Datum
bizmetrics_timeline_combine(PG_FUNCTION_ARGS)
{
	return bm_timeline_combine(fcinfo, "until");
}

Datum
bizmetrics_timeline_serialize(PG_FUNCTION_ARGS)
{
	const BmTimeline *timeline = (BmTimeline *) PG_GETARG_POINTER(0);
	Size changes = timeline->count * sizeof(BmTimelineRow);
	bytea *serial = bm_serial_alloc(sizeof(BmTimeline) + changes + timeline->bytes);
	char *at = VARDATA(serial);

	memcpy(at, timeline, sizeof(BmTimeline));
	memcpy(at + sizeof(BmTimeline), timeline->row, changes);
	memcpy(at + sizeof(BmTimeline) + changes, timeline->values, timeline->bytes);
	PG_RETURN_BYTEA_P(serial);
}

Datum
bizmetrics_timeline_deserialize(PG_FUNCTION_ARGS)
{
	const bytea *serial = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(serial);
	BmTimeline head;
	BmTimeline *timeline;

	memcpy(&head, at, sizeof(BmTimeline));
	at += sizeof(BmTimeline);
	timeline = create(CurrentMemoryContext, head.count, head.bytes);
	timeline->has_constant = head.has_constant;
	timeline->constant = head.constant;
	timeline->count = head.count;
	timeline->bytes = head.bytes;
	memcpy(timeline->row, at, head.count * sizeof(BmTimelineRow));
	memcpy(timeline->values, at + head.count * sizeof(BmTimelineRow), head.bytes);
	PG_RETURN_POINTER(timeline);
}

void
bm_timeline_sort(BmTimeline *timeline, BmTimelineCompare compare)
{
	Order order = {.timeline = timeline, .compare = compare};

	sort_rows(timeline->row, timeline->count, &order);
}

/* Microseconds from this row to the next, or for the last one to "until". */
static uint64
held(const BmTimeline *timeline, uint64 row)
{
	TimestampTz from = timeline->row[row].time;
	bool is_last = row + 1 == timeline->count;

	if (is_last && !timeline->has_constant)
		return 0;
	return bm_moment_distance(from,
							  is_last ? timeline->constant : timeline->row[row + 1].time);
}

/* In two halves: the whole may be more than an int64 holds. */
static Numeric
seconds_of(uint64 microseconds)
{
	Numeric half = int64_div_fast_to_numeric((int64) (microseconds / 2), 6);
	Numeric rest =
		int64_div_fast_to_numeric((int64) (microseconds - microseconds / 2), 6);

	return numeric_add_opt_error(half, rest, NULL);
}

/* How long a value held, one row's or all of one value. */
typedef struct Span
{
	const struct varlena *value;
	uint64 held;
} Span;

#define ST_SORT sort_spans
#define ST_ELEMENT_TYPE Span
#define ST_COMPARE(a, b) bm_timeline_compare_bytes((a)->value, (b)->value)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* A span for each different value, in the order of their bytes; the number of them. */
static uint64
sum_spans(const BmTimeline *timeline, Span *spans)
{
	uint64 rows = 0;
	uint64 sums = 0;

	for (uint64 i = 0; i < timeline->count; i++)
	{
		if (timeline->row[i].value == BM_TIMELINE_NO_VALUE)
			continue;
		spans[rows].value = bm_timeline_value(timeline, timeline->row[i].value);
		spans[rows].held = held(timeline, i);
		rows++;
	}
	sort_spans(spans, rows);
	for (uint64 i = 0; i < rows; i++)
	{
		if (sums > 0 &&
			bm_timeline_compare_bytes(spans[sums - 1].value, spans[i].value) == 0)
			spans[sums - 1].held += spans[i].held;
		else
			spans[sums++] = spans[i];
	}
	return sums;
}

Datum
bizmetrics_state_durations_result(PG_FUNCTION_ARGS)
{
	BmTimeline *timeline = PG_ARGISNULL(0) ? NULL : (BmTimeline *) PG_GETARG_POINTER(0);
	JsonbParseState *state = NULL;
	JsonbValue value;
	Span *spans = NULL;
	uint64 count = 0;

	if (timeline != NULL && timeline->count > 0)
	{
		bm_timeline_sort(timeline, bm_timeline_compare_bytes);
		spans =
			MemoryContextAllocHuge(CurrentMemoryContext, timeline->count * sizeof(Span));
		count = sum_spans(timeline, spans);
	}
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (uint64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		value.type = jbvString;
		value.val.string.val = VARDATA(spans[i].value);
		value.val.string.len = VARSIZE(spans[i].value) - VARHDRSZ;
		pushJsonbValue(&state, WJB_KEY, &value);
		value.type = jbvNumeric;
		value.val.numeric = seconds_of(spans[i].held);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/* Sums of values times seconds leave a lot of numbers behind: they are made in a context of their own. */
static Numeric
weighted_sum(const BmTimeline *timeline, uint64 *total)
{
	MemoryContext outside = CurrentMemoryContext;
	MemoryContext inside =
		AllocSetContextCreate(outside, "time_weighted_avg", ALLOCSET_DEFAULT_SIZES);
	Numeric sum = int64_to_numeric(0);

	*total = 0;
	for (uint64 i = 0; i < timeline->count; i++)
	{
		uint64 span = held(timeline, i);
		Numeric value;

		if (timeline->row[i].value == BM_TIMELINE_NO_VALUE || span == 0)
			continue;
		MemoryContextSwitchTo(inside);
		value = (Numeric) bm_timeline_value(timeline, timeline->row[i].value);
		value = numeric_mul_opt_error(value, seconds_of(span), NULL);
		value = numeric_add_opt_error(sum, value, NULL);
		MemoryContextSwitchTo(outside);
		pfree(sum);
		sum = DatumGetNumericCopy(NumericGetDatum(value));
		MemoryContextReset(inside);
		*total += span;
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(inside);
	return sum;
}

Datum
bizmetrics_time_weighted_avg_result(PG_FUNCTION_ARGS)
{
	BmTimeline *timeline = PG_ARGISNULL(0) ? NULL : (BmTimeline *) PG_GETARG_POINTER(0);
	Numeric sum;
	uint64 total;

	if (timeline == NULL || timeline->count == 0)
		PG_RETURN_NULL();
	bm_timeline_sort(timeline, compare_numerics);
	sum = weighted_sum(timeline, &total);
	if (total == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(numeric_div_opt_error(sum, seconds_of(total), NULL));
}
