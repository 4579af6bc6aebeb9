/* An event as a JSON object, its keys named as log_event()'s arguments are. */
#ifndef BM_EVENT_EVENT_JSON_H
#define BM_EVENT_EVENT_JSON_H

#include "event/event.h"

extern void bm_event_from_json(const JsonbValue *value, BmEvent *event);
extern Jsonb *bm_event_to_json(const BmEvent *event);

#endif
