/*
 * timeline.h
 *	  The state of an aggregate whose rows have a time and a value of any length.
 */
#ifndef BM_AGG_TIMELINE_H
#define BM_AGG_TIMELINE_H

#include "fmgr.h"
#include "utils/timestamp.h"

#define BM_TIMELINE_NO_VALUE PG_UINT64_MAX

typedef struct BmTimelineRow
{
	TimestampTz time;
	uint64 value; /* where it is in the buffer; BM_TIMELINE_NO_VALUE: it is NULL */
} BmTimelineRow;

typedef struct BmTimeline
{
	bool has_constant;
	int64 constant; /* an argument that is the same in all rows */
	uint64 count;
	uint64 room;
	uint64 bytes;
	uint64 bytes_room;
	BmTimelineRow *row;
	char *values; /* varlenas, at multiples of 8 bytes */
} BmTimeline;

typedef int (*BmTimelineCompare)(const struct varlena *a, const struct varlena *b);

/* timeline.c */

/* Without rows, in the context of the aggregate's states. */
extern BmTimeline *bm_timeline_create(FunctionCallInfo fcinfo);

/* The value is copied; NULL: none. */
extern void bm_timeline_add(BmTimeline *timeline, TimestampTz time,
							const struct varlena *value);

/* In the order of time, rows of one time in that of their values, NULL first. */
extern void bm_timeline_sort(BmTimeline *timeline, BmTimelineCompare compare);

extern int bm_timeline_compare_bytes(const struct varlena *a, const struct varlena *b);

/* Merges states whose constants are the same, or raises by the constant's name. */
extern Datum bm_timeline_combine(FunctionCallInfo fcinfo, const char *constant);

static inline struct varlena *
bm_timeline_value(const BmTimeline *timeline, uint64 value)
{
	return (struct varlena *) (timeline->values + value);
}

#endif
