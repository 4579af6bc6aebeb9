/*
 * scan.h
 *	  Reading the event log subject by subject.
 *
 * An analysis says which events it wants and gets, for each subject (an actor, a company), all of
 * them in the order of time. Several processes may take part: each sees other subjects, and what
 * they find out is handed to the caller's process.
 */
#ifndef BM_ANALYSIS_SCAN_H
#define BM_ANALYSIS_SCAN_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "agg/moment.h"
#include "event/event.h"

/* Events that satisfy a condition have its bit in their moment's mask. */
typedef struct BmScanCondition
{
	const char *event;	 /* NULL: events of any name */
	const Jsonb *filter; /* as bm_filter_parse() takes it; NULL: none */
	bool ever;			 /* those before "from" too */
} BmScanCondition;

typedef struct BmScanQuery
{
	BmEventColumn subject; /* a column of type text; events without it are left out */
	TimestampTz from;	   /* inclusive; DT_NOBEGIN: no limit */
	TimestampTz to;		   /* exclusive; DT_NOEND: no limit */
	int conditions;		   /* 1 to BM_MAX_CONDITIONS */
	const BmScanCondition *condition;
	const Jsonb *filter; /* of all events; NULL: none */
	bool all_events;	 /* those that satisfy no condition too, with mask 0 */
	const char *
		value; /* as bm_field_parse() takes it: a text of each event, NULL if empty; NULL: none */
	bool value_has_id; /* the event's id, 16 bytes, stands before its value */
} BmScanQuery;

/* Bytes that are not ended by a zero; NULL where text is NULL. */
typedef struct BmScanText
{
	const char *text;
	uint32 length;
} BmScanText;

/* One subject; gone when the visit is over. The moments are in bm_moment_compare()'s order. */
typedef struct BmSubject
{
	BmScanText id;
	uint32 count;
	BmMoment *moments;
	const BmScanText *values; /* of a moment: values[moment.row]; NULL: not asked for */
} BmSubject;

/*
 * What is done with subjects. Several processes may call each function, on a state of their own.
 * Memory that visit() allocates is freed some time after it; the state must have a context.
 * "result" is appended to, whole records at a time, and handed over when it has grown.
 */
typedef struct BmAnalysis
{
	void *(*begin)(const void *parameters);
	void (*visit)(void *state, const BmSubject *subject, StringInfo result);
	void (*end)(void *state, StringInfo result); /* after the last visit; NULL: nothing */
} BmAnalysis;

/* A worker finds the analysis by its number: add yours to the table in analyses.c. */
typedef enum BmAnalysisKind
{
	BM_ANALYSIS_FUNNEL,
	BM_ANALYSIS_COHORTS,
	BM_ANALYSIS_ACTIVITY,
	BM_ANALYSIS_PATHS,
} BmAnalysisKind;

extern const BmAnalysis *bm_analysis(BmAnalysisKind kind);

/* Gets results in the caller's process, as many whole records as there are. */
typedef void (*BmScanTake)(void *receiver, const char *results, Size size);

/*
 * Reads the events with the caller's rights and row security (42501), in the active snapshot, and
 * visits each subject once, in no particular order. Parameters are bytes without pointers, which
 * each process gets a copy of.
 *
 * Memory: the hash memory of the settings, 32 kB to 8 MB of buffers a process, and what the subjects of one
 * part of at least 32 need; what is more is spilled to temporary files.
 */
extern void bm_scan(const BmScanQuery *query, BmAnalysisKind kind, const void *parameters,
					Size size, BmScanTake take, void *receiver);

#endif
