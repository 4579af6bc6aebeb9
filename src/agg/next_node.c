/*
 * next_node.c
 *	  sequence_next_node(): what follows, or came before, a chain of rows side by side.
 *
 * All rows are kept, for whatever comes next is in the way of a chain. With a row's value its conditions
 * are kept, which mostly go with it: both are stored once where the row before has the same.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "agg/argument.h"
#include "agg/timeline.h"

/* Where a chain begins. */
typedef enum Base
{
	HEAD,
	TAIL,
	FIRST_MATCH,
	LAST_MATCH
} Base;

/* What is the same in all rows. */
typedef struct Constant
{
	bool backward;
	Base base;
	int conditions; /* that of the base first */
} Constant;

/* A row's value in a timeline: these, and the text. */
typedef struct NodeValue
{
	char header[VARHDRSZ];
	uint32 mask;
	bool isnull;
	char text[FLEXIBLE_ARRAY_MEMBER];
} NodeValue;

typedef struct Call
{
	BmConditions conditions;
	NodeValue *node; /* the last one that was made */
	Size room;		 /* for its text */
} Call;

#define NODE_TEXT_LENGTH(node) (VARSIZE(node) - offsetof(NodeValue, text))

/* Arguments */
enum
{
	STATE,
	DIRECTION,
	BASE,
	TIME,
	VALUE,
	CONDITIONS
};

PG_FUNCTION_INFO_V1(bizmetrics_next_node_add);
PG_FUNCTION_INFO_V1(bizmetrics_next_node_combine);
PG_FUNCTION_INFO_V1(bizmetrics_next_node_result);

/* Which of the words an argument is, from 0. */
static int
read_word(FunctionCallInfo fcinfo, int number, const char *name, const char *const *words,
		  int count, const char *hint)
{
	text *value;

	if (PG_ARGISNULL(number))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be NULL", name), errhint("%s", hint));
	value = PG_GETARG_TEXT_PP(number);
	for (int i = 0; i < count; i++)
	{
		if (strlen(words[i]) == VARSIZE_ANY_EXHDR(value) &&
			memcmp(words[i], VARDATA_ANY(value), strlen(words[i])) == 0)
			return i;
	}
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown %s \"%s\"", name, text_to_cstring(value)),
			errhint("%s", hint));
}

static Constant
read_constant(FunctionCallInfo fcinfo, int conditions)
{
	static const char *const directions[] = {"forward", "backward"};
	static const char *const bases[] = {"head", "tail", "first_match", "last_match"};
	Constant constant = {.conditions = conditions};

	constant.backward =
		read_word(fcinfo, DIRECTION, "direction", directions, lengthof(directions),
				  "The direction is forward or backward.") == 1;
	constant.base = read_word(fcinfo, BASE, "base", bases, lengthof(bases),
							  "The base is head, tail, first_match or last_match.");
	if (constant.base == (constant.backward ? HEAD : TAIL))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("direction \"%s\" has nowhere to go from base \"%s\"",
					   directions[constant.backward], bases[constant.base]),
				errhint("Go forward from the head, or backward from the tail."));
	if (conditions < (constant.base >= FIRST_MATCH ? 2 : 1))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("too few conditions for the base \"%s\": %d", bases[constant.base],
					   conditions),
				errhint("Give the condition of the base, and then those of the chain: at "
						"least one for first_match and last_match."));
	return constant;
}

static int64
pack(const Constant *constant)
{
	return constant->conditions * 8 + constant->base * 2 + constant->backward;
}

static Constant
unpack(int64 number)
{
	return (Constant){
		.backward = (number & 1) != 0, .base = number / 2 % 4, .conditions = number / 8};
}

static const struct varlena *
make_node(FunctionCallInfo fcinfo, Call *call, uint32 mask)
{
	const text *value = PG_ARGISNULL(VALUE) ? NULL : PG_GETARG_TEXT_PP(VALUE);
	Size length = value == NULL ? 0 : VARSIZE_ANY_EXHDR(value);

	if (call->node == NULL || call->room < length)
	{
		Size room = Max(length, 32);

		if (call->node != NULL)
			pfree(call->node);
		call->node = NULL;
		call->node = MemoryContextAllocHuge(fcinfo->flinfo->fn_mcxt,
											offsetof(NodeValue, text) + room);
		call->room = room;
	}
	SET_VARSIZE(call->node, offsetof(NodeValue, text) + length);
	call->node->mask = mask;
	call->node->isnull = value == NULL;
	if (value != NULL)
		memcpy(call->node->text, VARDATA_ANY(value), length);
	return (const struct varlena *) call->node;
}

