/*
 * Bringing a report's table to what its SELECT gives.
 *
 * The SELECT runs by itself, into memory or a temporary file, for a command that writes never runs in
 * parallel. What it gave is then a relation of the commands that change the table: rows whose key it did
 * not give go, those that are there already and differ are updated, and the others inserted.
 * Where it gave many rows, one join of both finds those that differ before that: ON CONFLICT would look each up by
 * index and lock it, which writes, to find that there is nothing to do.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "executor/tstoreReceiver.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "base/guc.h"
#include "report/apply.h"
#include "report/bucket.h"
#include "report/expire.h"
#include "report/target.h"

#define RESULT "bizmetrics_result"
#define CHANGES "bizmetrics_changes"
#define IS_GIVEN "bizmetrics_is_given" /* a column of CHANGES: not so, the row goes */
#define FEW_ROWS 1000

typedef struct Apply
{
	const BmReport *report;
	const BmSelect *select;
	const BmParameters *parameters;
	EphemeralNamedRelation result;
	EphemeralNamedRelation changes; /* NULL: rows are not compared before */
	bool add;
	BmVanished vanished;
} Apply;

static const FormData_pg_attribute *
column(const Apply *apply, int i)
{
	return TupleDescAttr(apply->select->desc, i);
}

static const char *
name(const Apply *apply, int i)
{
	return quote_identifier(NameStr(column(apply, i)->attname));
}

static bool
is_key_column(const Apply *apply, const char *name)
{
	ListCell *cell;

	foreach(cell, bm_text_list(apply->report->key))
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static bool
is_key(const Apply *apply, int i)
{
	return is_key_column(apply, NameStr(column(apply, i)->attname));
}

static bool
has_values(const Apply *apply)
{
	for (int i = 0; i < apply->select->desc->natts; i++)
		if (!is_key(apply, i))
			return true;
	return false;
}

/* The equality of a type, whatever the search_path. */
static char *
equality(Oid type)
{
	Oid oid = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	char *sql;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_FUNCTION),
						errmsg("type %s of a column in key has no equality operator",
							   format_type_be(type))));
	sql = psprintf("OPERATOR(%s.%s)",
				   quote_identifier(get_namespace_name(
					   ((Form_pg_operator) GETSTRUCT(tuple))->oprnamespace)),
				   NameStr(((Form_pg_operator) GETSTRUCT(tuple))->oprname));
	ReleaseSysCache(tuple);
	return sql;
}

/* hll's own function, where the extension is: beside its type. */
static char *
hll_union(Oid type)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	char *sql;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "there is no type %u", type);
	sql = psprintf("%s.hll_union", quote_identifier(get_namespace_name(
									   ((Form_pg_type) GETSTRUCT(tuple))->typnamespace)));
	ReleaseSysCache(tuple);
	return sql;
}

/* What a column becomes where the row is there already. */
static char *
combined(const Apply *apply, int i)
{
	const char *c = name(apply, i);

	if (!apply->add)
		return psprintf("excluded.%s", c);
	switch (apply->select->combine[i])
	{
		case BM_COMBINE_ADD:
			return psprintf("coalesce(t.%s OPERATOR(pg_catalog.+) excluded.%s, t.%s, "
							"excluded.%s)",
							c, c, c, c);
		case BM_COMBINE_LEAST:
			return psprintf("least(t.%s, excluded.%s)", c, c);
		case BM_COMBINE_GREATEST:
			return psprintf("greatest(t.%s, excluded.%s)", c, c);
		case BM_COMBINE_AND:
			return psprintf("coalesce(t.%s AND excluded.%s, t.%s, excluded.%s)", c, c, c,
							c);
		case BM_COMBINE_OR:
			return psprintf("coalesce(t.%s OR excluded.%s, t.%s, excluded.%s)", c, c, c,
							c);
		case BM_COMBINE_HLL:
			return psprintf("coalesce(%s(t.%s, excluded.%s), t.%s, excluded.%s)",
							hll_union(column(apply, i)->atttypid), c, c, c, c);
		default:
			return psprintf("excluded.%s", c);
	}
}

