/* Text in which {name} stands for a value: of a row's column, or at a path of a message. */
#ifndef BM_EVENT_TEMPLATE_H
#define BM_EVENT_TEMPLATE_H

typedef struct BmTemplatePart
{
	char *text;		   /* literal text, or a name */
	bool is_reference; /* a name */
	int id;			   /* of a name: its user's */
} BmTemplatePart;

typedef struct BmTemplate
{
	int count;
	BmTemplatePart *parts;
} BmTemplate;

/* The value that a reference stands for as a new string, or NULL. */
typedef char *(*BmTemplateLookup)(const BmTemplatePart *part, const void *context);

extern BmTemplate *bm_template_parse(const char *argument, const char *text);
extern BmTemplate *bm_template_parse_reference(const char *argument, const char *text);
extern void bm_template_check_name(const BmTemplate *template);
extern char *bm_template_fill(const BmTemplate *template, BmTemplateLookup lookup,
							  const void *context);

#endif
