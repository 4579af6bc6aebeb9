/*
 * Readers of report tables, and who may do what with a report.
 *
 * Each report table is granted to the readers by its own owner: when it is made, when the report
 * runs (a query may have made it anew) and when a role becomes a reader. Readers of some companies
 * are kept to their rows by policies, which the same owner makes: policy.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/role.h"
#include "base/table.h"
#include "report/access.h"
#include "report/policy.h"
#include "report/registry.h"

#define READER_RIGHTS (ACL_SELECT | ACL_REFERENCES)

/* Columns of bizmetrics.grants. */
enum
{
	GRANT_ROLE_NAME,
	GRANT_PRIVILEGE,
	GRANT_COMPANIES,
	GRANT_COLUMNS
};

typedef struct Reader
{
	Oid role;
	ArrayType *companies; /* NULL: of all */
} Reader;

PG_FUNCTION_INFO_V1(bizmetrics_share_report_tables);
PG_FUNCTION_INFO_V1(bizmetrics_may_see_report);

/* What a row of bizmetrics.grants says of a reader that exists; NULL: it does not. */
static Reader *
reader_of(Relation rel, HeapTuple row)
{
	Datum values[GRANT_COLUMNS];
	bool nulls[GRANT_COLUMNS];
	const char *word;
	Reader reader = {InvalidOid, NULL};

	heap_deform_tuple(row, RelationGetDescr(rel), values, nulls);
	word = TextDatumGetCString(values[GRANT_PRIVILEGE]);
	reader.role = get_role_oid(TextDatumGetCString(values[GRANT_ROLE_NAME]), true);
	if (strcmp(word, "company_reader") == 0 && !nulls[GRANT_COMPANIES])
		reader.companies = DatumGetArrayTypePCopy(values[GRANT_COMPANIES]);
	else if (strcmp(word, "reader") != 0)
		return NULL;
	return OidIsValid(reader.role)
			   ? memcpy(palloc(sizeof(Reader)), &reader, sizeof(Reader))
			   : NULL;
}

static List *
readers(void)
{
	Relation rel = bm_table_open("grants", AccessShareLock);
	List *found = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		Reader *reader = reader_of(rel, lfirst(cell));

		if (reader != NULL)
			found = lappend(found, reader);
	}
	table_close(rel, AccessShareLock);
	return found;
}

static void
execute_grant(const char *format, Oid target, Oid role)
{
	char *table = quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(target)), get_rel_name(target));

	SPI_connect();
	if (SPI_execute(
			psprintf(format, table, quote_identifier(GetUserNameFromId(role, false))),
			false, 0) < 0)
		elog(ERROR, "could not change the privileges on %s", table);
	SPI_finish();
}

/*
 * Was a table that says no more whose its rows are shared with a reader of some companies? What its
 * owner grants by himself, of a table that never said so, is his business.
 */
static bool
was_shared(Oid target, Oid role)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(target));
	bool isnull = true;
	Datum rights = (Datum) 0;
	bool found = false;

	if (!HeapTupleIsValid(tuple) || !bm_policy_was_begun(target))
	{
		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		return false;
	}
	rights = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relacl, &isnull);
	if (!isnull)
	{
		Acl *acl = DatumGetAclPCopy(rights);

		for (int i = 0; i < ACL_NUM(acl); i++)
			found |= ACL_DAT(acl)[i].ai_grantee == role &&
					 (ACLITEM_GET_PRIVS(ACL_DAT(acl)[i]) & ACL_SELECT) != 0;
	}
	ReleaseSysCache(tuple);
	return found;
}

/* The readers that cannot read yet what they are to read of a report's table, or can read more. */
static List *
readers_to_serve(Oid target)
{
	bool possible = bm_policy_possible(target);
	List *kept = possible ? bm_policy_roles(target) : NIL;
	List *found = NIL;
	ListCell *cell;

	foreach(cell, readers())
	{
		Reader *reader = lfirst(cell);
		AclMode needed = reader->companies == NULL ? READER_RIGHTS : ACL_SELECT;
		bool served;

		if (reader->companies != NULL && !possible)
			served = !was_shared(target, reader->role);
		else
			served =
				pg_class_aclmask(target, reader->role, needed, ACLMASK_ALL) == needed &&
				(reader->companies == NULL || list_member_oid(kept, reader->role));
		if (!served && !bm_table_ownercheck(target, reader->role))
			found = lappend(found, reader);
	}
	return found;
}

