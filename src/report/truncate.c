/*
 * Truncating the times of events, which is much of what grouping them by bucket costs.
 *
 * date_trunc() takes a time apart, asks what the time zone was then, and puts it together again, for each event. But
 * the events of a bucket all have one answer. In a window in which it is the same at both ends it is put into the query as a
 * constant, which need not be grouped by; elsewhere bizmetrics.date_trunc() takes the place of
 * date_trunc(), and remembers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "event/event.h"
#include "report/truncate.h"

PG_FUNCTION_INFO_V1(bizmetrics_date_trunc);

/* Local time goes on evenly from one change of the clocks to the next. */
static bool
clocks_change(pg_tz *zone, BmWindow window)
{
	pg_time_t at = timestamptz_to_time_t(window.start);
	pg_time_t change;
	long offset_before;
	long offset_after;
	int is_dst_before;
	int is_dst_after;

	switch (pg_next_dst_boundary(&at, &offset_before, &is_dst_before, &change,
								 &offset_after, &is_dst_after, zone))
	{
		case 0:
			return false;
		case 1:
			return change <= timestamptz_to_time_t(window.end);
		default:
			return true;
	}
}

/* One answer of date_trunc(): for all times of a quarter of an hour, in which days and hours of most zones begin. */
#define QUARTER (15 * USECS_PER_MINUTE)
#define ANSWERS 256

typedef struct Answer
{
	int64 quarter;
	TimestampTz start; /* what its times are truncated to, if they have one answer */
	bool is_known;
	bool is_one;
} Answer;

/* Longer than any unit's name. */
#define UNIT_MAX 32

typedef struct Memory
{
	pg_tz *zone;
	char unit[UNIT_MAX];
	Size unit_length;
	Answer answers[ANSWERS];
} Memory;

static TimestampTz
truncate_time(text *unit, TimestampTz at)
{
	return DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_trunc, PointerGetDatum(unit), TimestampTzGetDatum(at)));
}

static void
learn(const Memory *memory, text *unit, Answer *answer, int64 quarter)
{
	BmWindow window = {quarter * QUARTER, (quarter + 1) * QUARTER - 1};

	answer->is_known = true;
	answer->quarter = quarter;
	answer->is_one = IS_VALID_TIMESTAMP(window.start) && IS_VALID_TIMESTAMP(window.end) &&
					 !clocks_change(memory->zone, window);
	if (!answer->is_one)
		return;
	answer->start = truncate_time(unit, window.start);
	answer->is_one = answer->start == truncate_time(unit, window.end);
}

/* What this call in a query has learnt of this unit; the session's time zone may be another one by now. */
static Memory *
memory_of(FmgrInfo *call, const char *unit, Size length)
{
	Memory *memory = call->fn_extra;

	if (memory != NULL && memory->zone == session_timezone &&
		memory->unit_length == length && memcmp(memory->unit, unit, length) == 0)
		return memory;
	if (memory == NULL)
		memory = call->fn_extra = MemoryContextAlloc(call->fn_mcxt, sizeof(Memory));
	memset(memory, 0, sizeof(Memory));
	memory->zone = session_timezone;
	memory->unit_length = length;
	memcpy(memory->unit, unit, length);
	return memory;
}

/* date_trunc(), which remembers. */
Datum
bizmetrics_date_trunc(PG_FUNCTION_ARGS)
{
	text *unit = PG_GETARG_TEXT_PP(0);
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(1);
	int64 quarter = at / QUARTER - (at % QUARTER < 0 ? 1 : 0);
	Memory *memory;
	Answer *answer;

	if (TIMESTAMP_NOT_FINITE(at) || VARSIZE_ANY_EXHDR(unit) > UNIT_MAX)
		PG_RETURN_TIMESTAMPTZ(truncate_time(unit, at));
	memory = memory_of(fcinfo->flinfo, VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit));
	answer = &memory->answers[(uint64) quarter % ANSWERS];
	if (!answer->is_known || answer->quarter != quarter)
		learn(memory, unit, answer, quarter);
	PG_RETURN_TIMESTAMPTZ(answer->is_one ? answer->start : truncate_time(unit, at));
}

typedef struct Rewrite
{
	int events; /* the range table entry of business_events */
	BmWindow window;
	Oid date_trunc; /* ours */
} Rewrite;

