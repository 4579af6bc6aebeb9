/*
 * cohort_counts.c
 *	  cohort_counts(): what cohort_retention() makes its table of, read by all processes that the
 *	  scan may have.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"

#include "analysis/arguments.h"
#include "analysis/cohort.h"
#include "analysis/cohort_table.h"
#include "analysis/filter.h"
#include "event/event.h"

enum
{
	START_EVENT,
	RETURN_EVENT,
	UNIT,
	PERIODS,
	FROM_TIME,
	TO_TIME,
	TYPE,
	CRITERIA,
	MODE,
	TIMEZONE,
	SUBJECT,
	FILTERS,
	START_FILTERS,
	RETURN_FILTERS,
	COMPANY_ID,
	BREAKDOWN,
	AS_OF,
	ARGUMENTS
};

#define HINT "Call cohort_retention(), which says what may be given."

PG_FUNCTION_INFO_V1(bizmetrics_cohort_counts);

static const char *const argument_names[ARGUMENTS] = {
	"start_event",	 "return_event",   "unit",		 "periods",	  "from_time", "to_time",
	"type",			 "criteria",	   "mode",		 "timezone",  "subject",   "filters",
	"start_filters", "return_filters", "company_id", "breakdown", "as_of"};

#define CHOICE(number, ...) BM_CHOICE(number, argument_names[number], __VA_ARGS__)

/* cohort_retention() has said what is wrong; this is for whoever calls the function itself. */
static void
check_arguments(FunctionCallInfo fcinfo)
{
	TimestampTz from;
	TimestampTz to;

	for (int i = UNIT; i < ARGUMENTS; i++)
		if (i < FILTERS || i > BREAKDOWN)
			bm_argument_require(fcinfo, i, argument_names[i], HINT);
	from = PG_GETARG_TIMESTAMPTZ(FROM_TIME);
	to = PG_GETARG_TIMESTAMPTZ(TO_TIME);
	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to) || from >= to ||
		PG_GETARG_INT32(PERIODS) < 1 || PG_GETARG_INT32(PERIODS) > 1000 ||
		(to - from) / USECS_PER_DAY > 100000 * INT64CONST(31))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("invalid range of time or number of periods"), errhint(HINT));
}

/*
 * Where there is no partition there is no start, so no period of the calendar has to be found for it: who asks for
 * all time pays for the time of which there are events.
 */
static void
cut_to_partitions(TimestampTz *from, TimestampTz *to)
{
	TimestampTz first = DT_NOEND;
	TimestampTz end = DT_NOBEGIN;
	ListCell *cell;

	foreach(cell, bm_partition_list_now())
	{
		const BmPartition *partition = lfirst(cell);

		first = Min(first, partition->lower);
		end = Max(end, partition->upper);
	}
	*from = Max(*from, first);
	*to = Min(*to, end);
}

static BmCohortQuery *
read_query(FunctionCallInfo fcinfo)
{
	BmCalendarUnit unit = CHOICE(UNIT, "day", "week", "month");
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(FROM_TIME);
	TimestampTz to = PG_GETARG_TIMESTAMPTZ(TO_TIME);
	BmCohortQuery *query;

	cut_to_partitions(&from, &to);
	/* No partition has any of it: an instant without events stands for it. */
	if (from >= to)
	{
		from = PG_GETARG_TIMESTAMPTZ(FROM_TIME);
		to = from + 1;
	}
	query = bm_cohort_calendar(from, to, unit, PG_GETARG_INT32(PERIODS),
							   bm_argument_text(fcinfo, TIMEZONE));
	query->recurring = CHOICE(TYPE, "first_time", "recurring") == 1;
	query->or_after = CHOICE(CRITERIA, "on", "on_or_after") == 1;
	if (CHOICE(MODE, "calendar", "rolling") == 1)
		query->width = USECS_PER_DAY * (unit == BM_CALENDAR_DAY	   ? 1
										: unit == BM_CALENDAR_WEEK ? 7
																   : 30);
	query->segmented = !PG_ARGISNULL(BREAKDOWN);
	return query;
}

/* Returns that are later than this count in no period. */
static TimestampTz
last_return(const BmCohortQuery *query, TimestampTz as_of)
{
	TimestampTz last = query->span[query->spans - 1].begin;

	if (query->or_after)
		return as_of;
	if (query->width > 0)
		last = query->to + query->periods * query->width;
	return Min(last, as_of);
}

static void
take(void *receiver, const char *results, Size size)
{
	bm_cohort_table_add(receiver, results, size);
}

typedef struct Output
{
	ReturnSetInfo *info;
	const BmCohortQuery *query;
} Output;

/* Columns: cohort, segment, index (-1: the size), members. */
static void
put(void *arg, int32 cohort, const BmScanText *segment, const int64 *counts)
{
	Output *output = arg;
	Datum values[4];
	bool nulls[4] = {false};

	values[0] = DateADTGetDatum(bm_cohort_date(output->query, cohort));
	nulls[1] = segment->text == NULL;
	values[1] =
		nulls[1]
			? (Datum) 0
			: PointerGetDatum(cstring_to_text_with_len(segment->text, segment->length));
	for (int i = 0; i <= output->query->periods; i++)
	{
		if (counts[i] == 0)
			continue;
		values[2] = Int32GetDatum(i - 1);
		values[3] = Int64GetDatum(counts[i]);
		tuplestore_putvalues(output->info->setResult, output->info->setDesc, values,
							 nulls);
	}
}

Datum
bizmetrics_cohort_counts(PG_FUNCTION_ARGS)
{
	BmScanCondition condition[2] = {0};
	BmScanQuery scan = {.conditions = 2, .condition = condition};
	BmCohortQuery *query;
	BmCohortTable *table;
	Output output;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	query = read_query(fcinfo);
	table = bm_cohort_table_create(query->periods);
	condition[0].event = bm_argument_text(fcinfo, START_EVENT);
	condition[0].filter =
		bm_filter_of(NULL, bm_argument_json(fcinfo, START_FILTERS), NULL);
	condition[0].ever = !query->recurring;
	condition[1].event = bm_argument_text(fcinfo, RETURN_EVENT);
	condition[1].filter =
		bm_filter_of(NULL, bm_argument_json(fcinfo, RETURN_FILTERS), NULL);
	scan.filter = bm_filter_of(NULL, bm_argument_json(fcinfo, FILTERS),
							   bm_argument_text(fcinfo, COMPANY_ID));
	if (query->segmented)
		scan.value = bm_field_of_property(bm_argument_text(fcinfo, BREAKDOWN));
	scan.subject = bm_argument_subject(fcinfo, SUBJECT);
	scan.from = query->from;
	scan.to = last_return(query, PG_GETARG_TIMESTAMPTZ(AS_OF));
	bm_scan(&scan, BM_ANALYSIS_COHORTS, query, bm_cohort_query_size(query->spans), take,
			table);
	output.info = (ReturnSetInfo *) fcinfo->resultinfo;
	output.query = query;
	bm_cohort_table_visit(table, put, &output);
	return (Datum) 0;
}
