/*
 * Readers of report tables, and who may do what with a report.
 *
 * Each report table is granted to the readers by its own owner: when it is made, when the report
 * runs (a query may have made it anew) and when a role becomes a reader.
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
#include "report/registry.h"

#define READER_RIGHTS (ACL_SELECT | ACL_REFERENCES)

/* Columns of bizmetrics.grants. */
enum
{
	GRANT_ROLE_NAME,
	GRANT_PRIVILEGE,
	GRANT_COLUMNS
};

PG_FUNCTION_INFO_V1(bizmetrics_share_report_tables);
PG_FUNCTION_INFO_V1(bizmetrics_may_see_report);

/* Roles that are readers and exist. */
static List *
reader_roles(void)
{
	Relation rel = bm_table_open("grants", AccessShareLock);
	List *roles = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		Datum values[GRANT_COLUMNS];
		bool nulls[GRANT_COLUMNS];
		Oid role;

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), values, nulls);
		role = get_role_oid(TextDatumGetCString(values[GRANT_ROLE_NAME]), true);
		if (OidIsValid(role) &&
			strcmp(TextDatumGetCString(values[GRANT_PRIVILEGE]), "reader") == 0)
			roles = lappend_oid(roles, role);
	}
	table_close(rel, AccessShareLock);
	return roles;
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

/* The readers that cannot read a report's table yet. */
static List *
readers_without(Oid target)
{
	List *readers = NIL;
	ListCell *cell;

	foreach(cell, reader_roles())
		if (!bm_table_ownercheck(target, lfirst_oid(cell)) &&
			pg_class_aclmask(target, lfirst_oid(cell), READER_RIGHTS, ACLMASK_ALL) !=
				READER_RIGHTS)
			readers = lappend_oid(readers, lfirst_oid(cell));
	return readers;
}

bool
bm_access_is_shared(Oid target)
{
	return readers_without(target) == NIL;
}

/* Grants a report's table to the readers that cannot read it yet, as the current role. */
void
bm_access_share_target(Oid target)
{
	ListCell *cell;

	foreach(cell, readers_without(target))
		if (lfirst_oid(cell) != GetUserId())
			execute_grant("GRANT SELECT, REFERENCES ON %s TO %s", target,
						  lfirst_oid(cell));
}

/*
 * As the report's owner, who can only give what is his: a row of the registry lends no rights. One
 * who lost the use of the schema keeps his table as it is, which no reader gets at without it.
 */
static void
share_as_owner(const BmReport *report, Oid role, bool share)
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
	execute_grant(share ? "GRANT SELECT, REFERENCES ON %s TO %s"
						: "REVOKE SELECT, REFERENCES ON %s FROM %s",
				  target, role);
	bm_role_leave(&saved);
}

Datum
bizmetrics_share_report_tables(PG_FUNCTION_ARGS)
{
	Oid role = get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);
	bool share = PG_GETARG_BOOL(1);
	ListCell *cell;

	if (!bm_role_inherits(GetUserId(), bm_extension_owner()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of extension bizmetrics")));
	foreach(cell, bm_report_list())
		share_as_owner(lfirst(cell), role, share);
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
