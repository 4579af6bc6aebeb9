/* Reading and writing the extension's own tables in C, whatever the caller's rights and settings. */
#ifndef BM_BASE_TABLE_H
#define BM_BASE_TABLE_H

#include "access/htup.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

extern Oid bm_schema_oid(bool missing_ok);
extern Oid bm_relation_oid(const char *name, bool missing_ok);
extern Oid bm_function_oid(const char *name);
extern Oid bm_function_of(const char *name, int count, const Oid *types);
extern void bm_table_check(Relation rel);
extern const char *bm_tables_problem(void);
extern Relation bm_table_open(const char *name, LOCKMODE lockmode);
extern bool bm_table_lock_at_once(const char *name, LOCKMODE lockmode);
extern Snapshot bm_snapshot_begin(void);
extern void bm_snapshot_end(Snapshot snapshot);
extern HeapTuple bm_table_get(Relation rel, const char *index, Oid type, Datum key);
extern HeapTuple bm_table_get_seen(Relation rel, const char *index, Oid type, Datum key);
extern List *bm_table_list(Relation rel, const char *index, Oid type, Datum key);
extern void bm_table_set_text(Datum *values, bool *nulls, int column, const char *text);
extern void bm_table_put(Relation rel, const char *index, int64 key, Datum *values,
						 bool *nulls);
extern void bm_table_delete_key(Relation rel, const char *index, int64 key);
extern void bm_table_insert(Relation rel, Datum *values, bool *nulls);
extern void bm_table_update(Relation rel, HeapTuple row, Datum *values, bool *nulls);
extern bool bm_table_delete(Relation rel, HeapTuple row);
extern int64 bm_next_id(const char *sequence);

extern bool bm_role_inherits(Oid member, Oid role);
extern Oid bm_extension_owner(void);

#endif