static bool
is_time_of_events(const Rewrite *rewrite, Node *node)
{
	return IsA(node, Var) && castNode(Var, node)->varno == rewrite->events &&
		   castNode(Var, node)->varattno == BM_EVENT_OCCURRED_AT + 1 &&
		   castNode(Var, node)->varlevelsup == 0;
}

/* Does local time in a zone that is named go on evenly in the window? */
static bool
is_even_in_zone(const Rewrite *rewrite, Node *name)
{
	pg_tz *zone;

	if (!IsA(name, Const) || castNode(Const, name)->constisnull)
		return false;
	zone = pg_tzset(TextDatumGetCString(castNode(Const, name)->constvalue));
	return zone != NULL && !clocks_change(zone, rewrite->window);
}

/* Is it a function of the time of the events that never goes back while that goes on, in the window? */
static bool
only_grows(const Rewrite *rewrite, Node *node)
{
	List *arguments;

	if (is_time_of_events(rewrite, node))
		return true;
	if (!IsA(node, FuncExpr))
		return false;
	arguments = castNode(FuncExpr, node)->args;
	switch (castNode(FuncExpr, node)->funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			return IsA(linitial(arguments), Const) &&
				   only_grows(rewrite, lsecond(arguments));
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			return IsA(linitial(arguments), Const) &&
				   only_grows(rewrite, lsecond(arguments)) &&
				   is_even_in_zone(rewrite, lthird(arguments));
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
			return is_even_in_zone(rewrite, linitial(arguments)) &&
				   only_grows(rewrite, lsecond(arguments));
		case F_TIMESTAMP_TIMESTAMPTZ:
		case F_DATE_TIMESTAMPTZ:
		case F_DATE_TIMESTAMP:
			return only_grows(rewrite, linitial(arguments));
		default:
			return false;
	}
}

/* Puts a time in place of that of the events. */
static Node *
put_time(Node *node, void *at)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
		return (Node *) makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
								  TimestampTzGetDatum(*(TimestampTz *) at), false,
								  FLOAT8PASSBYVAL);
	return expression_tree_mutator(node, put_time, at);
}

/* What it is at a time, as a constant. */
static Const *
value_at(Node *node, TimestampTz at)
{
	EState *estate = CreateExecutorState();
	ExprState *state = ExecPrepareExpr((Expr *) put_time(node, &at), estate);
	Oid type = exprType(node);
	int16 length;
	bool by_value;
	bool isnull;
	Datum value =
		ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), &isnull);

	get_typlenbyval(type, &length, &by_value);
	if (!isnull)
		value = datumCopy(value, by_value, length);
	FreeExecutorState(estate);
	return makeConst(type, exprTypmod(node), exprCollation(node), length, value, isnull,
					 by_value);
}

/* Its one value in the window, or NULL. */
static Node *
one_value(const Rewrite *rewrite, Node *node)
{
	Const *first;
	Const *last;

	if (!IsA(node, FuncExpr) || TIMESTAMP_NOT_FINITE(rewrite->window.start) ||
		TIMESTAMP_NOT_FINITE(rewrite->window.end) || !only_grows(rewrite, node))
		return NULL;
	first = value_at(node, rewrite->window.start);
	last = value_at(node, rewrite->window.end - 1);
	return equal(first, last) ? (Node *) first : NULL;
}

static Node *
rewrite_node(Node *node, void *context)
{
	Rewrite *rewrite = context;
	Node *value;

	if (node == NULL)
		return NULL;
	/* There the events are an outer query's. */
	if (IsA(node, Query))
	{
		Rewrite inner = {.date_trunc = rewrite->date_trunc};

		return (Node *) query_tree_mutator(castNode(Query, node), rewrite_node, &inner,
										   0);
	}
	if (rewrite->events != 0 && (value = one_value(rewrite, node)) != NULL)
		return value;
	node = expression_tree_mutator(node, rewrite_node, context);
	if (IsA(node, FuncExpr) &&
		castNode(FuncExpr, node)->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ)
		castNode(FuncExpr, node)->funcid = rewrite->date_trunc;
	return node;
}

/*
 * Rows are not told apart by what is the same in all of them; the executor would hash and compare it with each. One
 * column stays, for a query that groups by nothing has a row where there are no events.
 */
