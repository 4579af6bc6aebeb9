/*
 * sequence_match.c
 *	  sequence_match(), sequence_count() and sequence_match_events(): does a pattern of events occur in
 *	  a group, how often, and when?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "agg/argument.h"
#include "agg/moments.h"
#include "agg/sequence.h"

/* What is known of a call, kept for the query. */
typedef struct Call
{
	BmConditions conditions;
	text *pattern;		  /* was parsed last */
	int conditions_count; /* for so many conditions */
	BmSequence sequence;
} Call;

PG_FUNCTION_INFO_V1(bizmetrics_sequence_add);
PG_FUNCTION_INFO_V1(bizmetrics_sequence_match_result);
PG_FUNCTION_INFO_V1(bizmetrics_sequence_count_result);
PG_FUNCTION_INFO_V1(bizmetrics_sequence_match_events_result);

static void
parse(const text *pattern, int conditions, BmSequence *sequence)
{
	char *string = text_to_cstring(pattern);
	BmSequenceError error;

	if (!bm_sequence_parse(string, conditions, sequence, &error))
		ereport(ERROR,
				errcode(error.too_long ? ERRCODE_PROGRAM_LIMIT_EXCEEDED
									   : ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid pattern \"%s\" at character %d",
					   pnstrdup(string, pg_mbcliplen(string, strlen(string), 200)),
					   error.column),
				errdetail("%s", error.message), errhint("%s", error.hint));
	pfree(string);
}

static bool
is_same(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static text *
copy_text(MemoryContext context, const text *value)
{
	Size size = VARHDRSZ + VARSIZE_ANY_EXHDR(value);
	text *copy = MemoryContextAlloc(context, size);

	SET_VARSIZE(copy, size);
	memcpy(VARDATA(copy), VARDATA_ANY(value), size - VARHDRSZ);
	return copy;
}

/* Remembers the pattern that was parsed last, in a context that lives as long as the query. */
static void
keep_parsed(MemoryContext context, Call *call, const text *pattern, int conditions)
{
	if (call->pattern != NULL && call->conditions_count == conditions &&
		is_same(call->pattern, pattern))
		return;
	parse(pattern, conditions, &call->sequence);
	if (call->pattern != NULL)
		pfree(call->pattern);
	call->pattern = NULL;
	call->pattern = copy_text(context, pattern);
	call->conditions_count = conditions;
}

static Call *
prepare(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Call));
	return fcinfo->flinfo->fn_extra;
}

/* Arguments: state, pattern, time, conditions. */
Datum
bizmetrics_sequence_add(PG_FUNCTION_ARGS)
{
	Call *call = fcinfo->flinfo->fn_extra;
	BmMoments *moments = PG_ARGISNULL(0) ? NULL : (BmMoments *) PG_GETARG_POINTER(0);
	text *pattern;
	uint32 mask;

	if (unlikely(call == NULL))
	{
		call = prepare(fcinfo);
		bm_conditions_describe(fcinfo, 3, &call->conditions);
	}
	if (PG_ARGISNULL(1))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("pattern must not be NULL"),
				errhint("Give a pattern such as '(?1).*(?2)'."));
	pattern = PG_GETARG_TEXT_PP(1);
	mask = bm_conditions_read(fcinfo, &call->conditions);
	if (moments == NULL)
	{
		keep_parsed(fcinfo->flinfo->fn_mcxt, call, pattern, call->conditions.count);
		moments = bm_moments_create(fcinfo);
		moments->conditions = (uint8) call->conditions.count;
		moments->pattern = copy_text(bm_aggregate_context(fcinfo), pattern);
	}
	else if (!is_same(moments->pattern, pattern))
		bm_not_constant("pattern");
	else if (moments->conditions != call->conditions.count)
		bm_not_constant("the number of conditions");

	if (mask != 0 && bm_is_time(fcinfo, 2))
		moments = bm_moments_add(moments, PG_GETARG_TIMESTAMPTZ(2), mask);
	PG_RETURN_POINTER(moments);
}

/* Begins a search; what it has to remember of each row is to be freed, if it is not NULL. */
static uint64 *
begin_search(FunctionCallInfo fcinfo, BmMoments *moments, bool is_traced,
			 BmSequenceSearch *search)
{
	Call *call = prepare(fcinfo);
	uint64 *history = NULL;

	keep_parsed(fcinfo->flinfo->fn_mcxt, call, moments->pattern, moments->conditions);
	bm_moments_sort(moments);
	if (is_traced || call->sequence.ranged != 0)
		history =
			MemoryContextAllocHuge(CurrentMemoryContext, moments->count * sizeof(uint64));
	bm_sequence_begin(search, &call->sequence, moments->moment, history);
	return history;
}

/* Goes on to the end of the next match; false: there is none. */
static bool
find_match(const BmMoments *moments, BmSequenceSearch *search)
{
	while (search->next < moments->count)
	{
		if (search->next % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (bm_sequence_step(search))
			return true;
	}
	return false;
}

/* How many matches there are, or whether there is one. */
static int64
count_matches(FunctionCallInfo fcinfo, bool only_first)
{
	BmMoments *moments = (BmMoments *) PG_GETARG_POINTER(0);
	BmSequenceSearch search;
	uint64 *history;
	int64 found = 0;

	if (PG_ARGISNULL(0))
		return 0;
	history = begin_search(fcinfo, moments, false, &search);
	while (find_match(moments, &search) && ++found > 0 && !only_first)
		;
	if (history != NULL)
		pfree(history);
	return found;
}

Datum
bizmetrics_sequence_match_result(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(count_matches(fcinfo, true) > 0);
}

Datum
bizmetrics_sequence_count_result(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(count_matches(fcinfo, false));
}

/* The times of the events that ask for a condition, of the match that ends first. */
Datum
bizmetrics_sequence_match_events_result(PG_FUNCTION_ARGS)
{
	BmMoments *moments = (BmMoments *) PG_GETARG_POINTER(0);
	size_t traced[BM_SEQUENCE_MAX_EVENTS];
	Datum times[BM_SEQUENCE_MAX_EVENTS];
	BmSequenceSearch search;
	uint64 *history;
	int count = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TIMESTAMPTZOID));
	history = begin_search(fcinfo, moments, true, &search);
	if (find_match(moments, &search))
	{
		bm_sequence_trace(&search, traced);
		for (int i = 0; i < search.sequence->events; i++)
		{
			if ((search.sequence->any >> i & 1) == 0)
				times[count++] = TimestampTzGetDatum(moments->moment[traced[i]].time);
		}
	}
	pfree(history);
	PG_RETURN_ARRAYTYPE_P(construct_array(times, count, TIMESTAMPTZOID,
										  sizeof(TimestampTz), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
