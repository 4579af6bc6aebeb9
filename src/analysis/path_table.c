/*
 * path_table.c
 *	  Names of events by numbers, and what is counted of each transition between them.
 *
 * A process counts in a table of its own, with numbers of its own; on their way to another process
 * transitions have the names.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "analysis/path.h"

typedef struct NameEntry
{
	BmScanText name;
	int32 number;
	char status;
} NameEntry;

static inline uint32
hash_key(BmPathKey key)
{
	return hash_combine(murmurhash32((uint32) key.step),
						hash_combine(murmurhash32((uint32) key.source),
									 murmurhash32((uint32) key.target)));
}

#define SH_PREFIX names
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE BmScanText
#define SH_KEY name
#define SH_HASH_KEY(table, key) \
	hash_bytes((const unsigned char *) (key).text, (int) (key).length)
#define SH_EQUAL(table, a, b) \
	((a).length == (b).length && memcmp((a).text, (b).text, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

#define SH_PREFIX transitions
#define SH_ELEMENT_TYPE BmPathEntry
#define SH_KEY_TYPE BmPathKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_key(key)
#define SH_EQUAL(table, a, b) \
	((a).step == (b).step && (a).source == (b).source && (a).target == (b).target)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct BmPathTable
{
	MemoryContext context;
	names_hash *names;
	BmScanText *text; /* of each number */
	int32 room;
	transitions_hash *transitions;
};

/* A transition on its way; the names and the pauses follow. */
typedef struct Head
{
	int64 count;
	int64 subjects;
	int32 step;
	int32 source;
	int32 target; /* lengths; BM_PATH_END: none */
	int32 pauses;
} Head;

BmPathTable *
bm_path_table_create(void)
{
	BmPathTable *table = palloc(sizeof(BmPathTable));

	table->context = CurrentMemoryContext;
	table->names = names_create(CurrentMemoryContext, 64, NULL);
	table->room = 64;
	table->text = palloc(table->room * sizeof(BmScanText));
	table->transitions = transitions_create(CurrentMemoryContext, 256, NULL);
	return table;
}

int32
bm_path_name(BmPathTable *table, const char *text, uint32 length)
{
	BmScanText name = {text, length};
	bool found;
	NameEntry *entry = names_insert(table->names, name, &found);
	char *copy;

	if (found)
		return entry->number;
	entry->number = (int32) table->names->members - 1;
	if (entry->number == table->room)
	{
		table->room *= 2;
		table->text = repalloc_huge(table->text, (Size) table->room * sizeof(BmScanText));
	}
	copy = MemoryContextAlloc(table->context, Max(length, 1));
	memcpy(copy, text, length);
	entry->name.text = copy;
	table->text[entry->number] = entry->name;
	return entry->number;
}

const BmScanText *
bm_path_text(const BmPathTable *table, int32 name)
{
	return &table->text[name];
}

BmPathEntry *
bm_path_entry(BmPathTable *table, BmPathKey key)
{
	bool found;
	BmPathEntry *entry = transitions_insert(table->transitions, key, &found);

	if (!found)
	{
		entry->series = -1;
		entry->last = 0;
		entry->count = 0;
		entry->subjects = 0;
		entry->pauses = 0;
		entry->room = 0;
		entry->pause = NULL;
	}
	return entry;
}

void
bm_path_pause(BmPathTable *table, BmPathEntry *entry, int64 pause)
{
	if (entry->pauses == entry->room)
	{
		entry->room = Max(entry->room * 2, 16);
		entry->pause =
			entry->pause == NULL
				? MemoryContextAlloc(table->context, entry->room * sizeof(int64))
				: repalloc_huge(entry->pause, (Size) entry->room * sizeof(int64));
	}
	entry->pause[entry->pauses++] = pause;
}

void
bm_path_table_visit(BmPathTable *table, BmPathVisit visit, void *arg)
{
	transitions_iterator iterator;
	BmPathEntry *entry;

	transitions_start_iterate(table->transitions, &iterator);
	while ((entry = transitions_iterate(table->transitions, &iterator)) != NULL)
		visit(arg, entry);
}

typedef struct Flush
{
	const BmPathTable *table;
	StringInfo bytes;
} Flush;

static void
flush_entry(void *arg, BmPathEntry *entry)
{
	const Flush *flush = arg;
	StringInfo bytes = flush->bytes;
	const BmScanText *source = &flush->table->text[entry->key.source];
	const BmScanText *target = NULL;
	Head head = {.count = entry->count,
				 .subjects = entry->subjects,
				 .step = entry->key.step,
				 .source = (int32) source->length,
				 .target = BM_PATH_END,
				 .pauses = entry->pauses};

	if (entry->count == 0)
		return;
	if (entry->key.target != BM_PATH_END)
	{
		target = &flush->table->text[entry->key.target];
		head.target = (int32) target->length;
	}
	appendBinaryStringInfo(bytes, (char *) &head, sizeof(head));
	appendBinaryStringInfo(bytes, source->text, head.source);
	if (target != NULL)
		appendBinaryStringInfo(bytes, target->text, head.target);
	if (entry->pause != NULL)
	{
		appendBinaryStringInfo(bytes, (char *) entry->pause,
							   entry->pauses * sizeof(int64));
		pfree(entry->pause);
	}
	entry->count = 0;
	entry->subjects = 0;
	entry->pauses = 0;
	entry->room = 0;
	entry->pause = NULL;
}

void
bm_path_table_flush(BmPathTable *table, StringInfo bytes)
{
	Flush flush = {table, bytes};

	bm_path_table_visit(table, flush_entry, &flush);
}

void
bm_path_table_add(BmPathTable *table, const char *bytes, Size size, BmPathTake take,
				  void *arg)
{
	const char *end = bytes + size;

	while (bytes < end)
	{
		Head head;
		BmPathKey key;
		BmPathEntry *entry;

		memcpy(&head, bytes, sizeof(head));
		bytes += sizeof(head);
		key.step = head.step;
		key.source = bm_path_name(table, bytes, (uint32) head.source);
		key.target = BM_PATH_END;
		bytes += head.source;
		if (head.target != BM_PATH_END)
		{
			key.target = bm_path_name(table, bytes, (uint32) head.target);
			bytes += head.target;
		}
		entry = bm_path_entry(table, key);
		entry->count += head.count;
		entry->subjects += head.subjects;
		take(arg, entry, bytes, head.pauses);
		bytes += head.pauses * sizeof(int64);
	}
}
