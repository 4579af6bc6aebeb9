/*
 * source.c
 *	  Where a scan's events come from.
 *
 * The query is always given to the planner: it prunes partitions, checks rights, adds row security
 * and says what an index would cost. Where no policy has a word in it, and reading whole tables is what it
 * wants or costs less than that, they are read here: tuple by tuple, without the executor and by several
 * processes. Everything else is executed as planned.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/paths.h"
#include "parser/parsetree.h"
#include "storage/bufmgr.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "analysis/filter.h"
#include "analysis/source.h"
#include "base/compat.h"
#include "base/compat_query.h"

/* Parameters of the query, and behind them those that its filter makes. */
#define PARAMETERS 4
#define HINTS_MAX 8

/* What a tuple costs here, as a part of what the executor's sequential scan does with it. */
#define DIRECT_TUPLE 0.4

/* Tuples of a page of a table that was never analyzed. */
#define DEFAULT_TUPLES 50

/* A receiver of the executor's rows. */
typedef struct Receiver
{
	DestReceiver dest;
	BmCollector *collector;
	const BmRowShape *shape;
} Receiver;

/* The names of conditions; *is_all: one of them has none. */
static Datum
names_of(const BmScanQuery *query, bool ever, bool *is_all)
{
	Datum names[BM_MAX_CONDITIONS];
	int count = 0;

	*is_all = false;
	for (int i = 0; i < query->conditions; i++)
	{
		if (ever && !query->condition[i].ever)
			continue;
		if (query->condition[i].event == NULL)
			*is_all = true;
		else
			names[count++] = CStringGetTextDatum(query->condition[i].event);
	}
	return PointerGetDatum(
		construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
add_parameter(ParamListInfo parameters, Oid type, Datum value)
{
	ParamExternData *parameter = &parameters->params[parameters->numParams++];

	parameter->value = value;
	parameter->isnull = false;
	parameter->pflags = PARAM_FLAG_CONST;
	parameter->ptype = type;
}

static ParamListInfo
make_parameters(const BmScanQuery *query, const BmFilterHint *hint, int hints)
{
	ParamListInfo parameters = makeParamList(PARAMETERS + HINTS_MAX);
	bool is_all;

	parameters->numParams = 0;
	add_parameter(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(query->from));
	add_parameter(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(query->to));
	add_parameter(parameters, TEXTARRAYOID, names_of(query, false, &is_all));
	add_parameter(parameters, TEXTARRAYOID, names_of(query, true, &is_all));
	for (int i = 0; i < hints; i++)
		add_parameter(parameters, hint[i].type, hint[i].value);
	return parameters;
}

/* The filter is looked at again with each event: this lets an index find them. */
static void
append_hints(StringInfo sql, const BmFilterHint *hint, int hints)
{
	for (int i = 0; i < hints; i++)
		appendStringInfo(sql, " AND e.%s OPERATOR(pg_catalog.%s) $%d::pg_catalog.%s",
						 bm_event_column_names[hint[i].column], hint[i].op,
						 PARAMETERS + i + 1, hint[i].type == TEXTOID ? "text" : "jsonb");
}

/* The query's SQL. Its parameters: from, to, all names, names looked for before "from". */
static char *
make_sql(const BmScanQuery *query, uint32 columns, const BmFilterHint *hint, int hints,
		 BmRowShape *shape)
{
	static const char *const named =
		"e.event_name OPERATOR(pg_catalog.=) ANY ($%d::pg_catalog.text[])";
	StringInfoData sql;
	int count = 0;
	bool is_all;
	bool has_ever = false;

	initStringInfo(&sql);
	for (int i = 0; i < BM_EVENT_COLUMNS; i++)
	{
		shape->column[i] = 0;
		if ((columns >> i & 1) == 0)
			continue;
		appendStringInfo(&sql, "%s e.%s", count == 0 ? "SELECT" : ",",
						 bm_event_column_names[i]);
		shape->column[i] = ++count;
	}
	appendStringInfo(
		&sql,
		" FROM public.business_events AS e WHERE e.%s IS NOT NULL"
		" AND e.occurred_at OPERATOR(pg_catalog.<) $2::pg_catalog.timestamptz",
		bm_event_column_names[query->subject]);
	(void) names_of(query, false, &is_all);
	if (!is_all && !query->all_events)
	{
		appendStringInfoString(&sql, " AND ");
		appendStringInfo(&sql, named, 3);
	}
	for (int i = 0; i < query->conditions; i++)
		has_ever |= query->condition[i].ever;
	(void) names_of(query, true, &is_all);
	if (!is_all)
	{
		appendStringInfoString(
			&sql,
			" AND (e.occurred_at OPERATOR(pg_catalog.>=) $1::pg_catalog.timestamptz");
		if (has_ever)
		{
			appendStringInfoString(&sql, " OR ");
			appendStringInfo(&sql, named, 4);
		}
		appendStringInfoChar(&sql, ')');
	}
	append_hints(&sql, hint, hints);
	return sql.data;
}

static PlannedStmt *
make_plan(const char *sql, ParamListInfo parameters)
{
	List *parsed = pg_parse_query(sql);
	Oid types[PARAMETERS + HINTS_MAX];
	List *rewritten;

	for (int i = 0; i < parameters->numParams; i++)
		types[i] = parameters->params[i].ptype;
	rewritten = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, parsed), sql,
												   types, parameters->numParams, NULL);
	return pg_plan_query(linitial_node(Query, rewritten), sql, 0, parameters);
}

