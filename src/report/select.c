/*
 * The SELECT of a declarative report, as PostgreSQL understands it.
 *
 * What is added to it (the window, the grain, that events be new) is added to its parse tree, which
 * PostgreSQL then spells as SQL: no text of the user's is cut or pasted.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"

#include "base/compat_query.h"
#include "base/guc.h"
#include "base/table.h"
#include "event/event.h"
#include "report/depends.h"
#include "report/increment.h"
#include "report/select.h"
#include "report/substitute.h"
#include "report/truncate.h"

/* $1 and $2 are the window's bounds, $3 the values of the grain. */
static const Oid parameter_types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID};

int
bm_report_parameters(const BmReport *report)
{
	if (report->bucket == NULL)
		return 0;
	return report->grain != NULL ? 3 : 2;
}

/* Is it one SELECT, which does not write into a table by itself? */
bool
bm_select_is_one(const char *query)
{
	List *commands = pg_parse_query(query);
	Node *command;

	if (list_length(commands) != 1)
		return false;
	command = linitial_node(RawStmt, commands)->stmt;
	return IsA(command, SelectStmt) && castNode(SelectStmt, command)->intoClause == NULL;
}

static bool
calls(Node *node, void *function)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncCall) &&
		strcmp(strVal(llast(castNode(FuncCall, node)->funcname)), function) == 0)
		return true;
	return raw_expression_tree_walker(node, calls, function);
}

/* Does a command of the query call a function of this name? Only what raw parse trees show. */
bool
bm_query_calls(const char *query, const char *function)
{
	ListCell *cell;

	foreach(cell, pg_parse_query(query))
	{
		Node *command = lfirst_node(RawStmt, cell)->stmt;

		if ((IsA(command, SelectStmt) || IsA(command, InsertStmt) ||
			 IsA(command, UpdateStmt) || IsA(command, DeleteStmt) ||
			 IsA(command, MergeStmt)) &&
			calls(command, unconstify(char *, function)))
			return true;
	}
	return false;
}

/* The entry of business_events under inner joins, or 0; more than one makes it -1. */
static int
find_events(const Query *query, Node *from)
{
	ListCell *cell;
	int found = 0;

	if (from == NULL)
		return 0;
	if (IsA(from, RangeTblRef))
	{
		int index = castNode(RangeTblRef, from)->rtindex;
		RangeTblEntry *entry = rt_fetch(index, query->rtable);

		return entry->rtekind == RTE_RELATION && entry->relid == bm_event_parent() ? index
																				   : 0;
	}
	if (IsA(from, JoinExpr))
	{
		JoinExpr *join = castNode(JoinExpr, from);

		/* What the outer side is restricted to, the result is. */
		if (join->jointype == JOIN_LEFT)
			return find_events(query, join->larg);
		if (join->jointype == JOIN_RIGHT)
			return find_events(query, join->rarg);
		if (join->jointype != JOIN_INNER)
			return 0;
		found = find_events(query, join->larg);
		if (find_events(query, join->rarg) != 0)
			found = found != 0 ? -1 : find_events(query, join->rarg);
		return found;
	}
	foreach(cell, castNode(FromExpr, from)->fromlist)
	{
		int one = find_events(query, lfirst(cell));

		if (one != 0)
			found = found != 0 ? -1 : one;
	}
	return found;
}

static bool
has_window_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* IN (SELECT ...) has parameters of its own. */
	if (IsA(node, Param))
		return castNode(Param, node)->paramkind == PARAM_EXTERN &&
			   castNode(Param, node)->paramid <= 2;
	if (IsA(node, Query))
		return query_tree_walker(castNode(Query, node), has_window_parameter, context, 0);
	return expression_tree_walker(node, has_window_parameter, context);
}

