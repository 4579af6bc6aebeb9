/*
 * path_counts.c
 *	  path_counts(): the transitions of paths(), read by all processes that the scan may have.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "analysis/arguments.h"
#include "analysis/path.h"
#include "analysis/series.h"

enum
{
	FROM_TIME,
	TO_TIME,
	MAX_STEPS,
	SESSION_GAP,
	START_EVENT,
	EVENT_NAMES,
	SUBJECT,
	FILTERS,
	COMPANY_ID,
	ARGUMENTS
};

PG_FUNCTION_INFO_V1(bizmetrics_path_counts);

/* paths() has said what is wrong; this is for whoever calls the function itself. */
static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[ARGUMENTS] = {
		"from_time",   "to_time", "max_steps", "session_gap", "start_event",
		"event_names", "subject", "filters",   "company_id"};

	for (int i = 0; i < ARGUMENTS; i++)
		if (i < START_EVENT || i == SUBJECT)
			bm_argument_require(fcinfo, i, names[i],
								"Call paths(), which says what may be given.");
}

/* As intervals are compared: a month has 30 days. */
static int64
gap_microseconds(const Interval *gap)
{
	int64 days = (int64) gap->month * DAYS_PER_MONTH + gap->day;
	int64 microseconds;

	if (pg_mul_s64_overflow(days, USECS_PER_DAY, &microseconds) ||
		pg_add_s64_overflow(microseconds, gap->time, &microseconds))
		return days > 0 ? PG_INT64_MAX : PG_INT64_MIN;
	return microseconds;
}

static BmPathQuery *
read_query(FunctionCallInfo fcinfo, Size *size)
{
	char *start = bm_argument_text(fcinfo, START_EVENT);
	BmPathQuery *query;

	*size = offsetof(BmPathQuery, start) + (start == NULL ? 0 : strlen(start)) + 1;
	query = palloc0(*size);
	query->gap = gap_microseconds(PG_GETARG_INTERVAL_P(SESSION_GAP));
	query->max_steps = PG_GETARG_INT32(MAX_STEPS);
	query->has_start = start != NULL;
	if (start != NULL)
		strcpy(query->start, start);
	return query;
}

/* A condition for each of the names; where they are none, or too many, one for any event. */
static int
read_names(FunctionCallInfo fcinfo, BmScanCondition *condition, ArrayType **others)
{
	Datum *names;
	bool *nulls;
	int count;
	int conditions = 0;

	*others = NULL;
	memset(condition, 0, BM_MAX_CONDITIONS * sizeof(BmScanCondition));
	if (PG_ARGISNULL(EVENT_NAMES))
		return 1;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(EVENT_NAMES), TEXTOID, -1, false,
					  TYPALIGN_INT, &names, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		if (conditions == BM_MAX_CONDITIONS)
			break;
		condition[conditions++].event = TextDatumGetCString(names[i]);
	}
	if (conditions > 0 && conditions < BM_MAX_CONDITIONS)
		return conditions;
	*others = PG_GETARG_ARRAYTYPE_P(EVENT_NAMES);
	condition[0].event = NULL;
	return 1;
}

typedef struct Totals
{
	MemoryContext context;
	BmPathTable *table;
	BmSeriesSet *pauses;
	List *keys; /* of BmPathKey, in the order of their series */
} Totals;

static void
take_entry(void *arg, BmPathEntry *entry, const char *pauses, int32 count)
{
	Totals *totals = arg;

	if (entry->series < 0)
	{
		BmPathKey *key = palloc(sizeof(BmPathKey));

		*key = entry->key;
		entry->series = bm_series_add(totals->pauses);
		totals->keys = lappend(totals->keys, key);
	}
	bm_series_put(totals->pauses, entry->series, pauses, count);
}

static void
take(void *receiver, const char *results, Size size)
{
	Totals *totals = receiver;
	MemoryContext old = MemoryContextSwitchTo(totals->context);

	bm_path_table_add(totals->table, results, size, take_entry, totals);
	MemoryContextSwitchTo(old);
}

static Datum
text_of(const BmPathTable *table, int32 name)
{
	const BmScanText *text = bm_path_text(table, name);

	return PointerGetDatum(cstring_to_text_with_len(text->text, (int) text->length));
}

static Datum
as_interval(int64 microseconds)
{
	return DirectFunctionCall2(timestamp_mi, TimestampGetDatum(microseconds),
							   TimestampGetDatum(0));
}

/* As percentile_cont() has it of the differences of times. */
static Datum
median(BmSeriesSet *set, int series, bool *isnull)
{
	int64 low;
	int64 high;
	Datum difference;

	*isnull = !bm_series_middle(set, series, &low, &high);
	if (*isnull)
		return (Datum) 0;
	if (low == high)
		return as_interval(low);
	difference = DirectFunctionCall2(interval_mi, as_interval(high), as_interval(low));
	return DirectFunctionCall2(
		interval_pl, DirectFunctionCall2(interval_mul, difference, Float8GetDatum(0.5)),
		as_interval(low));
}

/* Columns: step, source, target, transitions, subjects, median_time. */
static void
put_totals(Totals *totals, ReturnSetInfo *info)
{
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "row of paths",
											  ALLOCSET_DEFAULT_SIZES);
	ListCell *cell;

	bm_series_finish(totals->pauses);
	foreach(cell, totals->keys)
	{
		const BmPathKey *key = lfirst(cell);
		const BmPathEntry *entry = bm_path_entry(totals->table, *key);
		MemoryContext old = MemoryContextSwitchTo(row);
		Datum values[6];
		bool nulls[6] = {false};

		values[0] = Int32GetDatum(key->step);
		values[1] = text_of(totals->table, key->source);
		nulls[2] = key->target == BM_PATH_END;
		values[2] = nulls[2] ? (Datum) 0 : text_of(totals->table, key->target);
		values[3] = Int64GetDatum(entry->count);
		values[4] = Int64GetDatum(entry->subjects);
		values[5] = median(totals->pauses, entry->series, &nulls[5]);
		MemoryContextSwitchTo(old);
		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
		MemoryContextReset(row);
	}
	bm_series_end(totals->pauses);
}

Datum
bizmetrics_path_counts(PG_FUNCTION_ARGS)
{
	BmScanCondition condition[BM_MAX_CONDITIONS];
	BmScanQuery scan = {
		.condition = condition, .value = "event_name", .value_has_id = true};
	BmPathQuery *query;
	Totals totals = {0};
	ArrayType *names;
	Size size;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	query = read_query(fcinfo, &size);
	totals.context = CurrentMemoryContext;
	totals.table = bm_path_table_create();
	totals.pauses = bm_series_create(get_hash_memory_limit());
	scan.conditions = read_names(fcinfo, condition, &names);
	scan.filter = bm_filter_of(names, bm_argument_json(fcinfo, FILTERS),
							   bm_argument_text(fcinfo, COMPANY_ID));
	scan.subject = bm_argument_subject(fcinfo, SUBJECT);
	scan.from = PG_GETARG_TIMESTAMPTZ(FROM_TIME);
	scan.to = PG_GETARG_TIMESTAMPTZ(TO_TIME);
	bm_scan(&scan, BM_ANALYSIS_PATHS, query, size, take, &totals);
	put_totals(&totals, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
