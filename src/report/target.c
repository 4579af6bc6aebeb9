/*
 * The table that a declarative report fills: made from its SELECT, or checked to fit it.
 *
 * All of it runs as the report's owner, in SPI, with names spelt out.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/ruleutils.h"

#include "base/spi.h"
#include "report/target.h"

static int
find_column(TupleDesc desc, const char *name)
{
	for (int i = 0; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped &&
			strcmp(NameStr(TupleDescAttr(desc, i)->attname), name) == 0)
			return i;
	return -1;
}

static const char *
type_name(const FormData_pg_attribute *column)
{
	return format_type_extended(column->atttypid, column->atttypmod,
								FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

/* A column as CREATE TABLE has it. */
static char *
definition_of(const FormData_pg_attribute *column)
{
	const char *collation = "";

	if (OidIsValid(column->attcollation) &&
		column->attcollation != get_typcollation(column->atttypid))
		collation =
			psprintf(" COLLATE %s", generate_collation_name(column->attcollation));
	return psprintf("%s %s%s", quote_identifier(NameStr(column->attname)),
					type_name(column), collation);
}

/* The columns must have names, each its own, and there must be the key's. */
static void
check_columns(const BmReport *report, const BmSelect *select)
{
	ListCell *cell;

	for (int i = 0; i < select->desc->natts; i++)
	{
		const char *name = NameStr(TupleDescAttr(select->desc, i)->attname);

		if (strcmp(name, "?column?") == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_DEFINITION),
							errmsg("column %d of the query has no name", i + 1),
							errhint("Give it one with AS.")));
		if (find_column(select->desc, name) != i)
			ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
							errmsg("the query has more than one column \"%s\"", name)));
		if (TupleDescAttr(select->desc, i)->atttypid == UNKNOWNOID)
			ereport(ERROR, (errcode(ERRCODE_INDETERMINATE_DATATYPE),
							errmsg("column \"%s\" of the query has no type", name),
							errhint("Cast it to one.")));
	}
	foreach(cell, bm_text_list(report->key))
		if (find_column(select->desc, lfirst(cell)) < 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("the query has no column \"%s\", which is in key",
								   (char *) lfirst(cell))));
}

/* The key's columns, quoted, with commas. */
char *
bm_target_key_columns(const BmReport *report)
{
	StringInfoData columns;
	ListCell *cell;

	initStringInfo(&columns);
	foreach(cell, bm_text_list(report->key))
		appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
						 quote_identifier(lfirst(cell)));
	return columns.data;
}

void
bm_target_make(const BmReport *report, const BmSelect *select)
{
	StringInfoData sql;

	check_columns(report, select);
	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", report->target);
	for (int i = 0; i < select->desc->natts; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "",
						 definition_of(TupleDescAttr(select->desc, i)));
	if (report->key != NULL)
		appendStringInfo(&sql, ", PRIMARY KEY (%s)", bm_target_key_columns(report));
	appendStringInfoChar(&sql, ')');
	bm_spi_command(sql.data);
}

/* Can two rows be of one key, as of NULL? */
static bool
can_be_null(Relation rel, Form_pg_index index)
{
	for (int i = 0; i < index->indnkeyatts; i++)
		if (index->indkey.values[i] > 0 &&
			!TupleDescAttr(RelationGetDescr(rel), index->indkey.values[i] - 1)
				 ->attnotnull)
			return true;
	return false;
}

/* Is there a unique index on just the key's columns, which ON CONFLICT can go by? */
static bool
has_unique_key(const BmReport *report, Relation rel)
{
	Bitmapset *key = NULL;
	ListCell *cell;
	bool found = false;

	foreach(cell, bm_text_list(report->key))
		key = bms_add_member(key, get_attnum(RelationGetRelid(rel), lfirst(cell)));
	foreach(cell, RelationGetIndexList(rel))
	{
		Relation index = RelationIdGetRelation(lfirst_oid(cell));
		Form_pg_index form = index->rd_index;
		Bitmapset *columns = NULL;

		for (int i = 0; i < form->indnkeyatts; i++)
			columns = bms_add_member(columns, Max(form->indkey.values[i], 0));
		found |= form->indisunique && form->indimmediate && form->indisvalid &&
				 RelationGetIndexPredicate(index) == NIL && bms_equal(columns, key) &&
				 !can_be_null(rel, form);
		RelationClose(index);
	}
	return found;
}

static void
check_type(const FormData_pg_attribute *given, const FormData_pg_attribute *stored,
		   const BmReport *report)
{
	if (given->atttypid != stored->atttypid)
		ereport(
			ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of %s is of type %s, and of the query %s",
					NameStr(given->attname), report->target,
					format_type_be(stored->atttypid), format_type_be(given->atttypid)),
			 errhint("Cast it in the query, or change the table with ALTER TABLE.")));
}

