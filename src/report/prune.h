/* Events that have had their time. */
#ifndef BM_REPORT_PRUNE_H
#define BM_REPORT_PRUNE_H

#include "event/event.h"

/* The report that has read least. */
typedef struct BmLastReader
{
	char *report;	  /* NULL: there is no report */
	TimestampTz from; /* what ends after this it has still to read, or may read again */
} BmLastReader;

/* prune.c */
extern BmLastReader bm_prune_last_reader(void);
extern char *bm_prune_reason_to_keep(const BmPartition *partition,
									 const BmLastReader *last);
extern void bm_prune_record(const BmPartition *partition, const char *event_name,
							int64 events, int64 bytes, const char *by);
extern void bm_prune_set_time(Datum *v, bool *n, int column, TimestampTz time);
extern void bm_prune_check_owner(Oid parent);
extern bool bm_prune_partition(void);
extern TimestampTz bm_prune_kept_from(ArrayType *events);

/* prune_types.c */
extern bool bm_prune_types(void);

#endif
