/*
 * sequence.h
 *	  Patterns of moments: parsing their text and finding them.
 *
 * A pattern is a series of events: (?N) is a moment at which condition N held, "." any moment. Two
 * events that stand side by side are moments side by side. Between events, ".*" stands for any
 * moments or none, and so does (?t op seconds), which besides compares the time from the event
 * before it to the event after it; op is one of <, <=, >, >=, ==. Blanks are skipped.
 *
 * Pure C: see moment.h.
 */
#ifndef BM_AGG_SEQUENCE_H
#define BM_AGG_SEQUENCE_H

#include <stddef.h>

#include "agg/moment.h"

/* Events of one pattern: the bits of a set. */
#define BM_SEQUENCE_MAX_EVENTS 64

/* A parsed pattern. Event i is bit i of each set; what is after it is its gap. */
typedef struct BmSequence
{
	int events;
	uint64_t any;					/* events that every moment is */
	uint64_t of[BM_MAX_CONDITIONS]; /* events that ask for the condition */
	uint64_t adjacent;				/* gaps without anything in them */
	uint64_t loose;					/* gaps that are ".*" alone */
	uint64_t timed;					/* the others, with bounds in microseconds */
	uint64_t ranged;				/* of these, the ones bounded below and above */
	uint64_t least[BM_SEQUENCE_MAX_EVENTS];
	uint64_t most[BM_SEQUENCE_MAX_EVENTS];
} BmSequence;

/* Why a text was refused. All text is ASCII. */
typedef struct BmSequenceError
{
	int column;		   /* of the offending byte, from 1 */
	bool too_long;	   /* too many events, rather than wrong ones */
	char message[120]; /* a full sentence */
	char hint[160];	   /* a full sentence */
} BmSequenceError;

/* A search over moments; the fields are private. */
typedef struct BmSequenceSearch
{
	const BmSequence *sequence;
	const BmMoment *moments;
	uint64_t *history; /* the events that each moment was */
	size_t next;	   /* the moment to look at */
	uint64_t before;   /* events that the moment before was */
	uint64_t ever;	   /* events that any moment since the last match was */
	int64_t first[BM_SEQUENCE_MAX_EVENTS]; /* when, at the earliest */
	int64_t last[BM_SEQUENCE_MAX_EVENTS];  /* when, at the latest */
	size_t cursor
		[BM_SEQUENCE_MAX_EVENTS]; /* for ranged gaps: moments before it are old enough */
	uint64_t aged;				  /* ranged gaps with such a moment */
	int64_t latest[BM_SEQUENCE_MAX_EVENTS]; /* the latest of these */
} BmSequenceSearch;

/* Parses a pattern over so many conditions. On failure *error says why. */
extern bool bm_sequence_parse(const char *text, int conditions, BmSequence *sequence,
							  BmSequenceError *error);

/*
 * Begins a search over moments in bm_moment_compare()'s order. History has room for as many numbers
 * as there are moments; it may be NULL if sequence->ranged is 0 and no match is to be traced.
 */
extern void bm_sequence_begin(BmSequenceSearch *search, const BmSequence *sequence,
							  const BmMoment *moments, uint64_t *history);

/*
 * Looks at the next moment: does a match end there? The search then goes on behind it. Ending each
 * match as early as possible makes their number the largest that does not overlap.
 */
extern bool bm_sequence_step(BmSequenceSearch *search);

/*
 * Which moments the events of the match are that bm_sequence_step() has just found: of several ways, that in
 * which the last event but one is as late as can be, then the one before it, and so on. Takes time in
 * proportion to the moments of the match and those between them.
 */
extern void bm_sequence_trace(const BmSequenceSearch *search, size_t *moments);

#endif /* BM_AGG_SEQUENCE_H */