/* Appends the table that a plan scans, in whichever way; *is_whole is cleared where that is by an index. */
static bool
add_table(BmSource *source, Plan *plan, bool *is_whole)
{
	RangeTblEntry *entry;

	if (plan->initPlan != NIL || !(IsA(plan, SeqScan) || IsA(plan, BitmapHeapScan) ||
								   IsA(plan, IndexScan) || IsA(plan, IndexOnlyScan)))
		return false;
	*is_whole &= IsA(plan, SeqScan);
	entry = rt_fetch(((Scan *) plan)->scanrelid, source->plan->rtable);
	source->tables = lappend_oid(source->tables, entry->relid);
	return true;
}

static bool
find_tables(BmSource *source, bool *is_whole)
{
	Plan *plan = source->plan->planTree;
	ListCell *cell;

	if (!IsA(plan, Append))
		return add_table(source, plan, is_whole);
	foreach(cell, ((Append *) plan)->appendplans)
	{
		if (!add_table(source, lfirst(cell), is_whole))
			return false;
	}
	return true;
}

/* Looks at the tables. What reading all of them costs, as the planner counts. */
static double
measure_tables(BmSource *source)
{
	double tuples = 0;
	ListCell *cell;

	foreach(cell, source->tables)
	{
		Relation table = table_open(lfirst_oid(cell), NoLock);
		BlockNumber pages = RelationGetNumberOfBlocks(table);
		BlockNumber known_pages = table->rd_rel->relpages;

		/* Other kinds of tables may have no scans that processes share. */
		source->is_direct &= table->rd_tableam == GetHeapamTableAmRoutine();
		source->pages += pages;
		tuples += table->rd_rel->reltuples > 0 && known_pages > 0
					  ? table->rd_rel->reltuples / known_pages * pages
					  : (double) pages * DEFAULT_TUPLES;
		table_close(table, NoLock);
	}
	return source->pages * seq_page_cost +
		   tuples * cpu_tuple_cost * DIRECT_TUPLE / (1 + bm_source_workers(source));
}

BmSource *
bm_source_plan(const BmScanQuery *query, uint32 columns)
{
	BmSource *source = palloc0(sizeof(BmSource));
	Oid parent = bm_event_parent();
	bool is_whole = true;
	BmFilterHint hint[HINTS_MAX];
	int hints = 0;
	double cost;

	if (query->filter != NULL)
		hints = bm_filter_hints(bm_filter_parse(query->filter), hint, HINTS_MAX);
	source->sql = make_sql(query, columns, hint, hints, &source->shape);
	source->parameters = make_parameters(query, hint, hints);
	source->plan = make_plan(source->sql, source->parameters);
	source->rows = source->plan->planTree->plan_rows;
	bm_check_permissions(source->plan);
	source->is_direct = check_enable_rls(parent, InvalidOid, true) != RLS_ENABLED &&
						find_tables(source, &is_whole);
	if (!source->is_direct)
		return source;
	cost = measure_tables(source);
	if (!is_whole && (!enable_seqscan || cost > source->plan->planTree->total_cost))
		source->is_direct = false;
	return source;
}

