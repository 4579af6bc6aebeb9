/* An event as bytes, for the time between the call and the flush. */
#ifndef BM_EVENT_EVENT_RECORD_H
#define BM_EVENT_EVENT_RECORD_H

#include "event/event.h"

extern Size bm_event_record_size(BmEvent *event);
extern void bm_event_to_record(const BmEvent *event, Size size, char *record);
extern Size bm_event_from_record(char *record, BmEvent *event, pg_uuid_t *id);

#endif