static void
append_names(StringInfo sql, const Apply *apply, const char *prefix, bool keys,
			 bool values)
{
	bool first = true;

	for (int i = 0; i < apply->select->desc->natts; i++)
	{
		if (!(is_key(apply, i) ? keys : values))
			continue;
		appendStringInfo(sql, "%s%s%s", first ? "" : ", ", prefix, name(apply, i));
		first = false;
	}
}

static void
append_combined(StringInfo sql, const Apply *apply)
{
	bool first = true;

	for (int i = 0; i < apply->select->desc->natts; i++)
		if (!is_key(apply, i))
		{
			appendStringInfo(sql, "%s%s", first ? "" : ", ", combined(apply, i));
			first = false;
		}
}

/* ON CONFLICT: compared as stored, so that every type can be. */
static void
append_update(StringInfo sql, const Apply *apply)
{
	appendStringInfoString(sql, " ON CONFLICT (");
	append_names(sql, apply, "", true, false);
	if (!has_values(apply))
	{
		appendStringInfoString(sql, ") DO NOTHING");
		return;
	}
	appendStringInfoString(sql, ") DO UPDATE SET (");
	append_names(sql, apply, "", false, true);
	appendStringInfoString(sql, ") = ROW(");
	append_combined(sql, apply);
	appendStringInfoString(sql, ") WHERE ROW(");
	append_names(sql, apply, "t.", false, true);
	appendStringInfoString(sql, ")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(");
	append_combined(sql, apply);
	appendStringInfoString(sql, ")::pg_catalog.record");
}

/* Which key is NULL, or comes twice, the user is told in the words of the report. */
static void
rethrow(const Apply *apply, MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	if (error->sqlerrcode == ERRCODE_CARDINALITY_VIOLATION && error->funcname != NULL &&
		strcmp(error->funcname, "ExecOnConflictUpdate") == 0)
	{
		error->message = psprintf(
			"the query of report \"%s\" gives more than one row of the same key (%s)",
			apply->report->name, bm_target_key_columns(apply->report));
		error->hint = pstrdup("Group by the columns of key, or name more of them in it.");
	}
	else if (error->sqlerrcode == ERRCODE_NOT_NULL_VIOLATION &&
			 error->column_name != NULL && is_key_column(apply, error->column_name))
	{
		error->message = psprintf(
			"the query of report \"%s\" gives NULL for column \"%s\", which is in key",
			apply->report->name, error->column_name);
		error->hint =
			pstrdup("Use coalesce(), or leave such rows out: NULL tells no rows apart.");
	}
	ReThrowError(error);
}

/* Rows whose bucket is in the window. */
static void
append_buckets(StringInfo sql, const Apply *apply)
{
	const BmSelect *select = apply->select;
	char *bucket = bm_target_bucket_column(apply->report, select);
	Oid type = InvalidOid;

	for (int i = 0; i < select->desc->natts; i++)
		if (strcmp(NameStr(column(apply, i)->attname), bucket) == 0)
			type = column(apply, i)->atttypid;
	appendStringInfo(
		sql,
		" AND t.%s OPERATOR(pg_catalog.>=) %s"
		" AND t.%s OPERATOR(pg_catalog.<) %s",
		quote_identifier(bucket), bm_target_time_bound(apply->report, type, 1),
		quote_identifier(bucket), bm_target_time_bound(apply->report, type, 2));
}

/* Rows of the window: their bucket is in it, and their grain among the values. */
static void
append_window(StringInfo sql, const Apply *apply)
{
	append_buckets(sql, apply);
	if (apply->report->grain != NULL && apply->parameters->count > 2 &&
		!apply->parameters->nulls[2])
		appendStringInfo(sql, " AND t.%s OPERATOR(pg_catalog.=) ANY ($3)",
						 name(apply, apply->select->grain_column));
}

