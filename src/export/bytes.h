/* Bytes that grow, for files that are written from their beginning to their end. Plain C. */
#ifndef BM_EXPORT_BYTES_H
#define BM_EXPORT_BYTES_H

#include <stddef.h>

/* The caller gives it a way to get memory, which never fails. */
typedef struct BmBytes
{
	char *data;
	size_t length;
	size_t size;
	void *(*resize)(void *, size_t);
} BmBytes;

extern void bm_bytes_begin(BmBytes *bytes, void *(*resize)(void *, size_t));
extern void bm_bytes_add(BmBytes *bytes, const char *data, size_t length);
extern void bm_bytes_string(BmBytes *bytes, const char *string);

/* Of at most 200 bytes. */
__attribute__((format(printf, 2, 3))) extern void
bm_bytes_format(BmBytes *bytes, const char *format, ...);

#endif
