/* Events that could not be stored, kept with the reason. */
#ifndef BM_EVENT_REJECT_H
#define BM_EVENT_REJECT_H

#include "utils/elog.h"
#include "utils/jsonb.h"

typedef struct BmReject
{
	const char *via;	/* the function that it came through */
	const char *source; /* which service or table it is of; NULL: none is named */
	int64 item;			/* its place in what came with it, from 0; -1: it came alone */
	Jsonb *payload;		/* as it came */
	const char
		*imported_by; /* whose next import tries it again; NULL: replay_rejects() does */
} BmReject;

extern bool bm_event_is_to_blame(int sqlerrcode);
extern ErrorData *bm_event_try(void (*action)(void *), void *arg);
extern void bm_reject_store(const BmReject *reject, const ErrorData *error);

#endif
