/* What the rows of a tracked table become. */
#ifndef BM_EVENT_TRACKING_H
#define BM_EVENT_TRACKING_H

#include "access/htup.h"
#include "utils/relcache.h"

#include "event/event.h"

/* The trigger function, and the keys of its argument, a JSON object. */
#define BM_EMIT_FUNCTION "emit_event"
#define BM_EMIT_INSERT "insert"
#define BM_EMIT_UPDATE "update"
#define BM_EMIT_DELETE "delete"
#define BM_EMIT_COLUMNS "columns"
#define BM_EMIT_ENTITY_TYPE "entity_type"
#define BM_EMIT_ENTITY_ID "entity_id"
#define BM_EMIT_ACTOR_USER_ID "actor_user_id"
#define BM_EMIT_COMPANY_ID "company_id"
#define BM_EMIT_OCCURRED_AT "occurred_at"
#define BM_EMIT_PROPERTIES "properties"
#define BM_EMIT_DEDUPE_KEY "dedupe_key"

typedef enum BmOperation
{
	BM_OPERATION_INSERT,
	BM_OPERATION_UPDATE,
	BM_OPERATION_DELETE,
	BM_OPERATIONS
} BmOperation;

/* The property with what the others were before an UPDATE. */
#define BM_TRACKING_OLD_VALUES "old"

typedef struct BmTracking BmTracking;

extern BmTracking *bm_tracking_create(Relation rel, const char *trigger,
									  const char *argument);
extern const char *bm_tracking_event_name(const char *argument, BmOperation operation);
extern bool bm_tracking_fill(const BmTracking *tracking, BmOperation operation,
							 TupleDesc desc, HeapTuple row, HeapTuple old_row,
							 BmEvent *event);

#endif
