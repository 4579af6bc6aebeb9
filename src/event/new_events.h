/* Finding new events without reading all of them. */
#ifndef BM_EVENT_NEW_EVENTS_H
#define BM_EVENT_NEW_EVENTS_H

#include "datatype/timestamp.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "storage/block.h"

/* The pages of a partition that may hold new events. */
typedef struct BmNewPages
{
	Oid relid;
	BlockNumber pages_per_range;
	Bitmapset *ranges;
} BmNewPages;

typedef struct BmNewEvents
{
	int64 since;	  /* the oldest transaction of which events are new */
	TimestampTz from; /* between these times they are */
	TimestampTz to;
	List *pages; /* of partitions; of one that is not among them it is not known */
} BmNewEvents;

/* What queries for new events go by in this session, or NULL: all pages. */
extern const BmNewEvents *bm_new_events;

extern void bm_events_summarize(void);
extern void bm_events_since(BmNewEvents *events);
extern void bm_new_scan_init(void);

#endif
