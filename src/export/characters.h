/* Characters of UTF-8, and what becomes of them in a file that cannot have all of them. Plain C. */
#ifndef BM_EXPORT_CHARACTERS_H
#define BM_EXPORT_CHARACTERS_H

#include <stdint.h>

#include "export/bytes.h"

#define BM_NO_CHARACTER 0xfffd

/* A text of so many bytes, which need not end with a zero. */
typedef struct BmString
{
	const char *data;
	size_t length;
} BmString;

/* The next character, and goes behind it; of bytes that are none, BM_NO_CHARACTER, and behind the first. */
extern uint32_t bm_next_character(BmString *rest);

/*
 * As text in HTML and XML, in ASCII alone: so that the page is the same whatever encoding it is
 * written in. Control characters, which neither may have, are shown as U+FFFD.
 */
extern void bm_html_escape(BmBytes *html, BmString string);

/*
 * The byte of a character in WinAnsiEncoding, which PDF's standard fonts have: Latin-1 and what
 * Windows adds to it. A few others have a likeness there (spaces and hyphens of other widths, the
 * minus sign), line ends and control characters are blanks, and all else is "?".
 */
extern unsigned char bm_winansi(uint32_t character);

/* Its width in Helvetica, in thousandths of the font's size. */
extern int bm_helvetica_width(unsigned char byte, int bold);

#endif
