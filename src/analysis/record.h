/* An event as the scan keeps it: packed, one after the other, in parts by the subject's hash. */
#ifndef BM_ANALYSIS_RECORD_H
#define BM_ANALYSIS_RECORD_H

#include "analysis/scan.h"
#include "analysis/store.h"

typedef struct pg_attribute_packed() BmRecord
{
	int64 time;
	uint32 mask;
	uint32 hash;
	uint32
		length; /* of the id, which follows; in front of it, where asked for, the value's length */
}
BmRecord;

#define BM_RECORD_NO_VALUE PG_UINT32_MAX

/* Multiples of four, so that lengths are aligned. */
static inline Size
bm_record_size(uint32 length, bool has_value, uint32 value_length)
{
	Size size = sizeof(BmRecord) + length;

	if (has_value)
		size += sizeof(uint32) + (value_length == BM_RECORD_NO_VALUE ? 0 : value_length);
	return TYPEALIGN(4, size);
}

/* subjects.c */

/* Visits the subjects of a part. Allocates in the current context. */
extern void bm_subjects_visit(const BmPieces *pieces, bool has_value,
							  const BmAnalysis *analysis, void *state,
							  void (*visited)(void *arg), void *arg, StringInfo result);

#endif
