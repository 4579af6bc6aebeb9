/*
 * sequence_test.c
 *	  Patterns of events: what is accepted and refused, and what they match, against a search that
 *	  tries every way.
 */
#include <stdlib.h>

#include "agg/sequence.h"
#include "tap.h"

#define MAX_ROWS 8
#define MAX_EVENTS 5
#define PATTERNS 100000

static uint64_t
next_random(void)
{
	static uint64_t state = 4711;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static int
below(int limit)
{
	return (int) (next_random() % (uint64_t) limit);
}

/* A pattern as it is made up, before it is written and parsed. */
typedef struct Gap
{
	bool open;	   /* anything may lie between */
	int64_t least; /* microseconds */
	int64_t most;
} Gap;

typedef struct Model
{
	int events;
	int condition[MAX_EVENTS]; /* -1: any */
	Gap gap[MAX_EVENTS];	   /* before the event */
	char text[400];
} Model;

static void
write_gap(Model *model, Gap *gap)
{
	static const char *const operators[] = {"<=", "<", ">=", ">", "=="};

	*gap = (Gap){.open = false, .least = 0, .most = INT64_MAX};
	for (int parts = below(4); parts > 0; parts--)
	{
		char *end = model->text + strlen(model->text);

		gap->open = true;
		if (below(2) == 0)
			strcpy(end, ".*");
		else
		{
			int op = below(5);
			int64_t bound = below(5);

			sprintf(end, "(?t%s%d)", operators[op], (int) bound);
			bound *= 1000000;
			if ((op == 0 || op == 4) && bound < gap->most)
				gap->most = bound;
			if (op == 1 && bound - 1 < gap->most)
				gap->most = bound - 1;
			if ((op == 2 || op == 4) && bound > gap->least)
				gap->least = bound;
			if (op == 3 && bound + 1 > gap->least)
				gap->least = bound + 1;
		}
	}
}

static void
make_model(Model *model, int conditions)
{
	model->text[0] = '\0';
	model->events = 1 + below(MAX_EVENTS);
	for (int i = 0; i < model->events; i++)
	{
		if (i > 0)
			write_gap(model, &model->gap[i]);
		model->condition[i] = below(5) == 0 ? -1 : below(conditions);
		if (model->condition[i] < 0)
			strcat(model->text, ".");
		else
			sprintf(model->text + strlen(model->text), "(?%d)", model->condition[i] + 1);
	}
}

/* Can the events from this one on be matched after row "last", the last one being row "end"? */
static bool
try_all(const Model *model, const BmMoment *rows, int begin, int end, int event, int last)
{
	if (event == model->events)
		return last == end;
	for (int i = event == 0 ? begin : last + 1; i <= end; i++)
	{
		const Gap *gap = &model->gap[event];

		if (event > 0)
		{
			int64_t distance = rows[i].time - rows[last].time;

			if (!gap->open && i != last + 1)
				break;
			if (distance < gap->least || distance > gap->most)
				continue;
		}
		if ((model->condition[event] < 0 ||
			 (rows[i].mask >> model->condition[event] & 1)) &&
			try_all(model, rows, begin, end, event + 1, i))
			return true;
	}
	return false;
}

/* The largest number of matches that do not overlap. */
static int
most_matches(const Model *model, const BmMoment *rows, int count)
{
	int most[MAX_ROWS + 1] = {0};

	for (int end = 0; end < count; end++)
	{
		most[end + 1] = most[end];
		for (int begin = 0; begin <= end; begin++)
		{
			if (try_all(model, rows, begin, end, 0, -1) &&
				most[begin] + 1 > most[end + 1])
				most[end + 1] = most[begin] + 1;
		}
	}
	return most[count];
}

static int
count_matches(const BmSequence *sequence, const BmMoment *rows, int count)
{
	uint64_t history[MAX_ROWS];
	BmSequenceSearch search;
	int found = 0;

	bm_sequence_begin(&search, sequence, rows, sequence->ranged == 0 ? NULL : history);
	for (int i = 0; i < count; i++)
		found += bm_sequence_step(&search);
	return found;
}

/*
 * Matches the events up to this one, the last of them at row "at", in the way that bm_sequence_trace() is to find:
 * each row as late as can be, from the end.
 */
static bool
trace_all(const Model *model, const BmMoment *rows, int begin, int event, int at,
		  size_t *traced)
{
	const Gap *gap = &model->gap[event];

	if (at < begin || (model->condition[event] >= 0 &&
					   (rows[at].mask >> model->condition[event] & 1) == 0))
		return false;
	traced[event] = (size_t) at;
	if (event == 0)
		return true;
	for (int i = at - 1; i >= begin; i--)
	{
		int64_t distance = rows[at].time - rows[i].time;

		if (!gap->open && i != at - 1)
			break;
		if (distance >= gap->least && distance <= gap->most &&
			trace_all(model, rows, begin, event - 1, i, traced))
			return true;
	}
	return false;
}

/* Traces each match; false where one is other rows than it should be. */
static bool
traces_agree(const Model *model, const BmSequence *sequence, const BmMoment *rows,
			 int count)
{
	uint64_t history[MAX_ROWS];
	BmSequenceSearch search;
	int begin = 0;

	bm_sequence_begin(&search, sequence, rows, history);
	for (int i = 0; i < count; i++)
	{
		size_t expected[MAX_EVENTS];
		size_t traced[MAX_EVENTS];

		if (!bm_sequence_step(&search))
			continue;
		bm_sequence_trace(&search, traced);
		if (!trace_all(model, rows, begin, model->events - 1, i, expected) ||
			memcmp(traced, expected, (size_t) model->events * sizeof(size_t)) != 0)
			return false;
		begin = i + 1;
	}
	return true;
}

static int
compare_moments(const void *a, const void *b)
{
	return bm_moment_compare(a, b);
}

static void
test_against_every_way(void)
{
	int wrong = 0;
	int refused = 0;
	int matched = 0;
	int lost = 0;

	for (int n = 0; n < PATTERNS; n++)
	{
		int conditions = 1 + below(3);
		int count = below(MAX_ROWS + 1);
		BmMoment rows[MAX_ROWS];
		BmSequence sequence;
		BmSequenceError error;
		Model model;
		int expected;

		make_model(&model, conditions);
		for (int i = 0; i < count; i++)
			rows[i] = (BmMoment){.time = below(8) * INT64_C(500000) + below(3) - 1,
								 .mask = 1 + (uint32_t) below((1 << conditions) - 1)};
		qsort(rows, (size_t) count, sizeof(BmMoment), compare_moments);
		if (!bm_sequence_parse(model.text, conditions, &sequence, &error))
		{
			refused++;
			continue;
		}
		expected = most_matches(&model, rows, count);
		matched += expected > 0;
		if (count_matches(&sequence, rows, count) != expected)
		{
			if (wrong++ == 0)
				printf("# first wrong: %s\n", model.text);
		}
		if (!traces_agree(&model, &sequence, rows, count) && lost++ == 0)
			printf("# first traced wrongly: %s\n", model.text);
	}
	is_int(refused, 0, "%d random patterns are accepted", PATTERNS);
	is_int(wrong, 0, "and matched as often as there are matches that do not overlap");
	ok(matched > PATTERNS / 10, "in groups of which many match");
	is_int(lost, 0, "each match is traced to the latest rows");
}

static void
refuses(const char *text, int conditions, int column, const char *message)
{
	BmSequence sequence;
	BmSequenceError error;

	if (!ok(!bm_sequence_parse(text, conditions, &sequence, &error), "\"%s\" is refused",
			text))
		return;
	is_int(error.column, column, "at the right place");
	is_str(error.message, message, "and for the right reason");
	ok(error.hint[0] != '\0', "with a hint");
}

static void
test_refusals(void)
{
	char many[200];

	refuses("", 1, 1, "The pattern has no event.");
	refuses(" .* ", 1, 5, "The pattern has no event.");
	refuses("(?1)x", 1, 5, "This is no part of a pattern.");
	refuses("(?1)*", 1, 5, "This is no part of a pattern.");
	refuses("(1)", 1, 1, "A group begins with \"(?\" and nothing else.");
	refuses("(", 1, 1, "A group begins with \"(?\" and nothing else.");
	refuses("(?", 1, 3, "There is neither a number nor \"t\" here.");
	refuses("(?x)", 1, 3, "There is neither a number nor \"t\" here.");
	refuses("(?0)", 1, 3, "There is no such condition: the call has 1.");
	refuses("(?1)(?3)", 2, 7, "There is no such condition: the call has 2.");
	refuses("(?99999999999999999999999)", 32, 3,
			"There is no such condition: the call has 32.");
	refuses("(?1", 1, 1, "This group is not closed by \")\".");
	refuses("(?1)(?t<=5", 1, 5, "This group is not closed by \")\".");
	refuses("(?t<=5)(?1)", 1, 1, "There is no event from which time could be measured.");
	refuses("(?1)(?t<=5)", 1, 5, "There is no event up to which time could be measured.");
	refuses("(?1)(?t<=5).*", 1, 5,
			"There is no event up to which time could be measured.");
	refuses("(?1)(?t=5)(?1)", 1, 8, "There is no comparison here.");
	refuses("(?1)(?t<>5)(?1)", 1, 8, "There is no comparison here.");
	refuses("(?1)(?t5)(?1)", 1, 8, "There is no comparison here.");
	refuses("(?1)(?t<=)(?1)", 1, 10, "There is no number of seconds here.");
	refuses("(?1)(?t<=-1)(?1)", 1, 10, "There is no number of seconds here.");
	refuses("(?1)(?t<=1.5)(?1)", 1, 5, "This group is not closed by \")\".");
	refuses("(?1)(?t<=1000000000001)(?1)", 1, 10,
			"This is more than 1000000000000 seconds.");
	memset(many, '.', 65);
	many[65] = '\0';
	refuses(many, 1, 65, "A pattern has at most 64 events.");
}

static void
test_acceptance(void)
{
	char many[65];
	BmSequence sequence;
	BmSequenceError error;

	memset(many, '.', 64);
	many[64] = '\0';
	ok(bm_sequence_parse(many, 1, &sequence, &error), "64 events are accepted");
	is_int(sequence.events, 64, "and counted");
	ok(bm_sequence_parse("\t( ?1)", 1, &sequence, &error) == false,
	   "no blanks within \"(?\"");
	ok(bm_sequence_parse(" (?1 ) .* (?t <= 5 ) (?2) ", 2, &sequence, &error),
	   "blanks elsewhere");
	ok(bm_sequence_parse(".*(?1).*.*", 1, &sequence, &error), "stars at the ends");
	is_int(sequence.events, 1, "are no events");
}

/* What takes a backtracking search forever. */
static void
test_hard_patterns(void)
{
	static BmMoment rows[100000];
	static uint64_t history[100000];
	char text[2000] = "";
	BmSequence sequence;
	BmSequenceError error;
	BmSequenceSearch search;
	int found = 0;

	for (int i = 0; i < 30; i++)
		strcat(text, "(?1).*(?t>=0)(?t<=100000000)(?t>=1)");
	strcat(text, "(?2)");
	for (int i = 0; i < 100000; i++)
		rows[i] = (BmMoment){.time = i * INT64_C(1000000), .mask = 1};
	ok(bm_sequence_parse(text, 2, &sequence, &error), "a hard pattern is accepted");
	bm_sequence_begin(&search, &sequence, rows, history);
	for (int i = 0; i < 100000; i++)
		found += bm_sequence_step(&search);
	is_int(found, 0, "and not found, at once");
}

int
main(void)
{
	test_against_every_way();
	test_refusals();
	test_acceptance();
	test_hard_patterns();
	return done_testing();
}