bool
bm_access_is_shared(Oid target)
{
	return readers_to_serve(target) == NIL;
}

/* Takes a table from one who is not to read it any more. */
static void
take_away(Oid target, Oid role)
{
	execute_grant("REVOKE SELECT, REFERENCES ON %s FROM %s", target, role);
	bm_policy_drop(target, role);
}

/* As the table's owner. Nobody is given a table before he is kept to his companies' rows. */
static void
serve(Oid target, const Reader *reader)
{
	if (reader->companies == NULL)
		execute_grant("GRANT SELECT, REFERENCES ON %s TO %s", target, reader->role);
	else
	{
		bm_policy_put(target, reader->role, reader->companies);
		/* REFERENCES would tell which keys others have: foreign keys look past policies. */
		execute_grant("GRANT SELECT ON %s TO %s", target, reader->role);
	}
}

/* Grants a report's table to the readers that cannot read it yet, as the current role. */
void
bm_access_share_target(Oid target)
{
	bool possible = bm_policy_possible(target);
	ListCell *cell;

	foreach(cell, readers_to_serve(target))
	{
		const Reader *reader = lfirst(cell);

		if (reader->role == GetUserId())
			continue;
		if (reader->companies == NULL || possible)
			serve(target, reader);
		else
			take_away(target, reader->role);
	}
}

/*
 * As the report's owner, who can only give what is his: a row of the registry lends no rights. One
 * who lost the use of the schema keeps his table as it is, which no reader gets at without it.
 * Without a reader the role is none any more.
 */
static void
share_as_owner(const BmReport *report, Oid role, const Reader *reader)
{
	BmRoleSwitch saved;
	Oid owner = bm_report_owner(report);
	Oid target = bm_report_target(report, true);

	if (!OidIsValid(owner) || !OidIsValid(target) || owner == role ||
		!bm_table_ownercheck(target, owner))
		return;
	if (!bm_role_may(owner, ACL_USAGE, NamespaceRelationId, get_rel_namespace(target)))
	{
		ereport(NOTICE,
				(errmsg("privileges on %s stay as they are: its owner \"%s\" may not use "
						"schema \"%s\"",
						report->target, report->owner, BM_ANALYTICS)));
		return;
	}
	saved = bm_role_enter(owner);
	if (reader != NULL && (reader->companies == NULL || bm_policy_possible(target)))
		serve(target, reader);
	else if (reader == NULL || was_shared(target, role))
		take_away(target, role);
	bm_role_leave(&saved);
}

static const Reader *
find_reader(Oid role)
{
	ListCell *cell;

	foreach(cell, readers())
		if (((Reader *) lfirst(cell))->role == role)
			return lfirst(cell);
	return NULL;
}

Datum
bizmetrics_share_report_tables(PG_FUNCTION_ARGS)
{
	Oid role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	const Reader *reader = find_reader(role);
	ListCell *cell;

	if (!bm_role_inherits(GetUserId(), bm_extension_owner()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of extension bizmetrics")));
	foreach(cell, bm_report_list())
		share_as_owner(lfirst(cell), role, reader);
	PG_RETURN_VOID();
}

/* The rights of the report's owner, or of the extension's. */
bool
bm_may_manage(const BmReport *report)
{
	return bm_role_inherits(GetUserId(), bm_report_owner(report)) ||
		   bm_role_inherits(GetUserId(), bm_extension_owner());
}

void
bm_require_manager(const BmReport *report)
{
	if (!bm_may_manage(report))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for report \"%s\"", report->name)));
}

/* The rights of this owner, of the extension's, or of those who watch the server. */
bool
bm_may_see(const char *owner)
{
	Oid user = GetUserId();

	return bm_role_inherits(user, get_role_oid(owner, true)) ||
		   bm_role_inherits(user, bm_extension_owner()) ||
		   bm_role_inherits(user, get_role_oid("pg_monitor", true));
}

Datum
bizmetrics_may_see_report(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!PG_ARGISNULL(0) && bm_may_see(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