int
bm_source_workers(const BmSource *source)
{
	BlockNumber threshold = Max(min_parallel_table_scan_size, 1);
	int workers = 0;

	while (source->is_direct && source->pages >= threshold &&
		   workers < max_parallel_workers_per_gather)
	{
		workers++;
		if (threshold > InvalidBlockNumber / 3)
			break;
		threshold *= 3;
	}
	return workers;
}

static bool
receive(TupleTableSlot *slot, DestReceiver *dest)
{
	Receiver *receiver = (Receiver *) dest;
	uint32 conditions;
	bool isnull;
	Datum name = slot_getattr(slot, receiver->shape->column[BM_EVENT_NAME], &isnull);

	if (!isnull && bm_collector_wants(receiver->collector, name, &conditions))
		bm_collector_take(receiver->collector, slot, receiver->shape, conditions);
	return true;
}

static void
ignore_startup(DestReceiver *dest, int operation, TupleDesc desc)
{
}

static void
ignore_end(DestReceiver *dest)
{
}

void
bm_source_execute(BmSource *source, BmCollector *collector)
{
	Receiver receiver = {
		.dest = {receive, ignore_startup, ignore_end, ignore_end, DestNone}};
	QueryDesc *query;

	receiver.collector = collector;
	receiver.shape = &source->shape;
	query = CreateQueryDesc(source->plan, source->sql, GetActiveSnapshot(),
							InvalidSnapshot, &receiver.dest, source->parameters, NULL, 0);
	ExecutorStart(query, 0);
	bm_executor_run(query);
	ExecutorFinish(query);
	ExecutorEnd(query);
	FreeQueryDesc(query);
}

/* Where a table has the columns: partitions that were attached have orders of their own. */
static void
find_columns(Relation table, uint32 columns, BmRowShape *shape)
{
	for (int i = 0; i < BM_EVENT_COLUMNS; i++)
	{
		shape->column[i] = 0;
		if ((columns >> i & 1) == 0)
			continue;
		shape->column[i] = get_attnum(RelationGetRelid(table), bm_event_column_names[i]);
		if (shape->column[i] == InvalidAttrNumber)
			elog(ERROR, "table \"%s\" has no column \"%s\"",
				 RelationGetRelationName(table), bm_event_column_names[i]);
	}
}

/*
 * A column that is before all others of varying length is where it always is, also in a tuple with NULLs behind it,
 * in which heap_getattr() looks for it.
 */
static inline Datum
early_attribute(HeapTuple tuple, AttrNumber number, TupleDesc desc, bool *isnull)
{
	HeapTupleHeader header = tuple->t_data;
	const uint8 until = (uint8) ((1 << number) - 1);

	if (number > BITS_PER_BYTE || bm_attribute(desc, number)->attcacheoff < 0 ||
		!HeapTupleHasNulls(tuple) || HeapTupleHeaderGetNatts(header) < number ||
		(header->t_bits[0] & until) != until)
		return heap_getattr(tuple, number, desc, isnull);
	*isnull = false;
	return fetchatt(bm_attribute(desc, number),
					(char *) header + header->t_hoff +
						bm_attribute(desc, number)->attcacheoff);
}

/* A tuple is not put into a slot before its name is known: that would pin its page once more. */
void
bm_source_read(Relation table, TableScanDesc scan, uint32 columns, BmCollector *collector)
{
	TupleDesc desc = RelationGetDescr(table);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	BmRowShape shape;
	HeapTuple tuple;

	find_columns(table, columns, &shape);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		uint32 conditions;
		bool isnull;
		Datum name = early_attribute(tuple, shape.column[BM_EVENT_NAME], desc, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull || !bm_collector_wants(collector, name, &conditions))
			continue;
		ExecStoreHeapTuple(tuple, slot, false);
		bm_collector_take(collector, slot, &shape, conditions);
	}
	ExecDropSingleTupleTableSlot(slot);
}