Datum
bizmetrics_next_node_add(PG_FUNCTION_ARGS)
{
	Call *call = fcinfo->flinfo->fn_extra;
	BmTimeline *timeline =
		PG_ARGISNULL(STATE) ? NULL : (BmTimeline *) PG_GETARG_POINTER(STATE);
	Constant constant;
	uint32 mask;

	if (unlikely(call == NULL))
	{
		call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Call));
		bm_conditions_describe(fcinfo, CONDITIONS, &call->conditions);
		fcinfo->flinfo->fn_extra = call;
	}
	mask = bm_conditions_read(fcinfo, &call->conditions);
	constant = read_constant(fcinfo, call->conditions.count);
	if (timeline == NULL)
	{
		timeline = bm_timeline_create(fcinfo);
		timeline->has_constant = true;
		timeline->constant = pack(&constant);
	}
	else if (timeline->constant != pack(&constant))
		bm_not_constant("direction, base or the number of conditions");

	if (bm_is_time(fcinfo, TIME))
		bm_timeline_add(timeline, PG_GETARG_TIMESTAMPTZ(TIME),
						make_node(fcinfo, call, mask));
	PG_RETURN_POINTER(timeline);
}

Datum
bizmetrics_next_node_combine(PG_FUNCTION_ARGS)
{
	return bm_timeline_combine(fcinfo, "direction, base or the number of conditions");
}

/* By the text's bytes, NULL first, then by the conditions that held. */
static int
compare_nodes(const struct varlena *a, const struct varlena *b)
{
	const NodeValue *x = (const NodeValue *) a;
	const NodeValue *y = (const NodeValue *) b;
	Size length_x = NODE_TEXT_LENGTH(x);
	Size length_y = NODE_TEXT_LENGTH(y);
	int order = (int) y->isnull - (int) x->isnull;

	if (order == 0)
		order = memcmp(x->text, y->text, Min(length_x, length_y));
	if (order == 0)
		order = (length_x > length_y) - (length_x < length_y);
	return order != 0 ? order : (x->mask > y->mask) - (x->mask < y->mask);
}

static const NodeValue *
node_at(const BmTimeline *timeline, uint64 row)
{
	return (const NodeValue *) bm_timeline_value(timeline, timeline->row[row].value);
}

/* The row that a chain begins with; timeline->count: there is none. */
static uint64
find_base(const BmTimeline *timeline, const Constant *constant)
{
	uint32 wanted =
		constant->base >= FIRST_MATCH ? 3 : 1; /* the base's, and the chain's first */
	bool from_end = constant->base == TAIL || constant->base == LAST_MATCH;

	for (uint64 i = 0; i < timeline->count; i++)
	{
		uint64 row = from_end ? timeline->count - 1 - i : i;

		if ((node_at(timeline, row)->mask & wanted) == wanted)
			return row;
		if (constant->base < FIRST_MATCH)
			break;
	}
	return timeline->count;
}

/* The row behind the chain that begins at the base; NULL: the chain does not go through, or ends at the last row. */
static const NodeValue *
find_next(const BmTimeline *timeline, const Constant *constant)
{
	uint64 row = find_base(timeline, constant);

	for (int i = 1; i < constant->conditions; i++)
	{
		if (row >= timeline->count || (node_at(timeline, row)->mask >> i & 1) == 0)
			return NULL;
		/* Before the first one is no row: what is below 0 is beyond the last one. */
		row = constant->backward ? row - 1 : row + 1;
	}
	return row < timeline->count ? node_at(timeline, row) : NULL;
}

Datum
bizmetrics_next_node_result(PG_FUNCTION_ARGS)
{
	BmTimeline *timeline = PG_ARGISNULL(0) ? NULL : (BmTimeline *) PG_GETARG_POINTER(0);
	const NodeValue *next = NULL;

	if (timeline != NULL)
	{
		Constant constant = unpack(timeline->constant);

		bm_timeline_sort(timeline, compare_nodes);
		next = find_next(timeline, &constant);
	}
	if (next == NULL || next->isnull)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(next->text, NODE_TEXT_LENGTH(next)));
}
