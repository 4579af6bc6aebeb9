/*
 * What a report's SELECT is executed with in place of what it says: the same results, sooner.
 *
 * count(DISTINCT value) sorts, and the rows by group before; the hash table of
 * bizmetrics.count_distinct() needs neither. (properties ->> name)::numeric spells a number and reads it again;
 * bizmetrics.numeric_property() takes it as it is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "base/table.h"
#include "report/substitute.h"

PG_FUNCTION_INFO_V1(bizmetrics_numeric_property);

/* (properties ->> name)::numeric */
Datum
bizmetrics_numeric_property(PG_FUNCTION_ARGS)
{
	Jsonb *properties = PG_GETARG_JSONB_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	JsonbValue found;
	JsonbValue *value;
	Datum spelt;

	if (!JB_ROOT_IS_OBJECT(properties))
		PG_RETURN_NULL();
	value = getKeyJsonValueFromContainer(&properties->root, VARDATA_ANY(name),
										 VARSIZE_ANY_EXHDR(name), &found);
	if (value == NULL || value->type == jbvNull)
		PG_RETURN_NULL();
	/* A part of the argument, which outlives the call. */
	if (value->type == jbvNumeric)
		PG_RETURN_NUMERIC(value->val.numeric);
	spelt = DirectFunctionCall2(jsonb_object_field_text, JsonbPGetDatum(properties),
								PointerGetDatum(name));
	PG_RETURN_DATUM(DirectFunctionCall3(numeric_in,
										CStringGetDatum(TextDatumGetCString(spelt)),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

typedef struct Substitutes
{
	Oid count_distinct;
	Oid numeric_property;
} Substitutes;

/* Are values alike for this operator if they are for the type's hash table? */
static bool
can_be_hashed(Oid type, Oid equal)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_LT_OPR |
														TYPECACHE_HASH_PROC);

	return type != RECORDOID && entry->eq_opr == equal && OidIsValid(entry->lt_opr) &&
		   OidIsValid(entry->hash_proc);
}

/* count(DISTINCT value) without an order of its own */
static bool
counts_distinct(const Aggref *aggregate)
{
	const TargetEntry *argument;

	if (aggregate->aggfnoid != F_COUNT_ANY || list_length(aggregate->aggdistinct) != 1 ||
		aggregate->aggorder != NIL || list_length(aggregate->args) != 1)
		return false;
	argument = linitial_node(TargetEntry, aggregate->args);
	return can_be_hashed(exprType((Node *) argument->expr),
						 linitial_node(SortGroupClause, aggregate->aggdistinct)->eqop);
}

static void
count_by_hash(const Substitutes *substitutes, Aggref *aggregate)
{
	aggregate->aggfnoid = substitutes->count_distinct;
	aggregate->aggdistinct = NIL;
	linitial_node(TargetEntry, aggregate->args)->ressortgroupref = 0;
}

/* properties ->> name, which is read as a number; NULL: it is something else. */
static const OpExpr *
number_of_property(const Node *node)
{
	const CoerceViaIO *cast = (const CoerceViaIO *) node;
	const OpExpr *field;

	if (!IsA(node, CoerceViaIO) || cast->resulttype != NUMERICOID ||
		!IsA(cast->arg, OpExpr))
		return NULL;
	field = (const OpExpr *) cast->arg;
	return field->opfuncid == F_JSONB_OBJECT_FIELD_TEXT ? field : NULL;
}

static Node *
substitute(Node *node, void *context)
{
	const Substitutes *substitutes = context;
	const OpExpr *field;

	if (node == NULL)
		return NULL;
	if (IsA(node, Query))
		return (Node *) query_tree_mutator(castNode(Query, node), substitute, context, 0);
	node = expression_tree_mutator(node, substitute, context);
	if (IsA(node, Aggref) && counts_distinct(castNode(Aggref, node)))
		count_by_hash(substitutes, castNode(Aggref, node));
	field = number_of_property(node);
	if (field != NULL)
		return (Node *) makeFuncExpr(substitutes->numeric_property, NUMERICOID,
									 field->args, InvalidOid, InvalidOid,
									 COERCE_EXPLICIT_CALL);
	return node;
}

/* A copy of the query that gives the same, sooner. */
Query *
bm_substitute(const Query *query)
{
	Oid property[] = {JSONBOID, TEXTOID};
	Oid any[] = {ANYELEMENTOID};
	Substitutes substitutes = {
		.count_distinct = bm_function_of("count_distinct", lengthof(any), any),
		.numeric_property =
			bm_function_of("numeric_property", lengthof(property), property),
	};

	return query_tree_mutator(unconstify(Query *, query), substitute, &substitutes, 0);
}
