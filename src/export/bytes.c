/* Bytes that grow. */
#include "export/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
bm_bytes_begin(BmBytes *bytes, void *(*resize)(void *, size_t))
{
	bytes->length = 0;
	bytes->size = 1024;
	bytes->resize = resize;
	bytes->data = resize(NULL, bytes->size);
}

void
bm_bytes_add(BmBytes *bytes, const char *data, size_t length)
{
	if (length > bytes->size - bytes->length)
	{
		bytes->size = bytes->size * 2 + length;
		bytes->data = bytes->resize(bytes->data, bytes->size);
	}
	memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
}

void
bm_bytes_string(BmBytes *bytes, const char *string)
{
	bm_bytes_add(bytes, string, strlen(string));
}

void
bm_bytes_format(BmBytes *bytes, const char *format, ...)
{
	char text[201];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	bm_bytes_string(bytes, text);
}
