/* Text in which {name} stands for a value, and {{ and }} for a brace. */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "event/event.h"
#include "event/template.h"

static void
bad_template(const char *argument, const char *text, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s \"%s\" is no template", argument, text), errdetail("%s", detail),
			 errhint("Write {name} for a value, and {{ or }} for a brace.")));
}

static void
add_part(BmTemplate *template, const char *text, int length, bool is_reference)
{
	BmTemplatePart *part;

	template->parts =
		repalloc(template->parts, sizeof(BmTemplatePart) * (template->count + 1));
	part = &template->parts[template->count++];
	part->text = pnstrdup(text, length);
	part->is_reference = is_reference;
	part->id = -1;
}

/* Where the reference that opens here closes. */
static const char *
find_end(const char *argument, const char *text, const char *open)
{
	const char *end = open + 1 + strcspn(open + 1, "{}");

	if (*end != '}')
		bad_template(argument, text, "A brace is not closed.");
	if (end == open + 1)
		bad_template(argument, text, "There is no name between the braces.");
	return end;
}

/* In the current memory context. Raises 22023 and names the argument. */
BmTemplate *
bm_template_parse(const char *argument, const char *text)
{
	BmTemplate *template = palloc(sizeof(BmTemplate));
	const char *p = text;

	template->count = 0;
	template->parts = palloc(sizeof(BmTemplatePart));
	while (*p != '\0')
	{
		size_t length = strcspn(p, "{}");

		if (length > 0)
			add_part(template, p, length, false);
		else if (p[1] == p[0])
		{
			add_part(template, p, 1, false);
			length = 2;
		}
		else if (*p == '}')
			bad_template(argument, text, "A brace closes that was not opened.");
		else
		{
			const char *end = find_end(argument, text, p);

			add_part(template, p + 1, end - p - 1, true);
			length = end + 1 - p;
		}
		p += length;
	}
	return template;
}

/* The same, where text without braces is itself the name of a value. */
BmTemplate *
bm_template_parse_reference(const char *argument, const char *text)
{
	BmTemplate *template;

	if (text[strcspn(text, "{}")] != '\0')
		return bm_template_parse(argument, text);
	template = palloc(sizeof(BmTemplate));
	template->count = 0;
	template->parts = palloc(sizeof(BmTemplatePart));
	add_part(template, text, strlen(text), true);
	return template;
}

/* Of an event's name: raises 22001 where its text alone, whatever the values are, has too many characters. */
void
bm_template_check_name(const BmTemplate *template)
{
	StringInfoData fixed;

	initStringInfo(&fixed);
	for (int i = 0; i < template->count; i++)
		if (!template->parts[i].is_reference)
			appendStringInfoString(&fixed, template->parts[i].text);
	if (pg_mbstrlen(fixed.data) > BM_EVENT_NAME_MAX)
		bm_event_check_name(CStringGetTextDatum(fixed.data), false);
}

/* The text, or NULL where one of its values is NULL, as with the operator ||. */
char *
bm_template_fill(const BmTemplate *template, BmTemplateLookup lookup, const void *context)
{
	StringInfoData filled;

	initStringInfo(&filled);
	for (int i = 0; i < template->count; i++)
	{
		const BmTemplatePart *part = &template->parts[i];
		const char *text = part->is_reference ? lookup(part, context) : part->text;

		if (text == NULL)
			return NULL;
		appendStringInfoString(&filled, text);
	}
	return filled.data;
}