static void
group_by_no_constants(Query *query)
{
	List *clauses = query->groupClause;
	ListCell *cell;

	if (query->groupingSets != NIL)
		return;
	foreach(cell, clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, cell);

		if (IsA(get_sortgroupclause_expr(clause, query->targetList), Const) &&
			list_length(query->groupClause) > 1)
			query->groupClause = list_delete_ptr(list_copy(query->groupClause), clause);
	}
}

/* A copy of the query in which times are truncated fast; all events that it reads are of the window. */
Query *
bm_truncate_fast(const Query *query, int events, BmWindow window)
{
	Oid arguments[] = {TEXTOID, TIMESTAMPTZOID};
	Rewrite rewrite = {.window = window};
	Query *copy;

	rewrite.date_trunc = bm_function_of("date_trunc", lengthof(arguments), arguments);
	/* Where a column is NULL in some of the sets, it is no constant. */
	if (query->groupingSets == NIL && !clocks_change(session_timezone, window))
		rewrite.events = events;
	copy = query_tree_mutator(unconstify(Query *, query), rewrite_node, &rewrite, 0);
	group_by_no_constants(copy);
	return copy;
}

/* The bucket that date_trunc() makes, or NULL. */
static Interval *
bucket_of_unit(Node *unit)
{
	static const struct
	{
		const char *name;
		Interval bucket;
	} units[] = {{"minute", {.time = USECS_PER_MINUTE}},
				 {"hour", {.time = USECS_PER_HOUR}},
				 {"day", {.day = 1}},
				 {"week", {.day = 7}},
				 {"month", {.month = 1}},
				 {"quarter", {.month = 3}},
				 {"year", {.month = 12}}};
	Interval *bucket;

	if (!IsA(unit, Const) || castNode(Const, unit)->constisnull)
		return NULL;
	for (int i = 0; i < lengthof(units); i++)
		if (pg_strcasecmp(TextDatumGetCString(castNode(Const, unit)->constvalue),
						  units[i].name) == 0)
		{
			bucket = palloc(sizeof(Interval));
			*bucket = units[i].bucket;
			return bucket;
		}
	return NULL;
}

static bool
is_text(Node *node, const char *value)
{
	return IsA(node, Const) && !castNode(Const, node)->constisnull &&
		   strcmp(TextDatumGetCString(castNode(Const, node)->constvalue), value) == 0;
}

/* The time of an event, as the clocks of the time zone have it? */
static bool
is_local_time(const Rewrite *rewrite, Node *node, const char *timezone)
{
	List *arguments;

	if (!IsA(node, FuncExpr))
		return is_time_of_events(rewrite, node);
	arguments = castNode(FuncExpr, node)->args;
	switch (castNode(FuncExpr, node)->funcid)
	{
		case F_TIMESTAMP_TIMESTAMPTZ:
			return is_time_of_events(rewrite, linitial(arguments));
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
			return is_text(linitial(arguments), timezone) &&
				   is_time_of_events(rewrite, lsecond(arguments));
		default:
			return false;
	}
}

/*
 * The bucket of which an expression gives the beginning, as the time zone, which is that of the session, has it, for
 * the time of events; NULL: it is something else.
 */
Interval *
bm_truncated_bucket(Node *node, int events, const char *timezone)
{
	static const Interval day = {.day = 1};
	Rewrite rewrite = {.events = events};
	List *arguments;
	Interval *bucket;

	if (!IsA(node, FuncExpr))
		return NULL;
	arguments = castNode(FuncExpr, node)->args;
	switch (castNode(FuncExpr, node)->funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			if (!is_text(lthird(arguments), timezone))
				return NULL;
			/* FALLTHROUGH */
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			return is_local_time(&rewrite, lsecond(arguments), timezone)
					   ? bucket_of_unit(linitial(arguments))
					   : NULL;
		case F_DATE_TIMESTAMPTZ:
		case F_DATE_TIMESTAMP:
			bucket = bm_truncated_bucket(linitial(arguments), events, timezone);
			if (bucket == NULL && !is_local_time(&rewrite, linitial(arguments), timezone))
				return NULL;
			if (bucket == NULL || bucket->time != 0) /* a date tells no hour */
			{
				bucket = palloc(sizeof(Interval));
				*bucket = day;
			}
			return bucket;
		case F_TIMESTAMP_TIMESTAMPTZ:
			return bm_truncated_bucket(linitial(arguments), events, timezone);
		default:
			return NULL;
	}
}
