/*
 * moments.c
 *	  The state of an aggregate that has to see its rows in the order of time.
 *
 * Rows of one group mostly come in the order of time already; only where they do not are they
 * sorted, at the end. Two states of parallel workers are merged from behind, in place.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "agg/argument.h"
#include "agg/moments.h"

#define FIRST_ROOM 6

#define ST_SORT sort_moments
#define ST_ELEMENT_TYPE BmMoment
#define ST_COMPARE(a, b) bm_moment_compare(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* A serialized state: this, the pattern, the moments. */
typedef struct SerialHead
{
	uint64 window;
	uint32 pattern; /* bytes of the text, its header included; 0: none */
	uint32 count;
	uint16 modes;
	uint8 conditions;
	bool is_sorted;
} SerialHead;

PG_FUNCTION_INFO_V1(bizmetrics_moments_combine);
PG_FUNCTION_INFO_V1(bizmetrics_moments_serialize);
PG_FUNCTION_INFO_V1(bizmetrics_moments_deserialize);

static Size
size_of(uint64 room)
{
	return offsetof(BmMoments, moment) + room * sizeof(BmMoment);
}

static BmMoments *
allocate(MemoryContext context, uint32 room)
{
	BmMoments *moments = MemoryContextAllocHuge(context, size_of(room));

	memset(moments, 0, offsetof(BmMoments, moment));
	moments->room = room;
	moments->is_sorted = true;
	return moments;
}

BmMoments *
bm_moments_create(FunctionCallInfo fcinfo)
{
	return allocate(bm_aggregate_context(fcinfo), FIRST_ROOM);
}

static BmMoments *
make_room(BmMoments *moments, uint64 needed)
{
	uint64 room = moments->room;

	if (needed > PG_UINT32_MAX)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many rows in one group: " UINT64_FORMAT, needed),
				errhint("Filter the rows, or group by more."));
	while (room < needed)
		room = room * 2 + 2;
	if (room > moments->room)
	{
		room = Min(room, PG_UINT32_MAX);
		moments = repalloc_huge(moments, size_of(room));
		moments->room = (uint32) room;
	}
	return moments;
}

BmMoments *
bm_moments_enlarge(BmMoments *moments)
{
	return make_room(moments, (uint64) moments->count + 1);
}

void
bm_moments_order(BmMoment *moments, size_t count)
{
	sort_moments(moments, count);
}

void
bm_moments_sort(BmMoments *moments)
{
	if (!moments->is_sorted)
		sort_moments(moments->moment, moments->count);
	moments->is_sorted = true;
}

void
bm_moments_poll(void)
{
	CHECK_FOR_INTERRUPTS();
}

/* Both sorted, and the first has the room. */
static void
merge(BmMoments *into, const BmMoments *from)
{
	int64 old = (int64) into->count - 1;
	int64 new = (int64) from->count - 1;

	for (int64 at = old + new + 1; new >= 0; at--)
	{
		if (old >= 0 && bm_moment_compare(&into->moment[old], &from->moment[new]) > 0)
			into->moment[at] = into->moment[old--];
		else
			into->moment[at] = from->moment[new --];
	}
}

static bool
same_pattern(const text *a, const text *b)
{
	return a == NULL
			   ? b == NULL
			   : b != NULL && VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

static BmMoments *
copy(MemoryContext context, const BmMoments *moments)
{
	BmMoments *copied = allocate(context, Max(moments->count, FIRST_ROOM));
	uint32 room = copied->room;

	memcpy(copied, moments, size_of(moments->count));
	copied->room = room;
	if (moments->pattern != NULL)
	{
		copied->pattern = MemoryContextAlloc(context, VARSIZE(moments->pattern));
		memcpy(copied->pattern, moments->pattern, VARSIZE(moments->pattern));
	}
	return copied;
}

Datum
bizmetrics_moments_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	BmMoments *into = PG_ARGISNULL(0) ? NULL : (BmMoments *) PG_GETARG_POINTER(0);
	const BmMoments *from = PG_ARGISNULL(1) ? NULL : (BmMoments *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		PG_RETURN_POINTER(copy(context, from));
	if (into->window != from->window)
		bm_not_constant("window");
	if (into->modes != from->modes)
		bm_not_constant("mode");
	if (into->conditions != from->conditions)
		bm_not_constant("the number of conditions");
	if (!same_pattern(into->pattern, from->pattern))
		bm_not_constant("pattern");

	into = make_room(into, (uint64) into->count + from->count);
	if (into->is_sorted && from->is_sorted)
		merge(into, from);
	else
	{
		memcpy(&into->moment[into->count], from->moment, from->count * sizeof(BmMoment));
		into->is_sorted = false;
	}
	into->count += from->count;
	PG_RETURN_POINTER(into);
}

Datum
bizmetrics_moments_serialize(PG_FUNCTION_ARGS)
{
	const BmMoments *moments = (BmMoments *) PG_GETARG_POINTER(0);
	Size bytes = moments->count * sizeof(BmMoment);
	SerialHead head;
	bytea *serial;
	char *at;

	memset(&head, 0, sizeof(head));
	head.window = moments->window;
	head.pattern = moments->pattern == NULL ? 0 : VARSIZE(moments->pattern);
	head.count = moments->count;
	head.modes = moments->modes;
	head.conditions = moments->conditions;
	head.is_sorted = moments->is_sorted;

	serial = bm_serial_alloc(sizeof(head) + head.pattern + bytes);
	at = VARDATA(serial);
	memcpy(at, &head, sizeof(head));
	at += sizeof(head);
	if (head.pattern > 0)
		memcpy(at, moments->pattern, head.pattern);
	memcpy(at + head.pattern, moments->moment, bytes);
	PG_RETURN_BYTEA_P(serial);
}

/* Into the current context, from which bizmetrics_moments_combine() copies. */
Datum
bizmetrics_moments_deserialize(PG_FUNCTION_ARGS)
{
	const bytea *serial = PG_GETARG_BYTEA_PP(0);
	const char *at = VARDATA_ANY(serial);
	BmMoments *moments;
	SerialHead head;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	moments = allocate(CurrentMemoryContext, head.count);
	moments->window = head.window;
	moments->count = head.count;
	moments->modes = head.modes;
	moments->conditions = head.conditions;
	moments->is_sorted = head.is_sorted;
	if (head.pattern > 0)
	{
		moments->pattern = palloc(head.pattern);
		memcpy(moments->pattern, at, head.pattern);
	}
	memcpy(moments->moment, at + head.pattern, head.count * sizeof(BmMoment));
	PG_RETURN_POINTER(moments);
}
