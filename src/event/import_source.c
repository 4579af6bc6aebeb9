/*
 * What import_events() reads: a table, a view or a query.
 *
 * Rows are read in ranges of blocks, so that a batch costs what its rows do and a commit between two
 * of them loses no place. An ordinary heap table is read where it is; whatever else there is
 * (a query, a view, a partitioned or foreign table) is copied into a temporary table first.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "event/import.h"

#define STAGING_TABLE "bizmetrics_import"

/* This session's copy of a source; one that an import left which was cancelled is found by it. */
static Oid staging = InvalidOid;
static char staging_name[NAMEDATALEN];

/* Does it begin as a query does? A table of such a name stands in double quotes. */
static bool
is_query(const char *source)
{
	static const char *const words[] = {"select", "with", "values", "table"};
	const char *p = source + strspn(source, " \t\r\n");

	if (*p == '(')
		return true;
	for (int i = 0; i < lengthof(words); i++)
	{
		int length = strlen(words[i]);

		if (pg_strncasecmp(p, words[i], length) == 0 &&
			(scanner_isspace(p[length]) || p[length] == '('))
			return true;
	}
	return false;
}

/* One statement that returns rows, and no more, for it is put behind CREATE TABLE AS. */
static void
check_query(const char *query)
{
	SPIPlanPtr plan = SPI_prepare(query, 0, NULL);

	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source is no query: %s", query),
						errhint("Give a table's name, or one SELECT.")));
	SPI_freeplan(plan);
}

static Oid
temporary_oid(const char *name)
{
	return RangeVarGetRelid(makeRangeVar("pg_temp", unconstify(char *, name), -1), NoLock,
							true);
}

static void
drop_staging(void)
{
	if (OidIsValid(staging) && temporary_oid(staging_name) == staging &&
		SPI_execute(psprintf("DROP TABLE pg_temp.%s", staging_name), false, 0) !=
			SPI_OK_UTILITY)
		elog(ERROR, "could not drop the copy of the source");
	staging = InvalidOid;
}

/* A name that no temporary table of the user's has. */
static void
name_staging(void)
{
	strlcpy(staging_name, STAGING_TABLE, NAMEDATALEN);
	for (int n = 2; OidIsValid(temporary_oid(staging_name)); n++)
		snprintf(staging_name, NAMEDATALEN, STAGING_TABLE "_%d", n);
}

/* Copies the rows of a query, as the caller and with his search_path. */
static void
stage(BmImportSource *source, const char *query)
{
	/* One is left where an import was cancelled. */
	drop_staging();
	name_staging();
	if (SPI_execute(psprintf("CREATE TEMP TABLE pg_temp.%s"
							 " USING heap ON COMMIT PRESERVE ROWS AS\n%s",
							 staging_name, query),
					false, 0) < 0)
		elog(ERROR, "could not copy the source");
	source->rows = SPI_processed;
	source->relid = staging = temporary_oid(staging_name);
	source->table = psprintf("pg_temp.%s", staging_name);
	source->is_staged = true;
}

static void
open_query(BmImportSource *source, const char *query, const char *name)
{
	if (name == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a query must have a name"),
						errhint("Add name => 'orders': the ids of its events and its "
								"rejects are known by it.")));
	check_query(query);
	stage(source, query);
	source->name = pstrdup(name);
}

static void
check_kind(Relation rel)
{
	switch (rel->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_MATVIEW:
		case RELKIND_VIEW:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is no table and no view", RelationGetRelationName(rel))));
}

static bool
has_blocks_of_its_own(Relation rel)
{
	char kind = rel->rd_rel->relkind;

	return (kind == RELKIND_RELATION || kind == RELKIND_MATVIEW) &&
		   rel->rd_rel->relam == HEAP_TABLE_AM_OID &&
		   !has_subclass(RelationGetRelid(rel));
}

/* A regclass may be a number, or "-", and need not exist. */
static Relation
open_existing(Oid relid, const char *relation)
{
	Relation rel = try_relation_open(relid, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation \"%s\" does not exist", relation)));
	return rel;
}

static void
open_relation(BmImportSource *source, const char *relation, const char *name)
{
	Oid relid =
		DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(relation)));
	Relation rel = open_existing(relid, relation);
	Oid schema = RelationGetNamespace(rel);
	/* Other sessions' temporary schemas have other numbers, and names of ids must not change. */
	char *schema_name = isTempNamespace(schema) ? "pg_temp" : get_namespace_name(schema);
	bool is_plain = has_blocks_of_its_own(rel);

	check_kind(rel);
	source->relid = source->origin = relid;
	source->rows = rel->rd_rel->reltuples;
	source->table = quote_qualified_identifier(schema_name, RelationGetRelationName(rel));
	source->name = pstrdup(name != NULL ? name : source->table);
	relation_close(rel, AccessShareLock);
	if (!is_plain)
		stage(source, psprintf("SELECT * FROM %s", source->table));
}

/* In the current memory context. The caller is connected to SPI, and closes it. */
BmImportSource *
bm_import_open(const char *source, const char *name)
{
	BmImportSource *opened = palloc0(sizeof(BmImportSource));

	if (is_query(source))
		open_query(opened, source, name);
	else
		open_relation(opened, source, name);
	return opened;
}

void
bm_import_close(const BmImportSource *source)
{
	if (source->is_staged)
		drop_staging();
}
