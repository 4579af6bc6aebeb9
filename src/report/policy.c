/*
 * policy.c
 *	  Row security on a report's table, for readers of some companies.
 *
 * A table gets row security with its first such reader, and then two kinds of policies. One is
 * permissive, for everybody and always true, so that nothing changes for anybody else. The other is
 * restrictive, one for each of these readers: company_id must be one of his companies. It is literal,
 * so that it needs nothing of the extension's, is dumped with the table, holds after DROP EXTENSION,
 * and lets the planner use an index. The table's owner, as whom the report runs, passes by all of them.
 *
 * Whoever has policies of his own on the table keeps them: then nothing permissive is added.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/policy.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/spi.h"
#include "report/policy.h"

#define COLUMN "company_id"
#define EVERYBODY "bizmetrics_everybody"
#define COMPANY_READER "bizmetrics_company"

static bool
has_row_security(Oid target)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(target));
	bool has =
		HeapTupleIsValid(tuple) && ((Form_pg_class) GETSTRUCT(tuple))->relrowsecurity;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return has;
}

bool
bm_policy_possible(Oid target)
{
	char kind = get_rel_relkind(target);

	return (kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE) &&
		   get_attnum(target, COLUMN) > 0;
}

/* For whom a policy of ours is; InvalidOid: it is none. */
static Oid
reader_of(Relation rel, HeapTuple tuple)
{
	Form_pg_policy policy = (Form_pg_policy) GETSTRUCT(tuple);
	bool isnull;
	ArrayType *roles;

	if (policy->polpermissive ||
		strncmp(NameStr(policy->polname), COMPANY_READER, strlen(COMPANY_READER)) != 0)
		return InvalidOid;
	roles = DatumGetArrayTypePCopy(
		heap_getattr(tuple, Anum_pg_policy_polroles, RelationGetDescr(rel), &isnull));
	return ArrayGetNItems(ARR_NDIM(roles), ARR_DIMS(roles)) == 1
			   ? ((Oid *) ARR_DATA_PTR(roles))[0]
			   : InvalidOid;
}

bool
bm_policy_was_begun(Oid target)
{
	return OidIsValid(get_relation_policy_oid(target, EVERYBODY, true));
}

typedef struct Policy
{
	char *name;
	Oid role; /* whom it keeps to his companies' rows; InvalidOid: it is another's */
} Policy;

static List *
policies(Oid target)
{
	Relation rel = table_open(PolicyRelationId, AccessShareLock);
	List *found = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_policy_polrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(target));
	scan = systable_beginscan(rel, PolicyPolrelidPolnameIndexId, true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Policy *policy = palloc(sizeof(Policy));

		policy->name = pstrdup(NameStr(((Form_pg_policy) GETSTRUCT(tuple))->polname));
		policy->role = reader_of(rel, tuple);
		found = lappend(found, policy);
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

List *
bm_policy_roles(Oid target)
{
	List *roles = NIL;
	ListCell *cell;

	if (!has_row_security(target))
		return NIL;
	foreach(cell, policies(target))
		if (OidIsValid(((Policy *) lfirst(cell))->role))
			roles = lappend_oid(roles, ((Policy *) lfirst(cell))->role);
	return roles;
}

static char *
table_name(Oid target)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(target)),
									  get_rel_name(target));
}

static void
drop_policy(Oid target, const char *name)
{
	bm_spi_command(
		psprintf("DROP POLICY %s ON %s", quote_identifier(name), table_name(target)));
}

static void
drop_policies_of(Oid target, Oid role)
{
	ListCell *cell;

	foreach(cell, policies(target))
		if (((Policy *) lfirst(cell))->role == role)
			drop_policy(target, ((Policy *) lfirst(cell))->name);
}

static void
begin_row_security(Oid target)
{
	if (has_row_security(target))
		return;
	if (!bm_policy_was_begun(target))
		bm_spi_command(psprintf("CREATE POLICY " EVERYBODY
								" ON %s USING (true) WITH CHECK (true)",
								table_name(target)));
	bm_spi_command(
		psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", table_name(target)));
}

/* A name that is free: a role of this one's name before may have been renamed since. */
static char *
free_name(Oid target, Oid role)
{
	char *name = makeObjectName(COMPANY_READER, GetUserNameFromId(role, false), NULL);

	for (int n = 2; OidIsValid(get_relation_policy_oid(target, name, true)); n++)
		name = makeObjectName(COMPANY_READER, GetUserNameFromId(role, false),
							  psprintf("%d", n));
	return name;
}

/* As SQL that means the same whatever the search_path. */
static char *
condition(Oid target, ArrayType *companies)
{
	const char *cast = get_atttype(target, get_attnum(target, COLUMN)) == TEXTOID
						   ? ""
						   : "::pg_catalog.text";
	char *list = OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(companies));

	return psprintf(COLUMN "%s OPERATOR(pg_catalog.=) ANY (%s::pg_catalog.text[])", cast,
					quote_literal_cstr(list));
}

void
bm_policy_put(Oid target, Oid role, ArrayType *companies)
{
	SPI_connect();
	begin_row_security(target);
	drop_policies_of(target, role);
	bm_spi_command(psprintf("CREATE POLICY %s ON %s AS RESTRICTIVE TO %s USING (%s)",
							quote_identifier(free_name(target, role)), table_name(target),
							quote_identifier(GetUserNameFromId(role, false)),
							condition(target, companies)));
	SPI_finish();
}

void
bm_policy_drop(Oid target, Oid role)
{
	List *left;

	SPI_connect();
	drop_policies_of(target, role);
	CommandCounterIncrement();
	left = policies(target);
	/* With the last such reader goes what was made for the first. */
	if (list_length(left) == 1 &&
		strcmp(((Policy *) linitial(left))->name, EVERYBODY) == 0)
	{
		bm_spi_command(
			psprintf("ALTER TABLE %s DISABLE ROW LEVEL SECURITY", table_name(target)));
		drop_policy(target, EVERYBODY);
	}
	SPI_finish();
}