/* Are all rows whose bucket is in the window of the values $3? */
bool
bm_apply_values_are_all(const BmReport *report, const BmSelect *select,
						const BmParameters *parameters)
{
	Apply apply = {.report = report, .select = select, .parameters = parameters};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT FROM %s AS t WHERE true", report->target);
	append_buckets(&sql, &apply);
	appendStringInfo(&sql, " AND t.%s OPERATOR(pg_catalog.<>) ALL ($3) LIMIT 1",
					 name(&apply, select->grain_column));
	return bm_spi_execute(sql.data, parameters) == 0;
}

/* What a command with its conditions is told. */
static BmParameters
parameters_of_window(const Apply *apply)
{
	BmParameters none = {0};

	return apply->vanished == BM_VANISHED_GO_IN_WINDOW ? *apply->parameters : none;
}

/* The keys of two relations are the same. */
static void
append_same_key(StringInfo sql, const Apply *apply, const char *a, const char *b)
{
	for (int i = 0; i < apply->select->desc->natts; i++)
		if (is_key(apply, i))
			appendStringInfo(sql, " AND %s.%s %s %s.%s", a, name(apply, i),
							 equality(column(apply, i)->atttypid), b, name(apply, i));
}

static void
append_insert(StringInfo sql, const Apply *apply, BmParameters *parameters)
{
	bool has_key = apply->report->key != NULL && apply->report->strategy != BM_APPEND;
	char *kept = bm_report_not_expired(apply->report, parameters);

	appendStringInfo(sql, "INSERT INTO %s AS t (", apply->report->target);
	append_names(sql, apply, "", true, true);
	appendStringInfoString(sql, ") SELECT ");
	append_names(sql, apply, "r.", true, true);
	appendStringInfo(sql, " FROM %s AS r WHERE %s",
					 apply->changes != NULL ? CHANGES : RESULT,
					 kept != NULL ? kept : "true");
	if (apply->changes != NULL)
		appendStringInfoString(sql, " AND r." IS_GIVEN);
	if (has_key)
		append_update(sql, apply);
}

/* Inserts the rows; gathers the buckets of those that were written. */
static uint64
insert_and_tell(const Apply *apply, List **written)
{
	BmParameters parameters = parameters_of_window(apply);
	const char *bucket =
		quote_identifier(bm_target_bucket_column(apply->report, apply->select));
	pg_tz *zone = pg_tzset(apply->report->timezone);
	BmWindow *last = NULL;
	StringInfoData sql;
	uint64 times;
	uint64 rows = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "WITH w AS (");
	append_insert(&sql, apply, &parameters);
	appendStringInfo(&sql,
					 " RETURNING t.%s::pg_catalog.timestamptz AS b) SELECT w.b, "
					 "pg_catalog.count(*) FROM w GROUP BY 1 ORDER BY 1",
					 bucket);
	times = bm_spi_execute(sql.data, &parameters);
	for (uint64 i = 0; i < times; i++)
	{
		bool isnull;
		TimestampTz at = DatumGetTimestampTz(bm_spi_value(i, 1, &isnull));

		rows += (uint64) DatumGetInt64(bm_spi_value(i, 2, &isnull));
		if (TIMESTAMP_NOT_FINITE(at) || (last != NULL && at < last->end))
			continue;
		last = palloc(sizeof(BmWindow));
		*last = bm_bucket_of(apply->report->bucket, zone, at);
		*written = lappend(*written, last);
	}
	return rows;
}

static uint64
insert_rows(const Apply *apply)
{
	BmParameters parameters = parameters_of_window(apply);
	StringInfoData sql;

	initStringInfo(&sql);
	append_insert(&sql, apply, &parameters);
	return bm_spi_execute(sql.data, &parameters);
}

static uint64
put_rows(const Apply *apply, List **written)
{
	MemoryContext context = CurrentMemoryContext;
	volatile uint64 rows = 0;

	PG_TRY();
	{
		rows = written != NULL ? insert_and_tell(apply, written) : insert_rows(apply);
	}
	PG_CATCH();
	{
		rethrow(apply, context);
	}
	PG_END_TRY();
	return rows;
}

