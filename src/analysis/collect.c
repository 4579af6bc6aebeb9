/*
 * collect.c
 *	  Turning events into records.
 *
 * For each event its name is looked at first, and only of those that are wanted the columns behind
 * it. Names are found by their length: those of one funnel mostly differ in it.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "analysis/collect.h"
#include "analysis/filter.h"
#include "analysis/record.h"

#define LENGTHS 64

typedef struct EventName
{
	const char *text;
	uint32 length;
	uint32 mask;  /* the conditions that want it */
	int8 another; /* of a length that falls together; -1: none */
} EventName;

struct BmCollector
{
	const BmScanQuery *query;
	BmStore *store;
	MemoryContext context; /* for one event */
	uint32 columns;
	uint32 any_mask;	/* conditions without a name */
	uint32 ever_mask;	/* conditions that look before "from" */
	uint32 filter_mask; /* conditions with a filter */
	BmFilter *filter[BM_MAX_CONDITIONS];
	BmFilter *filter_of_all; /* NULL: none */
	BmField *value;
	int names;
	EventName name[BM_MAX_CONDITIONS];
	int8 by_length[LENGTHS];
};

static void
add_name(BmCollector *collector, const char *text, uint32 mask)
{
	uint32 length = strlen(text);
	int8 *first = &collector->by_length[length % LENGTHS];
	EventName *name;

	for (int i = *first; i >= 0; i = collector->name[i].another)
	{
		if (strcmp(collector->name[i].text, text) == 0)
		{
			collector->name[i].mask |= mask;
			return;
		}
	}
	name = &collector->name[collector->names];
	name->text = text;
	name->length = length;
	name->mask = mask;
	name->another = *first;
	*first = (int8) collector->names++;
}

static BmField *
parse_value(const BmScanQuery *query)
{
	BmField *field = bm_field_parse(query->value);

	return query->value_has_id ? bm_field_with_id(field) : field;
}

uint32
bm_collector_columns(const BmScanQuery *query)
{
	uint32 columns = (uint32) 1 << BM_EVENT_NAME | (uint32) 1 << BM_EVENT_OCCURRED_AT |
					 (uint32) 1 << query->subject;

	for (int i = 0; i < query->conditions; i++)
		if (query->condition[i].filter != NULL)
			columns |= bm_filter_columns(bm_filter_parse(query->condition[i].filter));
	if (query->filter != NULL)
		columns |= bm_filter_columns(bm_filter_parse(query->filter));
	if (query->value != NULL)
		columns |= bm_field_columns(parse_value(query));
	return columns;
}

BmCollector *
bm_collector_create(const BmScanQuery *query, BmStore *store)
{
	BmCollector *collector = palloc0(sizeof(BmCollector));

	collector->query = query;
	collector->store = store;
	collector->context =
		AllocSetContextCreate(CurrentMemoryContext, "event", ALLOCSET_SMALL_SIZES);
	collector->columns = bm_collector_columns(query);
	memset(collector->by_length, -1, sizeof(collector->by_length));
	for (int i = 0; i < query->conditions; i++)
	{
		const BmScanCondition *condition = &query->condition[i];
		uint32 bit = (uint32) 1 << i;

		if (condition->event == NULL)
			collector->any_mask |= bit;
		else
			add_name(collector, condition->event, bit);
		if (condition->ever)
			collector->ever_mask |= bit;
		if (condition->filter != NULL)
		{
			collector->filter_mask |= bit;
			collector->filter[i] = bm_filter_parse(condition->filter);
		}
	}
	if (query->filter != NULL)
		collector->filter_of_all = bm_filter_parse(query->filter);
	if (query->value != NULL)
		collector->value = parse_value(query);
	return collector;
}

static inline uint32
conditions_of(const BmCollector *collector, const char *name, uint32 length)
{
	for (int i = collector->by_length[length % LENGTHS]; i >= 0;
		 i = collector->name[i].another)
	{
		const EventName *candidate = &collector->name[i];

		if (candidate->length == length && memcmp(candidate->text, name, length) == 0)
			return candidate->mask | collector->any_mask;
	}
	return collector->any_mask;
}

