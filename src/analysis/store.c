/*
 * store.c
 *	  Records in parts by a hash, in memory as long as there is some, then in a temporary file.
 *
 * A part is a list of chunks, the newest first. When the memory is used up, the chunk that is full
 * goes to the process's file and is filled again: so each part keeps what it has in memory, and the
 * file has chunks of all parts, each saying where the one before it is.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "analysis/store.h"

#define CHUNK_MAX (16 * 1024)
#define CHUNK_MIN (1024)

/* A part should not be much larger than what a processor's second cache holds. */
#define PART_BYTES (256 * 1024)

int
bm_store_parts(double bytes)
{
	int parts = BM_STORE_PARTS_MIN;

	while (parts < BM_STORE_PARTS_MAX && (double) parts * PART_BYTES < bytes)
		parts *= 2;
	return parts;
}

static void *
allocate(BmStore *store, Size size, BmStorePlace *place)
{
	void *memory;

	if (store->area != NULL)
	{
		dsa_pointer pointer = dsa_allocate_extended(
			store->area, size, size > MaxAllocSize ? DSA_ALLOC_HUGE : 0);

		memory = dsa_get_address(store->area, pointer);
		*place = pointer;
	}
	else
	{
		memory = MemoryContextAllocHuge(store->context, size);
		*place = (BmStorePlace) (uintptr_t) memory;
	}
	store->used += size;
	return memory;
}

static BmChunk *
chunk_at(dsa_area *area, BmStorePlace place)
{
	if (area != NULL)
		return dsa_get_address(area, place);
	return (BmChunk *) (uintptr_t) place;
}

BmStore *
bm_store_create(int parts, Size budget, dsa_area *area, FileSet *fileset, int number)
{
	BmStore *store = palloc0(sizeof(BmStore));

	store->parts = parts;
	store->shift = 32 - pg_leftmost_one_pos32(parts);
	store->context = CurrentMemoryContext;
	store->area = area;
	store->fileset = fileset;
	store->number = number;
	/* The chunks that are open take a quarter of the memory, where that makes chunks of use. */
	store->chunk_size = CHUNK_MAX;
	while (store->chunk_size > CHUNK_MIN && store->chunk_size * parts > budget / 4)
		store->chunk_size /= 2;
	store->part = allocate(store, parts * sizeof(BmStorePart), &store->directory);
	for (int i = 0; i < parts; i++)
	{
		memset(&store->part[i], 0, sizeof(BmStorePart));
		store->part[i].file = -1;
	}
	store->room = palloc0(parts * sizeof(BmStoreRoom));
	store->used = 0;
	store->budget = budget;
	return store;
}

void
bm_store_file_name(char *name, Size size, int number)
{
	snprintf(name, size, "records.%d", number);
}

/* Writes a chunk and makes it empty. */
static void
spill(BmStore *store, BmStorePart *part, BmChunk *chunk)
{
	BmChunk head = *chunk;

	if (store->file == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(store->context);
		char name[32];

		bm_store_file_name(name, sizeof(name), store->number);
		store->file = store->fileset == NULL ? BufFileCreateTemp(false)
											 : BufFileCreateFileSet(store->fileset, name);
		MemoryContextSwitchTo(old);
	}
	head.next = 0;
	head.next_file = part->file;
	head.next_offset = part->offset;
	BufFileTell(store->file, &part->file, &part->offset);
	BufFileWrite(store->file, &head, offsetof(BmChunk, data));
	BufFileWrite(store->file, chunk->data, chunk->used);
	chunk->used = 0;
}

/* Says in the open chunk how much of it is used. */
static void
note_used(BmStoreRoom *room)
{
	if (room->chunk != NULL)
		room->chunk->used = (uint32) (room->at - room->chunk->data);
}

char *
bm_store_enlarge(BmStore *store, int number, Size size)
{
	BmStorePart *part = &store->part[number];
	BmStoreRoom *open = &store->room[number];
	BmChunk *chunk = open->chunk;

	note_used(open);
	if (chunk != NULL && chunk->used > 0 && chunk->size >= size &&
		store->used + store->chunk_size > store->budget)
		spill(store, part, chunk);
	else
	{
		Size room = Max(store->chunk_size - offsetof(BmChunk, data), size);
		BmStorePlace place;

		chunk = allocate(store, offsetof(BmChunk, data) + room, &place);
		memset(chunk, 0, offsetof(BmChunk, data));
		chunk->next = part->first;
		chunk->next_file = -1;
		chunk->size = (uint32) room;
		part->first = place;
		open->chunk = chunk;
		open->end = chunk->data + room;
	}
	open->at = chunk->data + size;
	return chunk->data;
}

void
bm_store_finish(BmStore *store)
{
	for (int i = 0; i < store->parts; i++)
		note_used(&store->room[i]);
	if (store->file != NULL && store->fileset != NULL)
		BufFileExportFileSet(store->file);
}

static void
add_piece(BmPieces *pieces, const char *data, uint32 size)
{
	if (pieces->count == pieces->room)
	{
		pieces->room = pieces->room * 2 + 64;
		pieces->piece =
			pieces->piece == NULL
				? palloc(pieces->room * sizeof(BmStoredPiece))
				: repalloc_huge(pieces->piece, pieces->room * sizeof(BmStoredPiece));
	}
	pieces->piece[pieces->count].data = data;
	pieces->piece[pieces->count].size = size;
	pieces->count++;
	pieces->bytes += size;
}

static void
read_file(BufFile *file, void *data, Size size)
{
	if (BufFileRead(file, data, size) != size)
		ereport(ERROR, errcode_for_file_access(),
				errmsg("could not read %zu bytes of a temporary file", size),
				errhint("See whether the disk of temp_tablespaces is full or failing."));
}

void
bm_store_pieces(BmPieces *pieces, const BmStorePart *part, dsa_area *area, BufFile *file)
{
	int number = part->file;
	int64 offset = part->offset;
	int first = pieces->count;

	for (BmStorePlace place = part->first; place != 0;)
	{
		BmChunk *chunk = chunk_at(area, place);

		add_piece(pieces, chunk->data, chunk->used);
		place = chunk->next;
	}
	while (number >= 0)
	{
		BmChunk head;
		char *data;

		if (BufFileSeek(file, number, offset, SEEK_SET) != 0)
			elog(ERROR, "could not seek in a temporary file");
		read_file(file, &head, offsetof(BmChunk, data));
		data = palloc(head.used);
		read_file(file, data, head.used);
		add_piece(pieces, data, head.used);
		number = head.next_file;
		offset = head.next_offset;
	}
	/* Oldest first: events mostly come in the order of time, and what is in order is not sorted. */
	for (int i = first, j = pieces->count - 1; i < j; i++, j--)
	{
		BmStoredPiece piece = pieces->piece[i];

		pieces->piece[i] = pieces->piece[j];
		pieces->piece[j] = piece;
	}
}
