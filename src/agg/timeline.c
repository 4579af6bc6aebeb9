/*
 * timeline.c
 *	  state_durations() and time_weighted_avg(): values that hold from their row to the next one.
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

#define NO_VALUE PG_UINT64_MAX
#define FIRST_ROWS 6
#define FIRST_BYTES 64

/* A row: since when which value held. */
typedef struct Change
{
	TimestampTz time;
	uint64 value; /* where it is in the buffer; NO_VALUE: it is NULL */
} Change;

typedef struct Timeline
{
	bool has_until;
	TimestampTz until;
	uint64 rows;
	uint64 rows_room;
	uint64 bytes;
	uint64 bytes_room;
	Change *changes;
	char *values; /* varlenas, at multiples of 8 bytes */
} Timeline;

typedef int (*CompareValues)(const struct varlena *a, const struct varlena *b);

typedef struct Order
{
	const Timeline *timeline;
	CompareValues compare;
} Order;

PG_FUNCTION_INFO_V1(bizmetrics_timeline_add);
PG_FUNCTION_INFO_V1(bizmetrics_timeline_combine);
PG_FUNCTION_INFO_V1(bizmetrics_timeline_serialize);
PG_FUNCTION_INFO_V1(bizmetrics_timeline_deserialize);
PG_FUNCTION_INFO_V1(bizmetrics_state_durations_result);
PG_FUNCTION_INFO_V1(bizmetrics_time_weighted_avg_result);

static inline struct varlena *
value_of(const Timeline *timeline, uint64 value)
{
	return (struct varlena *) (timeline->values + value);
}

/* At one time the greatest value is the last one; NULL is less than any. */
static int
compare_changes(const Change *a, const Change *b, Order *order)
{
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->value == b->value)
		return 0;
	if (a->value == NO_VALUE || b->value == NO_VALUE)
		return a->value == NO_VALUE ? -1 : 1;
	return order->compare(value_of(order->timeline, a->value),
						  value_of(order->timeline, b->value));
}

#define ST_SORT sort_changes
#define ST_ELEMENT_TYPE Change
#define ST_COMPARE(a, b, arg) compare_changes(a, b, arg)
#define ST_COMPARE_ARG_TYPE Order
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static int
compare_bytes(const struct varlena *a, const struct varlena *b)
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

static Timeline *
create(MemoryContext context, uint64 rows, uint64 bytes)
{
	Timeline *timeline = MemoryContextAllocZero(context, sizeof(Timeline));

	timeline->rows_room = Max(rows, FIRST_ROWS);
	timeline->bytes_room = Max(bytes, FIRST_BYTES);
	timeline->changes =
		MemoryContextAllocHuge(context, timeline->rows_room * sizeof(Change));
	timeline->values = MemoryContextAllocHuge(context, timeline->bytes_room);
	return timeline;
}

static void
make_room(Timeline *timeline, uint64 rows, uint64 bytes)
{
	if (timeline->rows + rows > timeline->rows_room)
	{
		timeline->rows_room = Max(timeline->rows_room * 2, timeline->rows + rows);
		timeline->changes =
			repalloc_huge(timeline->changes, timeline->rows_room * sizeof(Change));
	}
	if (timeline->bytes + bytes > timeline->bytes_room)
	{
		timeline->bytes_room = Max(timeline->bytes_room * 2, timeline->bytes + bytes);
		timeline->values = repalloc_huge(timeline->values, timeline->bytes_room);
	}
}

/* Where the value is in the buffer, which has room for it; the one of the row before if it is the same. */
static uint64
keep_value(Timeline *timeline, const struct varlena *value)
{
	Size size = VARHDRSZ + VARSIZE_ANY_EXHDR(value);
	uint64 at = timeline->bytes;
	uint64 last =
		timeline->rows == 0 ? NO_VALUE : timeline->changes[timeline->rows - 1].value;

	if (last != NO_VALUE && VARSIZE(value_of(timeline, last)) == size &&
		memcmp(VARDATA(value_of(timeline, last)), VARDATA_ANY(value), size - VARHDRSZ) ==
			0)
		return last;
	SET_VARSIZE(value_of(timeline, at), size);
	memcpy(VARDATA(value_of(timeline, at)), VARDATA_ANY(value), size - VARHDRSZ);
	memset(timeline->values + at + size, 0, MAXALIGN(size) - size);
	timeline->bytes += MAXALIGN(size);
	return at;
}

