/* src/export: characters of UTF-8, HTML, WinAnsiEncoding, and tables as PDF files. */
#include <stdlib.h>
#include <string.h>

#include "export/characters.h"
#include "export/table_pdf.h"

#include "tap.h"

static int blocks;

static void *
resize(void *memory, size_t size)
{
	blocks += (memory == NULL) - (size == 0);
	if (size == 0)
	{
		free(memory);
		return NULL;
	}
	memory = realloc(memory, size);
	if (memory == NULL)
		abort();
	return memory;
}

static BmString
string(const char *text)
{
	return (BmString){text, strlen(text)};
}

static bool
escapes_to(const char *text, const char *expected)
{
	BmBytes html;
	bool same;

	bm_bytes_begin(&html, resize);
	bm_html_escape(&html, string(text));
	same =
		html.length == strlen(expected) && memcmp(html.data, expected, html.length) == 0;
	resize(html.data, 0);
	return same;
}

static void
test_html(void)
{
	ok(escapes_to("", ""), "nothing is nothing");
	ok(escapes_to("<script>\"a\" & 'b'</script>",
				  "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"),
	   "no tag, no attribute, no entity begins");
	ok(escapes_to("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "&#228;&#8364;&#128512;"),
	   "what is not ASCII is written by its number");
	ok(escapes_to("a\tb\nc\r\nd\re", "a\tb\nc\nd\ne"), "line ends are one");
	ok(escapes_to("\x01\x1b\x7f\xc2\x85\xef\xbf\xbf",
				  "&#65533;&#65533;&#65533;&#65533;&#65533;"),
	   "control characters, which neither HTML nor XML has, are shown as such");
	ok(escapes_to("\xff\xc3", "&#65533;&#65533;"), "bytes that are no character, too");
	ok(escapes_to("\xc0\xbc\xed\xa0\x80", "&#65533;&#65533;&#65533;&#65533;&#65533;"),
	   "nor are long forms of short characters, and halves of pairs");
}

static void
test_winansi(void)
{
	ok(bm_winansi('A') == 'A' && bm_winansi(0xe4) == 0xe4, "Latin-1 is itself");
	ok(bm_winansi(0x20ac) == 0x80 && bm_winansi(0x2026) == 0x85 &&
		   bm_winansi(0x178) == 0x9f,
	   "what Windows has besides");
	ok(bm_winansi(0x81) == ' ' && bm_winansi('\n') == ' ', "controls are blanks");
	ok(bm_winansi(0x2212) == '-' && bm_winansi(0x202f) == ' ', "likenesses");
	ok(bm_winansi(0x6f22) == '?' && bm_winansi(BM_NO_CHARACTER) == '?' &&
		   bm_winansi(0x1f600) == '?',
	   "all else is a question mark");
	ok(bm_helvetica_width('i', 0) == 222 && bm_helvetica_width('W', 1) == 944 &&
		   bm_helvetica_width(0x80, 0) == 556 && bm_helvetica_width(0xff, 1) == 556,
	   "widths");
}

/* How often a string is in the file; *where is behind the last one. */
static int
count(const BmBytes *file, const char *what)
{
	size_t length = strlen(what);
	int found = 0;

	for (size_t at = 0; at + length <= file->length; at++)
		found += memcmp(file->data + at, what, length) == 0;
	return found;
}

/* Does each entry of the table of objects say where the object begins? */
static bool
objects_are_found(BmBytes *file)
{
	char *start;
	char *entry;
	int objects;
	size_t at;

	bm_bytes_add(file, "", 1);
	for (at = file->length - 1; strncmp(file->data + at, "startxref\n", 10) != 0; at--)
		if (at == 0)
			return false;
	start = file->data + strtoul(file->data + at + 10, NULL, 10);
	if (strncmp(start, "xref\n0 ", 7) != 0)
		return false;
	objects = (int) strtoul(start + 7, &entry, 10);
	for (int i = 1; i < objects; i++)
	{
		char wanted[30];

		/* Entries are of 20 bytes each. */
		at = strtoul(entry + 1 + 20 * (size_t) i, NULL, 10);
		snprintf(wanted, sizeof(wanted), "%d 0 obj\n", i);
		if (strncmp(file->data + at, wanted, strlen(wanted)) != 0)
			return false;
	}
	return objects > 5;
}

static BmBytes
make(int columns, int rows, const char *cell, const char *number)
{
	BmTable table = {string("A (title) \xe6\xbc\xa2"),
					 string("Described."),
					 string("In March."),
					 columns,
					 NULL,
					 NULL,
					 rows,
					 NULL};
	BmString header[BM_TABLE_MAX_COLUMNS];
	bool is_number[BM_TABLE_MAX_COLUMNS];
	BmString *cells = calloc((size_t) columns * rows + 1, sizeof(BmString));
	BmBytes file;

	if (cells == NULL)
		abort();
	for (int i = 0; i < columns; i++)
	{
		header[i] = string("heading");
		is_number[i] = i % 2 == 1;
	}
	for (int i = 0; i < columns * rows; i++)
		cells[i] = string(is_number[i % columns] ? number : cell);
	table.header = header;
	table.is_number = is_number;
	table.cells = cells;
	file = bm_table_pdf(&table, resize);
	free(cells);
	return file;
}

static void
test_pdf(void)
{
	BmBytes file = make(2, 120, "(a\\b) \xc3\xa4\xe2\x82\xac\n\xe6\xbc\xa2", "12.50");

	ok(memcmp(file.data, "%PDF-1.4\n", 9) == 0, "it says what it is");
	ok(count(&file, "/Count 3 ") == 1 && count(&file, "/Type /Page ") == 3,
	   "pages are as many as it says");
	ok(count(&file, "(\\(a\\\\b\\) \\344\\200 ?)") == 120,
	   "strings of PDF cannot be left");
	ok(count(&file, "(12.50)") == 120, "each row is there once");
	ok(count(&file, "(heading)") == 6, "the header is on each page");
	ok(count(&file, "(Page 2 of 3)") == 1, "so is its number");
	ok(count(&file, "<FEFF004100200028007400690074006C006500290020"
					"6F22>") == 1,
	   "the file's title has all characters");
	ok(count(&file, "(Described.)") == 1 && count(&file, "(In March.)") == 1,
	   "what it is, is on the first page");
	ok(objects_are_found(&file), "objects are where it says");
	resize(file.data, 0);

	file = make(1, 0, "", "");
	ok(count(&file, "/Count 1 ") == 1 && count(&file, "(heading)") == 1 &&
		   objects_are_found(&file),
	   "an empty table is a page with its header");
	resize(file.data, 0);

	file = make(0, 0, "", "");
	ok(count(&file, "/Count 1 ") == 1 && objects_are_found(&file),
	   "one without columns is a page");
	resize(file.data, 0);

	file = make(BM_TABLE_MAX_COLUMNS, 2, "a long text in a narrow column",
				"1234567890123456");
	ok(count(&file, "(1234567") == 0 && count(&file, "(###)") == 50,
	   "a number is shown whole or not at all");
	ok(count(&file, "\\205)") > 0 && count(&file, "narrow") == 0,
	   "a text is cut off, and says so");
	ok(count(&file, "/MediaBox [0 0 841.89 595.28]") == 1, "wide pages lie");
	resize(file.data, 0);

	file = make(
		6, 1,
		"a very long text that is as long as the column that it stands in can be, and longer than that, and longer still",
		"1234567890123456");
	ok(count(&file, "(1234567890123456)") == 3 && count(&file, "\\205)") == 3,
	   "texts give way before numbers do");
	resize(file.data, 0);
	ok(blocks == 0, "all memory is given back");
}

int
main(void)
{
	test_html();
	test_winansi();
	test_pdf();
	return done_testing();
}
