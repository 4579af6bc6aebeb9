/* What is counted of cohorts: a hash table by cohort and segment. */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "analysis/cohort_table.h"

typedef struct CohortKey
{
	int32 cohort;
	BmScanText segment;
} CohortKey;

typedef struct CohortEntry
{
	CohortKey key;
	int64 *counts;
	char status;
} CohortEntry;

static inline uint32
hash_key(CohortKey key)
{
	uint32 hash = murmurhash32((uint32) key.cohort);

	if (key.segment.text == NULL)
		return hash;
	return hash_combine(hash, hash_bytes((const unsigned char *) key.segment.text,
										 (int) key.segment.length));
}

static inline bool
same_key(CohortKey a, CohortKey b)
{
	if (a.cohort != b.cohort || (a.segment.text == NULL) != (b.segment.text == NULL))
		return false;
	return a.segment.text == NULL ||
		   (a.segment.length == b.segment.length &&
			memcmp(a.segment.text, b.segment.text, a.segment.length) == 0);
}

#define SH_PREFIX cohorts
#define SH_ELEMENT_TYPE CohortEntry
#define SH_KEY_TYPE CohortKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_key(key)
#define SH_EQUAL(table, a, b) same_key(a, b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct BmCohortTable
{
	cohorts_hash *hash;
	MemoryContext context;
	int periods;
};

/* A cell that is not zero, on its way to another process. */
typedef struct Cell
{
	int64 count;
	int32 index;
	int32 unused;
} Cell;

typedef struct Row
{
	int32 cohort;
	int32 length; /* of the segment, which follows; -1: none */
	int32 cells;  /* which follow that */
} Row;

BmCohortTable *
bm_cohort_table_create(int periods)
{
	BmCohortTable *table = palloc(sizeof(BmCohortTable));

	table->context = CurrentMemoryContext;
	table->hash = cohorts_create(CurrentMemoryContext, 64, NULL);
	table->periods = periods;
	return table;
}

int64 *
bm_cohort_table_counts(BmCohortTable *table, int32 cohort, const BmScanText *segment)
{
	CohortKey key = {.cohort = cohort, .segment = *segment};
	bool found;
	CohortEntry *entry = cohorts_insert(table->hash, key, &found);

	if (!found)
	{
		if (segment->text != NULL)
		{
			char *copy = MemoryContextAlloc(table->context, Max(segment->length, 1));

			memcpy(copy, segment->text, segment->length);
			entry->key.segment.text = copy;
		}
		entry->counts =
			MemoryContextAllocZero(table->context, (table->periods + 1) * sizeof(int64));
	}
	return entry->counts;
}

void
bm_cohort_table_visit(BmCohortTable *table, BmCohortVisit visit, void *arg)
{
	cohorts_iterator iterator;
	CohortEntry *entry;

	cohorts_start_iterate(table->hash, &iterator);
	while ((entry = cohorts_iterate(table->hash, &iterator)) != NULL)
		visit(arg, entry->key.cohort, &entry->key.segment, entry->counts);
}

void
bm_cohort_table_write(BmCohortTable *table, StringInfo bytes)
{
	cohorts_iterator iterator;
	CohortEntry *entry;

	cohorts_start_iterate(table->hash, &iterator);
	while ((entry = cohorts_iterate(table->hash, &iterator)) != NULL)
	{
		const BmScanText *segment = &entry->key.segment;
		Row row = {.cohort = entry->key.cohort,
				   .length = segment->text == NULL ? -1 : (int32) segment->length};
		int at = bytes->len;

		appendBinaryStringInfo(bytes, (char *) &row, sizeof(row));
		if (row.length > 0)
			appendBinaryStringInfo(bytes, segment->text, row.length);
		for (int i = 0; i <= table->periods; i++)
		{
			Cell cell = {.count = entry->counts[i], .index = i};

			if (cell.count == 0)
				continue;
			appendBinaryStringInfo(bytes, (char *) &cell, sizeof(cell));
			row.cells++;
		}
		memcpy(bytes->data + at, &row, sizeof(row));
	}
}

void
bm_cohort_table_add(BmCohortTable *table, const char *bytes, Size size)
{
	const char *end = bytes + size;

	while (bytes < end)
	{
		Row row;
		BmScanText segment = {0};
		int64 *counts;

		memcpy(&row, bytes, sizeof(row));
		bytes += sizeof(row);
		if (row.length >= 0)
		{
			segment.text = bytes;
			segment.length = row.length;
			bytes += row.length;
		}
		counts = bm_cohort_table_counts(table, row.cohort, &segment);
		for (int i = 0; i < row.cells; i++, bytes += sizeof(Cell))
		{
			Cell cell;

			memcpy(&cell, bytes, sizeof(cell));
			counts[cell.index] += cell.count;
		}
	}
}
