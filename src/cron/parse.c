/*
 * parse.c
 *	  Strict parser for the text of a schedule.
 *
 * Whatever is not understood is refused, with its place: a report that runs
 * at the wrong time, or never, is noticed much later than a refused one.  The
 * grammar is that of Vixie cron, plus wrap-around ranges, last days, the n-th
 * weekday of a month, and intervals.  It does not depend on the locale.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cron/cron.h"

#ifdef __GNUC__
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#else
#define PRINTF_LIKE(f, a)
#endif

#define BLANKS "\t "
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define MAX_NUMBER 1000000 /* larger numbers are read as this one */
#define MAX_TOKEN 40	   /* longer tokens are cut in messages */

#define MIN_INTERVAL 5
#define MAX_INTERVAL (24 * 60 * 60)

#define EVERY_WEEKDAY 0x3E /* the first to the fifth of a month */

enum
{
	MINUTE,
	HOUR,
	DAY_OF_MONTH,
	MONTH,
	DAY_OF_WEEK,
	N_FIELDS
};

typedef struct Field
{
	const char *name;
	int first;		   /* lowest value */
	int last;		   /* highest value that may be written */
	int count;		   /* number of different values */
	const char *names; /* of the values from "first", 3 letters each */
} Field;

/* In the day of week field 7 is another way to write 0. */
static const Field fields[N_FIELDS] = {
	{"minute", 0, 59, 60, ""},
	{"hour", 0, 23, 24, ""},
	{"day of month", 1, 31, 31, ""},
	{"month", 1, 12, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
	{"day of week", 0, 7, 7, "sunmontuewedthufrisat"}};

static const struct
{
	const char *name;
	const char *meaning;
} shortcuts[] = {{"@hourly", "0 * * * *"},	 {"@daily", "0 0 * * *"},
				 {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
				 {"@monthly", "0 0 1 * *"},	 {"@yearly", "0 0 1 1 *"},
				 {"@annually", "0 0 1 1 *"}};

static const struct
{
	const char *singular;
	const char *plural;
	int seconds;
} units[] = {{"second", "seconds", 1},
			 {"minute", "minutes", 60},
			 {"hour", "hours", 3600}};

#define N_ELEMENTS(array) ((int) (sizeof(array) / sizeof((array)[0])))

typedef struct Parser
{
	const char *text;	/* the whole schedule */
	const char *pos;	/* next character to read */
	const Field *field; /* being read; NULL: none in particular */
	BmCron *cron;
	BmCronError *error;
	char token[MAX_TOKEN + 4]; /* see quote() */
	char hint[160];			   /* see value_hint() and step_hint() */
} Parser;

static bool fail(Parser *p, const char *at, const char *hint, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* Characters */

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char) (c - 'A' + 'a') : c;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

/* Are the first "length" characters of "text" the whole of "word"? */
static bool
is_word(const char *text, size_t length, const char *word)
{
	if (strlen(word) != length)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (lower(text[i]) != word[i])
			return false;
	}
	return true;
}

static size_t
word_length(const char *text)
{
	return strcspn(text, BLANKS);
}

static size_t
item_length(const char *text)
{
	return strcspn(text, "," BLANKS);
}

static void
skip_blanks(Parser *p)
{
	p->pos += strspn(p->pos, BLANKS);
}

static bool
at_item_end(const Parser *p)
{
	return item_length(p->pos) == 0;
}

/* Refusals */

static bool
fail(Parser *p, const char *at, const char *hint, const char *format, ...)
{
	va_list args;

	p->error->field = p->field ? p->field->name : "schedule";
	p->error->column = (int) (at - p->text) + 1;
	va_start(args, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	snprintf(p->error->hint, sizeof(p->error->hint), "%s", hint);
	return false;
}

/*
 * A copy of a token to show in a message, valid until the next call.  Tabs
 * between words become spaces.
 */
static const char *
quote(Parser *p, const char *token, size_t length)
{
	if (length <= MAX_TOKEN)
		snprintf(p->token, sizeof(p->token), "%.*s", (int) length, token);
	else
		snprintf(p->token, sizeof(p->token), "%.*s...", MAX_TOKEN, token);
	for (char *c = p->token; *c != '\0'; c++)
	{
		if (*c == '\t')
			*c = ' ';
	}
	return p->token;
}

static const char *
value_hint(Parser *p)
{
	const Field *field = p->field;
	size_t names = strlen(field->names);

	if (names == 0)
		snprintf(p->hint, sizeof(p->hint), "Use a number from %d to %d.", field->first,
				 field->last);
	else
		snprintf(p->hint, sizeof(p->hint),
				 "Use a number from %d to %d or a name from \"%.3s\" to \"%.3s\".",
				 field->first, field->last, field->names, field->names + names - 3);
	return p->hint;
}

static const char *
step_hint(Parser *p)
{
	snprintf(p->hint, sizeof(p->hint), "Use a step from 1 to %d.", p->field->count);
	return p->hint;
}

/* What to do about a character that has no meaning where it stands. */
static const char *
character_hint(char c)
{
	switch (lower(c))
	{
		case '?':
			return "Use \"*\" for any value.";
		case 'w':
			return "The nearest weekday \"W\" is not supported; give the day itself.";
		case 'l':
		case '$':
			return "Use \"L\" for the last day of the month, or after one day of the week as in \"5L\".";
		case '#':
			return "Use \"#\" after one day of the week, as in \"5#2\".";
		default:
			return "Use values, ranges \"a-b\" and steps \"*/n\" or \"a-b/n\", separated by commas.";
	}
}

static bool
fail_unexpected(Parser *p, const char *item)
{
	return fail(p, p->pos, character_hint(*p->pos), "unexpected \"%c\" in \"%s\"",
				*p->pos, quote(p, item, item_length(item)));
}

/* At the end of an item that lacks something, or at what stands in its place. */
static bool
fail_missing(Parser *p, const char *item, const char *what, const char *hint)
{
	if (!at_item_end(p))
		return fail_unexpected(p, item);
	return fail(p, p->pos, hint, "missing %s in \"%s\"", what,
				quote(p, item, item_length(item)));
}

static bool
fail_name(Parser *p, const char *name, size_t length)
{
	const char *hint = length == 1 && strchr("lLwW", *name) != NULL
						   ? character_hint(*name)
						   : value_hint(p);

	return fail(p, name, hint, "unknown name \"%s\"", quote(p, name, length));
}

/* Fields */

/* Read digits, however many; false if there is none. */
static bool
parse_number(Parser *p, int *number)
{
	if (!is_digit(*p->pos))
		return false;
	for (*number = 0; is_digit(*p->pos); p->pos++)
	{
		*number = *number * 10 + (*p->pos - '0');
		if (*number > MAX_NUMBER)
			*number = MAX_NUMBER;
	}
	return true;
}

static bool
parse_name(Parser *p, int *value)
{
	const char *names = p->field->names;
	const char *name = p->pos;
	size_t length = strspn(name, LETTERS);
	bool last = p->field == &fields[DAY_OF_WEEK] && length == 4 && lower(name[3]) == 'l';

	/* In "friL" the name ends before the L. */
	for (int i = 0; names[i] != '\0' && (length == 3 || last); i += 3)
	{
		if (lower(name[0]) == names[i] && lower(name[1]) == names[i + 1] &&
			lower(name[2]) == names[i + 2])
		{
			p->pos += 3;
			*value = p->field->first + i / 3;
			return true;
		}
	}
	return fail_name(p, name, length);
}

static bool
parse_value(Parser *p, const char *item, int *value)
{
	const char *start = p->pos;

	if (is_letter(*start))
		return parse_name(p, value);
	if (!parse_number(p, value))
		return fail_missing(p, item, "value", value_hint(p));
	if (*value < p->field->first || *value > p->field->last)
		return fail(p, start, value_hint(p), "value \"%s\" is out of range",
					quote(p, start, (size_t) (p->pos - start)));
	return true;
}

/* The "#n" or "L" after a day of the week. */
static bool
parse_occurrence(Parser *p, const char *item, int weekday)
{
	const char *hint = "Use a number from 1 to 5 after \"#\".";
	const char *start;
	int occurrence = BM_CRON_LAST;

	if (*p->pos++ == '#')
	{
		start = p->pos;
		if (!parse_number(p, &occurrence))
			return fail_missing(p, item, "number", hint);
		if (occurrence < 1 || occurrence > 5)
			return fail(p, start, hint, "occurrence \"%s\" is out of range",
						quote(p, start, (size_t) (p->pos - start)));
	}
	if (!at_item_end(p))
		return fail_unexpected(p, item);
	p->cron->weekdays[weekday % 7] |= (uint8_t) (1 << occurrence);
	return true;
}

static bool
parse_step(Parser *p, const char *item, bool is_range, int *step)
{
	const char *slash = p->pos++;
	const char *start = p->pos;

	if (!parse_number(p, step))
		return fail_missing(p, item, "step", step_hint(p));
	if (*step < 1 || *step > p->field->count)
		return fail(p, start, step_hint(p), "step \"%s\" is out of range",
					quote(p, start, (size_t) (p->pos - start)));
	if (!at_item_end(p))
		return fail_unexpected(p, item);
	if (!is_range)
	{
		snprintf(p->hint, sizeof(p->hint), "Use \"%s-%d/%d\".",
				 quote(p, item, (size_t) (slash - item)), p->field->last, *step);
		return fail(p, slash, p->hint, "step without a range in \"%s\"",
					quote(p, item, item_length(item)));
	}
	return true;
}

/* Add every step-th value; a range that ends before it starts wraps around. */
static void
add_range(const Field *field, int from, int to, int step, uint64_t *set)
{
	if (to < from)
		to += field->count;
	for (int value = from; value <= to; value += step)
	{
		int bit = (value - field->first) % field->count + field->first;

		*set |= UINT64_C(1) << bit;
	}
}

/* A value or a range; false if it is refused. */
static bool
parse_range(Parser *p, const char *item, int *from, int *to, bool *is_range)
{
	*is_range = true;
	if (*p->pos == '*')
	{
		p->pos++;
		*from = p->field->first;
		*to = p->field->first + p->field->count - 1;
		return true;
	}
	if (!parse_value(p, item, from))
		return false;
	*to = *from;
	*is_range = *p->pos == '-';
	if (!*is_range)
		return true;
	p->pos++;
	return parse_value(p, item, to);
}

/* One element of a list. */
static bool
parse_item(Parser *p, uint64_t *set)
{
	const char *item = p->pos;
	int from;
	int to;
	int step = 1;
	bool is_range;

	if (p->field == &fields[DAY_OF_MONTH] && (*p->pos == '$' || lower(*p->pos) == 'l'))
	{
		p->pos++;
		*set |= UINT64_C(1) << BM_CRON_LAST;
		return at_item_end(p) || fail_unexpected(p, item);
	}

	if (!parse_range(p, item, &from, &to, &is_range))
		return false;
	if (p->field == &fields[DAY_OF_WEEK] && !is_range &&
		(*p->pos == '#' || lower(*p->pos) == 'l'))
		return parse_occurrence(p, item, from);
	if (*p->pos == '/' && !parse_step(p, item, is_range, &step))
		return false;
	if (!at_item_end(p))
		return fail_unexpected(p, item);
	add_range(p->field, from, to, step, set);
	return true;
}

static bool
parse_field(Parser *p, uint64_t *set)
{
	const char *list = p->pos;

	for (;;)
	{
		if (at_item_end(p))
			return fail(p, p->pos, "Remove the extra comma.", "empty item in list \"%s\"",
						quote(p, list, word_length(list)));
		if (!parse_item(p, set))
			return false;
		if (*p->pos != ',')
			return true;
		p->pos++;
	}
}

/* Schedules */

/* Nothing but blanks may follow a complete schedule. */
static bool
parse_end(Parser *p, const char *hint)
{
	skip_blanks(p);
	if (*p->pos == '\0')
		return true;
	return fail(p, p->pos, hint, "unexpected \"%s\" after the schedule",
				quote(p, p->pos, word_length(p->pos)));
}

static void
store_fields(BmCron *cron, const uint64_t *sets, const bool *stars)
{
	cron->minutes = sets[MINUTE];
	cron->hours = (uint32_t) sets[HOUR];
	cron->dates = (uint32_t) sets[DAY_OF_MONTH];
	cron->months = (uint32_t) sets[MONTH];
	for (int i = 0; i < 7; i++)
	{
		if (sets[DAY_OF_WEEK] & (UINT64_C(1) << i))
			cron->weekdays[i] |= EVERY_WEEKDAY;
	}
	cron->match_both = stars[DAY_OF_MONTH] || stars[DAY_OF_WEEK];
	cron->wildcard = stars[MINUTE] || stars[HOUR];
}

static bool
parse_fields(Parser *p)
{
	const char *fields_hint =
		"A schedule has five fields: minute, hour, day of month, month and day of week.";
	const char *start = p->pos;
	uint64_t sets[N_FIELDS] = {0};
	bool stars[N_FIELDS];

	for (int i = 0; i < N_FIELDS; i++)
	{
		skip_blanks(p);
		p->field = &fields[i];
		if (*p->pos == '\0')
			return fail(p, p->pos, fields_hint, "missing field \"%s\"", p->field->name);
		stars[i] = *p->pos == '*';
		if (!parse_field(p, &sets[i]))
			return false;
	}
	p->field = NULL;
	if (!parse_end(p, fields_hint))
		return false;

	store_fields(p->cron, sets, stars);
	if (bm_cron_never_fires(p->cron))
		return fail(p, start,
					"No year has a day that matches the three day and month fields.",
					"schedule never fires: \"%s\"", quote(p, start, strlen(start)));
	return true;
}

static bool
parse_shortcut(Parser *p)
{
	const char *start = p->pos;
	size_t length = word_length(start);

	for (int i = 0; i < N_ELEMENTS(shortcuts); i++)
	{
		if (!is_word(start, length, shortcuts[i].name))
			continue;
		p->pos += length;
		if (!parse_end(p, "Remove what follows the name."))
			return false;
		p->pos = shortcuts[i].meaning;
		return parse_fields(p);
	}
	if (is_word(start, length, "@reboot"))
		return fail(p, start,
					"Use a recurring schedule such as \"@daily\" or \"1 hour\".",
					"schedule \"%s\" is not supported", quote(p, start, length));
	return fail(p, start, "Use @hourly, @daily, @weekly, @monthly or @yearly.",
				"unknown schedule \"%s\"", quote(p, start, length));
}

/* Seconds in the unit that a word names; 0 if it names none. */
static int
unit_seconds(const char *word)
{
	size_t length = word_length(word);

	for (int i = 0; i < N_ELEMENTS(units); i++)
	{
		if (is_word(word, length, units[i].singular) ||
			is_word(word, length, units[i].plural))
			return units[i].seconds;
	}
	return 0;
}

/*
 * Is an interval meant?  No second word with a letter is a valid hour, so two
 * words such as "3 days" are taken for one, too, to get the better message.
 */
static bool
looks_like_interval(const char *text)
{
	const char *second = text + word_length(text);
	const char *rest;

	second += strspn(second, BLANKS);
	if (unit_seconds(second) > 0)
		return true;
	rest = second + word_length(second);
	rest += strspn(rest, BLANKS);
	return is_digit(*text) && is_letter(*second) && *rest == '\0';
}

static bool
parse_interval(Parser *p)
{
	const char *start = p->pos;
	int number;
	int unit;
	int64_t seconds;

	if (!parse_number(p, &number) || word_length(p->pos) != 0)
		return fail(p, p->pos, "Use a whole number, as in \"30 seconds\".",
					"invalid number \"%s\"", quote(p, start, word_length(start)));
	skip_blanks(p);
	unit = unit_seconds(p->pos);
	if (unit == 0)
		return fail(p, p->pos, "Use seconds, minutes or hours.", "unknown unit \"%s\"",
					quote(p, p->pos, word_length(p->pos)));
	p->pos += word_length(p->pos);
	seconds = (int64_t) number * unit;
	if (seconds < MIN_INTERVAL || seconds > MAX_INTERVAL)
		return fail(p, start, "Use an interval from 5 seconds to 24 hours.",
					"interval \"%s\" is out of range",
					quote(p, start, (size_t) (p->pos - start)));
	if (!parse_end(p, "Remove what follows the unit."))
		return false;
	p->cron->interval = seconds;
	return true;
}

/*
 * Refuse overlong text and anything but blanks and printable ASCII, so that
 * the rest can count a byte as a column and put any token into a message.
 */
static bool
check_characters(Parser *p)
{
	for (int i = 0; p->text[i] != '\0'; i++)
	{
		unsigned char c = (unsigned char) p->text[i];

		if (i >= BM_CRON_MAX_TEXT)
			return fail(p, p->text + i, "Use a shorter schedule.",
						"schedule is longer than %d characters", BM_CRON_MAX_TEXT);
		if ((c < ' ' && c != '\t') || c > '~')
			return fail(
				p, p->text + i,
				"Use ASCII letters, digits and punctuation, separated by spaces or tabs.",
				"invalid character \"\\x%02x\"", (unsigned int) c);
	}
	return true;
}

bool
bm_cron_parse(const char *text, BmCron *cron, BmCronError *error)
{
	BmCronError ignored;
	Parser p = {.text = text, .pos = text, .cron = cron};

	p.error = error ? error : &ignored;
	memset(cron, 0, sizeof(*cron));
	memset(p.error, 0, sizeof(*p.error));

	if (!check_characters(&p))
		return false;
	skip_blanks(&p);
	if (*p.pos == '\0')
		return fail(
			&p, p.pos,
			"Use five fields such as \"0 6 * * *\", or an interval such as \"1 hour\".",
			"schedule is empty");
	if (*p.pos == '@')
		return parse_shortcut(&p);
	if (looks_like_interval(p.pos))
		return parse_interval(&p);
	return parse_fields(&p);
}
