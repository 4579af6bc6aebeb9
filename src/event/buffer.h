/* The buffer of log_event_async(): bytes of committed events in shared memory, a queue a database. */
#ifndef BM_EVENT_BUFFER_H
#define BM_EVENT_BUFFER_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

extern void bm_buffer_init(void);

/* What a transaction hands over, and gives back of its reservation. */
typedef struct BmHandover
{
	const char *bytes; /* whole records, each of which begins with its length, a uint32 */
	Size size;
	uint32 blocks;	  /* that it has reserved */
	int64 events;	  /* in bytes */
	int64 stored_now; /* that it stored itself */
} BmHandover;

/* Who logs */
extern uint32 bm_buffer_blocks_for(Size bytes);
extern bool bm_buffer_reserve(uint32 blocks, uint32 held);
extern void bm_buffer_hand_over(const BmHandover *handover);

/* What a flusher finds waiting. */
typedef struct BmWaiting
{
	int64 events;
	bool promised;	   /* a transaction has reserved room and may hand something over */
	bool pressing;	   /* so much that it should not wait */
	TimestampTz since; /* when the first of it came */
} BmWaiting;

/* What a flusher did with the bytes that it read: as many from the first on, but for those kept. */
typedef struct BmFlushed
{
	Size size;
	const char *kept;
	Size kept_size;
	int64 stored;
	int64 rejected;
	int64 discarded;
} BmFlushed;

/* The flusher of this database */
extern bool bm_buffer_attach(void);
extern BmWaiting bm_buffer_waiting(void);
extern char *bm_buffer_read(Size limit, Size *size);
extern void bm_buffer_flushed(const BmFlushed *flushed);
extern void bm_buffer_set_trouble(bool trouble);
extern void bm_buffer_close(void);
extern bool bm_buffer_leave(void);

/* Who starts flushers */
extern void bm_buffer_attach_launcher(void);
extern List *bm_buffer_unattended(void);
extern bool bm_buffer_is_empty(Oid database);
extern void bm_buffer_starting(Oid database);
extern bool bm_buffer_was_left(Oid database);
extern int64 bm_buffer_forget(Oid database);

#endif
