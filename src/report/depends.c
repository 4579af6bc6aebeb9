/*
 * What the result of a query depends on beside the rows that it reads.
 *
 * A delta adds what new events give to what others gave when they were new: that must not depend on when it was, nor on
 * what another table held then.
 */
#include "postgres.h"

#include <ctype.h>

#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/table.h"
#include "report/depends.h"

static bool
is_time(Oid type)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
			return true;
	}
	return false;
}

/* Is there a word in it that a time may be given by? */
static bool
names_clock(const char *value, int length)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
	int end;

	for (int at = 0; at < length; at = end + 1)
	{
		for (end = at; end < length && isalpha((unsigned char) value[end]);)
			end++;
		for (int i = 0; i < lengthof(words); i++)
			if (end - at == (int) strlen(words[i]) &&
				pg_strncasecmp(value + at, words[i], end - at) == 0)
				return true;
	}
	return false;
}

/* Likewise in the literal at a place of the query's text: the time that it meant, the parse tree has. */
static bool
literal_names_clock(const char *text, int location)
{
	const char *literal = text + location;
	const char *start = strpbrk(literal, "'$");
	const char *end;

	if (start != NULL && *start == '$')
		start = strchr(start + 1, '$');
	if (start == NULL)
		return false;
	end = strpbrk(start + 1, *start == '$' ? "$" : "'");
	return end != NULL && names_clock(start + 1, end - start - 1);
}

static bool
is_clock_function(Oid function)
{
	switch (function)
	{
		case F_NOW:
		case F_TRANSACTION_TIMESTAMP:
		case F_STATEMENT_TIMESTAMP:
		case F_AGE_TIMESTAMP:
		case F_AGE_TIMESTAMPTZ:
		case F_CURRENT_SETTING_TEXT: /* bizmetrics.scheduled_for, for one */
		case F_CURRENT_SETTING_TEXT_BOOL:
		case F_PG_CURRENT_SNAPSHOT:
		case F_TXID_CURRENT_SNAPSHOT:
			return true;
	}
	return false;
}

static bool
reads_clock(Node *node, void *text)
{
	if (node == NULL)
		return false;
	if (IsA(node, SQLValueFunction))
		return true;
	if (IsA(node, FuncExpr) && is_clock_function(castNode(FuncExpr, node)->funcid))
		return true;
	if (IsA(node, Const))
	{
		Const *constant = castNode(Const, node);

		return is_time(constant->consttype) && constant->location >= 0 &&
			   literal_names_clock(text, constant->location);
	}
	if (IsA(node, CoerceViaIO) && is_time(castNode(CoerceViaIO, node)->resulttype) &&
		IsA(castNode(CoerceViaIO, node)->arg, Const))
	{
		Const *constant = (Const *) castNode(CoerceViaIO, node)->arg;

		return !constant->constisnull && constant->constlen == -1 &&
			   names_clock(VARDATA_ANY(DatumGetPointer(constant->constvalue)),
						   VARSIZE_ANY_EXHDR(DatumGetPointer(constant->constvalue)));
	}
	if (IsA(node, Query))
		return query_tree_walker(castNode(Query, node), reads_clock, text, 0);
	return expression_tree_walker(node, reads_clock, text);
}

/* Does it depend on when it runs? text is what it was parsed from. */
bool
bm_depends_on_clock(Query *query, const char *text)
{
	return reads_clock((Node *) query, unconstify(char *, text));
}

/* STABLE functions of PostgreSQL's own depend on settings, which a run has from its report, and on their arguments. */
static bool
is_foreign(Oid function, void *context)
{
	return function >= FirstNormalObjectId &&
		   func_volatile(function) != PROVOLATILE_IMMUTABLE &&
		   function != bm_function_oid("report_bucket") &&
		   function != bm_function_oid("date_trunc");
}

static bool
calls_foreign(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_foreign, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker(castNode(Query, node), calls_foreign, context, 0);
	return expression_tree_walker(node, calls_foreign, context);
}

/* Does it call functions that may read other tables, or the clock: those of users that are not IMMUTABLE? */
bool
bm_depends_on_others(Query *query)
{
	return calls_foreign((Node *) query, NULL);
}

/* Is one of these columns a time, which keeps the rows of a bucket apart from others? */
static bool
goes_by_time(List *clauses, const Query *query)
{
	ListCell *cell;

	foreach(cell, clauses)
		if (is_time(exprType(get_sortgroupclause_expr(lfirst(cell), query->targetList))))
			return true;
	return false;
}

static bool
looks_at_others(const Query *query)
{
	ListCell *cell;

	if (query->limitCount != NULL || query->limitOffset != NULL)
		return true;
	if (query->hasDistinctOn && !goes_by_time(query->distinctClause, query))
		return true;
	foreach(cell, query->windowClause)
		if (!goes_by_time(lfirst_node(WindowClause, cell)->partitionClause, query))
			return true;
	return false;
}

/*
 * Does it depend on which buckets are computed with one, as LIMIT does, and a rank that is not of the day alone? What
 * is asked of each row, in a subquery of an expression or LATERAL, does not.
 */
bool
bm_depends_on_window(const Query *query)
{
	ListCell *cell;

	if (looks_at_others(query))
		return true;
	foreach(cell, query->rtable)
	{
		const RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_SUBQUERY && !entry->lateral &&
			bm_depends_on_window(entry->subquery))
			return true;
	}
	foreach(cell, query->cteList)
	{
		Node *with = lfirst_node(CommonTableExpr, cell)->ctequery;

		if (bm_depends_on_window(castNode(Query, with)))
			return true;
	}
	return false;
}
