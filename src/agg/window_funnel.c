/*
 * window_funnel.c
 *	  window_funnel() and window_funnel_times(): how far a group gets through the steps of a funnel.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "agg/argument.h"
#include "agg/chain.h"
#include "agg/moments.h"

#define MAX_MODE_TEXT 200

/* What is known of a call, kept for the query. The texts of a mode are mostly one. */
typedef struct Call
{
	BmConditions conditions;
	unsigned modes;
	int mode_length; /* -1: none was read yet */
	char mode[MAX_MODE_TEXT];
} Call;

static const struct
{
	const char *name;
	unsigned mode;
} words[] = {{"strict_once", BM_CHAIN_ONCE},
			 {"strict_increase", BM_CHAIN_INCREASE},
			 {"strict_order", BM_CHAIN_ORDER},
			 {"allow_reentry", BM_CHAIN_REENTRY},
			 {"strict_deduplication", BM_CHAIN_DEDUPLICATE}};

PG_FUNCTION_INFO_V1(bizmetrics_window_funnel_add);
PG_FUNCTION_INFO_V1(bizmetrics_window_funnel_add_mode);
PG_FUNCTION_INFO_V1(bizmetrics_window_funnel_level);
PG_FUNCTION_INFO_V1(bizmetrics_window_funnel_level_times);
PG_FUNCTION_INFO_V1(bizmetrics_window_funnel_completions);

/* One word of a mode, without the blanks around it. */
static unsigned
parse_word(const char *mode, int length, const char *begin, const char *end)
{
	while (begin < end && *begin == ' ')
		begin++;
	while (end > begin && end[-1] == ' ')
		end--;
	for (int i = 0; i < lengthof(words); i++)
	{
		if (strlen(words[i].name) == end - begin &&
			memcmp(words[i].name, begin, end - begin) == 0)
			return words[i].mode;
	}
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("unknown word \"%s\" in mode \"%s\"", pnstrdup(begin, end - begin),
			   pnstrdup(mode, length)),
		errhint("A mode is a list, separated by commas, of strict_once, strict_increase, "
				"strict_order, allow_reentry and strict_deduplication."));
}

static unsigned
parse_mode(const char *mode, int length)
{
	const char *end = mode + length;
	unsigned modes = 0;

	if (length == 0)
		return 0;
	for (const char *begin = mode; begin <= end;)
	{
		const char *comma = memchr(begin, ',', end - begin);

		if (comma == NULL)
			comma = end;
		modes |= parse_word(mode, length, begin, comma);
		begin = comma + 1;
	}
	if ((modes & BM_CHAIN_REENTRY) != 0 && (modes & BM_CHAIN_ORDER) == 0)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("mode \"%s\" has allow_reentry without strict_order",
				   pnstrdup(mode, length)),
			errhint(
				"Without strict_order nothing ends a chain that could be entered again; "
				"write 'strict_order, allow_reentry'."));
	return modes;
}

static unsigned
read_mode(FunctionCallInfo fcinfo, int number, Call *call)
{
	text *mode;
	int length;

	if (PG_ARGISNULL(number))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("mode must not be NULL"),
				errhint("Give '' for the default mode."));
	mode = PG_GETARG_TEXT_PP(number);
	length = VARSIZE_ANY_EXHDR(mode);
	if (length == call->mode_length && memcmp(call->mode, VARDATA_ANY(mode), length) == 0)
		return call->modes;
	call->modes = parse_mode(VARDATA_ANY(mode), length);
	call->mode_length = -1;
	if (length <= MAX_MODE_TEXT)
	{
		memcpy(call->mode, VARDATA_ANY(mode), length);
		call->mode_length = length;
	}
	return call->modes;
}

static Call *
prepare(FunctionCallInfo fcinfo, int first)
{
	Call *call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Call));

	bm_conditions_describe(fcinfo, first, &call->conditions);
	call->mode_length = -1;
	fcinfo->flinfo->fn_extra = call;
	return call;
}

