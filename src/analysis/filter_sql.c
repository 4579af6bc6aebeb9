/*
 * filter_sql.c
 *	  Fields and filters of events, for SQL that is built of them.
 *
 * What may be written in them is in one place, filter.c: who builds SQL asks here whether a filter is
 * one, and which keys a field names.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "analysis/filter.h"

PG_FUNCTION_INFO_V1(bizmetrics_event_field_path);
PG_FUNCTION_INFO_V1(bizmetrics_check_event_filter);

Datum
bizmetrics_event_field_path(PG_FUNCTION_ARGS)
{
	List *path = bm_field_path(bm_field_parse(text_to_cstring(PG_GETARG_TEXT_PP(0))));
	ArrayBuildState *state = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	ListCell *cell;

	foreach(cell, path)
		state = accumArrayResult(state, CStringGetTextDatum(lfirst(cell)), false, TEXTOID,
								 CurrentMemoryContext);
	PG_RETURN_DATUM(makeArrayResult(state, CurrentMemoryContext));
}

Datum
bizmetrics_check_event_filter(PG_FUNCTION_ARGS)
{
	(void) bm_filter_parse(PG_GETARG_JSONB_P(0));
	PG_RETURN_VOID();
}
