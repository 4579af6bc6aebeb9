/* The mappings of other services' messages: bizmetrics.event_mappings, map_event(), unmap_event(). */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/table.h"
#include "event/message.h"

/* Columns of bizmetrics.event_mappings. */
enum
{
	MAPPING_SOURCE,
	MAPPING_SOURCE_EVENT,
	MAPPING_EVENT_NAME,
	MAPPING_PATHS,
	MAPPING_COLUMNS
};

#define MAPPING_TABLE "event_mappings"
#define MAPPING_INDEX "event_mappings_pkey"

PG_FUNCTION_INFO_V1(bizmetrics_map_event);
PG_FUNCTION_INFO_V1(bizmetrics_unmap_event);

/* A copy of the row for this very event, or NULL. */
static HeapTuple
find_row(Relation rel, const char *source, const char *source_event)
{
	ListCell *cell;

	foreach(cell, bm_table_list(rel, MAPPING_INDEX, TEXTOID, CStringGetTextDatum(source)))
	{
		bool isnull;
		Datum value = heap_getattr(lfirst(cell), MAPPING_SOURCE_EVENT + 1,
								   RelationGetDescr(rel), &isnull);

		if (strcmp(TextDatumGetCString(value), source_event) == 0)
			return lfirst(cell);
	}
	return NULL;
}

/* The mapping of an event, or else the source's for any. Raises 42704 where there is neither. */
BmMapping *
bm_mapping_load(const char *source, const char *source_event)
{
	Relation rel = bm_table_open(MAPPING_TABLE, AccessShareLock);
	HeapTuple row = find_row(rel, source, source_event);
	Datum values[MAPPING_COLUMNS];
	bool nulls[MAPPING_COLUMNS];

	if (row == NULL)
		row = find_row(rel, source, BM_ANY_EVENT);
	if (row == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("source \"%s\" has no mapping for \"%s\"", source, source_event),
			 errhint("Run bizmetrics.map_event(), then bizmetrics.replay_rejects().")));
	heap_deform_tuple(row, RelationGetDescr(rel), values, nulls);
	table_close(rel, AccessShareLock);
	return bm_mapping_parse(nulls[MAPPING_EVENT_NAME]
								? NULL
								: TextDatumGetCString(values[MAPPING_EVENT_NAME]),
							DatumGetJsonbP(values[MAPPING_PATHS]));
}

static void
check_may_map(void)
{
	if (!bm_role_inherits(GetUserId(), bm_extension_owner()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of extension bizmetrics")));
}

static char *
name_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char *value;

	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not be NULL", name)));
	value = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (value[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must not be empty", name)));
	return value;
}

/* A colon parts the source from the id in the key that a message is known by. */
static void
check_source(const char *source)
{
	if (strchr(source, ':') != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source \"%s\" has a colon", source),
						errhint("Give it a short name, for example 'shop'.")));
}

/* Writers of the table queue, so that two of them do not both find no row. */
static void
store_mapping(Datum *values, bool *nulls, const char *source, const char *source_event)
{
	Relation rel = bm_table_open(MAPPING_TABLE, ShareRowExclusiveLock);
	HeapTuple row = find_row(rel, source, source_event);

	if (row != NULL)
		bm_table_update(rel, row, values, nulls);
	else
		bm_table_insert(rel, values, nulls);
	table_close(rel, NoLock);
}

Datum
bizmetrics_map_event(PG_FUNCTION_ARGS)
{
	char *source = name_argument(fcinfo, MAPPING_SOURCE, "source");
	char *source_event = name_argument(fcinfo, MAPPING_SOURCE_EVENT, "source_event");
	Datum values[MAPPING_COLUMNS];
	bool nulls[MAPPING_COLUMNS] = {false};

	PreventCommandIfReadOnly("map_event()");
	check_may_map();
	check_source(source);
	if (PG_ARGISNULL(MAPPING_PATHS))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("mapping must not be NULL")));
	for (int i = 0; i < MAPPING_COLUMNS; i++)
		values[i] = PG_GETARG_DATUM(i);
	nulls[MAPPING_EVENT_NAME] = PG_ARGISNULL(MAPPING_EVENT_NAME);
	if (!nulls[MAPPING_EVENT_NAME])
		(void) name_argument(fcinfo, MAPPING_EVENT_NAME, "event_name");
	(void) bm_mapping_parse(nulls[MAPPING_EVENT_NAME]
								? NULL
								: TextDatumGetCString(values[MAPPING_EVENT_NAME]),
							PG_GETARG_JSONB_P(MAPPING_PATHS));
	store_mapping(values, nulls, source, source_event);
	PG_RETURN_VOID();
}

Datum
bizmetrics_unmap_event(PG_FUNCTION_ARGS)
{
	char *source = name_argument(fcinfo, MAPPING_SOURCE, "source");
	char *source_event = name_argument(fcinfo, MAPPING_SOURCE_EVENT, "source_event");
	Relation rel;
	HeapTuple row;

	PreventCommandIfReadOnly("unmap_event()");
	check_may_map();
	rel = bm_table_open(MAPPING_TABLE, ShareRowExclusiveLock);
	row = find_row(rel, source, source_event);
	if (row == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("source \"%s\" has no mapping for \"%s\"", source,
							   source_event)));
	bm_table_delete(rel, row);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}
