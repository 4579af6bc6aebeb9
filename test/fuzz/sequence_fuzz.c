/*
 * sequence_fuzz.c
 *	  Fuzz target for patterns of events: any text is parsed or refused properly, and what is accepted
 *	  is matched, within bounds, in a group made from the input.
 *
 * With -DSTANDALONE the program has a main() of its own, for a compiler without libFuzzer: it runs
 * the files of a corpus and mutations of them.
 */
#include <stdlib.h>
#include <string.h>

#include "agg/sequence.h"

#define HEADER 33 /* bytes of the input before the text: conditions and moments */
#define MOMENTS 16

#define REQUIRE(condition) \
	do                     \
	{                      \
		if (!(condition))  \
			abort();       \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_error(const BmSequenceError *error, size_t length)
{
	REQUIRE(error->column >= 1 && (size_t) error->column <= length + 1);
	REQUIRE(strlen(error->message) > 1 &&
			error->message[strlen(error->message) - 1] == '.');
	REQUIRE(strlen(error->hint) > 1 && error->hint[strlen(error->hint) - 1] == '.');
}

/* A match takes as many moments as the pattern has events, at least. */
static void
check_search(const BmSequence *sequence, const BmMoment *moments)
{
	uint64_t *history = malloc(MOMENTS * sizeof(uint64_t));
	BmSequenceSearch search;
	int matches = 0;

	REQUIRE(history != NULL);
	bm_sequence_begin(&search, sequence, moments, history);
	for (size_t i = 0; i < MOMENTS; i++)
	{
		size_t traced[BM_SEQUENCE_MAX_EVENTS];

		if (!bm_sequence_step(&search))
			continue;
		matches++;
		bm_sequence_trace(&search, traced);
		REQUIRE(traced[sequence->events - 1] == i);
		for (int event = 1; event < sequence->events; event++)
			REQUIRE(traced[event - 1] < traced[event]);
	}
	REQUIRE(matches * sequence->events <= MOMENTS);
	free(history);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BmMoment moments[MOMENTS];
	BmSequence sequence;
	BmSequenceError error;
	int64_t time = 0;
	char *text;

	if (size < HEADER)
		return 0;
	for (int i = 0; i < MOMENTS; i++)
	{
		time += data[1 + 2 * i] * INT64_C(250000);
		moments[i] = (BmMoment){.time = time, .mask = data[2 + 2 * i]};
	}

	/* On the heap and no longer than needed, to find reads beyond the end. */
	text = malloc(size - HEADER + 1);
	REQUIRE(text != NULL);
	memcpy(text, data + HEADER, size - HEADER);
	text[size - HEADER] = '\0';
	if (bm_sequence_parse(text, data[0] % (BM_MAX_CONDITIONS + 1), &sequence, &error))
	{
		REQUIRE(sequence.events >= 1 && sequence.events <= BM_SEQUENCE_MAX_EVENTS);
		check_search(&sequence, moments);
	}
	else
		check_error(&error, strlen(text));
	free(text);
	return 0;
}

#ifdef STANDALONE
#define ALPHABET "(?123)t<>=.* 0456789\n\377"
#include "standalone.h"
#endif
