/*
 * Acting as another role for a moment: security-restricted, and with a search_path of our own, so
 * that nothing the caller has set decides what runs with the role's rights. An error ends it too,
 * with the (sub)transaction.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/guc.h"
#include "base/role.h"

BmRoleSwitch
bm_role_enter(Oid role)
{
	BmRoleSwitch saved;

	GetUserIdAndSecContext(&saved.caller, &saved.context);
	SetUserIdAndSecContext(role, saved.context | SECURITY_LOCAL_USERID_CHANGE |
									 SECURITY_RESTRICTED_OPERATION);
	saved.nest_level = NewGUCNestLevel();
	bm_guc_set_locally("search_path", "pg_catalog, pg_temp");
	return saved;
}

void
bm_role_leave(const BmRoleSwitch *saved)
{
	AtEOXact_GUC(false, saved->nest_level);
	SetUserIdAndSecContext(saved->caller, saved->context);
}
