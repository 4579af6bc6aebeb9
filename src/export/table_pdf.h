/* A table as a PDF file: a title, a text, and rows over pages that each begin with the header. Plain C. */
#ifndef BM_EXPORT_TABLE_PDF_H
#define BM_EXPORT_TABLE_PDF_H

#include <stdbool.h>

#include "export/bytes.h"
#include "export/characters.h"

/* More than a page could show. */
#define BM_TABLE_MAX_COLUMNS 50

typedef struct BmTable
{
	BmString title;
	BmString description; /* may be of several lines */
	BmString period;
	int columns;
	const BmString *header;
	const bool *is_number; /* on the right */
	int rows;
	const BmString *cells; /* row by row */
} BmTable;

/* The file; all other memory is given back through resize(memory, 0). */
extern BmBytes bm_table_pdf(const BmTable *table, void *(*resize)(void *, size_t));

#endif