static void
add_change(Timeline *timeline, TimestampTz time, uint64 value)
{
	timeline->changes[timeline->rows].time = time;
	timeline->changes[timeline->rows].value = value;
	timeline->rows++;
}

/* Arguments: state, value (of any varlena type), time, and perhaps until. */
Datum
bizmetrics_timeline_add(PG_FUNCTION_ARGS)
{
	Timeline *timeline = PG_ARGISNULL(0) ? NULL : (Timeline *) PG_GETARG_POINTER(0);
	bool has_until = PG_NARGS() > 3 && !PG_ARGISNULL(3);
	TimestampTz until = has_until ? PG_GETARG_TIMESTAMPTZ(3) : 0;

	if (timeline == NULL)
	{
		timeline = create(bm_aggregate_context(fcinfo), 0, 0);
		timeline->has_until = has_until;
		timeline->until = until;
		if (has_until && TIMESTAMP_NOT_FINITE(until))
			ereport(
				ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("until must be finite: \"%s\"", timestamptz_to_str(until)),
				errhint(
					"Give the time up to which the last value holds, such as now()."));
	}
	else if (timeline->has_until != has_until || timeline->until != until)
		bm_not_constant("until");

	/* What begins later is not looked at. */
	if (bm_is_time(fcinfo, 2) && (!has_until || PG_GETARG_TIMESTAMPTZ(2) <= until))
	{
		struct varlena *value =
			PG_ARGISNULL(1) ? NULL : PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1));

		make_room(timeline, 1,
				  value == NULL ? 0 : MAXALIGN(VARHDRSZ + VARSIZE_ANY_EXHDR(value)));
		add_change(timeline, PG_GETARG_TIMESTAMPTZ(2),
				   value == NULL ? NO_VALUE : keep_value(timeline, value));
	}
	PG_RETURN_POINTER(timeline);
}

/* Adds the rows of another state, whose values move as one. */
static void
append(Timeline *into, const Timeline *from)
{
	uint64 moved = into->bytes;

	make_room(into, from->rows, from->bytes);
	memcpy(into->values + moved, from->values, from->bytes);
	into->bytes += from->bytes;
	for (uint64 i = 0; i < from->rows; i++)
	{
		uint64 value = from->changes[i].value;

		add_change(into, from->changes[i].time,
				   value == NO_VALUE ? value : value + moved);
	}
}

Datum
bizmetrics_timeline_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	Timeline *into = PG_ARGISNULL(0) ? NULL : (Timeline *) PG_GETARG_POINTER(0);
	const Timeline *from = PG_ARGISNULL(1) ? NULL : (Timeline *) PG_GETARG_POINTER(1);

	if (from != NULL)
	{
		if (into == NULL)
		{
			into = create(context, from->rows, from->bytes);
			into->has_until = from->has_until;
			into->until = from->until;
		}
		else if (into->has_until != from->has_until || into->until != from->until)
			bm_not_constant("until");
		append(into, from);
	}
	if (into == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(into);
}

Datum
bizmetrics_timeline_serialize(PG_FUNCTION_ARGS)
{
	const Timeline *timeline = (Timeline *) PG_GETARG_POINTER(0);
	Size changes = timeline->rows * sizeof(Change);
	bytea *serial = bm_serial_alloc(sizeof(Timeline) + changes + timeline->bytes);
	char *at = VARDATA(serial);

	memcpy(at, timeline, sizeof(Timeline));
	memcpy(at + sizeof(Timeline), timeline->changes, changes);
	memcpy(at + sizeof(Timeline) + changes, timeline->values, timeline->bytes);
	PG_RETURN_BYTEA_P(serial);
}

