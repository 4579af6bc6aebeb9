/*
 * pdf.c
 *	  A PDF file of text in Helvetica.
 *
 * The objects are, by number: 1 the catalog, 2 the list of pages, 3 and 4 the fonts, 5 the file's
 * properties, and for each page itself and what is drawn on it. Nothing is compressed, so that the
 * file needs no library and can be read as it is.
 */
#include "export/pdf.h"

#include <string.h>

#define CATALOG 1
#define PAGES 2
#define FONT 3
#define BOLD_FONT 4
#define PROPERTIES 5
#define FIRST_PAGE 6 /* each has two */

#define ELLIPSIS 0x85

static void
begin_object(BmPdf *pdf, int number)
{
	if (number > pdf->room)
	{
		pdf->room = number * 2;
		pdf->offset = pdf->file.resize(pdf->offset, pdf->room * sizeof(size_t));
	}
	pdf->offset[number - 1] = pdf->file.length;
	pdf->objects = number;
	bm_bytes_format(&pdf->file, "%d 0 obj\n", number);
}

static void
end_object(BmPdf *pdf)
{
	bm_bytes_string(&pdf->file, "\nendobj\n");
}

/* UTF-16, as a string of hexadecimal digits. */
static void
add_unicode(BmBytes *bytes, BmString string)
{
	bm_bytes_string(bytes, "<FEFF");
	while (string.length > 0)
	{
		uint32_t character = bm_next_character(&string);

		if (character >= 0x10000)
		{
			bm_bytes_format(bytes, "%04X",
							(unsigned) (0xd800 + ((character - 0x10000) >> 10)));
			character = 0xdc00 + ((character - 0x10000) & 0x3ff);
		}
		bm_bytes_format(bytes, "%04X", (unsigned) character);
	}
	bm_bytes_string(bytes, ">");
}

static void
add_font(BmPdf *pdf, int number, const char *name)
{
	begin_object(pdf, number);
	bm_bytes_format(&pdf->file,
					"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding "
					"/WinAnsiEncoding >>",
					name);
	end_object(pdf);
}

static void
add_page_list(BmPdf *pdf)
{
	begin_object(pdf, PAGES);
	bm_bytes_format(&pdf->file, "<< /Type /Pages /Count %d /MediaBox [0 0 %.2f %.2f]\n",
					pdf->pages, pdf->width, pdf->height);
	bm_bytes_format(
		&pdf->file,
		"/Resources << /ProcSet [/PDF /Text] /Font << /F1 %d 0 R /F2 %d 0 R >> >>\n/Kids [",
		FONT, BOLD_FONT);
	for (int i = 0; i < pdf->pages; i++)
		bm_bytes_format(&pdf->file, "%s%d 0 R", i % 10 == 0 ? "\n" : " ",
						FIRST_PAGE + 2 * i);
	bm_bytes_string(&pdf->file, "] >>");
	end_object(pdf);
}

void
bm_pdf_begin(BmPdf *pdf, void *(*resize)(void *, size_t), double width, double height,
			 int pages, BmString title)
{
	memset(pdf, 0, sizeof(BmPdf));
	bm_bytes_begin(&pdf->file, resize);
	bm_bytes_begin(&pdf->page, resize);
	pdf->width = width;
	pdf->height = height;
	pdf->pages = pages;
	/* Four bytes that are no ASCII tell programs that the file is binary. */
	bm_bytes_string(&pdf->file, "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n");
	begin_object(pdf, CATALOG);
	bm_bytes_format(&pdf->file, "<< /Type /Catalog /Pages %d 0 R >>", PAGES);
	end_object(pdf);
	add_page_list(pdf);
	add_font(pdf, FONT, "Helvetica");
	add_font(pdf, BOLD_FONT, "Helvetica-Bold");
	begin_object(pdf, PROPERTIES);
	bm_bytes_string(&pdf->file, "<< /Producer (bizmetrics) /Title ");
	add_unicode(&pdf->file, title);
	bm_bytes_string(&pdf->file, " >>");
	end_object(pdf);
}