static uint64
delete_vanished(const Apply *apply)
{
	BmParameters parameters = parameters_of_window(apply);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM %s AS t WHERE true", apply->report->target);
	if (apply->vanished == BM_VANISHED_GO_IN_WINDOW)
		append_window(&sql, apply);
	if (apply->report->key != NULL)
	{
		appendStringInfoString(
			&sql, apply->changes != NULL
					  ? " AND EXISTS (SELECT FROM " CHANGES " AS r WHERE NOT r." IS_GIVEN
					  : " AND NOT EXISTS (SELECT FROM " RESULT " AS r WHERE true");
		append_same_key(&sql, apply, "r", "t");
		appendStringInfoChar(&sql, ')');
	}
	return bm_spi_execute(sql.data, &parameters);
}

/* Deletes the rows of a window; says how many there were, and of which times. */
uint64
bm_apply_empty(const BmReport *report, const BmSelect *select,
			   const BmParameters *parameters, TimestampTz *first, TimestampTz *last)
{
	Apply apply = {.report = report, .select = select, .parameters = parameters};
	const char *bucket = quote_identifier(bm_target_bucket_column(report, select));
	StringInfoData sql;
	bool isnull;

	initStringInfo(&sql);
	appendStringInfo(&sql, "WITH d AS (DELETE FROM %s AS t WHERE true", report->target);
	append_window(&sql, &apply);
	appendStringInfo(
		&sql,
		" RETURNING t.%s::pg_catalog.timestamptz AS b) SELECT pg_catalog.count(*), "
		"pg_catalog.min(d.b), pg_catalog.max(d.b) FROM d",
		bucket);
	(void) bm_spi_execute(sql.data, parameters);
	*first = DatumGetTimestampTz(bm_spi_value(0, 2, &isnull));
	*last = DatumGetTimestampTz(bm_spi_value(0, 3, &isnull));
	return (uint64) DatumGetInt64(bm_spi_value(0, 1, &isnull));
}

/*
 * A row outside of the window that it was computed for is of a part of its bucket alone: the SELECT groups by
 * other buckets than the report has. It would be put in place of the whole.
 */
static void
check_window(const Apply *apply)
{
	StringInfoData sql;
	bool isnull;
	Datum row;

	initStringInfo(&sql);
	appendStringInfo(
		&sql, "SELECT t.%s::pg_catalog.text FROM " RESULT " AS t WHERE NOT (true",
		quote_identifier(bm_target_bucket_column(apply->report, apply->select)));
	append_window(&sql, apply);
	appendStringInfoString(&sql, ") LIMIT 1");
	if (bm_spi_execute(sql.data, apply->parameters) == 0)
		return;
	row = bm_spi_value(0, 1, &isnull);
	ereport(
		ERROR,
		(errcode(ERRCODE_DATA_EXCEPTION),
		 errmsg(
			 "the query of report \"%s\" gives a row of \"%s\", which is outside of its window",
			 apply->report->name, isnull ? "NULL" : TextDatumGetCString(row)),
		 errdetail(
			 "The window is of whole buckets, and the row of a part of another one."),
		 errhint(
			 "Let column \"%s\", the first of key that is a time, be the beginning of "
			 "the report's bucket.",
			 bm_target_bucket_column(apply->report, apply->select))));
}

/* Runs a SELECT; its rows are a relation that later commands may name. */
static EphemeralNamedRelation
begin_relation(const char *name, TupleDesc desc, const char *sql,
			   const BmParameters *parameters)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	Tuplestorestate *rows = tuplestore_begin_heap(true, false, work_mem);
	DestReceiver *dest = CreateDestReceiver(DestTuplestore);
	int result;

	SetTuplestoreDestReceiverParams(dest, rows, CurrentMemoryContext, false, NULL, NULL);
	result = bm_spi_execute_into(sql, parameters, dest);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	dest->rDestroy(dest);
	relation->md.name = pstrdup(name);
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = (double) tuplestore_tuple_count(rows);
	relation->reldata = rows;
	if (SPI_register_relation(relation) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register the result of a report");
	return relation;
}

