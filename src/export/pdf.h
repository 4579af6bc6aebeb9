/*
 * A PDF file (1.4) of pages with lines and text in Helvetica, written from its beginning to its end.
 * Plain C. Places are in points from the lower left corner.
 */
#ifndef BM_EXPORT_PDF_H
#define BM_EXPORT_PDF_H

#include "export/bytes.h"
#include "export/characters.h"

typedef struct BmPdf
{
	BmBytes file;
	BmBytes page;	/* what is drawn on the page that is open */
	size_t *offset; /* of each object, by its number */
	int objects;
	int room;
	int pages; /* that there will be */
	int begun; /* that have been begun */
	double width;
	double height;
} BmPdf;

/* So many pages of this size must follow; the title is for the file's properties. */
extern void bm_pdf_begin(BmPdf *pdf, void *(*resize)(void *, size_t), double width,
						 double height, int pages, BmString title);
extern void bm_pdf_begin_page(BmPdf *pdf);
extern void bm_pdf_end_page(BmPdf *pdf);
extern void bm_pdf_line(BmPdf *pdf, double x1, double y1, double x2, double y2);

typedef enum BmPdfAlignment
{
	BM_PDF_LEFT,
	BM_PDF_RIGHT,
	BM_PDF_NUMBER /* right as well */
} BmPdfAlignment;

/*
 * Text between x and x + width: what does not fit is cut off, with an ellipsis. A number that does
 * not is "###": a part of it would be another one.
 */
extern void bm_pdf_text(BmPdf *pdf, double x, double y, double width, double size,
						int bold, BmPdfAlignment alignment, BmString text);

/* How wide it would be. */
extern double bm_pdf_text_width(BmString text, double size, int bold);

/* The file is in pdf->file then. */
extern void bm_pdf_end(BmPdf *pdf);

#endif
