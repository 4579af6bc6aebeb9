/* Spans of slots that ran: a set that stays small, and a column of type tstzmultirange. */
#ifndef BM_REPORT_SLOTS_H
#define BM_REPORT_SLOTS_H

#include "datatype/timestamp.h"

/* With one more the two spans with the shortest gap between them become one. */
#define BM_SLOT_SPANS 32

/* Both its ends ran. */
typedef struct BmSlotSpan
{
	TimestampTz first;
	TimestampTz last;
} BmSlotSpan;

/* In the order of time; no two overlap. */
typedef struct BmSlots
{
	int count;
	BmSlotSpan spans[BM_SLOT_SPANS + 1];
} BmSlots;

extern void bm_slots_add(BmSlots *slots, TimestampTz slot);
extern bool bm_slots_have(const BmSlots *slots, TimestampTz slot);
extern void bm_slots_read(BmSlots *slots, Datum multirange);
extern Datum bm_slots_datum(const BmSlots *slots);

#endif
