/* Turning events into records. */
#ifndef BM_ANALYSIS_COLLECT_H
#define BM_ANALYSIS_COLLECT_H

#include "executor/tuptable.h"

#include "analysis/scan.h"
#include "analysis/store.h"

typedef struct BmCollector BmCollector;

/* Where the columns of an event are in a row; those that are not needed are 0. */
typedef struct BmRowShape
{
	AttrNumber column[BM_EVENT_COLUMNS];
} BmRowShape;

/* A bit for each BmEventColumn that the query needs. Raises 22023 for a bad filter or value. */
extern uint32 bm_collector_columns(const BmScanQuery *query);

/* In the current context. The query and the store must stay. */
extern BmCollector *bm_collector_create(const BmScanQuery *query, BmStore *store);

/* May an event of this name be wanted? The conditions that want it, for bm_collector_take(). */
extern bool bm_collector_wants(const BmCollector *collector, Datum name,
							   uint32 *conditions);

/* Keeps an event, which may be wanted, if it is. */
extern void bm_collector_take(BmCollector *collector, TupleTableSlot *slot,
							  const BmRowShape *shape, uint32 conditions);

#endif
