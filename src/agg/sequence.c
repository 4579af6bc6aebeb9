/*
 * sequence.c
 *	  Patterns of moments.
 *
 * The search keeps, for each event of the pattern, at which moments the pattern up to this event can
 * have been matched. A bound on the time since the event before needs the latest of them (at most),
 * the earliest (at least), or the latest that is old enough (both), which a cursor per gap follows
 * as time goes on. So each moment costs the events of the pattern and no more: nothing is tried
 * and taken back.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agg/sequence.h"

#define SECOND UINT64_C(1000000)
#define MAX_SECONDS \
	UINT64_C(1000000000000) /* longer than all time that PostgreSQL knows */

typedef struct Parser
{
	const char *text;
	const char *at;
	int conditions;
	BmSequence *sequence;
	BmSequenceError *error;
	bool star;		   /* ".*" since the last event */
	bool bounds;	   /* (?t…) since the last event */
	int bounds_column; /* of the first of these */
	uint64_t least;
	uint64_t most;
} Parser;

static bool fail(Parser *p, const char *at, const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static bool
fail(Parser *p, const char *at, const char *hint, const char *format, ...)
{
	va_list args;

	p->error->column = (int) (at - p->text) + 1;
	p->error->too_long = false;
	va_start(args, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
	snprintf(p->error->hint, sizeof(p->error->hint), "%s", hint);
	return false;
}

static void
skip_blanks(Parser *p)
{
	p->at += strspn(p->at, " \t\r\n");
}

/* Reads digits; a number above the limit is read as limit + 1. */
static bool
read_number(Parser *p, uint64_t limit, uint64_t *number)
{
	if (*p->at < '0' || *p->at > '9')
		return false;
	for (*number = 0; *p->at >= '0' && *p->at <= '9'; p->at++)
	{
		if (*number <= limit)
			*number = *number * 10 + (uint64_t) (*p->at - '0');
	}
	if (*number > limit)
		*number = limit + 1;
	return true;
}

static bool
close_group(Parser *p, const char *open)
{
	skip_blanks(p);
	if (*p->at != ')')
		return fail(p, open, "Write (?1), (?t<=60), . or .*.",
					"This group is not closed by \")\".");
	p->at++;
	return true;
}

/* What stood before this event is the gap of the event before it. */
static bool
add_event(Parser *p, const char *at, int condition)
{
	BmSequence *s = p->sequence;
	uint64_t gap;

	if (s->events == BM_SEQUENCE_MAX_EVENTS)
	{
		fail(p, at, "Match a shorter pattern.", "A pattern has at most %d events.",
			 BM_SEQUENCE_MAX_EVENTS);
		p->error->too_long = true;
		return false;
	}
	if (s->events > 0)
	{
		gap = UINT64_C(1) << (s->events - 1);
		if (p->bounds)
		{
			s->timed |= gap;
			s->least[s->events - 1] = p->least;
			s->most[s->events - 1] = p->most;
			if (p->least > 0 && p->most < UINT64_MAX)
				s->ranged |= gap;
		}
		else if (p->star)
			s->loose |= gap;
		else
			s->adjacent |= gap;
	}
	if (condition < 0)
		s->any |= UINT64_C(1) << s->events;
	else
		s->of[condition] |= UINT64_C(1) << s->events;
	s->events++;
	p->star = p->bounds = false;
	p->least = 0;
	p->most = UINT64_MAX;
	return true;
}

/* The rest of (?t op seconds). */
static bool
parse_bound(Parser *p, const char *open)
{
	const char *op;
	size_t length;
	uint64_t seconds;

	if (p->sequence->events == 0)
		return fail(p, open, "Write an event, such as (?1), before it.",
					"There is no event from which time could be measured.");
	skip_blanks(p);
	op = p->at;
	length = strspn(op, "<>=");
	p->at += length;
	skip_blanks(p);
	if (!((length == 1 && *op != '=') || (length == 2 && op[1] == '=')))
		return fail(p, op, "Compare by <, <=, >, >= or ==, as in (?t<=60).",
					"There is no comparison here.");
	if (!read_number(p, MAX_SECONDS, &seconds))
		return fail(p, p->at, "Write whole seconds, as in (?t<=60).",
					"There is no number of seconds here.");
	if (seconds > MAX_SECONDS)
		return fail(p, op + length, "Leave the condition out: no time is that long.",
					"This is more than %llu seconds.", (unsigned long long) MAX_SECONDS);
	if (!p->bounds)
		p->bounds_column = (int) (open - p->text) + 1;
	p->bounds = true;
	seconds *= SECOND;
	if (*op != '<')
	{
		uint64_t least = seconds + (*op == '>' && length == 1);

		if (least > p->least)
			p->least = least;
	}
	if (*op != '>')
	{
		/* Less than nothing: no time is at least 1 and at most 0. */
		if (*op == '<' && length == 1 && seconds-- == 0)
		{
			seconds = 0;
			p->least = p->least > 1 ? p->least : 1;
		}
		if (seconds < p->most)
			p->most = seconds;
	}
	return close_group(p, open);
}

static bool
parse_group(Parser *p)
{
	const char *open = p->at;
	const char *at;
	uint64_t number;

	if (open[1] != '?')
		return fail(p, open, "Write (?1), (?t<=60), . or .*.",
					"A group begins with \"(?\" and nothing else.");
	p->at += 2;
	if (*p->at == 't')
	{
		p->at++;
		return parse_bound(p, open);
	}
	at = p->at;
	if (!read_number(p, BM_MAX_CONDITIONS, &number))
		return fail(p, at, "Write (?1) for the first condition, or (?t<=60) for a time.",
					"There is neither a number nor \"t\" here.");
	if (number < 1 || number > (uint64_t) p->conditions)
		return fail(p, at,
					"Conditions are numbered from 1, in the order of the arguments.",
					"There is no such condition: the call has %d.", p->conditions);
	return close_group(p, open) && add_event(p, open, (int) number - 1);
}

bool
bm_sequence_parse(const char *text, int conditions, BmSequence *sequence,
				  BmSequenceError *error)
{
	Parser p = {.text = text,
				.at = text,
				.conditions = conditions,
				.sequence = sequence,
				.error = error,
				.most = UINT64_MAX};

	memset(sequence, 0, sizeof(*sequence));
	for (skip_blanks(&p); *p.at != '\0'; skip_blanks(&p))
	{
		if (*p.at == '(')
		{
			if (!parse_group(&p))
				return false;
		}
		else if (*p.at != '.')
			return fail(&p, p.at, "Write (?1), (?t<=60), . or .*.",
						"This is no part of a pattern.");
		else if (p.at[1] == '*')
		{
			p.star = true;
			p.at += 2;
		}
		else if (!add_event(&p, p.at++, -1))
			return false;
	}
	if (sequence->events == 0)
		return fail(&p, p.at, "Write (?1) for the first condition, or . for any event.",
					"The pattern has no event.");
	if (p.bounds)
	{
		fail(&p, p.at, "Write an event, such as (?2), behind it.",
			 "There is no event up to which time could be measured.");
		error->column = p.bounds_column;
		return false;
	}
	return true;
}

void
bm_sequence_begin(BmSequenceSearch *search, const BmSequence *sequence,
				  const BmMoment *moments, uint64_t *history)
{
	search->sequence = sequence;
	search->moments = moments;
	search->history = history;
	search->next = 0;
	search->before = search->ever = search->aged = 0;
}

/* Among the moments that were this event, is one as long ago as its gap wants? */
static bool
is_due(BmSequenceSearch *search, int event, int64_t now)
{
	const BmSequence *sequence = search->sequence;
	uint64_t bit = UINT64_C(1) << event;
	size_t *cursor = &search->cursor[event];

	if ((sequence->ranged & bit) == 0)
		return sequence->least[event] == 0
				   ? bm_moment_distance(search->last[event], now) <= sequence->most[event]
				   : bm_moment_distance(search->first[event], now) >=
						 sequence->least[event];

	for (; *cursor < search->next; ++*cursor)
	{
		int64_t time = search->moments[*cursor].time;

		if (bm_moment_distance(time, now) < sequence->least[event])
			break;
		if ((search->history[*cursor] & bit) != 0)
		{
			search->aged |= bit;
			search->latest[event] = time;
		}
	}
	return (search->aged & bit) != 0 &&
		   bm_moment_distance(search->latest[event], now) <= sequence->most[event];
}

/* The events that this moment is, if those before them were matched. */
static uint64_t
matched_events(BmSequenceSearch *search, const BmMoment *moment)
{
	const BmSequence *sequence = search->sequence;
	uint64_t possible = sequence->any;
	uint64_t ready;

	for (uint32_t rest = moment->mask; rest != 0; rest &= rest - 1)
		possible |= sequence->of[__builtin_ctz(rest)];
	ready = 1 | (search->before & sequence->adjacent) << 1 |
			(search->ever & sequence->loose) << 1;
	for (uint64_t rest = search->ever & sequence->timed & possible >> 1; rest != 0;
		 rest &= rest - 1)
	{
		int event = __builtin_ctzll(rest);

		if (is_due(search, event, moment->time))
			ready |= UINT64_C(2) << event;
	}
	return possible & ready;
}

bool
bm_sequence_step(BmSequenceSearch *search)
{
	const BmSequence *sequence = search->sequence;
	const BmMoment *moment = &search->moments[search->next];
	uint64_t matched = matched_events(search, moment);
	uint64_t unseen = matched & ~search->ever;

	if ((matched >> (sequence->events - 1) & 1) != 0)
	{
		search->next++;
		search->before = search->ever = search->aged = 0;
		return true;
	}
	for (uint64_t rest = matched & sequence->timed; rest != 0; rest &= rest - 1)
	{
		int event = __builtin_ctzll(rest);

		search->last[event] = moment->time;
		if ((unseen >> event & 1) != 0)
		{
			search->first[event] = moment->time;
			search->cursor[event] = search->next;
		}
	}
	if (search->history != NULL)
		search->history[search->next] = matched;
	search->before = matched;
	search->ever |= matched;
	search->next++;
	return false;
}

/* Can moment "at" be followed at this time by the event after this one? */
static bool
may_precede(const BmSequenceSearch *search, size_t at, int event, int64_t time)
{
	const BmSequence *sequence = search->sequence;
	uint64_t distance;

	if ((search->history[at] >> event & 1) == 0)
		return false;
	if ((sequence->timed >> event & 1) == 0)
		return true;
	distance = bm_moment_distance(search->moments[at].time, time);
	return distance >= sequence->least[event] && distance <= sequence->most[event];
}

/* What was an event is the end of the pattern up to it, so each step back ends at the first such moment. */
void
bm_sequence_trace(const BmSequenceSearch *search, size_t *moments)
{
	const BmSequence *sequence = search->sequence;
	size_t at = search->next - 1;

	moments[sequence->events - 1] = at;
	for (int event = sequence->events - 2; event >= 0; event--)
	{
		int64_t time = search->moments[at].time;

		at--;
		while (!may_precede(search, at, event, time))
			at--;
		moments[event] = at;
	}
}