/* How what one aggregate gives for new events is put together with what it gave for others. */
static BmCombine
combine_of_aggregate(const Aggref *aggregate)
{
	const char *name = get_func_name(aggregate->aggfnoid);
	bool is_ours = get_func_namespace(aggregate->aggfnoid) == PG_CATALOG_NAMESPACE;

	if (aggregate->aggorder != NIL || aggregate->aggkind != AGGKIND_NORMAL)
		return BM_COMBINE_NONE;
	if (!is_ours)
	{
		char *type = format_type_be(aggregate->aggtype);

		return aggregate->aggdistinct == NIL &&
					   (strcmp(name, "hll_add_agg") == 0 ||
						strcmp(name, "hll_union_agg") == 0) &&
					   (strcmp(type, "hll") == 0 || strstr(type, ".hll") != NULL)
				   ? BM_COMBINE_HLL
				   : BM_COMBINE_NONE;
	}
	if (strcmp(name, "min") == 0)
		return BM_COMBINE_LEAST;
	if (strcmp(name, "max") == 0)
		return BM_COMBINE_GREATEST;
	switch (aggregate->aggfnoid)
	{
		case F_BOOL_AND:
		case F_EVERY:
			return BM_COMBINE_AND;
		case F_BOOL_OR:
			return BM_COMBINE_OR;
		case F_COUNT_:
		case F_COUNT_ANY:
		case F_SUM_INT2:
		case F_SUM_INT4:
		case F_SUM_INT8:
		case F_SUM_NUMERIC:
		case F_SUM_MONEY:
		case F_SUM_INTERVAL:
			/* Not float: sums of it depend on their order. */
			return aggregate->aggdistinct == NIL ? BM_COMBINE_ADD : BM_COMBINE_NONE;
	}
	return BM_COMBINE_NONE;
}

static bool
contains_name(ArrayType *names, const char *name)
{
	ListCell *cell;

	foreach(cell, bm_text_list(names))
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static BmCombine
combine_of(const Query *query, const TargetEntry *entry, ArrayType *key)
{
	if (contains_name(key, entry->resname))
		return entry->ressortgroupref != 0 && query->groupClause != NIL ? BM_COMBINE_KEY
																		: BM_COMBINE_NONE;
	return IsA(entry->expr, Aggref) ? combine_of_aggregate(castNode(Aggref, entry->expr))
									: BM_COMBINE_NONE;
}

/* The column of events that is the report's grain. */
static AttrNumber
grain_attribute(const BmReport *report)
{
	for (int i = 0; i < BM_EVENT_COLUMNS; i++)
		if (strcmp(bm_event_column_names[i], report->grain) == 0)
			return i + 1;
	elog(ERROR, "events have no column \"%s\"", report->grain);
}

/* What is below casts that change neither the value nor what it is equal to. */
static Node *
without_cast(Node *node)
{
	if (IsA(node, RelabelType) && (castNode(RelabelType, node)->resulttype == TEXTOID ||
								   castNode(RelabelType, node)->resulttype == VARCHAROID))
		return (Node *) castNode(RelabelType, node)->arg;
	return node;
}

static bool
is_event_column(Node *node, int events, AttrNumber attribute)
{
	node = without_cast(node);
	return IsA(node, Var) && castNode(Var, node)->varno == events &&
		   castNode(Var, node)->varattno == attribute &&
		   castNode(Var, node)->varlevelsup == 0;
}

static bool
is_empty_text(Node *node)
{
	Const *constant = (Const *) without_cast(node);

	return IsA(constant, Const) && !constant->constisnull &&
		   (constant->consttype == TEXTOID || constant->consttype == VARCHAROID) &&
		   VARSIZE_ANY_EXHDR(DatumGetPointer(constant->constvalue)) == 0;
}

/*
 * Is it the grain of the events, or that with nothing for NULL? Of any other word for it, events without the
 * grain would be in one group with those whose grain is that word.
 */
static bool
is_grain(Node *node, int events, AttrNumber attribute)
{
	node = without_cast(node);
	if (IsA(node, CoalesceExpr))
	{
		List *arguments = castNode(CoalesceExpr, node)->args;

		if (list_length(arguments) != 2 || !is_empty_text(lsecond(arguments)))
			return false;
		node = linitial(arguments);
	}
	return is_event_column(node, events, attribute);
}

/* Do rows of different values of a column of the events never mix: is it grouped by it? */
static int
find_grain_column(const BmSelect *select, const BmReport *report)
{
	const Query *query = select->query;
	ListCell *cell;

	if (report->grain == NULL || select->events == 0 || query->hasWindowFuncs ||
		query->hasDistinctOn || query->limitCount != NULL || query->limitOffset != NULL ||
		query->groupingSets != NIL || query->groupClause == NIL)
		return -1;
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk && entry->ressortgroupref != 0 &&
			is_grain((Node *) entry->expr, select->events, grain_attribute(report)) &&
			contains_name(report->key, entry->resname))
			return entry->resno - 1;
	}
	return -1;
}

