/* bizmetrics.create_report(): checks every argument, makes the table and registers the report. */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/table.h"
#include "report/access.h"
#include "report/bucket.h"
#include "report/registry.h"
#include "report/schedule.h"
#include "report/state.h"

#define MAX_ATTEMPTS 100

PG_FUNCTION_INFO_V1(bizmetrics_create_report);

/* The function's arguments, in their order. */
enum
{
	ARG_NAME,
	ARG_TARGET,
	ARG_QUERY,
	ARG_SCHEDULE,
	ARG_DDL,
	ARG_TIMEZONE,
	ARG_BUCKET,
	ARG_LOOKBACK,
	ARG_MAX_ATTEMPTS,
	ARG_BACKOFF,
	ARG_TIMEOUT,
	ARG_OWNER
};

static const char *const argument_names[] = {
	"name",	  "target",	  "query",		  "schedule", "ddl",	 "timezone",
	"bucket", "lookback", "max_attempts", "backoff",  "timeout", "owner"};

static void
require(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not be NULL", argument_names[argument])));
}

static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static char *
interval_text(const Interval *interval)
{
	return DatumGetCString(
		DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

static void
check_name(const char *name)
{
	int length = pg_mbstrlen(name);

	if (length == 0 || length > BM_REPORT_NAME_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name \"%s\" must have 1 to %d characters", name,
							   BM_REPORT_NAME_MAX)));
	if (bm_report_find(name) != NULL)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("report \"%s\" already exists", name),
						errhint("Use another name, or bizmetrics.drop_report() first.")));
}

/* The target's canonical name: analytics.table, where table may also stand alone. */
static char *
check_target(const char *target)
{
	List *parts = NIL;
	bool parsed = SplitIdentifierString(pstrdup(target), '.', &parts);

	if (!parsed || list_length(parts) < 1 || list_length(parts) > 2 ||
		(list_length(parts) == 2 && strcmp(linitial(parts), BM_ANALYTICS) != 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("target \"%s\" is not a table in schema \"%s\"", target,
							   BM_ANALYTICS),
						errhint("Write it as %s.some_table.", BM_ANALYTICS)));
	return quote_qualified_identifier(BM_ANALYTICS, llast(parts));
}

static char *
check_timezone(const char *name)
{
	pg_tz *zone = bm_timezone_find(name);

	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("timezone \"%s\" is not known", name),
				 errhint("Use a name of pg_timezone_names, such as Europe/Berlin.")));
	return pstrdup(pg_get_timezone_name(zone));
}

static void
refuse_interval(const char *argument, const Interval *value, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s \"%s\": %s", argument, interval_text(value), problem)));
}

static void
check_intervals(const BmReport *report)
{
	if (report->bucket != NULL && bm_bucket_problem(report->bucket) != NULL)
		refuse_interval("bucket", report->bucket, bm_bucket_problem(report->bucket));
	if (report->lookback != NULL && bm_duration_problem(report->lookback) != NULL)
		refuse_interval("lookback", report->lookback,
						bm_duration_problem(report->lookback));
	if (report->lookback != NULL && report->bucket == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("lookback needs bucket"),
			 errhint("Say the width of the buckets, for example bucket => '1 day'.")));
	if (report->timeout != NULL &&
		bm_interval_usecs(report->timeout) < USECS_PER_SEC / 1000)
		refuse_interval("timeout", report->timeout, "it must be positive");
}

static void
check_attempts(BmReport *report)
{
	Datum *items;
	bool *nulls;

	if (report->max_attempts < 1 || report->max_attempts > MAX_ATTEMPTS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_attempts %d is not between 1 and %d",
							   report->max_attempts, MAX_ATTEMPTS)));
	deconstruct_array(report->backoff_array, INTERVALOID, sizeof(Interval), false,
					  TYPALIGN_DOUBLE, &items, &nulls, &report->backoff_length);
	if (report->backoff_length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("backoff must not be empty"),
				 errhint("Say how long to wait before a retry, for example '{60s}'.")));
	for (int i = 0; i < report->backoff_length; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("backoff must not contain NULL")));
		if (bm_duration_problem(DatumGetIntervalP(items[i])) != NULL)
			refuse_interval("backoff", DatumGetIntervalP(items[i]),
							bm_duration_problem(DatumGetIntervalP(items[i])));
	}
}

/* The role that the report will run as. */
static Oid
check_owner(FunctionCallInfo fcinfo)
{
	Oid caller = GetUserId();
	Oid owner = PG_ARGISNULL(ARG_OWNER)
					? caller
					: get_role_oid(NameStr(*PG_GETARG_NAME(ARG_OWNER)), false);
	const char *problem;

	if (owner != caller && !bm_member_can_set_role(caller, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be member of role \"%s\" to make it a report's owner",
						GetUserNameFromId(owner, false))));
	problem = bm_owner_problem(GetUserNameFromId(owner, false));
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("a report cannot run as this owner: %s", problem),
				 errhint("Say owner => a plain role that may log in and was granted "
						 "bizmetrics.grant_author().")));
	return owner;
}