Datum
bizmetrics_timeline_deserialize(PG_FUNCTION_ARGS)
{
	const bytea *serial = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(serial);
	Timeline head;
	Timeline *timeline;

	memcpy(&head, at, sizeof(Timeline));
	at += sizeof(Timeline);
	timeline = create(CurrentMemoryContext, head.rows, head.bytes);
	timeline->has_until = head.has_until;
	timeline->until = head.until;
	timeline->rows = head.rows;
	timeline->bytes = head.bytes;
	memcpy(timeline->changes, at, head.rows * sizeof(Change));
	memcpy(timeline->values, at + head.rows * sizeof(Change), head.bytes);
	PG_RETURN_POINTER(timeline);
}

/* In the order of time, rows of one time in that of their values. */
static void
sort_timeline(Timeline *timeline, CompareValues compare)
{
	Order order = {.timeline = timeline, .compare = compare};

	sort_changes(timeline->changes, timeline->rows, &order);
}

/* Microseconds from this row to the next, or for the last one to "until". */
static uint64
held(const Timeline *timeline, uint64 row)
{
	TimestampTz from = timeline->changes[row].time;
	bool is_last = row + 1 == timeline->rows;

	if (is_last && !timeline->has_until)
		return 0;
	return bm_moment_distance(from, is_last ? timeline->until
											: timeline->changes[row + 1].time);
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
#define ST_COMPARE(a, b) compare_bytes((a)->value, (b)->value)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* A span for each different value, in the order of their bytes; the number of them. */
static uint64
sum_spans(const Timeline *timeline, Span *spans)
{
	uint64 rows = 0;
	uint64 sums = 0;

	for (uint64 i = 0; i < timeline->rows; i++)
	{
		if (timeline->changes[i].value == NO_VALUE)
			continue;
		spans[rows].value = value_of(timeline, timeline->changes[i].value);
		spans[rows].held = held(timeline, i);
		rows++;
	}
	sort_spans(spans, rows);
	for (uint64 i = 0; i < rows; i++)
	{
		if (sums > 0 && compare_bytes(spans[sums - 1].value, spans[i].value) == 0)
			spans[sums - 1].held += spans[i].held;
		else
			spans[sums++] = spans[i];
	}
	return sums;
}

Datum
bizmetrics_state_durations_result(PG_FUNCTION_ARGS)
{
	Timeline *timeline = PG_ARGISNULL(0) ? NULL : (Timeline *) PG_GETARG_POINTER(0);
	JsonbParseState *state = NULL;
	JsonbValue value;
	Span *spans = NULL;
	uint64 count = 0;

	if (timeline != NULL && timeline->rows > 0)
	{
		sort_timeline(timeline, compare_bytes);
		spans =
			MemoryContextAllocHuge(CurrentMemoryContext, timeline->rows * sizeof(Span));
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
weighted_sum(const Timeline *timeline, uint64 *total)
{
	MemoryContext outside = CurrentMemoryContext;
	MemoryContext inside =
		AllocSetContextCreate(outside, "time_weighted_avg", ALLOCSET_DEFAULT_SIZES);
	Numeric sum = int64_to_numeric(0);

	*total = 0;
	for (uint64 i = 0; i < timeline->rows; i++)
	{
		uint64 span = held(timeline, i);
		Numeric value;

		if (timeline->changes[i].value == NO_VALUE || span == 0)
			continue;
		MemoryContextSwitchTo(inside);
		value = (Numeric) value_of(timeline, timeline->changes[i].value);
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
	Timeline *timeline = PG_ARGISNULL(0) ? NULL : (Timeline *) PG_GETARG_POINTER(0);
	Numeric sum;
	uint64 total;

	if (timeline == NULL || timeline->rows == 0)
		PG_RETURN_NULL();
	sort_timeline(timeline, compare_numerics);
	sum = weighted_sum(timeline, &total);
	if (total == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(numeric_div_opt_error(sum, seconds_of(total), NULL));
}