void
bm_pdf_begin_page(BmPdf *pdf)
{
	int number = FIRST_PAGE + 2 * pdf->begun++;

	begin_object(pdf, number);
	bm_bytes_format(&pdf->file, "<< /Type /Page /Parent %d 0 R /Contents %d 0 R >>",
					PAGES, number + 1);
	end_object(pdf);
	pdf->page.length = 0;
	bm_bytes_string(&pdf->page, "0.5 w\n");
}

void
bm_pdf_end_page(BmPdf *pdf)
{
	begin_object(pdf, FIRST_PAGE + 2 * pdf->begun - 1);
	bm_bytes_format(&pdf->file, "<< /Length %zu >>\nstream\n", pdf->page.length);
	bm_bytes_add(&pdf->file, pdf->page.data, pdf->page.length);
	bm_bytes_string(&pdf->file, "\nendstream");
	end_object(pdf);
}

void
bm_pdf_line(BmPdf *pdf, double x1, double y1, double x2, double y2)
{
	bm_bytes_format(&pdf->page, "%.2f %.2f m %.2f %.2f l S\n", x1, y1, x2, y2);
}

double
bm_pdf_text_width(BmString text, double size, int bold)
{
	double width = 0;

	while (text.length > 0)
		width += bm_helvetica_width(bm_winansi(bm_next_character(&text)), bold);
	return width * size / 1000;
}

static void
add_byte(BmBytes *bytes, unsigned char byte)
{
	if (byte == '(' || byte == ')' || byte == '\\')
		bm_bytes_format(bytes, "\\%c", byte);
	else if (byte < 0x20 || byte > 0x7e)
		bm_bytes_format(bytes, "\\%03o", byte);
	else
		bm_bytes_add(bytes, (const char *) &byte, 1);
}

/* As much of it as is so wide, as a string of PDF. */
static void
add_text(BmBytes *bytes, BmString text, double size, int bold, double width, int cut)
{
	double ellipsis = cut ? bm_helvetica_width(ELLIPSIS, bold) * size / 1000 : 0;

	bm_bytes_string(bytes, "(");
	while (text.length > 0)
	{
		unsigned char byte = bm_winansi(bm_next_character(&text));

		width -= bm_helvetica_width(byte, bold) * size / 1000;
		if (cut && width < ellipsis)
			break;
		add_byte(bytes, byte);
	}
	if (cut)
		add_byte(bytes, ELLIPSIS);
	bm_bytes_string(bytes, ")");
}

void
bm_pdf_text(BmPdf *pdf, double x, double y, double width, double size, int bold,
			BmPdfAlignment alignment, BmString text)
{
	double wide = bm_pdf_text_width(text, size, bold);
	/* What was measured to fit may be a hair wider than what was left for it. */
	int cut = wide > width + 0.01;

	if (text.length == 0)
		return;
	if (cut && alignment == BM_PDF_NUMBER)
	{
		text = (BmString){"###", 3};
		wide = bm_pdf_text_width(text, size, bold);
		cut = 0;
	}
	if (alignment != BM_PDF_LEFT && wide < width)
		x += width - wide;
	bm_bytes_format(&pdf->page, "BT /F%d %.2f Tf %.2f %.2f Td ", bold ? 2 : 1, size, x,
					y);
	add_text(&pdf->page, text, size, bold, width, cut);
	bm_bytes_string(&pdf->page, " Tj ET\n");
}

void
bm_pdf_end(BmPdf *pdf)
{
	size_t start = pdf->file.length;

	bm_bytes_format(&pdf->file, "xref\n0 %d\n0000000000 65535 f \n", pdf->objects + 1);
	for (int i = 0; i < pdf->objects; i++)
		bm_bytes_format(&pdf->file, "%010zu 00000 n \n", pdf->offset[i]);
	bm_bytes_format(
		&pdf->file,
		"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
		pdf->objects + 1, CATALOG, PROPERTIES, start);
}
