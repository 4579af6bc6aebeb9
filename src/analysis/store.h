/*
 * store.h
 *	  Records in parts by a hash, in memory as long as there is some, then in a temporary file.
 *
 * Each process writes a store of its own; the stores of one scan may share an area of memory and a
 * set of files, and then each process can read all of them once they are complete.
 */
#ifndef BM_ANALYSIS_STORE_H
#define BM_ANALYSIS_STORE_H

#include "storage/buffile.h"
#include "storage/fileset.h"
#include "utils/dsa.h"

#define BM_STORE_PARTS_MIN 32
#define BM_STORE_PARTS_MAX 1024

/* An address in this process, or a dsa_pointer; 0 is nowhere. */
typedef uint64 BmStorePlace;

typedef struct BmChunk
{
	BmStorePlace next; /* the one before it */
	int64 next_offset; /* of one in the file */
	int next_file;	   /* -1: none */
	uint32 used;
	uint32 size; /* room for data */
	uint32 unused;
	char data[FLEXIBLE_ARRAY_MEMBER];
} BmChunk;

/* Where the records of a part are. */
typedef struct BmStorePart
{
	BmStorePlace first;
	int64 offset;
	int file; /* -1: none in the file */
	int unused;
} BmStorePart;

/* The chunk of a part that has room; where, is not looked up in the chunk, which is far away. */
typedef struct BmStoreRoom
{
	char *at;
	char *end;
	BmChunk *chunk;
} BmStoreRoom;

typedef struct BmStore
{
	int parts;
	int shift;
	Size chunk_size;
	Size budget;
	Size used;
	MemoryContext context;
	dsa_area *area;	  /* NULL: private memory */
	FileSet *fileset; /* NULL: a private file */
	int number;		  /* of the process, which names its file */
	BmStorePart *part;
	BmStorePlace directory; /* of part, for others */
	BmStoreRoom *room;		/* of each part */
	BufFile *file;			/* NULL: nothing was spilled */
} BmStore;

/* What bm_store_pieces() finds: records one after the other. */
typedef struct BmStoredPiece
{
	const char *data;
	uint32 size;
} BmStoredPiece;

typedef struct BmPieces
{
	int count;
	int room;
	Size bytes;
	BmStoredPiece *piece;
} BmPieces;

/* How many parts for about so many bytes. */
extern int bm_store_parts(double bytes);

/* In the current context, which it must not outlive. */
extern BmStore *bm_store_create(int parts, Size budget, dsa_area *area, FileSet *fileset,
								int number);

extern char *bm_store_enlarge(BmStore *store, int part, Size size);

/* No more records: others may read now. */
extern void bm_store_finish(BmStore *store);

/* Appends the part of a store; what is in the file is read into the current context. */
extern void bm_store_pieces(BmPieces *pieces, const BmStorePart *part, dsa_area *area,
							BufFile *file);

/* The name of a process's file in the set. */
extern void bm_store_file_name(char *name, Size size, int number);

/* Room for a record in the part that the hash belongs to. */
static inline char *
bm_store_add(BmStore *store, uint32 hash, Size size)
{
	int part = hash >> store->shift;
	BmStoreRoom *room = &store->room[part];
	char *at = room->at;

	if (unlikely(room->end - at < (ptrdiff_t) size))
		return bm_store_enlarge(store, part, size);
	room->at = at + size;
	/* The next record of the part comes much later, and would wait for the line. */
	__builtin_prefetch(at + size + 64, 1);
	return at;
}

#endif
