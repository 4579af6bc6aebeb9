/*
 * table_pdf.c
 *	  A table as a PDF file.
 *
 * Columns are as wide as what is in them. Where that is more than an upright A4 page has, the pages
 * lie, then the font gets smaller, and then the widest columns give way until all fit, those of numbers
 * last. Texts are cut off with an ellipsis; a number that does not fit is not shown at all. A row is a line, so that it is known beforehand how many pages there are.
 */
#include "export/table_pdf.h"

#include <string.h>

#include "export/pdf.h"

#define SHORT_SIDE 595.28
#define LONG_SIDE 841.89
#define MARGIN 40.0
#define LARGEST 9.0
#define SMALLEST 5.0
#define TITLE_SIZE 15.0
#define TEXT_SIZE 9.0
#define TEXT_LINES 12 /* of the description */
#define LEADING 1.5	  /* the height of a line by the font's size */
#define GAP 0.8		  /* between columns, likewise */
#define NARROWEST 4.0 /* what texts give way to before numbers do */

typedef struct Layout
{
	const BmTable *table;
	double page_width;
	double page_height;
	double size;
	double width[BM_TABLE_MAX_COLUMNS];
	int lines; /* of text under the title */
	BmString line[TEXT_LINES + 1];
	int first_rows; /* on the first page */
	int rows;		/* on each other one */
	int pages;
} Layout;

/* Widths at size 1. */
static void
measure(Layout *layout)
{
	const BmTable *table = layout->table;

	for (int column = 0; column < table->columns; column++)
	{
		double width = bm_pdf_text_width(table->header[column], 1, true);

		for (int row = 0; row < table->rows; row++)
		{
			double cell = bm_pdf_text_width(
				table->cells[(size_t) row * table->columns + column], 1, false);

			if (cell > width)
				width = cell;
		}
		layout->width[column] = width;
	}
}

static double
total_width(const Layout *layout)
{
	double total = GAP * (layout->table->columns - 1);

	for (int column = 0; column < layout->table->columns; column++)
		total += layout->width[column];
	return total;
}

/* The widest of these columns give way, all to one width, until the whole is as wide as there is room. */
static void
narrow(Layout *layout, double room, bool numbers_too)
{
	const BmTable *table = layout->table;
	double low = numbers_too ? 0 : NARROWEST;
	double high = room;

	for (int step = 0; step < 60; step++)
	{
		double limit = (low + high) / 2;
		double total = GAP * (table->columns - 1);

		for (int i = 0; i < table->columns; i++)
			total += layout->width[i] < limit || (table->is_number[i] && !numbers_too)
						 ? layout->width[i]
						 : limit;
		if (total > room)
			high = limit;
		else
			low = limit;
	}
	for (int i = 0; i < table->columns; i++)
		if (layout->width[i] > low && (!table->is_number[i] || numbers_too))
			layout->width[i] = low;
}

static void
fit_columns(Layout *layout)
{
	double room;

	measure(layout);
	layout->size = LARGEST;
	layout->page_width = SHORT_SIDE;
	layout->page_height = LONG_SIDE;
	if (total_width(layout) * layout->size > layout->page_width - 2 * MARGIN)
	{
		layout->page_width = LONG_SIDE;
		layout->page_height = SHORT_SIDE;
	}
	room = layout->page_width - 2 * MARGIN;
	while (layout->size > SMALLEST && total_width(layout) * layout->size > room)
		layout->size -= 0.5;
	for (int all = 0; all < 2; all++)
		if (total_width(layout) * layout->size > room)
			narrow(layout, room / layout->size, all == 1);
	for (int i = 0; i < layout->table->columns; i++)
		layout->width[i] *= layout->size;
}

/* The first line of a text, broken at a blank where it is too wide; goes behind it. */
static BmString
take_line(BmString *rest, double room)
{
	BmString line = {rest->data, 0};
	BmString at = *rest;
	BmString blank = {NULL, 0};
	double width = 0;

	while (at.length > 0 && *at.data != '\n')
	{
		BmString before = at;
		unsigned char byte = bm_winansi(bm_next_character(&at));

		if (byte == ' ')
			blank = before;
		width += bm_helvetica_width(byte, false) * TEXT_SIZE / 1000;
		if (width > room && before.data > rest->data)
		{
			at = blank.data != NULL && blank.data > rest->data ? blank : before;
			break;
		}
	}
	line.length = (size_t) (at.data - rest->data);
	/* What separates the lines is on neither. */
	if (at.length > 0 && (*at.data == '\n' || *at.data == ' '))
	{
		at.data++;
		at.length--;
	}
	*rest = at;
	return line;
}

