/*
 * subjects.c
 *	  The subjects of one part, each with its moments.
 *
 * A part is small, so that its hash table and the moments, put in the order of subjects, stay in the
 * processor's cache: that is what parts are for.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "agg/moments.h"
#include "analysis/record.h"

#define FIRST_SLOTS 1024

typedef struct SubjectGroup
{
	BmScanText id;
	uint32 hash;
	uint32 count;
	uint64 end; /* behind its last moment */
} SubjectGroup;

typedef struct Groups
{
	uint32 count;
	uint32 room;
	SubjectGroup *group;
	uint32 slots; /* a power of two */
	uint32 *slot; /* number of a group plus one; 0: free */
} Groups;

/* All moments of a part. */
typedef struct Rows
{
	uint64 count;
	uint32 *group; /* of each record, in their order */
	BmMoment *moment;
	BmScanText *value; /* NULL: not asked for */
} Rows;

static void *
allocate(Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, size);
}

static void
place_group(Groups *groups, uint32 number)
{
	uint32 i = groups->group[number].hash & (groups->slots - 1);

	while (groups->slot[i] != 0)
		i = (i + 1) & (groups->slots - 1);
	groups->slot[i] = number + 1;
}

static void
set_slots(Groups *groups, uint32 slots)
{
	groups->slots = slots;
	groups->slot =
		MemoryContextAllocExtended(CurrentMemoryContext, (Size) slots * sizeof(uint32),
								   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < groups->count; i++)
		place_group(groups, i);
}

static uint32
add_group(Groups *groups, uint32 hash, const char *id, uint32 length)
{
	SubjectGroup *group;

	if (groups->count == groups->room)
	{
		groups->room *= 2;
		groups->group =
			repalloc_huge(groups->group, (Size) groups->room * sizeof(SubjectGroup));
	}
	group = &groups->group[groups->count];
	group->id.text = id;
	group->id.length = length;
	group->hash = hash;
	group->count = 0;
	groups->count++;
	if (groups->count > groups->slots / 2)
	{
		pfree(groups->slot);
		set_slots(groups, groups->slots * 2);
	}
	else
		place_group(groups, groups->count - 1);
	return groups->count - 1;
}

static inline uint32
find_group(Groups *groups, uint32 hash, const char *id, uint32 length)
{
	for (uint32 i = hash & (groups->slots - 1); groups->slot[i] != 0;
		 i = (i + 1) & (groups->slots - 1))
	{
		const SubjectGroup *group = &groups->group[groups->slot[i] - 1];

		if (group->hash == hash && group->id.length == length &&
			memcmp(group->id.text, id, length) == 0)
			return groups->slot[i] - 1;
	}
	return add_group(groups, hash, id, length);
}

/* What a record says, and where the next one is. */
static inline const char *
read_record(const char *at, bool has_value, BmRecord *record, BmScanText *id,
			BmScanText *value)
{
	const char *begin = at;
	uint32 value_length = 0;

	memcpy(record, at, sizeof(BmRecord));
	at += sizeof(BmRecord);
	if (has_value)
	{
		memcpy(&value_length, at, sizeof(uint32));
		at += sizeof(uint32);
		value->text = value_length == BM_RECORD_NO_VALUE ? NULL : at + record->length;
		value->length = value->text == NULL ? 0 : value_length;
	}
	id->text = at;
	id->length = record->length;
	return begin + bm_record_size(record->length, has_value, value_length);
}

/* Which group each record belongs to, and how many each has. */
static void
assign(const BmPieces *pieces, bool has_value, Groups *groups, Rows *rows)
{
	for (int i = 0; i < pieces->count; i++)
	{
		const char *at = pieces->piece[i].data;
		const char *end = at + pieces->piece[i].size;

		while (at < end)
		{
			BmRecord record;
			BmScanText id;
			BmScanText value;
			uint32 number;

			at = read_record(at, has_value, &record, &id, &value);
			number = find_group(groups, record.hash, id.text, id.length);
			groups->group[number].count++;
			rows->group[rows->count++] = number;
		}
	}
	if (rows->count > PG_UINT32_MAX)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many events in one part: " UINT64_FORMAT, rows->count),
				errhint("Ask for a shorter time."));
}

/* Puts the moments of each group side by side. */
static void
scatter(const BmPieces *pieces, bool has_value, Groups *groups, Rows *rows)
{
	uint64 end = 0;
	uint32 row = 0;

	for (uint32 i = 0; i < groups->count; i++)
	{
		uint32 count = groups->group[i].count;

		groups->group[i].end = end; /* where its first one goes */
		end += count;
	}
	for (int i = 0; i < pieces->count; i++)
	{
		const char *at = pieces->piece[i].data;
		const char *piece_end = at + pieces->piece[i].size;

		while (at < piece_end)
		{
			BmRecord record;
			BmScanText id;
			BmMoment *moment = &rows->moment[groups->group[rows->group[row]].end++];

			at = read_record(at, has_value, &record, &id,
							 has_value ? &rows->value[row] : NULL);
			moment->time = record.time;
			moment->mask = record.mask;
			moment->row = has_value ? row : 0;
			row++;
		}
	}
}

void
bm_subjects_visit(const BmPieces *pieces, bool has_value, const BmAnalysis *analysis,
				  void *state, void (*visited)(void *arg), void *arg, StringInfo result)
{
	Groups groups = {.room = FIRST_SLOTS / 2};
	Rows rows = {0};

	groups.group = allocate(groups.room * sizeof(SubjectGroup));
	set_slots(&groups, FIRST_SLOTS);
	rows.group =
		allocate((pieces->bytes / bm_record_size(0, has_value, 0) + 1) * sizeof(uint32));
	assign(pieces, has_value, &groups, &rows);
	rows.moment = allocate((rows.count + 1) * sizeof(BmMoment));
	if (has_value)
		rows.value = allocate((rows.count + 1) * sizeof(BmScanText));
	scatter(pieces, has_value, &groups, &rows);

	for (uint32 i = 0; i < groups.count; i++)
	{
		const SubjectGroup *group = &groups.group[i];
		BmSubject subject = {
			.id = group->id, .count = group->count, .values = rows.value};

		subject.moments = &rows.moment[group->end - group->count];
		bm_moments_order(subject.moments, subject.count);
		analysis->visit(state, &subject, result);
		visited(arg);
		CHECK_FOR_INTERRUPTS();
	}
}
