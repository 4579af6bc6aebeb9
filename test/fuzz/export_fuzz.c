/*
 * export_fuzz.c
 *	  Fuzz target for pages and PDF files: whatever bytes a table has, the page has no tag and no
 *	  reference but ours, and the PDF file's objects and strings end where they say.
 *
 * With -DSTANDALONE the program has a main() of its own, for a compiler without libFuzzer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/characters.h"
#include "export/table_pdf.h"

#define REQUIRE(condition) \
	do                     \
	{                      \
		if (!(condition))  \
			abort();       \
	} while (0)

#define MAX_CELLS 64

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
resize(void *memory, size_t size)
{
	if (size == 0)
	{
		free(memory);
		return NULL;
	}
	memory = realloc(memory, size);
	REQUIRE(memory != NULL);
	return memory;
}

static void
check_html(BmString text)
{
	static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	BmBytes html;

	bm_bytes_begin(&html, resize);
	bm_html_escape(&html, text);
	REQUIRE(text.length == 0 || html.length > 0);
	bm_bytes_add(&html, "", 1);
	for (const char *at = html.data; *at != '\0'; at++)
	{
		int known = 0;

		REQUIRE((*at >= ' ' && *at <= '~') || *at == '\n' || *at == '\t');
		REQUIRE(strchr("<>\"'", *at) == NULL);
		if (*at != '&')
			continue;
		for (int i = 0; i < 5; i++)
			known |= strncmp(at, entities[i], strlen(entities[i])) == 0;
		if (!known)
		{
			char *end;
			unsigned long number;

			REQUIRE(at[1] == '#');
			number = strtoul(at + 2, &end, 10);
			REQUIRE(*end == ';' && number >= 0xa0 && number <= 0x10ffff);
			REQUIRE(number < 0xd800 || number >= 0xe000);
		}
	}
	resize(html.data, 0);
}

/* Behind the string that begins here. */
static const char *
skip_string(const char *at)
{
	for (at++; *at != ')'; at++)
	{
		REQUIRE(*at >= ' ' && *at <= '~' && *at != '(');
		if (*at == '\\')
		{
			at++;
			REQUIRE(strchr("()\\01234567", *at) != NULL);
			if (*at >= '0' && *at <= '7')
				at += 2;
		}
	}
	return at + 1;
}

/* What is drawn on a page: its strings, and what ends it where its length says so. */
static void
check_stream(const char *object)
{
	unsigned long length;
	const char *at = strstr(object, "/Length ");
	const char *end;

	length = strtoul(at + 8, NULL, 10);
	at = strstr(at, "stream\n") + 7;
	end = at + length;
	REQUIRE(strncmp(end, "\nendstream\nendobj\n", 18) == 0);
	while (at < end)
		at = *at == '(' ? skip_string(at) : at + 1;
	REQUIRE(at == end);
}

static void
check_pdf(const BmTable *table)
{
	BmBytes file = bm_table_pdf(table, resize);
	const char *at;
	char *entry;
	unsigned long objects;

	bm_bytes_add(&file, "", 1);
	REQUIRE(strncmp(file.data, "%PDF-1.4\n", 9) == 0);
	REQUIRE(strlen(file.data) == file.length - 1);
	at = file.data + file.length - 1 - strlen("%%EOF\n");
	while (strncmp(at, "startxref\n", 10) != 0)
		at--;
	at = file.data + strtoul(at + 10, NULL, 10);
	REQUIRE(strncmp(at, "xref\n0 ", 7) == 0);
	objects = strtoul(at + 7, &entry, 10);
	for (unsigned long i = 1; i < objects; i++)
	{
		const char *object = file.data + strtoul(entry + 1 + 20 * i, NULL, 10);
		char wanted[40];

		snprintf(wanted, sizeof(wanted), "%lu 0 obj\n", i);
		REQUIRE(strncmp(object, wanted, strlen(wanted)) == 0);
		if (i > 6 && i % 2 == 1)
			check_stream(object);
	}
	resize(file.data, 0);
}

/* The columns, the rows, which columns are numbers, and texts that end with a zero each. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const BmString nothing = {"", 0};
	BmString texts[MAX_CELLS];
	BmString *cells;
	bool is_number[BM_TABLE_MAX_COLUMNS];
	int found = 0;
	BmTable table;

	if (size < 3)
		return 0;
	for (size_t at = 3; at < size && found < MAX_CELLS; found++)
	{
		texts[found].data = (const char *) data + at;
		texts[found].length = strnlen(texts[found].data, size - at);
		check_html(texts[found]);
		at += texts[found].length + 1;
	}
	memset(&table, 0, sizeof(table));
	table.columns = data[0] % (BM_TABLE_MAX_COLUMNS + 1);
	table.rows = table.columns == 0 ? 0 : data[1] % 64;
	cells = malloc(sizeof(BmString) * ((size_t) table.columns * (table.rows + 1) + 1));
	REQUIRE(cells != NULL);
	for (int i = 0; i < table.columns * (table.rows + 1); i++)
		cells[i] = found > 0 ? texts[i % found] : nothing;
	for (int i = 0; i < table.columns; i++)
		is_number[i] = data[2] >> i % 8 & 1;
	table.title = found > 0 ? texts[0] : nothing;
	table.description = found > 1 ? texts[1] : nothing;
	table.period = found > 2 ? texts[2] : nothing;
	table.header = cells;
	table.cells = cells + table.columns;
	table.is_number = is_number;
	check_pdf(&table);
	free(cells);
	return 0;
}

#ifdef STANDALONE
#define ALPHABET "ab ()\\<>&\"'\n\r\0\342\202\254\303\244\377\200019."
#include "standalone.h"
#endif