static void
end_relation(EphemeralNamedRelation relation)
{
	if (relation == NULL)
		return;
	(void) SPI_unregister_relation(relation->md.name);
	tuplestore_end(relation->reldata);
}

static TupleDesc
desc_of_changes(TupleDesc result)
{
	TupleDesc desc = CreateTemplateTupleDesc(result->natts + 1);

	TupleDescInitEntry(desc, 1, IS_GIVEN, BOOLOID, -1, 0);
	for (int i = 1; i <= result->natts; i++)
		TupleDescCopyEntry(desc, i + 1, result, i);
	return desc;
}

/* Rows that stand in the table and were not given, with their key alone, and those that were and differ. */
static void
begin_changes(Apply *apply)
{
	BmParameters parameters = parameters_of_window(apply);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT r." IS_GIVEN " IS NOT NULL");
	for (int i = 0; i < apply->select->desc->natts; i++)
		appendStringInfo(&sql, is_key(apply, i) ? ", coalesce(r.%s, t.%s)" : ", r.%s",
						 name(apply, i), name(apply, i));
	appendStringInfo(&sql, " FROM (SELECT * FROM %s AS t WHERE true",
					 apply->report->target);
	if (apply->vanished == BM_VANISHED_GO_IN_WINDOW)
		append_window(&sql, apply);
	appendStringInfoString(&sql, ") AS t FULL JOIN (SELECT true AS " IS_GIVEN
								 ", * FROM " RESULT ") AS r ON true");
	append_same_key(&sql, apply, "t", "r");
	appendStringInfo(&sql, " WHERE r." IS_GIVEN " IS NULL OR t.%s IS NULL",
					 quote_identifier(linitial(bm_text_list(apply->report->key))));
	if (has_values(apply))
	{
		appendStringInfoString(&sql, " OR ROW(");
		append_names(&sql, apply, "t.", false, true);
		appendStringInfoString(&sql,
							   ")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(");
		append_names(&sql, apply, "r.", false, true);
		appendStringInfoString(&sql, ")::pg_catalog.record");
	}
	apply->changes = begin_relation(CHANGES, desc_of_changes(apply->select->desc),
									sql.data, &parameters);
}

/* Is one look at all rows of the table less than one at each row of the result, by index? */
static bool
is_to_compare(const Apply *apply)
{
	return apply->report->key != NULL && !apply->add &&
		   apply->vanished != BM_VANISHED_STAY && apply->result->md.enrtuples >= FEW_ROWS;
}

/*
 * Brings the table to what the SELECT gave. Both are compared as sets, by hashing: the planner, who takes both for
 * large, would rather sort them.
 */
static uint64
bring_to_result(Apply *apply, List **written)
{
	int nest_level = NewGUCNestLevel();
	uint64 rows = 0;

	bm_guc_set_locally("enable_mergejoin", "off");
	if (apply->vanished == BM_VANISHED_GO_IN_WINDOW && apply->result->md.enrtuples > 0)
		check_window(apply);
	if (is_to_compare(apply))
		begin_changes(apply);
	if (apply->vanished != BM_VANISHED_STAY)
		rows += delete_vanished(apply);
	if (apply->result->md.enrtuples > 0)
		rows += put_rows(apply, written);
	AtEOXact_GUC(false, nest_level);
	return rows;
}

/*
 * Runs the SELECT, given as SQL with its parameters, and brings the table to it: adding up, where add says
 * so, what it gives with what is there. Says how many rows were written and, where written is not NULL and a
 * column of key tells time, in which buckets.
 */
uint64
bm_apply(const BmReport *report, const char *sql, const BmSelect *select,
		 const BmParameters *parameters, bool add, BmVanished vanished, List **written)
{
	Apply apply = {.report = report,
				   .select = select,
				   .parameters = parameters,
				   .add = add,
				   .vanished = vanished};
	uint64 rows;

	apply.result = begin_relation(RESULT, select->desc, sql, parameters);
	rows = bring_to_result(&apply, written);
	end_relation(apply.changes);
	end_relation(apply.result);
	return rows;
}
