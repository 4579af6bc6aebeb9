/* What SQL calls to make pages and PDF files of a report's table. */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "export/characters.h"
#include "export/table_pdf.h"

/* Some 2,000 pages: nobody prints more, and the file stays within what a bytea holds. */
#define MAX_ROWS 100000

PG_FUNCTION_INFO_V1(bizmetrics_html_text);
PG_FUNCTION_INFO_V1(bizmetrics_table_pdf);

static void *
resize(void *memory, size_t size)
{
	if (size == 0)
	{
		pfree(memory);
		return NULL;
	}
	if (memory == NULL)
		return MemoryContextAllocHuge(CurrentMemoryContext, size);
	return repalloc_huge(memory, size);
}

/* In UTF-8; bytes of a database without an encoding are taken for that. */
static BmString
string_of(Datum datum)
{
	text *value = DatumGetTextPP(datum);
	int length = (int) VARSIZE_ANY_EXHDR(value);
	char *data = VARDATA_ANY(value);
	char *converted = data;

	if (GetDatabaseEncoding() != PG_SQL_ASCII)
		converted = pg_server_to_any(data, length, PG_UTF8);
	return (BmString){converted, converted == data ? (size_t) length : strlen(converted)};
}

/* NULLs are empty. */
static BmString *
strings_of(ArrayType *array, int *count)
{
	Datum *items;
	bool *nulls;
	BmString *strings;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	strings = palloc0(sizeof(BmString) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		if (!nulls[i])
			strings[i] = string_of(items[i]);
	return strings;
}

Datum
bizmetrics_html_text(PG_FUNCTION_ARGS)
{
	BmBytes html;

	if (PG_ARGISNULL(0))
		PG_RETURN_TEXT_P(cstring_to_text(""));
	bm_bytes_begin(&html, resize);
	bm_html_escape(&html, string_of(PG_GETARG_DATUM(0)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(html.data, (int) html.length));
}

static BmString
string_argument(FunctionCallInfo fcinfo, int number)
{
	if (PG_ARGISNULL(number))
		return (BmString){NULL, 0};
	return string_of(PG_GETARG_DATUM(number));
}

static void
check_size(int columns, int rows)
{
	if (columns > BM_TABLE_MAX_COLUMNS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a table of %d columns does not fit on a page", columns),
						errdetail("A PDF file can have %d.", BM_TABLE_MAX_COLUMNS),
						errhint("Export it in another format.")));
	if (rows > MAX_ROWS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a table of %d rows is too long for a PDF file", rows),
						errdetail("It can have %d.", MAX_ROWS),
						errhint("Give a shorter range of time, or export it in another "
								"format.")));
}

/* Arguments: title, description, period, header, which columns are numbers, cells row by row. */
Datum
bizmetrics_table_pdf(PG_FUNCTION_ARGS)
{
	BmTable table = {0};
	int flags;
	int cells = 0;
	Datum *flag;
	bool *is_number;
	BmBytes file;
	bytea *result;

	if (PG_ARGISNULL(3) || PG_ARGISNULL(4))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("header and is_number must not be NULL")));
	table.title = string_argument(fcinfo, 0);
	table.description = string_argument(fcinfo, 1);
	table.period = string_argument(fcinfo, 2);
	table.header = strings_of(PG_GETARG_ARRAYTYPE_P(3), &table.columns);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(4), BOOLOID, 1, true, TYPALIGN_CHAR, &flag,
					  NULL, &flags);
	if (!PG_ARGISNULL(5))
		table.cells = strings_of(PG_GETARG_ARRAYTYPE_P(5), &cells);
	if (flags != table.columns ||
		(table.columns == 0 ? cells : cells % table.columns) != 0)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("header, is_number and cells are not of one table")));
	table.rows = table.columns == 0 ? 0 : cells / table.columns;
	check_size(table.columns, table.rows);
	is_number = palloc(Max(flags, 1));
	for (int i = 0; i < flags; i++)
		is_number[i] = DatumGetBool(flag[i]);
	table.is_number = is_number;
	file = bm_table_pdf(&table, resize);
	if (file.length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("the PDF file would be larger than 1 GB"),
						errhint("Give a shorter range of time.")));
	result = palloc(VARHDRSZ + file.length);
	SET_VARSIZE(result, VARHDRSZ + file.length);
	memcpy(VARDATA(result), file.data, file.length);
	PG_RETURN_BYTEA_P(result);
}
