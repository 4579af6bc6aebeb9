/* Another service's message, and the mapping that makes an event of it. */
#ifndef BM_EVENT_MESSAGE_H
#define BM_EVENT_MESSAGE_H

#include "event/event.h"

/* The source_event of a mapping for all that have none of their own. */
#define BM_ANY_EVENT "*"

typedef struct BmMapping BmMapping;

typedef struct BmMessage
{
	Jsonb *payload;
	char *source_event; /* what the source calls what happened */
	bool is_cloud_event;
} BmMessage;

/* message.c */
extern BmMapping *bm_mapping_parse(const char *event_name, Jsonb *paths);
extern BmMessage bm_message_read(Jsonb *payload);
extern bool bm_message_fill(const BmMessage *message, const BmMapping *mapping,
							const char *source, BmEvent *event);

/* event_mapping.c */
extern BmMapping *bm_mapping_load(const char *source, const char *source_event);

#endif
