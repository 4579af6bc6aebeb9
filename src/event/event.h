/* An event on its way into public.business_events. */
#ifndef BM_EVENT_EVENT_H
#define BM_EVENT_EVENT_H

#include "access/htup.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/uuid.h"

#define BM_EVENT_NAME_MAX 100
#define BM_DEDUPE_KEY_MAX 500
#define BM_ID_MAX 300

/* The columns of business_events, in their order. The caller states the first ten. */
typedef enum BmEventColumn
{
	BM_EVENT_ID,
	BM_EVENT_NAME,
	BM_EVENT_OCCURRED_AT,
	BM_EVENT_ACTOR_USER_ID,
	BM_EVENT_COMPANY_ID,
	BM_EVENT_ENTITY_TYPE,
	BM_EVENT_ENTITY_ID,
	BM_EVENT_PROPERTIES,
	BM_EVENT_REQUEST_ID,
	BM_EVENT_DEDUPE_KEY,
	BM_EVENT_RECORDED_AT,
	BM_EVENT_XACT_ID,
	BM_EVENT_COLUMNS
} BmEventColumn;

#define BM_EVENT_CALLER_COLUMNS BM_EVENT_RECORDED_AT

/* Column values as Datums; a NULL is isnull[column]. */
typedef struct BmEvent
{
	Datum values[BM_EVENT_COLUMNS];
	bool isnull[BM_EVENT_COLUMNS];
} BmEvent;

/* Where the storing of many is: at events[row], or where row is -1 at none of them alone. */
typedef struct BmBatchPlace
{
	BmEvent **events;
	int row;
} BmBatchPlace;

/* store.c */
extern const char *const bm_event_column_names[BM_EVENT_COLUMNS];
extern const pg_uuid_t *bm_event_being_inserted;
extern Oid bm_event_parent(void);
extern Datum bm_event_attribute(HeapTuple row, TupleDesc desc, BmEventColumn column);
extern void bm_event_check_writer(Oid parent, Oid role);
extern bool bm_event_store(BmEvent *event);
extern void bm_event_store_batch(BmEvent **events, int count, BmBatchPlace *place);

/* log_event.c */
extern void bm_event_prepare(BmEvent *event, pg_uuid_t *id);
extern void bm_event_stamp(BmEvent *event);
extern void bm_event_log(BmEvent *event, pg_uuid_t *id);
extern bool bm_event_log_history(BmEvent *event);
extern void bm_event_from_arguments(FunctionCallInfo fcinfo, BmEvent *event);
extern void bm_event_check_name(Datum name, bool isnull);

/* log_event_async.c */
extern void bm_event_store_as_owner(BmEvent **events, int count);

/* partition.c */
typedef struct BmPartition
{
	Oid relid;		   /* InvalidOid: there is none */
	bool is_default;   /* the DEFAULT partition, whose bound is what others leave */
	TimestampTz lower; /* inclusive */
	TimestampTz upper; /* exclusive */
} BmPartition;

extern BmPartition bm_partition_find(Relation parent, TimestampTz occurred_at);
extern List *bm_partition_list(Relation parent);
extern List *bm_partition_list_now(void);
extern void bm_partition_drop(Oid owner, Oid partition);
extern void bm_partition_guard(Oid owner, Oid partition);
extern bool bm_partition_make(Oid parent, TimestampTz occurred_at);
extern int bm_partition_ensure(TimestampTz from, TimestampTz to);
extern void bm_partitions_make_ahead(TimestampTz now);
extern void (*bm_tell_worker)(void);

/* rewrite.c */
typedef struct BmTypeCount
{
	char *name;
	int64 events;
} BmTypeCount;

extern bool bm_partition_can_rewrite(Oid partition);
extern List *bm_partition_count_types(Oid owner, Oid partition, ArrayType *names);
extern void bm_partition_rewrite(Oid owner, Oid partition, const List *counts);

/* event_type.c, context.c */
extern void bm_event_type_check(const BmEvent *event);
extern void bm_context_fill(BmEvent *event);
extern void bm_context_borrow(const BmEvent *context);

/* dedupe.c */
extern bool bm_dedupe_claim(Datum key, const pg_uuid_t *event_id, TimestampTz recorded_at,
							pg_uuid_t *first_id);
extern void bm_dedupe_release(Datum key);
extern int bm_dedupe_prune(int limit);

/* uuid_v7.c */
extern void bm_uuid_v7(pg_uuid_t *uuid);
extern int64 bm_current_xact(void);

#endif