static Query *
analyze(const BmReport *report)
{
	List *commands = pg_parse_query(report->query);
	Query *query;

	query =
		parse_analyze_fixedparams(linitial_node(RawStmt, commands), report->query,
								  parameter_types, bm_report_parameters(report), NULL);
	if (query->commandType != CMD_SELECT || query->hasModifyingCTE)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a SELECT that writes cannot fill a report's table")));
	bm_ungroup(query);
	return query;
}

static bool
reads_events(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return castNode(RangeTblEntry, node)->relid == bm_event_parent();
	if (IsA(node, Query))
		return query_tree_walker(castNode(Query, node), reads_events, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_events, context);
}

/* Reads the report's query, with the search_path that is in force. */
BmSelect *
bm_select_read(const BmReport *report)
{
	BmSelect *select = palloc0(sizeof(BmSelect));
	Query *query = analyze(report);
	ListCell *cell;

	select->query = query;
	select->text = report->query;
	select->desc = ExecCleanTypeFromTL(query->targetList);
	select->events = Max(find_events(query, (Node *) query->jointree), 0);
	select->reads_events = reads_events((Node *) query, NULL);
	select->is_plain = select->events > 0 && query->setOperations == NULL;
	select->has_window = has_window_parameter((Node *) query, NULL);
	select->combine = palloc0(sizeof(BmCombine) * Max(select->desc->natts, 1));
	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk)
			select->combine[entry->resno - 1] = combine_of(query, entry, report->key);
	}
	select->grain_column = find_grain_column(select, report);
	return select;
}

/* Are there groups that the result does not show? */
static bool
groups_are_shown(const Query *query)
{
	ListCell *cell;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (entry->resjunk && entry->ressortgroupref != 0)
			return false;
	}
	return true;
}

/* Why what new events add up to cannot be added to what others did, or NULL. */
const char *
bm_select_delta_problem(const BmSelect *select)
{
	const Query *query = select->query;

	if (!select->is_plain || list_length(query->rtable) != 1)
		return "it reads more than business_events";
	if (query->hasSubLinks || query->cteList != NIL)
		return "it has subqueries";
	if (query->hasWindowFuncs || query->hasTargetSRFs || query->distinctClause != NIL ||
		query->limitCount != NULL || query->limitOffset != NULL ||
		query->havingQual != NULL || query->groupingSets != NIL ||
		query->groupClause == NIL)
		return "it is more than columns, aggregates and GROUP BY";
	if (!groups_are_shown(query))
		return "it groups by what it does not show";
	if (contain_volatile_functions((Node *) query))
		return "it calls volatile functions";
	if (bm_depends_on_clock(select->query, select->text))
		return "it depends on the time at which it runs";
	for (int i = 0; i < select->desc->natts; i++)
		if (select->combine[i] == BM_COMBINE_NONE)
			return psprintf("column \"%s\" is neither of the key nor a count, a sum "
							"(but of float), min, max, bool_and, bool_or or an hll",
							NameStr(TupleDescAttr(select->desc, i)->attname));
	return NULL;
}

static Var *
event_column(const BmSelect *select, BmEventColumn column)
{
	RangeTblEntry *entry = rt_fetch(select->events, select->query->rtable);
	AttrNumber attribute = column + 1;
	Oid type;
	int32 typmod;
	Oid collation;

	get_atttypetypmodcoll(entry->relid, attribute, &type, &typmod, &collation);
	return makeVar(select->events, attribute, type, typmod, collation, 0);
}

static Param *
parameter(int number)
{
	Param *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = parameter_types[number - 1];
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(param->paramtype);
	param->location = -1;
	return param;
}

static Node *
compare(const char *operator, Oid type, void *left, void *right)
{
	Oid oid = OpernameGetOprid(
		list_make2(makeString("pg_catalog"), makeString(pstrdup(operator))), type, type);
	Expr *comparison = make_opclause(oid, BOOLOID, false, left, right, InvalidOid,
									 get_typcollation(type));

	set_opfuncid(castNode(OpExpr, comparison));
	return (Node *) comparison;
}