/* Arguments: state, window, mode if mode is its number, time, conditions. */
static Datum
add(FunctionCallInfo fcinfo, int mode)
{
	Call *call = fcinfo->flinfo->fn_extra;
	BmMoments *moments = PG_ARGISNULL(0) ? NULL : (BmMoments *) PG_GETARG_POINTER(0);
	int time = mode + 1;
	unsigned modes = 0;
	uint64 window;
	uint32 mask;

	if (unlikely(call == NULL))
		call = prepare(fcinfo, time + 1);
	window = bm_interval_argument(fcinfo, 1, "window");
	if (mode != 1)
		modes = read_mode(fcinfo, mode, call);
	mask = bm_conditions_read(fcinfo, &call->conditions);
	if (moments == NULL)
	{
		if (call->conditions.count == 0)
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("a funnel must have at least one step"),
					errhint("Give 1 to %d conditions.", BM_MAX_CONDITIONS));
		moments = bm_moments_create(fcinfo);
		moments->window = window;
		moments->modes = (uint16) modes;
		moments->conditions = (uint8) call->conditions.count;
	}
	else if (moments->window != window)
		bm_not_constant("window");
	else if (moments->modes != modes)
		bm_not_constant("mode");
	else if (moments->conditions != call->conditions.count)
		bm_not_constant("the number of conditions");

	/* A row without a step says something only where it ends a chain. */
	if ((mask != 0 || (modes & BM_CHAIN_ORDER) != 0) && bm_is_time(fcinfo, time))
		moments = bm_moments_add(moments, PG_GETARG_TIMESTAMPTZ(time), mask);
	PG_RETURN_POINTER(moments);
}

Datum
bizmetrics_window_funnel_add(PG_FUNCTION_ARGS)
{
	return add(fcinfo, 1);
}

Datum
bizmetrics_window_funnel_add_mode(PG_FUNCTION_ARGS)
{
	return add(fcinfo, 2);
}

static void
make_query(BmMoments *moments, BmChainQuery *query)
{
	memset(query, 0, sizeof(*query));
	query->steps = moments->conditions;
	query->modes = moments->modes;
	query->window = moments->window;
	query->poll = bm_moments_poll;
}

static int
longest(FunctionCallInfo fcinfo, int64 *times)
{
	BmMoments *moments = (BmMoments *) PG_GETARG_POINTER(0);
	BmChainQuery query;

	if (PG_ARGISNULL(0))
		return 0;
	bm_moments_sort(moments);
	make_query(moments, &query);
	return bm_chain_longest(&query, moments->moment, moments->count, times);
}

Datum
bizmetrics_window_funnel_level(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(longest(fcinfo, NULL));
}

Datum
bizmetrics_window_funnel_level_times(PG_FUNCTION_ARGS)
{
	int64 times[BM_MAX_CONDITIONS];
	Datum values[BM_MAX_CONDITIONS];
	int level = longest(fcinfo, times);

	for (int i = 0; i < level; i++)
		values[i] = TimestampTzGetDatum(times[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, level, TIMESTAMPTZOID,
										  sizeof(TimestampTz), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

/* Whole chains one after the other: each is the first to be complete of those that begin after the one before. */
Datum
bizmetrics_window_funnel_completions(PG_FUNCTION_ARGS)
{
	BmMoments *moments = (BmMoments *) PG_GETARG_POINTER(0);
	int64 times[BM_MAX_CONDITIONS];
	int64 count = 0;
	BmChainQuery query;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	bm_moments_sort(moments);
	make_query(moments, &query);
	for (uint32 at = 0; at < moments->count;)
	{
		const BmMoment *rest = &moments->moment[at];

		if (bm_chain_longest(&query, rest, moments->count - at, times) < query.steps)
			break;
		count++;
		while (at < moments->count && moments->moment[at].time <= times[query.steps - 1])
			at++;
	}
	PG_RETURN_INT64(count);
}
