/*
 * What a runner's session is checked for and cleared of between two reports, so that each finds
 * what it would find in a session of its own.
 *
 * What PostgreSQL can discard is discarded. A session is used for one more report only while its
 * role, its database and their settings are the rows that it logged in with, and while no library
 * was loaded: nobody knows what a library keeps.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
#include "commands/discard.h"
#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "worker/session.h"

/* The rows of catalogs that a login reads, as one number. */
static uint64 logged_in_with;

/* What PostgreSQL would tell a parallel worker of the loaded libraries: their names grow it. */
static Size known_libraries;

/* A row's place and the transaction that wrote it: any change changes one of them. */
static uint64
version_of(HeapTuple row)
{
	uint64 place = ((uint64) ItemPointerGetBlockNumber(&row->t_self) << 16) |
				   ItemPointerGetOffsetNumber(&row->t_self);

	return hash_combine64(place, HeapTupleHeaderGetRawXmin(row->t_data));
}

static uint64
version_of_cached(int cache, Oid oid)
{
	HeapTuple row = SearchSysCache1(cache, ObjectIdGetDatum(oid));
	uint64 version;

	if (!HeapTupleIsValid(row))
		return 0;
	version = version_of(row);
	ReleaseSysCache(row);
	return version;
}

/* What ALTER ROLE or DATABASE ... SET stored for this pair, either of which may be 0 for all. */
static uint64
version_of_settings(Relation rel, Oid database, Oid role)
{
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple row;
	uint64 version = 0;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(database));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(rel, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	while (HeapTupleIsValid(row = systable_getnext(scan)))
		version = hash_combine64(version, version_of(row));
	systable_endscan(scan);
	return version;
}

/* 0 where the role or the database is gone. */
static uint64
version_of_login(void)
{
	Oid role = GetSessionUserId();
	uint64 of_role = version_of_cached(AUTHOID, role);
	uint64 of_database = version_of_cached(DATABASEOID, MyDatabaseId);
	uint64 version = hash_combine64(of_role, of_database);
	Relation rel;

	if (of_role == 0 || of_database == 0)
		return 0;
	rel = table_open(DbRoleSettingRelationId, AccessShareLock);
	version = hash_combine64(version, version_of_settings(rel, MyDatabaseId, role));
	version = hash_combine64(version, version_of_settings(rel, InvalidOid, role));
	version = hash_combine64(version, version_of_settings(rel, MyDatabaseId, InvalidOid));
	version = hash_combine64(version, version_of_settings(rel, InvalidOid, InvalidOid));
	table_close(rel, AccessShareLock);
	return version;
}

/* Is this list of names the one of before and nothing else but PL/pgSQL? */
static bool
only_plpgsql_was_added(const char *names)
{
	char *plpgsql = psprintf("%s/plpgsql.", pkglib_path);

	for (const char *name = names + known_libraries - 1; *name != '\0';
		 name += strlen(name) + 1)
		if (strncmp(name, plpgsql, strlen(plpgsql)) != 0)
			return false;
	return true;
}

/* PL/pgSQL, which many reports use, keeps functions that it compiled, and no more. */
static bool
libraries_are_known(void)
{
	Size size = EstimateLibraryStateSpace();
	char *names;

	if (size == known_libraries)
		return true;
	names = palloc0(size);
	SerializeLibraryState(size, names);
	if (!only_plpgsql_was_added(names))
		return false;
	known_libraries = size;
	return true;
}

/* In a transaction, once the process has logged in. */
void
bm_session_begin(void)
{
	logged_in_with = version_of_login();
	known_libraries = EstimateLibraryStateSpace();
}

/* In a transaction, before a report is claimed: would a login now give the same session? */
bool
bm_session_is_current(void)
{
	return logged_in_with != 0 && version_of_login() == logged_in_with &&
		   bm_role_may(GetSessionUserId(), ACL_CONNECT, DatabaseRelationId, MyDatabaseId);
}

/* SET ROLE and ALTER ROLE ... SET role notwithstanding, the session acts as who logged in. */
void
bm_session_set_role(void)
{
	SetConfigOption("role", "none", PGC_USERSET, PGC_S_SESSION);
}

/*
 * After a report: discards what it left. False where that is not enough and the session is to
 * end.
 */
bool
bm_session_clear(void)
{
	DiscardStmt discard = {.type = T_DiscardStmt, .target = DISCARD_ALL};
	MemoryContext context = CurrentMemoryContext;
	bool clean;

	StartTransactionCommand();
	DiscardCommand(&discard, true);
	bm_session_set_role();
	/* What setseed() began does not go on. */
	(void) DirectFunctionCall1(setseed,
							   Float8GetDatum(pg_prng_double(&pg_global_prng_state)));
	clean = libraries_are_known();
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return clean;
}