/* A call of a function of ours. */
static Expr *
call(const char *function, Oid result, List *arguments, int count, const Oid *types)
{
	Oid oid = bm_function_of(function, count, types);

	return (Expr *) makeFuncExpr(oid, result, arguments, InvalidOid, InvalidOid,
								 COERCE_EXPLICIT_CALL);
}

static Node *
in_window(const BmSelect *select)
{
	return make_and_qual(
		compare(">=", TIMESTAMPTZOID, event_column(select, BM_EVENT_OCCURRED_AT),
				parameter(1)),
		compare("<", TIMESTAMPTZOID, event_column(select, BM_EVENT_OCCURRED_AT),
				parameter(2)));
}

static Node *
any_of_values(Expr *value)
{
	ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);

	any->opno = OpernameGetOprid(list_make2(makeString("pg_catalog"), makeString("=")),
								 TEXTOID, TEXTOID);
	any->useOr = true;
	any->args = list_make2(value, parameter(3));
	any->location = -1;
	return (Node *) any;
}

/* An event without the grain counts as one whose grain is empty. */
static Node *
in_values(const BmSelect *select, const BmReport *report)
{
	BmEventColumn column = (BmEventColumn) (grain_attribute(report) - 1);
	Const *empty = makeConst(TEXTOID, -1, get_typcollation(TEXTOID), -1,
							 CStringGetTextDatum(""), false, false);
	NullTest *is_null = makeNode(NullTest);

	if (column == BM_EVENT_NAME)
		return any_of_values((Expr *) event_column(select, column));
	is_null->arg = (Expr *) event_column(select, column);
	is_null->nulltesttype = IS_NULL;
	is_null->location = -1;
	return (Node *) makeBoolExpr(
		OR_EXPR,
		list_make2(any_of_values((Expr *) event_column(select, column)),
				   make_and_qual((Node *) is_null, any_of_values((Expr *) empty))),
		-1);
}

static Node *
is_new(const BmSelect *select)
{
	Oid int8 = INT8OID;
	Expr *oldest =
		(Expr *) makeConst(INT8OID, -1, InvalidOid, sizeof(int64),
						   Int64GetDatum(bm_increment_xmin()), false, FLOAT8PASSBYVAL);
	Expr *new = call("is_new", BOOLOID,
					 list_make1(event_column(select, BM_EVENT_XACT_ID)), 1, &int8);

	return make_and_qual(
		compare(">=", INT8OID, event_column(select, BM_EVENT_XACT_ID), oldest),
		(Node *) new);
}

/* Does it read anything but tables, which may be events again? Views may hide them, too. */
static bool
has_subqueries(const Query *query)
{
	ListCell *cell;
	int events = 0;

	foreach(cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);

		if (entry->rtekind == RTE_JOIN)
			continue;
		if (entry->rtekind != RTE_RELATION || entry->relkind == RELKIND_VIEW)
			return true;
		events += entry->relid == bm_event_parent();
	}
	return events != 1;
}

/* A constant's text, or texts, that a column of events is compared with; NULL: it is not that. */
static ArrayType *
compared_with(const BmSelect *select, Node *condition, BmEventColumn column)
{
	List *arguments;
	Const *constant;
	Datum value;
	Oid collation;

	if (IsA(condition, OpExpr) && castNode(OpExpr, condition)->opno == TextEqualOperator)
		arguments = castNode(OpExpr, condition)->args;
	else if (IsA(condition, ScalarArrayOpExpr) &&
			 castNode(ScalarArrayOpExpr, condition)->useOr &&
			 castNode(ScalarArrayOpExpr, condition)->opno == TextEqualOperator)
		arguments = castNode(ScalarArrayOpExpr, condition)->args;
	else
		return NULL;
	/* Where other texts are equal, too, the one that is written is not all. */
	collation = exprInputCollation(condition);
	if (!is_event_column(linitial(arguments), select->events, column + 1) ||
		(OidIsValid(collation) && !get_collation_isdeterministic(collation)))
		return NULL;
	constant = (Const *) eval_const_expressions(NULL, lsecond(arguments));
	if (!IsA(constant, Const) || constant->constisnull)
		return NULL;
	if (constant->consttype == TEXTARRAYOID)
		return DatumGetArrayTypeP(constant->constvalue);
	if (constant->consttype != TEXTOID)
		return NULL;
	value = constant->constvalue;
	return construct_array(&value, 1, TEXTOID, -1, false, TYPALIGN_INT);
}