/* A table that is there already must take the query's rows. */
void
bm_target_check(const BmReport *report, const BmSelect *select, Oid target)
{
	Relation rel = table_open(target, AccessShareLock);
	TupleDesc desc = RelationGetDescr(rel);

	check_columns(report, select);
	for (int i = 0; i < select->desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(select->desc, i);
		int there = find_column(desc, NameStr(column->attname));

		if (there < 0)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
							errmsg("target %s has no column \"%s\"", report->target,
								   NameStr(column->attname)),
							errhint("Add it with ALTER TABLE, or use another target.")));
		check_type(column, TupleDescAttr(desc, there), report);
	}
	if (report->key != NULL && !has_unique_key(report, rel))
		ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
						errmsg("target %s has no primary key or unique index on key (%s)",
							   report->target, bm_target_key_columns(report)),
						errhint("The key's columns must be NOT NULL, too: NULLs are not "
								"equal.")));
	table_close(rel, NoLock);
}

/* Columns that the query has since it was altered; what it has no more must have gone before. */
void
bm_target_add_columns(const BmReport *report, const BmSelect *select, Oid target)
{
	Relation rel = table_open(target, AccessShareLock);
	TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(rel));

	table_close(rel, AccessShareLock);
	check_columns(report, select);
	for (int i = 0; i < select->desc->natts; i++)
		if (find_column(desc, NameStr(TupleDescAttr(select->desc, i)->attname)) < 0)
			bm_spi_command(psprintf("ALTER TABLE %s ADD COLUMN %s", report->target,
									definition_of(TupleDescAttr(select->desc, i))));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);

		if (!column->attisdropped && !column->attgenerated && !column->attidentity &&
			!column->atthasdef && find_column(select->desc, NameStr(column->attname)) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("the query does not give column \"%s\" of %s any more",
							NameStr(column->attname), report->target),
					 errhint("Drop the column with ALTER TABLE first, or let the query "
							 "give it.")));
	}
}

static char *
json_text(JsonbValue *value)
{
	return value->type == jbvString
			   ? pnstrdup(value->val.string.val, value->val.string.len)
			   : NULL;
}

static void
comment_on_columns(const BmReport *report, Jsonb *columns)
{
	JsonbIterator *iterator = JsonbIteratorInit(&columns->root);
	JsonbIteratorToken token;
	JsonbValue value;
	char *column = NULL;

	if (!JB_ROOT_IS_OBJECT(columns))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("columns must be an object"),
						errhint("Its keys are columns, its values their comments.")));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			column = json_text(&value);
		else if (token == WJB_VALUE && json_text(&value) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the comment on column \"%s\" must be a string", column)));
		else if (token == WJB_VALUE)
			bm_spi_command(psprintf("COMMENT ON COLUMN %s.%s IS %s", report->target,
									quote_identifier(column),
									quote_literal_cstr(json_text(&value))));
	}
}

void
bm_target_comment(const BmReport *report, const char *description, Jsonb *columns)
{
	if (description != NULL)
		bm_spi_command(psprintf("COMMENT ON TABLE %s IS %s", report->target,
								quote_literal_cstr(description)));
	if (columns != NULL)
		comment_on_columns(report, columns);
}

bool
bm_target_is_time(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID;
}

/* The column of the key that tells the bucket: the first that is a time. NULL: none is. */
char *
bm_target_bucket_column(const BmReport *report, const BmSelect *select)
{
	ListCell *cell;

	foreach(cell, bm_text_list(report->key))
	{
		int column = find_column(select->desc, lfirst(cell));

		if (column >= 0 &&
			bm_target_is_time(TupleDescAttr(select->desc, column)->atttypid))
			return lfirst(cell);
	}
	return NULL;
}

/* A bound of the window, a parameter, as a column of this type tells time. */
char *
bm_target_time_bound(const BmReport *report, Oid type, int parameter)
{
	char *local = psprintf("pg_catalog.timezone(%s, $%d::pg_catalog.timestamptz)",
						   quote_literal_cstr(report->timezone), parameter);

	switch (type)
	{
		case TIMESTAMPOID:
			return local;
		case DATEOID:
			return psprintf("%s::pg_catalog.date", local);
		default:
			return psprintf("$%d::pg_catalog.timestamptz", parameter);
	}
}

bool
bm_target_is_empty(const BmReport *report)
{
	if (SPI_execute(psprintf("SELECT FROM %s LIMIT 1", report->target), true, 1) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not read %s", report->target);
	return SPI_processed == 0;
}
