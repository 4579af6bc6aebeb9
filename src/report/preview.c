/* When a schedule will fire, for people to read: preview_schedule(), and what create_report() says. */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/timezone.h"
#include "report/preview.h"
#include "report/schedule.h"

#define MAX_PREVIEW 1000
#define ANNOUNCED 3

PG_FUNCTION_INFO_V1(bizmetrics_preview_schedule);
PG_FUNCTION_INFO_V1(bizmetrics_time_since);
PG_FUNCTION_INFO_V1(bizmetrics_missed_slot);

/* The function's arguments, in their order. */
enum
{
	ARG_SCHEDULE,
	ARG_TIMEZONE,
	ARG_N,
	ARG_AFTER,
	ARG_MATCH_DAYS
};

/* The local time of an instant, as a timestamp without a zone. */
static Timestamp
local_time(TimestampTz at, pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t fsec;
	int offset;
	Timestamp local;

	if (timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0 ||
		tm2timestamp(&tm, fsec, NULL, &local) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
	return local;
}

static BmMatchDays
match_days_argument(FunctionCallInfo fcinfo, int argument)
{
	char *name;
	BmMatchDays match_days;

	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("match_days must not be NULL")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	if (!bm_match_days_find(name, &match_days))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid match_days \"%s\"", name),
						errhint("Use one of: any, all.")));
	return match_days;
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"schedule", NULL, "n"};

	for (int i = ARG_SCHEDULE; i <= ARG_N; i++)
		if (names[i] != NULL && PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be NULL", names[i])));
	if (PG_GETARG_INT32(ARG_N) < 1 || PG_GETARG_INT32(ARG_N) > MAX_PREVIEW)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("n %d is not between 1 and %d", PG_GETARG_INT32(ARG_N),
							   MAX_PREVIEW)));
	if (!PG_ARGISNULL(ARG_AFTER) &&
		TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(ARG_AFTER)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("after must be finite")));
}

Datum
bizmetrics_preview_schedule(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char *schedule;
	BmMatchDays match_days;
	pg_tz *zone;
	TimestampTz at;

	check_arguments(fcinfo);
	schedule = text_to_cstring(PG_GETARG_TEXT_PP(ARG_SCHEDULE));
	match_days = match_days_argument(fcinfo, ARG_MATCH_DAYS);
	bm_schedule_check(schedule, match_days);
	zone = bm_timezone_require(PG_ARGISNULL(ARG_TIMEZONE)
								   ? bm_guc_timezone
								   : text_to_cstring(PG_GETARG_TEXT_PP(ARG_TIMEZONE)));
	at = PG_ARGISNULL(ARG_AFTER) ? bm_clock_now() : PG_GETARG_TIMESTAMPTZ(ARG_AFTER);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < PG_GETARG_INT32(ARG_N); i++)
	{
		Datum v[2];
		bool n[2] = {false, false};

		if (!bm_schedule_next(schedule, pg_get_timezone_name(zone), match_days, at,
							  &at) ||
			!IS_VALID_TIMESTAMP(at))
			break;
		v[0] = TimestampTzGetDatum(at);
		v[1] = TimestampGetDatum(local_time(at, zone));
		tuplestore_putvalues(result->setResult, result->setDesc, v, n);
	}
	return (Datum) 0;
}

Datum
bizmetrics_time_since(PG_FUNCTION_ARGS)
{
	TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz now = bm_clock_now();

	if (at > now || TIMESTAMP_NOT_FINITE(at))
		PG_RETURN_NULL();
	return DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(now),
							   TimestampTzGetDatum(at));
}

/* NULL also where the schedule is broken: a view of all reports must not fail for one. */
Datum
bizmetrics_missed_slot(PG_FUNCTION_ARGS)
{
	char *schedule = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *timezone = text_to_cstring(PG_GETARG_TEXT_PP(1));
	TimestampTz after = PG_GETARG_TIMESTAMPTZ(2);
	BmMatchDays match_days = BM_MATCH_ANY;
	TimestampTz slot;

	(void) bm_match_days_find(text_to_cstring(PG_GETARG_TEXT_PP(3)), &match_days);
	if (TIMESTAMP_NOT_FINITE(after) ||
		!bm_schedule_next(schedule, timezone, match_days, after, &slot) ||
		slot > bm_clock_now())
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(slot);
}

/* A NOTICE of the next times that a new report runs at, in its own time zone. */
void
bm_preview_announce(const BmReport *report)
{
	pg_tz *zone = pg_tzset(report->timezone);
	TimestampTz at = bm_clock_now();
	StringInfoData times;

	initStringInfo(&times);
	for (int i = 0; i < ANNOUNCED; i++)
	{
		char text[MAXDATELEN + 1];
		struct pg_tm tm;
		fsec_t fsec;
		int offset;

		if (!bm_schedule_next(report->schedule, report->timezone, report->match_days, at,
							  &at) ||
			timestamp2tm(at, &offset, &tm, &fsec, NULL, zone) != 0)
			break;
		EncodeDateTime(&tm, fsec, true, offset, NULL, USE_ISO_DATES, text);
		appendStringInfo(&times, "%s%s", i > 0 ? ", " : "", text);
	}
	ereport(NOTICE, (errmsg("report \"%s\" runs next at %s", report->name, times.data)));
}