static void
break_lines(Layout *layout)
{
	BmString rest = layout->table->description;

	while (rest.length > 0 && layout->lines < TEXT_LINES)
		layout->line[layout->lines++] = take_line(&rest, layout->page_width - 2 * MARGIN);
	if (layout->table->period.length > 0)
		layout->line[layout->lines++] = layout->table->period;
}

/* Between the margins, but for the footer and the header of the table. */
static double
room_for_rows(const Layout *layout)
{
	return layout->page_height - 2 * MARGIN - TEXT_SIZE * LEADING -
		   layout->size * LEADING * 1.5;
}

static double
title_height(const Layout *layout)
{
	return TITLE_SIZE * LEADING + (layout->lines + 0.5) * TEXT_SIZE * LEADING;
}

static void
count_pages(Layout *layout)
{
	double height = layout->size * LEADING;
	int rest;

	layout->rows = (int) (room_for_rows(layout) / height);
	layout->first_rows = (int) ((room_for_rows(layout) - title_height(layout)) / height);
	rest = layout->table->rows - layout->first_rows;
	layout->pages = 1 + (rest > 0 ? (rest + layout->rows - 1) / layout->rows : 0);
}

/* From the top; where the table begins. */
static double
draw_title(BmPdf *pdf, const Layout *layout)
{
	double room = layout->page_width - 2 * MARGIN;
	double y = layout->page_height - MARGIN - TITLE_SIZE;

	bm_pdf_text(pdf, MARGIN, y, room, TITLE_SIZE, true, BM_PDF_LEFT,
				layout->table->title);
	y -= TITLE_SIZE * (LEADING - 1);
	for (int i = 0; i < layout->lines; i++)
	{
		y -= TEXT_SIZE * LEADING;
		bm_pdf_text(pdf, MARGIN, y, room, TEXT_SIZE, false, BM_PDF_LEFT, layout->line[i]);
	}
	return layout->page_height - MARGIN - title_height(layout);
}

static void
draw_row(BmPdf *pdf, const Layout *layout, double y, const BmString *cells, int bold)
{
	double x = MARGIN;

	for (int i = 0; i < layout->table->columns; i++)
	{
		bm_pdf_text(pdf, x, y, layout->width[i], layout->size, bold,
					!layout->table->is_number[i] ? BM_PDF_LEFT
					: bold						 ? BM_PDF_RIGHT
												 : BM_PDF_NUMBER,
					cells[i]);
		x += layout->width[i] + GAP * layout->size;
	}
}

static void
draw_footer(BmPdf *pdf, const Layout *layout)
{
	double room = layout->page_width - 2 * MARGIN;
	BmBytes number;
	BmString text;

	bm_bytes_begin(&number, pdf->file.resize);
	bm_bytes_format(&number, "Page %d of %d", pdf->begun, layout->pages);
	text = (BmString){number.data, number.length};
	bm_pdf_text(pdf, MARGIN, MARGIN - TEXT_SIZE, room, TEXT_SIZE, false, BM_PDF_RIGHT,
				text);
	if (pdf->begun > 1)
		bm_pdf_text(pdf, MARGIN, MARGIN - TEXT_SIZE, room * 0.8, TEXT_SIZE, false,
					BM_PDF_LEFT, layout->table->title);
	number.resize(number.data, 0);
}

/* From this row on; which one comes after the page. */
static int
draw_page(BmPdf *pdf, const Layout *layout, int row)
{
	const BmTable *table = layout->table;
	double height = layout->size * LEADING;
	double y = layout->page_height - MARGIN;
	int last;

	bm_pdf_begin_page(pdf);
	last = row + (pdf->begun == 1 ? layout->first_rows : layout->rows);
	if (pdf->begun == 1)
		y = draw_title(pdf, layout);
	draw_row(pdf, layout, y - layout->size, table->header, true);
	y -= height;
	bm_pdf_line(pdf, MARGIN, y, layout->page_width - MARGIN, y);
	y -= layout->size * 0.3;
	for (; row < last && row < table->rows; row++)
	{
		draw_row(pdf, layout, y - layout->size,
				 &table->cells[(size_t) row * table->columns], false);
		y -= height;
	}
	draw_footer(pdf, layout);
	bm_pdf_end_page(pdf);
	return row;
}

BmBytes
bm_table_pdf(const BmTable *table, void *(*resize)(void *, size_t))
{
	Layout layout;
	BmPdf pdf;
	int row = 0;

	memset(&layout, 0, sizeof(layout));
	layout.table = table;
	fit_columns(&layout);
	break_lines(&layout);
	count_pages(&layout);
	bm_pdf_begin(&pdf, resize, layout.page_width, layout.page_height, layout.pages,
				 table->title);
	do
		row = draw_page(&pdf, &layout, row);
	while (pdf.begun < layout.pages);
	bm_pdf_end(&pdf);
	resize(pdf.page.data, 0);
	resize(pdf.offset, 0);
	return pdf.file;
}