static BmReport *
read_arguments(FunctionCallInfo fcinfo)
{
	BmReport *report = palloc0(sizeof(BmReport));

	require(fcinfo, ARG_NAME);
	require(fcinfo, ARG_TARGET);
	require(fcinfo, ARG_QUERY);
	require(fcinfo, ARG_SCHEDULE);
	require(fcinfo, ARG_TIMEZONE);
	require(fcinfo, ARG_MAX_ATTEMPTS);
	require(fcinfo, ARG_BACKOFF);
	report->name = text_argument(fcinfo, ARG_NAME);
	report->target = text_argument(fcinfo, ARG_TARGET);
	report->query = text_argument(fcinfo, ARG_QUERY);
	report->schedule = text_argument(fcinfo, ARG_SCHEDULE);
	report->ddl = text_argument(fcinfo, ARG_DDL);
	report->timezone = text_argument(fcinfo, ARG_TIMEZONE);
	if (!PG_ARGISNULL(ARG_BUCKET))
		report->bucket = PG_GETARG_INTERVAL_P(ARG_BUCKET);
	if (!PG_ARGISNULL(ARG_LOOKBACK))
		report->lookback = PG_GETARG_INTERVAL_P(ARG_LOOKBACK);
	report->max_attempts = PG_GETARG_INT32(ARG_MAX_ATTEMPTS);
	report->backoff_array = PG_GETARG_ARRAYTYPE_P(ARG_BACKOFF);
	if (!PG_ARGISNULL(ARG_TIMEOUT))
		report->timeout = PG_GETARG_INTERVAL_P(ARG_TIMEOUT);
	return report;
}

/* Says in an error's message which argument raised it. */
static void
rethrow_with_argument(MemoryContext context, const char *argument,
					  const char *parameter_hint)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error); /* who cancels means no argument */
	error->message = psprintf("invalid %s: %s", argument, error->message);
	if (error->sqlerrcode == ERRCODE_UNDEFINED_PARAMETER && error->hint == NULL &&
		parameter_hint != NULL)
		error->hint = pstrdup(parameter_hint);
	ReThrowError(error);
}

static void
run_ddl(const BmReport *report)
{
	MemoryContext context = CurrentMemoryContext;

	if (report->ddl == NULL)
		return;
	PG_TRY();
	{
		int result = SPI_execute(report->ddl, false, 0);

		if (result < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot execute this: %s", SPI_result_code_string(result))));
	}
	PG_CATCH();
	{
		rethrow_with_argument(context, "ddl", NULL);
	}
	PG_END_TRY();
}

/* The query must parse, and its tables and columns exist. */
static void
check_query(const BmReport *report)
{
	MemoryContext context = CurrentMemoryContext;
	Oid types[2] = {TIMESTAMPTZOID, TIMESTAMPTZOID};

	PG_TRY();
	{
		SPIPlanPtr plan =
			SPI_prepare(report->query, report->bucket != NULL ? 2 : 0, types);

		if (plan == NULL)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("cannot execute this: %s",
								   SPI_result_code_string(SPI_result))));
		if (SPI_plan_get_plan_sources(plan) == NIL)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("it is empty")));
		SPI_freeplan(plan);
	}
	PG_CATCH();
	{
		rethrow_with_argument(
			context, "query",
			report->bucket != NULL
				? "A report with bucket has $1 and $2, the bounds of its window."
				: "Only a report with bucket has $1 and $2, the bounds of its "
				  "window.");
	}
	PG_END_TRY();
}

static Oid
find_target(const BmReport *report, Oid owner)
{
	Oid target = bm_report_target(report, true);
	char kind = OidIsValid(target) ? get_rel_relkind(target) : '\0';

	if (!OidIsValid(target))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("target %s does not exist", report->target),
						errhint("Give its CREATE TABLE as ddl.")));
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("target %s is not a table", report->target)));
	if (!bm_table_ownercheck(target, owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of target %s", report->target)));
	return target;
}

/*
 * What happens as the report's owner: the table is made and shared with the readers, the query is
 * checked. A superuser who registers for somebody else lends nothing: these run
 * security-restricted.
 */
static void
prepare_as_owner(BmReport *report, Oid owner)
{
	Oid caller;
	int context;
	int nest_level = NewGUCNestLevel();
	Oid target;

	GetUserIdAndSecContext(&caller, &context);
	if (owner != caller)
		SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE |
										  SECURITY_RESTRICTED_OPERATION);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	run_ddl(report);
	target = find_target(report, owner);
	report->target_has_key = bm_target_has_key(target);
	check_query(report);
	SPI_finish();
	bm_access_share_target(target);
	AtEOXact_GUC(false, nest_level); /* what the ddl has set ends here */
	SetUserIdAndSecContext(caller, context);
}

Datum
bizmetrics_create_report(PG_FUNCTION_ARGS)
{
	BmReport *report = read_arguments(fcinfo);
	Oid owner;

	PreventCommandIfReadOnly("create_report()");
	/* One at a time, so that of two with one name the second finds the first. */
	LockRelationOid(bm_relation_oid("reports", false), ShareUpdateExclusiveLock);
	check_name(report->name);
	report->target = check_target(report->target);
	bm_schedule_check(report->schedule);
	report->timezone = check_timezone(report->timezone);
	check_intervals(report);
	check_attempts(report);
	owner = check_owner(fcinfo);
	report->owner = GetUserNameFromId(owner, false);
	report->search_path = pstrdup(namespace_search_path);
	prepare_as_owner(report, owner);

	report->id = bm_next_id("report_id_seq");
	report->created_at = bm_clock_now();
	bm_report_insert(report);
	bm_state_put(bm_state_create(report, true));
	PG_RETURN_VOID();
}
