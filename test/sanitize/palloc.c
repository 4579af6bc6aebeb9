/*
 * palloc.c
 *	  Memory of PostgreSQL's contexts, as AddressSanitizer can watch it.
 *
 * A context cuts small chunks out of blocks of its own, and AddressSanitizer knows blocks alone: what runs
 * over the end of a chunk, or uses one that was freed, stays within a block. What is larger than a context's
 * largest chunk gets a block of its own, from malloc() and back to free(), also when the context is reset. So
 * here every chunk that the extension asks for is made that large, and what nobody asked for is poisoned.
 *
 * Linked with --wrap=palloc and so on: the extension's calls come here, those of the server do not, and what the
 * server allocates for the extension (a text that it detoasts, rows of SPI) is watched as blocks only.
 */
#include "postgres.h"

#include <sanitizer/asan_interface.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* Beyond the largest chunk of any context (ALLOC_CHUNK_LIMIT of aset.c), and a red zone. */
#define SMALLEST ((Size) 8192 + 32)

void *__real_MemoryContextAllocExtended(MemoryContext context, Size size, int flags);
void *__real_repalloc_huge(void *pointer, Size size);

void *__wrap_MemoryContextAllocExtended(MemoryContext context, Size size, int flags);
void *__wrap_MemoryContextAlloc(MemoryContext context, Size size);
void *__wrap_MemoryContextAllocZero(MemoryContext context, Size size);
void *__wrap_MemoryContextAllocZeroAligned(MemoryContext context, Size size);
void *__wrap_MemoryContextAllocHuge(MemoryContext context, Size size);
char *__wrap_MemoryContextStrdup(MemoryContext context, const char *string);
void *__wrap_palloc(Size size);
void *__wrap_palloc0(Size size);
void *__wrap_palloc_extended(Size size, int flags);
char *__wrap_pstrdup(const char *string);
char *__wrap_pnstrdup(const char *string, Size length);
void *__wrap_repalloc(void *pointer, Size size);
void *__wrap_repalloc_huge(void *pointer, Size size);

/* What is requested of a context for so many bytes. */
static Size
room_for(Size size)
{
	return Max(size, SMALLEST - 32) + 32;
}

void *
__wrap_MemoryContextAllocExtended(MemoryContext context, Size size, int flags)
{
	char *chunk;

	/* The server's limit is on what was asked for, not on what it became. */
	if ((flags & MCXT_ALLOC_HUGE) == 0 && !AllocSizeIsValid(size))
		return __real_MemoryContextAllocExtended(context, size, flags);
	chunk = __real_MemoryContextAllocExtended(context, room_for(size), flags | MCXT_ALLOC_HUGE);
	if (chunk == NULL)
		return NULL;
	/* Memory is not zero unless somebody asked for it. */
	if ((flags & MCXT_ALLOC_ZERO) == 0)
		memset(chunk, 0x7f, Min(size, 65536));
	ASAN_POISON_MEMORY_REGION(chunk + size, room_for(size) - size);
	return chunk;
}

void *
__wrap_MemoryContextAlloc(MemoryContext context, Size size)
{
	return __wrap_MemoryContextAllocExtended(context, size, 0);
}

void *
__wrap_MemoryContextAllocZero(MemoryContext context, Size size)
{
	return __wrap_MemoryContextAllocExtended(context, size, MCXT_ALLOC_ZERO);
}

void *
__wrap_MemoryContextAllocZeroAligned(MemoryContext context, Size size)
{
	return __wrap_MemoryContextAllocExtended(context, size, MCXT_ALLOC_ZERO);
}

void *
__wrap_MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return __wrap_MemoryContextAllocExtended(context, size, MCXT_ALLOC_HUGE);
}

void *
__wrap_palloc(Size size)
{
	return __wrap_MemoryContextAllocExtended(CurrentMemoryContext, size, 0);
}

void *
__wrap_palloc0(Size size)
{
	return __wrap_MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_ZERO);
}

void *
__wrap_palloc_extended(Size size, int flags)
{
	return __wrap_MemoryContextAllocExtended(CurrentMemoryContext, size, flags);
}

char *
__wrap_pnstrdup(const char *string, Size length)
{
	char *copy;

	length = strnlen(string, length);
	copy = __wrap_palloc(length + 1);
	memcpy(copy, string, length);
	copy[length] = '\0';
	return copy;
}

char *
__wrap_MemoryContextStrdup(MemoryContext context, const char *string)
{
	return strcpy(__wrap_MemoryContextAlloc(context, strlen(string) + 1), string);
}

char *
__wrap_pstrdup(const char *string)
{
	return __wrap_MemoryContextStrdup(CurrentMemoryContext, string);
}

/* realloc() of a block forgets what was poisoned of it. */
void *
__wrap_repalloc_huge(void *pointer, Size size)
{
	char *chunk = __real_repalloc_huge(pointer, room_for(size));

	ASAN_UNPOISON_MEMORY_REGION(chunk, size);
	ASAN_POISON_MEMORY_REGION(chunk + size, room_for(size) - size);
	return chunk;
}

void *
__wrap_repalloc(void *pointer, Size size)
{
	if (!AllocSizeIsValid(size))
		elog(ERROR, "invalid memory alloc request size %zu", size);
	return __wrap_repalloc_huge(pointer, size);
}
