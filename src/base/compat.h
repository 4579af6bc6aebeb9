/*
 * The one place that knows PostgreSQL's major versions. Each shim has the shape of the
 * newest interface, so that dropping a version means deleting a block.
 */
#ifndef BM_BASE_COMPAT_H
#define BM_BASE_COMPAT_H

#include "access/brin_revmap.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "catalog/pg_namespace.h"
#include "common/jsonapi.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "storage/bufmgr.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/guc_tables.h"
#include "utils/rangetypes.h"
#include "utils/regproc.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h" /* postgres.h no longer brings it */
#endif

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "bizmetrics supports PostgreSQL 15 to 18"
#endif

/* 18 put it before the declaration, and named it as C does. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* 16 added onlySummarizing to ExecInsertIndexTuples. */
static inline List *
bm_insert_index_tuples(ResultRelInfo *rri, TupleTableSlot *slot, EState *estate,
					   bool no_dup_error, bool *conflict)
{
#if PG_VERSION_NUM >= 160000
	return ExecInsertIndexTuples(rri, slot, estate, false, no_dup_error, conflict, NIL,
								 false);
#else
	return ExecInsertIndexTuples(rri, slot, estate, false, no_dup_error, conflict, NIL);
#endif
}

/* 18 added the tuple's own id, which only an UPDATE has. */
static inline bool
bm_check_index_constraints(ResultRelInfo *rri, TupleTableSlot *slot, EState *estate,
						   ItemPointer conflict)
{
#if PG_VERSION_NUM >= 180000
	ItemPointerData none;

	ItemPointerSetInvalid(&none);
	return ExecCheckIndexConstraints(rri, slot, estate, conflict, &none, NIL);
#else
	return ExecCheckIndexConstraints(rri, slot, estate, conflict, NIL);
#endif
}

/*
 * 17 lets an index keep state (BRIN: a pinned buffer) from insert to insert. Ending that leaves memory behind in
 * the context that the index was given for what it keeps, which must be its own.
 */
static inline void
bm_index_insert_cleanup(Relation index, IndexInfo *info)
{
#if PG_VERSION_NUM >= 170000
	if (info->ii_AmCache == NULL)
		return;
	index_insert_cleanup(index, info);
	if (info->ii_AmCache == NULL)
		MemoryContextReset(info->ii_Context);
#endif
}

/* 16 took the snapshot away, which it needed no more. */
static inline BrinRevmap *
bm_brin_revmap(Relation index, BlockNumber *pages_per_range, Snapshot snapshot)
{
#if PG_VERSION_NUM >= 160000
	return brinRevmapInitialize(index, pages_per_range);
#else
	return brinRevmapInitialize(index, pages_per_range, snapshot);
#endif
}

/* The summary of a range, its buffer locked, or NULL. */
static inline BrinTuple *
bm_brin_summary(BrinRevmap *revmap, BlockNumber block, Buffer *buffer,
				OffsetNumber *offset, Size *size, Snapshot snapshot)
{
#if PG_VERSION_NUM >= 160000
	return brinGetTupleForHeapBlock(revmap, block, buffer, offset, size,
									BUFFER_LOCK_SHARE);
#else
	return brinGetTupleForHeapBlock(revmap, block, buffer, offset, size,
									BUFFER_LOCK_SHARE, snapshot);
#endif
}

/* 16 lets the caller do without a copy of the value. */
static inline bool
bm_tuplesort_getdatum(Tuplesortstate *sort, Datum *value, bool *isnull)
{
#if PG_VERSION_NUM >= 160000
	return tuplesort_getdatum(sort, true, true, value, isnull, NULL);
#else
	return tuplesort_getdatum(sort, true, value, isnull, NULL);
#endif
}

/* 18 put what reading a tuple takes into an array of its own. */
#if PG_VERSION_NUM >= 180000
#define bm_attribute(desc, number) TupleDescCompactAttr(desc, (number) -1)
#else
#define bm_attribute(desc, number) TupleDescAttr(desc, (number) -1)
#endif

/* 17 lets the caller own the context, NULL being as before. */
static inline JsonLexContext *
bm_json_lex(char *json)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, strlen(json), GetDatabaseEncoding(),
										true);
#else
	return makeJsonLexContextCstringLen(json, strlen(json), GetDatabaseEncoding(), true);
#endif
}

/* 17 moved it. */
static inline LocalTransactionId
bm_local_transaction(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* 16 replaced the checks of each kind of object by one. */
static inline bool
bm_table_ownercheck(Oid table, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, table, role);
#else
	return pg_class_ownercheck(table, role);
#endif
}

/* On a schema or a database, by the catalog it is in. */
static inline bool
bm_role_may(Oid role, AclMode right, Oid catalog, Oid object)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(catalog, object, role, right) == ACLCHECK_OK;
#else
	return (catalog == NamespaceRelationId
				? pg_namespace_aclcheck(object, role, right)
				: pg_database_aclcheck(object, role, right)) == ACLCHECK_OK;
#endif
}

/* 16 lets errors be returned, NULL being as before. */
static inline List *
bm_qualified_names(const char *string)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(string, NULL);
#else
	return stringToQualifiedNameList(string);
#endif
}

/* 16 lets errors be returned, NULL being as before. */
static inline RangeType *
bm_make_range(TypeCacheEntry *type, RangeBound *lower, RangeBound *upper)
{
#if PG_VERSION_NUM >= 160000
	return make_range(type, lower, upper, false, NULL);
#else
	return make_range(type, lower, upper, false);
#endif
}

/* 16 lets a setting be found by its name. */
static inline GucSource
bm_setting_source(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, false, ERROR)->source;
#else
	struct config_generic **settings = get_guc_variables();

	for (int i = 0; i < GetNumConfigOptions(); i++)
		if (strcmp(settings[i]->name, name) == 0)
			return settings[i]->source;
	elog(ERROR, "there is no setting \"%s\"", name);
#endif
}

/* 16 told apart who may SET ROLE from who inherits. */
static inline bool
bm_member_can_set_role(Oid member, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return member_can_set_role(member, role);
#else
	return is_member_of_role(member, role);
#endif
}

#endif
