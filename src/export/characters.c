/* Characters of UTF-8, HTML and WinAnsiEncoding. */
#include "export/characters.h"

/* Behind the first byte of a character of so many: what the other ones add, or BM_NO_CHARACTER. */
static uint32_t
rest_of_character(BmString *rest, uint32_t character, int more, uint32_t least)
{
	if (rest->length < (size_t) more)
		return BM_NO_CHARACTER;
	for (int i = 0; i < more; i++)
	{
		unsigned char byte = (unsigned char) rest->data[i];

		if ((byte & 0xc0) != 0x80)
			return BM_NO_CHARACTER;
		character = character << 6 | (byte & 0x3f);
	}
	if (character < least || character > 0x10ffff ||
		(character >= 0xd800 && character < 0xe000))
		return BM_NO_CHARACTER;
	rest->data += more;
	rest->length -= (size_t) more;
	return character;
}

uint32_t
bm_next_character(BmString *rest)
{
	unsigned char first = (unsigned char) *rest->data++;

	rest->length--;
	if (first < 0x80)
		return first;
	if (first >= 0xc0 && first < 0xe0)
		return rest_of_character(rest, first & 0x1f, 1, 0x80);
	if (first >= 0xe0 && first < 0xf0)
		return rest_of_character(rest, first & 0x0f, 2, 0x800);
	if (first >= 0xf0 && first < 0xf8)
		return rest_of_character(rest, first & 0x07, 3, 0x10000);
	return BM_NO_CHARACTER;
}

/* XML's own list, without the controls that HTML does not want either. */
static uint32_t
shown_in_html(uint32_t character)
{
	if (character == '\t' || character == '\n')
		return character;
	if (character < 0x20 || (character >= 0x7f && character < 0xa0) ||
		(character & 0xfffe) == 0xfffe || (character >= 0xfdd0 && character < 0xfdf0))
		return BM_NO_CHARACTER;
	return character;
}

void
bm_html_escape(BmBytes *html, BmString string)
{
	while (string.length > 0)
	{
		uint32_t character = bm_next_character(&string);
		char plain;

		/* CR, and CR LF, are a line end as LF is. */
		if (character == '\r')
		{
			if (string.length > 0 && *string.data == '\n')
				continue;
			character = '\n';
		}
		character = shown_in_html(character);
		plain = (char) character;
		if (character >= 0x80)
			bm_bytes_format(html, "&#%u;", (unsigned) character);
		else if (plain == '&')
			bm_bytes_string(html, "&amp;");
		else if (plain == '<')
			bm_bytes_string(html, "&lt;");
		else if (plain == '>')
			bm_bytes_string(html, "&gt;");
		else if (plain == '"')
			bm_bytes_string(html, "&quot;");
		else if (plain == '\'')
			bm_bytes_string(html, "&#39;");
		else
			bm_bytes_add(html, &plain, 1);
	}
}

/* What Windows has where Latin-1 has control characters, from 0x80. */
static const uint16_t windows[32] = {
	0x20ac, 0,		0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
	0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,		0x017d, 0,
	0,		0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,		0x017e, 0x0178};

unsigned char
bm_winansi(uint32_t character)
{
	if (character < 0x20 || (character >= 0x7f && character < 0xa0) ||
		character == 0x2028 || character == 0x2029)
		return ' ';
	if (character <= 0xff)
		return (unsigned char) character;
	for (int i = 0; i < 32; i++)
		if (windows[i] == character)
			return (unsigned char) (0x80 + i);
	if ((character >= 0x2000 && character <= 0x200a) || character == 0x202f ||
		character == 0x205f || character == 0x3000)
		return ' ';
	if (character == 0x2010 || character == 0x2011 || character == 0x2212)
		return '-';
	return '?';
}

/* From the fonts' metrics as Adobe gave them, from the blank on; 0x7f to 0x9f as Windows has them. */
static const uint16_t regular[224] = {
	278,  278, 355, 556, 556, 889,	667,  191,	333, 333,  389, 584, 278,  333, 278, 278,
	556,  556, 556, 556, 556, 556,	556,  556,	556, 556,  278, 278, 584,  584, 584, 556,
	1015, 667, 667, 722, 722, 667,	611,  778,	722, 278,  500, 667, 556,  833, 722, 778,
	667,  778, 722, 667, 611, 722,	667,  944,	667, 667,  611, 278, 278,  278, 469, 556,
	333,  556, 556, 500, 556, 556,	278,  556,	556, 222,  222, 500, 222,  833, 556, 556,
	556,  556, 333, 500, 278, 556,	500,  722,	500, 500,  500, 334, 260,  334, 584, 350,
	556,  350, 222, 556, 333, 1000, 556,  556,	333, 1000, 667, 333, 1000, 350, 611, 350,
	350,  222, 222, 333, 333, 350,	556,  1000, 333, 1000, 500, 333, 944,  350, 500, 667,
	278,  333, 556, 556, 556, 556,	260,  556,	333, 737,  370, 556, 584,  333, 737, 333,
	400,  584, 333, 333, 333, 556,	537,  278,	333, 333,  365, 556, 834,  834, 834, 611,
	667,  667, 667, 667, 667, 667,	1000, 722,	667, 667,  667, 667, 278,  278, 278, 278,
	722,  722, 778, 778, 778, 778,	778,  584,	778, 722,  722, 722, 722,  667, 667, 611,
	556,  556, 556, 556, 556, 556,	889,  500,	556, 556,  556, 556, 278,  278, 278, 278,
	556,  556, 556, 556, 556, 556,	556,  584,	611, 556,  556, 556, 556,  500, 556, 500};

static const uint16_t heavy[224] = {
	278, 333, 474, 556, 556, 889,  722,	 238,  333, 333,  389, 584, 278,  333, 278, 278,
	556, 556, 556, 556, 556, 556,  556,	 556,  556, 556,  333, 333, 584,  584, 584, 611,
	975, 722, 722, 722, 722, 667,  611,	 778,  722, 278,  556, 722, 611,  833, 722, 778,
	667, 778, 722, 667, 611, 722,  667,	 944,  667, 667,  611, 333, 278,  333, 584, 556,
	333, 556, 611, 556, 611, 556,  333,	 611,  611, 278,  278, 556, 278,  889, 611, 611,
	611, 611, 389, 556, 333, 611,  556,	 778,  556, 556,  500, 389, 280,  389, 584, 350,
	556, 350, 278, 556, 500, 1000, 556,	 556,  333, 1000, 667, 333, 1000, 350, 611, 350,
	350, 278, 278, 500, 500, 350,  556,	 1000, 333, 1000, 556, 333, 944,  350, 500, 667,
	278, 333, 556, 556, 556, 556,  280,	 556,  333, 737,  370, 556, 584,  333, 737, 333,
	400, 584, 333, 333, 333, 611,  556,	 278,  333, 333,  365, 556, 834,  834, 834, 611,
	722, 722, 722, 722, 722, 722,  1000, 722,  667, 667,  667, 667, 278,  278, 278, 278,
	722, 722, 778, 778, 778, 778,  778,	 584,  778, 722,  722, 722, 722,  667, 667, 611,
	556, 556, 556, 556, 556, 556,  889,	 556,  556, 556,  556, 556, 278,  278, 278, 278,
	611, 611, 611, 611, 611, 611,  611,	 584,  611, 611,  611, 611, 611,  556, 611, 556};

int
bm_helvetica_width(unsigned char byte, int bold)
{
	if (byte < 0x20)
		return 0;
	return bold ? heavy[byte - 0x20] : regular[byte - 0x20];
}