/* The values that a column of events must have for the result to hold them, or NULL. */
static ArrayType *
required_values(const BmSelect *select, Node *condition, BmEventColumn column)
{
	ArrayType *values = NULL;
	ListCell *cell;

	if (condition == NULL)
		return NULL;
	if (!is_andclause(condition))
		return compared_with(select, condition, column);
	foreach(cell, castNode(BoolExpr, condition)->args)
		if ((values = compared_with(select, lfirst(cell), column)) != NULL)
			break;
	return values;
}

/*
 * The names of the events that the SELECT reads, where it says so in its WHERE and reads events but once; an
 * event of another name changes nothing. NULL: it may read all.
 */
ArrayType *
bm_select_natural_events(const BmSelect *select)
{
	if (!select->is_plain || select->query->hasSubLinks ||
		select->query->cteList != NIL || has_subqueries(select->query))
		return NULL;
	return required_values(select, select->query->jointree->quals, BM_EVENT_NAME);
}

/*
 * The grain that the SELECT has by itself: where it reads events alone and groups them by their name or their
 * company, groups that did not change need not be computed. NULL: none.
 */
const char *
bm_select_natural_grain(const BmSelect *select, const BmReport *report)
{
	static const BmEventColumn grains[] = {BM_EVENT_NAME, BM_EVENT_COMPANY_ID};
	BmReport copy = *report;

	if (!select->is_plain || list_length(select->query->rtable) != 1 ||
		select->query->hasSubLinks)
		return NULL;
	for (int i = 0; i < lengthof(grains); i++)
	{
		copy.grain = unconstify(char *, bm_event_column_names[grains[i]]);
		if (find_grain_column(select, &copy) >= 0)
			return copy.grain;
	}
	return NULL;
}

/* A bound of the time of events, unless it is none. */
static Node *
bound(const BmSelect *select, const char *operator, TimestampTz at, TimestampTz none)
{
	if (at == none)
		return NULL;
	return compare(operator, TIMESTAMPTZOID, event_column(select, BM_EVENT_OCCURRED_AT),
				   makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
							 TimestampTzGetDatum(at), false, FLOAT8PASSBYVAL));
}

/* Constants are spelled so that they are read as they are, whatever the settings in force. */
static char *
spell(Query *query)
{
	int nest_level = NewGUCNestLevel();
	char *sql;

	bm_guc_set_locally("DateStyle", "ISO");
	bm_guc_set_locally("IntervalStyle", "postgres");
	bm_guc_set_locally("extra_float_digits", "3");
	sql = pg_get_querydef(query, false);
	AtEOXact_GUC(false, nest_level);
	return sql;
}

/* The SELECT as SQL, restricted; only where it is plain. */
char *
bm_select_sql(const BmSelect *select, const BmReport *report,
			  const BmRestriction *restriction)
{
	BmSelect copy = *select;
	int only = restriction->only;
	Node *quals;

	copy.query = bm_truncate_fast(
		bm_substitute(select->query), select->events,
		(only & BM_ONLY_WINDOW) && !select->has_window ? restriction->window : BM_ALWAYS);
	quals = copy.query->jointree->quals;
	if ((only & BM_ONLY_WINDOW) && !select->has_window)
		quals = make_and_qual(quals, in_window(&copy));
	if (only & BM_ONLY_GRAIN)
		quals = make_and_qual(quals, in_values(&copy, report));
	if (only & BM_ONLY_NEW)
	{
		BmWindow written = bm_increment_written();

		quals = make_and_qual(quals, bound(&copy, ">=", written.start, DT_NOBEGIN));
		quals = make_and_qual(quals, bound(&copy, "<", written.end, DT_NOEND));
		quals = make_and_qual(quals, is_new(&copy));
	}
	copy.query->jointree->quals = quals;
	return spell(copy.query);
}