/* What filters and the value need to see. */
static void
read_columns(const BmCollector *collector, TupleTableSlot *slot, const BmRowShape *shape,
			 BmEvent *event)
{
	for (int i = 0; i < BM_EVENT_COLUMNS; i++)
	{
		event->isnull[i] = true;
		if ((collector->columns >> i & 1) != 0)
			event->values[i] = slot_getattr(slot, shape->column[i], &event->isnull[i]);
	}
}

/* The conditions of the mask whose filter, if there is one, holds. */
static uint32
filter_mask(const BmCollector *collector, const BmEvent *event, uint32 mask)
{
	for (uint32 rest = mask & collector->filter_mask; rest != 0; rest &= rest - 1)
	{
		int i = __builtin_ctz(rest);

		if (!bm_filter_holds(collector->filter[i], event))
			mask &= ~((uint32) 1 << i);
	}
	return mask;
}

static void
keep(BmCollector *collector, int64 time, uint32 mask, const text *subject,
	 const char *value, uint32 value_length)
{
	bool has_value = collector->value != NULL;
	uint32 length = VARSIZE_ANY_EXHDR(subject);
	Size size = bm_record_size(length, has_value, value_length);
	BmRecord *record;
	uint32 hash = hash_bytes((const unsigned char *) VARDATA_ANY(subject), (int) length);
	char *at;

	record = (BmRecord *) bm_store_add(collector->store, hash, size);
	record->time = time;
	record->mask = mask;
	record->hash = hash;
	record->length = length;
	at = (char *) (record + 1);
	if (has_value)
	{
		memcpy(at, &value_length, sizeof(uint32));
		at += sizeof(uint32);
	}
	memcpy(at, VARDATA_ANY(subject), length);
	if (has_value && value_length != BM_RECORD_NO_VALUE)
		memcpy(at + length, value, value_length);
}

/* The event has the right name and time. Memory that reading it takes is freed at once. */
static void
take(BmCollector *collector, TupleTableSlot *slot, const BmRowShape *shape, int64 time,
	 uint32 mask)
{
	MemoryContext old = MemoryContextSwitchTo(collector->context);
	char *value = NULL;
	uint32 value_length = BM_RECORD_NO_VALUE;
	bool isnull;
	Datum subject = slot_getattr(slot, shape->column[collector->query->subject], &isnull);

	if (!isnull)
	{
		BmEvent event;
		bool is_wanted = true;

		if ((mask & collector->filter_mask) != 0 || collector->filter_of_all != NULL ||
			collector->value != NULL)
			read_columns(collector, slot, shape, &event);
		if (collector->filter_of_all != NULL)
			is_wanted = bm_filter_holds(collector->filter_of_all, &event);
		if (is_wanted)
			mask = filter_mask(collector, &event, mask);
		if (is_wanted && (mask != 0 || collector->query->all_events))
		{
			if (collector->value != NULL &&
				(!bm_field_text(collector->value, &event, &value, &value_length) ||
				 value_length == 0))
				value_length = BM_RECORD_NO_VALUE;
			keep(collector, time, mask, DatumGetTextPP(subject), value, value_length);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(collector->context);
}

bool
bm_collector_wants(const BmCollector *collector, Datum name, uint32 *conditions)
{
	struct varlena *found = (struct varlena *) DatumGetPointer(name);

	if (unlikely(VARATT_IS_EXTENDED(found) && !VARATT_IS_SHORT(found)))
		found = (struct varlena *) DatumGetTextPP(name);
	*conditions = conditions_of(collector, VARDATA_ANY(found), VARSIZE_ANY_EXHDR(found));
	return *conditions != 0 || collector->query->all_events;
}

void
bm_collector_take(BmCollector *collector, TupleTableSlot *slot, const BmRowShape *shape,
				  uint32 conditions)
{
	const BmScanQuery *query = collector->query;
	bool isnull;
	int64 time =
		DatumGetInt64(slot_getattr(slot, shape->column[BM_EVENT_OCCURRED_AT], &isnull));

	if (unlikely(isnull || time >= query->to))
		return;
	if (time < query->from)
	{
		conditions &= collector->ever_mask;
		if (conditions == 0)
			return;
	}
	take(collector, slot, shape, time, conditions);
}
