/* Paths: which event follows which in the sessions of a subject. */
#ifndef BM_ANALYSIS_PATH_H
#define BM_ANALYSIS_PATH_H

#include "analysis/scan.h"

/* Of an event's value in the scan: its id, then its name. */
#define BM_PATH_ID_BYTES 16

/* Where a path ends, in the place of a target. */
#define BM_PATH_END (-1)

/* What the analysis gets as its parameters. */
typedef struct BmPathQuery
{
	int64 gap; /* a session ends where more microseconds pass */
	int32 max_steps;
	bool has_start;
	char start[FLEXIBLE_ARRAY_MEMBER]; /* the event that paths begin with */
} BmPathQuery;

extern const BmAnalysis bm_path_analysis;

/* path_table.c: names by numbers, and what is counted of each transition. */

typedef struct BmPathTable BmPathTable;

typedef struct BmPathKey
{
	int32 step;
	int32 source;
	int32 target; /* BM_PATH_END: none */
} BmPathKey;

typedef struct BmPathEntry
{
	BmPathKey key;
	char status;
	int32 series; /* for the caller of the table; -1 at first */
	uint64 last;  /* likewise; 0 at first */
	int64 count;  /* of transitions */
	int64 subjects;
	int32 pauses;
	int32 room;
	int64 *pause; /* NULL: none */
} BmPathEntry;

/* In the current context, where it grows. */
extern BmPathTable *bm_path_table_create(void);

/* The number of a name, which is copied. */
extern int32 bm_path_name(BmPathTable *table, const char *text, uint32 length);
extern const BmScanText *bm_path_text(const BmPathTable *table, int32 name);

/* Made of zeros where there is none yet; stays in its place until the next call. */
extern BmPathEntry *bm_path_entry(BmPathTable *table, BmPathKey key);
extern void bm_path_pause(BmPathTable *table, BmPathEntry *entry, int64 pause);

typedef void (*BmPathVisit)(void *arg, BmPathEntry *entry);

extern void bm_path_table_visit(BmPathTable *table, BmPathVisit visit, void *arg);

/* What has been counted goes to another process, and is zero again. */
extern void bm_path_table_flush(BmPathTable *table, StringInfo bytes);

/* What bm_path_table_flush() wrote; "take" gets the entry, with its counts added, and its pauses. */
typedef void (*BmPathTake)(void *arg, BmPathEntry *entry, const char *pauses,
						   int32 count);

extern void bm_path_table_add(BmPathTable *table, const char *bytes, Size size,
							  BmPathTake take, void *arg);

#endif
