/* Inserting rows into a heap table without the executor. */
#ifndef BM_BASE_INSERTER_H
#define BM_BASE_INSERTER_H

#include "nodes/execnodes.h"

/* Rows that bm_inserter_store_batch() takes at once. */
#define BM_BATCH_ROWS 1000

typedef struct BmInserter
{
	Oid relid;
	MemoryContext context; /* holds all of it: delete to free */
	EState *estate;
	ResultRelInfo *rri;
	TupleTableSlot *slot;
	Oid *index_ids;
	Relation *index_relations;		/* as opened last, if in ... */
	TupleDesc *index_descs;			/* theirs, as opened last */
	TupleTableSlot **batch;			/* BM_BATCH_ROWS of them, once there was a batch */
	LocalTransactionId locked_in;	/* this transaction ... */
	SubTransactionId locked_in_sub; /* at this level, which has locked them */
	bool broken;					/* an error interrupted an insert: build it anew */
} BmInserter;

extern BmInserter *bm_inserter_create(Relation rel, bool speculative);
extern void bm_inserter_free(BmInserter *inserter);
extern bool bm_inserter_covers(const BmInserter *inserter, Oid relid);
extern bool bm_inserter_locked(const BmInserter *inserter);
extern bool bm_inserter_busy(const BmInserter *inserter);
extern void bm_inserter_begin(BmInserter *inserter);
extern void bm_inserter_store(BmInserter *inserter);
extern TupleTableSlot *bm_inserter_batch_slot(BmInserter *inserter, int row);
extern void bm_inserter_store_batch(BmInserter *inserter, int count, int *row);
extern bool bm_inserter_store_unique(BmInserter *inserter, ItemPointer conflict);
extern void bm_inserter_end(BmInserter *inserter);

#endif
