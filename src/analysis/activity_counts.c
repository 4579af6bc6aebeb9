/*
 * activity_counts.c
 *	  activity_counts(): what active_users(), lifecycle(), stickiness() and trend() make their tables
 *	  of, read by all processes that the scan may have.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "analysis/activity.h"
#include "analysis/arguments.h"

enum
{
	KIND,
	EVENT_NAME,
	UNIT,
	FIRST_PERIOD,
	FROM_TIME,
	TO_TIME,
	TIMEZONE,
	SUBJECT,
	FILTERS,
	COMPANY_ID,
	ARGUMENTS
};

/* More than check_periods() lets pass, with those that active_users() looks back. */
#define PERIODS_MAX 110000

/* How much later than UTC a clock can be, and more. */
#define AHEAD USECS_PER_DAY

#define HINT                                                                            \
	"Call active_users(), lifecycle(), stickiness() or trend(), which say what may be " \
	"given."

PG_FUNCTION_INFO_V1(bizmetrics_activity_counts);

/* active_users() and its like have said what is wrong; this is for whoever calls the function itself. */
static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[ARGUMENTS] = {
		"kind",	   "event_name", "unit",	"first_period", "from_time",
		"to_time", "timezone",	 "subject", "filters",		"company_id"};

	for (int i = 0; i < ARGUMENTS; i++)
		if (i != EVENT_NAME && i != FILTERS && i != COMPANY_ID)
			bm_argument_require(fcinfo, i, names[i], HINT);
}

/* How many periods there can be from the first one to the end. */
static int32
count_periods(const BmActivityQuery *query, TimestampTz to)
{
	int64 periods;

	if (TIMESTAMP_IS_NOBEGIN(to))
		return 0;
	periods = bm_calendar_bucket(query->unit, to + AHEAD) - query->first + 1;
	if (TIMESTAMP_IS_NOEND(to) || periods > PERIODS_MAX)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("too many periods"), errhint(HINT));
	return (int32) Max(periods, 0);
}

static BmActivityQuery *
read_query(FunctionCallInfo fcinfo, Size *size)
{
	static const int figures[] = {3, 4, 1, 1};
	char *timezone = bm_argument_text(fcinfo, TIMEZONE);
	DateADT first_period = PG_GETARG_DATEADT(FIRST_PERIOD);
	BmActivityQuery *query;

	*size = offsetof(BmActivityQuery, timezone) + strlen(timezone) + 1;
	query = palloc0(*size);
	query->kind =
		BM_CHOICE(KIND, "kind", "active", "lifecycle", "stickiness", "subjects");
	query->unit = BM_CHOICE(UNIT, "unit", "day", "week", "month", "quarter", "year");
	query->first = bm_calendar_bucket(query->unit, (int64) first_period * USECS_PER_DAY);
	query->figures = figures[query->kind];
	query->periods = count_periods(query, PG_GETARG_TIMESTAMPTZ(TO_TIME));
	strcpy(query->timezone, timezone);
	return query;
}

typedef struct Totals
{
	const BmActivityQuery *query;
	int64 *figure;
} Totals;

static void
take(void *receiver, const char *results, Size size)
{
	Totals *totals = receiver;
	int figures = totals->query->figures;

	for (Size at = 0; at < size; at += sizeof(BmActivityCounts))
	{
		BmActivityCounts counts;

		memcpy(&counts, results + at, sizeof(counts));
		for (int i = 0; i < figures; i++)
			totals->figure[(Size) counts.period * figures + i] += counts.figure[i];
	}
}

/* What the windows of days change by becomes how many are in them. */
static void
sum_up(Totals *totals)
{
	int figures = totals->query->figures;

	for (int32 day = 1; day < totals->query->periods; day++)
	{
		int64 *figure = &totals->figure[(Size) day * figures];

		/* The first one is that of the day itself. */
		for (int i = 1; i < figures; i++)
			figure[i] += figure[i - figures];
	}
}

/* Columns: period, figures. Periods without any are left out. */
static void
put_totals(const Totals *totals, ReturnSetInfo *info)
{
	int figures = totals->query->figures;

	for (int32 period = 0; period < totals->query->periods; period++)
	{
		const int64 *figure = &totals->figure[(Size) period * figures];
		Datum items[BM_ACTIVITY_FIGURES_MAX];
		Datum values[2];
		bool nulls[2] = {false, false};
		bool is_zero = true;

		for (int i = 0; i < figures; i++)
		{
			is_zero &= figure[i] == 0;
			items[i] = Int64GetDatum(figure[i]);
		}
		if (is_zero)
			continue;
		values[0] = Int32GetDatum(period);
		values[1] = PointerGetDatum(construct_array(
			items, figures, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
		pfree(DatumGetPointer(values[1]));
	}
}

Datum
bizmetrics_activity_counts(PG_FUNCTION_ARGS)
{
	BmScanCondition condition = {0};
	BmScanQuery scan = {.conditions = 1, .condition = &condition};
	Totals totals;
	Size size;

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	totals.query = read_query(fcinfo, &size);
	totals.figure = palloc_extended((Size) totals.query->periods * totals.query->figures *
										sizeof(int64),
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	condition.event = bm_argument_text(fcinfo, EVENT_NAME);
	scan.filter = bm_filter_of(NULL, bm_argument_json(fcinfo, FILTERS),
							   bm_argument_text(fcinfo, COMPANY_ID));
	scan.subject = bm_argument_subject(fcinfo, SUBJECT);
	scan.from = PG_GETARG_TIMESTAMPTZ(FROM_TIME);
	scan.to = PG_GETARG_TIMESTAMPTZ(TO_TIME);
	bm_scan(&scan, BM_ANALYSIS_ACTIVITY, totals.query, size, take, &totals);
	if (totals.query->kind == BM_ACTIVITY_ACTIVE)
		sum_up(&totals);
	put_totals(&totals, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}
