/* Finding new events without reading all of them. */
#ifndef BM_EVENT_NEW_EVENTS_H
#define BM_EVENT_NEW_EVENTS_H

#include "datatype/timestamp.h"

extern void bm_events_summarize(void);
extern bool bm_events_since(int64 xact, TimestampTz *from, TimestampTz *to);

#endif
