/*
 * bizmetrics.log_events(): an array of events, stored as one.
 *
 * All of them are checked before any is stored. With on_error => 'reject', a bad one goes to
 * bizmetrics.event_rejects: checking writes nothing, so that it costs no transaction id to catch an
 * error there; where storing fails, what stands around the bad event is stored anew without it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "event/event.h"
#include "event/event_json.h"
#include "event/json_text.h"
#include "event/reject.h"

PG_FUNCTION_INFO_V1(bizmetrics_log_events);

typedef struct Entry
{
	JsonbValue value; /* as it came */
	BmEvent event;
	pg_uuid_t id;
	bool rejected;
} Entry;

typedef struct Batch
{
	Entry *entries;
	int count;
	int checked;	  /* entries before this one are checked, or rejected */
	BmEvent **events; /* those to store, ... */
	BmEvent **moved;  /* ... and as storing moves them about */
	int first;		  /* of them: what to store now */
	int last;
	BmBatchPlace place;
} Batch;

/* An array of millions may be long. */
static void *
allocate(int count, Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, size * (count + 1));
}

static void
read_array(Jsonb *array, Batch *batch)
{
	JsonbIterator *iterator = JsonbIteratorInit(&array->root);
	JsonbIteratorToken token;
	JsonbValue value;
	int n = 0;

	batch->count = JB_ROOT_COUNT(array);
	batch->entries = allocate(batch->count, sizeof(Entry));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
		{
			batch->entries[n].value = value;
			batch->entries[n++].rejected = false;
		}
}

static Entry *
entry_of(BmEvent *event)
{
	return (Entry *) ((char *) event - offsetof(Entry, event));
}

static void
check_rest(void *arg)
{
	Batch *batch = arg;

	for (; batch->checked < batch->count; batch->checked++)
	{
		Entry *entry = &batch->entries[batch->checked];

		CHECK_FOR_INTERRUPTS();
		bm_event_from_json(&entry->value, &entry->event);
		bm_event_prepare(&entry->event, &entry->id);
	}
}

static void
store_range(void *arg)
{
	Batch *batch = arg;
	int count = batch->last - batch->first;

	/* A copy, for it puts them in another order; it outlives an error, whose place is in it. */
	memcpy(batch->moved, batch->events + batch->first, sizeof(BmEvent *) * count);
	batch->place.row = -1;
	bm_event_store_batch(batch->moved, count, &batch->place);
}

static void
list_good(Batch *batch)
{
	int good = 0;

	batch->events = allocate(batch->count, sizeof(BmEvent *));
	batch->moved = allocate(batch->count, sizeof(BmEvent *));
	for (int i = 0; i < batch->count; i++)
		if (!batch->entries[i].rejected)
			batch->events[good++] = &batch->entries[i].event;
	batch->first = 0;
	batch->last = good;
}

/* All or none: an error says which event it is about, unless somebody cancelled. */
static void
log_all(Batch *batch)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		check_rest(batch);
		list_good(batch);
		store_range(batch);
	}
	PG_CATCH();
	{
		ErrorData *error;
		Entry *bad = NULL;

		if (batch->checked < batch->count)
			bad = &batch->entries[batch->checked];
		else if (batch->place.row >= 0)
			bad = entry_of(batch->place.events[batch->place.row]);
		if (bad == NULL ||
			ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		error->message =
			psprintf("events[%d]: %s", (int) (bad - batch->entries), error->message);
		ReThrowError(error);
	}
	PG_END_TRY();
}

static void
reject(Batch *batch, Entry *entry, const ErrorData *error)
{
	JsonbValue value = entry->value;
	BmReject reject = {"log_events", NULL, entry - batch->entries,
					   JsonbValueToJsonb(&value)};

	bm_reject_store(&reject, error);
	entry->rejected = true;
}

/* Of events[first .. last): the one that an error was about, or -1 where it does not say. */
static int
find_bad(const Batch *batch, int first, int last)
{
	if (last - first == 1)
		return first;
	if (batch->place.row < 0)
		return -1;
	for (int i = first;; i++)
		if (batch->events[i] == batch->place.events[batch->place.row])
			return i;
}

/* Stores events[first .. last) but those that cannot be. */
static void
store_or_reject(Batch *batch, int first, int last)
{
	while (first < last)
	{
		ErrorData *error;
		int bad;

		batch->first = first;
		batch->last = last;
		error = bm_event_try(store_range, batch);
		if (error == NULL)
			return;
		bad = find_bad(batch, first, last);
		if (bad < 0)
		{
			/* Look for it in halves. */
			bad = first + (last - first) / 2;
			store_or_reject(batch, first, bad);
			first = bad;
		}
		else
		{
			store_or_reject(batch, first, bad);
			reject(batch, entry_of(batch->events[bad]), error);
			first = bad + 1;
		}
	}
}

static void
log_good(Batch *batch)
{
	ErrorData *error;

	while ((error = bm_event_try(check_rest, batch)) != NULL)
		reject(batch, &batch->entries[batch->checked++], error);
	list_good(batch);
	store_or_reject(batch, 0, batch->last);
}

static bool
rejects_bad_ones(text *on_error)
{
	char *word = text_to_cstring(on_error);

	if (strcmp(word, "reject") != 0 && strcmp(word, "error") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("on_error must not be \"%s\"", word),
						errhint("Say error, which stores all events or none, or reject, "
								"which keeps bad ones in bizmetrics.event_rejects.")));
	return strcmp(word, "reject") == 0;
}

/* In the order of the array; NULL for what was rejected. */
static ArrayType *
ids_of(const Batch *batch)
{
	Datum *ids = allocate(batch->count, sizeof(Datum));
	bool *nulls = allocate(batch->count, sizeof(bool));
	int length = batch->count;
	int lower = 1;

	for (int i = 0; i < batch->count; i++)
	{
		ids[i] = UUIDPGetDatum(&batch->entries[i].id);
		nulls[i] = batch->entries[i].rejected;
	}
	return construct_md_array(ids, nulls, length > 0 ? 1 : 0, &length, &lower, UUIDOID,
							  UUID_LEN, false, TYPALIGN_CHAR);
}

Datum
bizmetrics_log_events(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"events", "on_error"};
	Batch batch = {.place = {NULL, -1}};
	Jsonb *array;
	bool reject_bad;

	for (int i = 0; i < lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be NULL", names[i])));
	PreventCommandIfReadOnly("log_events()");
	PreventCommandIfParallelMode("log_events()");
	array = PG_GETARG_JSONB_P(0);
	reject_bad = rejects_bad_ones(PG_GETARG_TEXT_PP(1));
	if (!JB_ROOT_IS_ARRAY(array) || JB_ROOT_IS_SCALAR(array))
	{
		JsonbValue value;

		bm_json_root_value(array, &value);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("events must be a JSON array, not %s", bm_json_describe(&value)),
				 errhint("For example [{\"event_name\": \"order_paid\"}].")));
	}
	bm_event_check_writer(bm_event_parent(), GetUserId());
	read_array(array, &batch);
	if (reject_bad)
		log_good(&batch);
	else
		log_all(&batch);
	PG_RETURN_ARRAYTYPE_P(ids_of(&batch));
}
