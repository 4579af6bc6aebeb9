/*
 * bizmetrics.create_report() and alter_report(): check every argument, make the table, and register the
 * report or change what is registered.
 *
 * An alteration does not wait for a run, which goes by what it has read; the state learns of another
 * schedule by its revision, at once or when the run has ended (see bm_state_is_off).
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/table.h"
#include "base/timezone.h"
#include "report/access.h"
#include "report/after.h"
#include "report/bucket.h"
#include "report/history.h"
#include "report/increment.h"
#include "report/lock.h"
#include "report/manage.h"
#include "report/prepare.h"
#include "report/preview.h"
#include "report/registry.h"
#include "report/schedule.h"
#include "report/state.h"
#include "report/watermark.h"

#define MAX_ATTEMPTS 100
#define MAX_CATCHUP 1000000

PG_FUNCTION_INFO_V1(bizmetrics_create_report);
PG_FUNCTION_INFO_V1(bizmetrics_alter_report);
PG_FUNCTION_INFO_V1(bizmetrics_check_report_name);

/* The arguments of create_report(), in their order. */
typedef enum Argument
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
	ARG_OWNER,
	ARG_MISFIRE,
	ARG_MISFIRE_GRACE,
	ARG_MAX_CATCHUP,
	ARG_OVERLAP,
	ARG_RETRY_ON,
	ARG_AFTER,
	ARG_RUN_IMMEDIATELY,
	ARG_STRATEGY,
	ARG_KEY,
	ARG_EVENTS,
	ARG_COMPANIES,
	ARG_GRAIN,
	ARG_REACH,
	ARG_SOURCE,
	ARG_SOURCE_TIME,
	ARG_RETENTION,
	ARG_RETENTION_COLUMN,
	ARG_DESCRIPTION,
	ARG_COLUMNS,
	ARG_MATCH_DAYS,
	ARGUMENTS
} Argument;

static const char *const argument_names[] = {"name",
											 "target",
											 "query",
											 "schedule",
											 "ddl",
											 "timezone",
											 "bucket",
											 "lookback",
											 "max_attempts",
											 "backoff",
											 "timeout",
											 "owner",
											 "misfire",
											 "misfire_grace",
											 "max_catchup",
											 "overlap",
											 "retry_on",
											 "after",
											 "run_immediately",
											 "strategy",
											 "key",
											 "events",
											 "companies",
											 "grain",
											 "reach",
											 "source",
											 "source_time",
											 "retention",
											 "retention_column",
											 "description",
											 "columns",
											 "match_days"};

/* Of alter_report(): where each stands, or NOT_THERE; between them is unset. */
#define NOT_THERE (-1)
#define ALTER_UNSET 16
#define ALTER_RECOMPUTE 27

static const int positions_in_alter[ARGUMENTS] = {
	0,	NOT_THERE, 1,  2,		  NOT_THERE, 3,	 4,	 5,			6,	7,		   8,
	9,	10,		   11, 12,		  13,		 14, 15, NOT_THERE, 17, NOT_THERE, 18,
	19, 20,		   21, NOT_THERE, NOT_THERE, 22, 23, 24,		25, 26};

typedef struct Call
{
	FunctionCallInfo fcinfo;
	const int *positions; /* NULL: create_report() */
} Call;

static int
position_of(const Call *call, Argument argument)
{
	return call->positions != NULL ? call->positions[argument] : (int) argument;
}

static bool
is_given(const Call *call, Argument argument)
{
	int position = position_of(call, argument);

	return position != NOT_THERE && !call->fcinfo->args[position].isnull;
}

static Datum
value_of(const Call *call, Argument argument)
{
	return call->fcinfo->args[position_of(call, argument)].value;
}

static void
require(const Call *call, Argument argument)
{
	if (!is_given(call, argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not be NULL", argument_names[argument])));
}

static void
read_text(const Call *call, Argument argument, char **string)
{
	if (is_given(call, argument))
		*string = TextDatumGetCString(value_of(call, argument));
}

static void
read_interval(const Call *call, Argument argument, Interval **interval)
{
	if (is_given(call, argument))
		*interval = DatumGetIntervalP(value_of(call, argument));
}

static void
read_integer(const Call *call, Argument argument, int32 *integer)
{
	if (is_given(call, argument))
		*integer = DatumGetInt32(value_of(call, argument));
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

/* For report_template(), whose caller may not see all reports. */
Datum
bizmetrics_check_report_name(PG_FUNCTION_ARGS)
{
	Call call = {fcinfo, NULL};

	require(&call, ARG_NAME);
	check_name(TextDatumGetCString(value_of(&call, ARG_NAME)));
	PG_RETURN_VOID();
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
	if (report->misfire_grace != NULL &&
		bm_duration_problem(report->misfire_grace) != NULL)
		refuse_interval("misfire_grace", report->misfire_grace,
						bm_duration_problem(report->misfire_grace));
	if (report->misfire == BM_MISFIRE_SKIP && report->misfire_grace == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("misfire \"skip\" needs misfire_grace"),
						errhint("Say how late a run may be, for example misfire_grace => "
								"'10 minutes'.")));
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
	if (report->max_catchup < 1 || report->max_catchup > MAX_CATCHUP)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_catchup %d is not between 1 and %d",
							   report->max_catchup, MAX_CATCHUP)));
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

/* The role that the report will run as: by default the caller, or who it is. */
static Oid
check_owner(const Call *call, const BmReport *report)
{
	Oid caller = GetUserId();
	Oid owner = caller;
	const char *problem;

	if (is_given(call, ARG_OWNER))
		owner = get_role_oid(NameStr(*DatumGetName(value_of(call, ARG_OWNER))), false);
	else if (report->owner != NULL)
		owner = get_role_oid(report->owner, false);
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

static void
refuse_word(const char *argument, const char *word, const char *words)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid %s \"%s\"", argument, word),
					errhint("Use one of: %s.", words)));
}

static void
read_words(const Call *call, BmReport *report)
{
	char *misfire = NULL;
	char *overlap = NULL;
	char *retry_on = NULL;
	char *match_days = NULL;
	char *strategy = NULL;

	read_text(call, ARG_MISFIRE, &misfire);
	read_text(call, ARG_OVERLAP, &overlap);
	read_text(call, ARG_RETRY_ON, &retry_on);
	read_text(call, ARG_MATCH_DAYS, &match_days);
	read_text(call, ARG_STRATEGY, &strategy);
	if (misfire != NULL && !bm_misfire_find(misfire, &report->misfire))
		refuse_word("misfire", misfire, "once, skip, each");
	if (overlap != NULL && !bm_overlap_find(overlap, &report->overlap))
		refuse_word("overlap", overlap, "skip, queue_one");
	if (retry_on != NULL && !bm_retry_on_find(retry_on, &report->retry_on))
		refuse_word("retry_on", retry_on, "all, transient");
	if (match_days != NULL && !bm_match_days_find(match_days, &report->match_days))
		refuse_word("match_days", match_days, "any, all");
	if (strategy != NULL && !bm_strategy_find(strategy, &report->strategy))
		refuse_word("strategy", strategy,
					"custom, merge, replace_window, delta, append, full");
}

/* An array of texts without NULLs, which is not empty. */
static void
read_names(const Call *call, Argument argument, ArrayType **names)
{
	if (!is_given(call, argument))
		return;
	*names = DatumGetArrayTypeP(value_of(call, argument));
	if (array_contains_nulls(*names))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not contain NULL", argument_names[argument])));
	if (ArrayGetNItems(ARR_NDIM(*names), ARR_DIMS(*names)) == 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must not be empty", argument_names[argument])));
}

static void
read_increment(const Call *call, BmReport *report)
{
	read_names(call, ARG_KEY, &report->key);
	read_names(call, ARG_EVENTS, &report->events);
	read_names(call, ARG_COMPANIES, &report->companies);
	read_text(call, ARG_GRAIN, &report->grain);
	read_interval(call, ARG_REACH, &report->reach);
	read_text(call, ARG_SOURCE, &report->source);
	read_text(call, ARG_SOURCE_TIME, &report->source_time);
	read_interval(call, ARG_RETENTION, &report->retention);
	read_text(call, ARG_RETENTION_COLUMN, &report->retention_column);
}

/* Puts what is given into the report. */
static void
read_arguments(const Call *call, BmReport *report)
{
	read_text(call, ARG_NAME, &report->name);
	read_text(call, ARG_TARGET, &report->target);
	read_text(call, ARG_QUERY, &report->query);
	read_text(call, ARG_SCHEDULE, &report->schedule);
	read_text(call, ARG_DDL, &report->ddl);
	read_text(call, ARG_TIMEZONE, &report->timezone);
	read_interval(call, ARG_BUCKET, &report->bucket);
	read_interval(call, ARG_LOOKBACK, &report->lookback);
	read_integer(call, ARG_MAX_ATTEMPTS, &report->max_attempts);
	if (is_given(call, ARG_BACKOFF))
		report->backoff_array = DatumGetArrayTypeP(value_of(call, ARG_BACKOFF));
	read_interval(call, ARG_TIMEOUT, &report->timeout);
	read_interval(call, ARG_MISFIRE_GRACE, &report->misfire_grace);
	read_integer(call, ARG_MAX_CATCHUP, &report->max_catchup);
	read_words(call, report);
	read_increment(call, report);
	if (is_given(call, ARG_AFTER))
		report->after = DatumGetArrayTypeP(value_of(call, ARG_AFTER));
}

static void
need_bucket(const BmReport *report, const char *argument, bool is_given)
{
	if (is_given && report->bucket == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s needs bucket", argument),
			 errhint("Say the width of the buckets, for example bucket => '1 day'.")));
}

static void
check_grain(const char *grain)
{
	static const char *const grains[] = {"event_name", "actor_user_id", "company_id",
										 "entity_type", "entity_id"};

	for (int i = 0; i < lengthof(grains); i++)
		if (strcmp(grains[i], grain) == 0)
			return;
	refuse_word("grain", grain,
				"event_name, actor_user_id, company_id, entity_type, entity_id");
}

static void
check_retention(const Interval *retention)
{
	const char *problem = bm_duration_problem(retention);

	if (problem == NULL && bm_interval_usecs(retention) == 0)
		problem = "it must be positive";
	if (problem != NULL)
		refuse_interval("retention", retention, problem);
}

/* What only reports that follow changes have. */
static void
check_increment(const BmReport *report)
{
	need_bucket(report, "grain", report->grain != NULL);
	need_bucket(report, "reach", report->reach != NULL);
	need_bucket(report, "source", report->source != NULL);
	if (report->grain != NULL)
		check_grain(report->grain);
	if (report->reach != NULL && bm_duration_problem(report->reach) != NULL)
		refuse_interval("reach", report->reach, bm_duration_problem(report->reach));
	if (report->retention != NULL)
		check_retention(report->retention);
	if (report->source != NULL &&
		(report->grain != NULL || report->events != NULL || report->companies != NULL))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("events, companies and grain are of events, not of "
							   "source %s",
							   report->source)));
	if (report->source_time != NULL && report->source == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("source_time needs source")));
}

/* Checks what create_report() and alter_report() have in common; the registry's lock is held. */
static void
check_report(BmReport *report)
{
	bm_schedule_check(report->schedule, report->match_days);
	report->timezone =
		pstrdup(pg_get_timezone_name(bm_timezone_require(report->timezone)));
	check_intervals(report);
	check_attempts(report);
	check_increment(report);
}

static void
describe(const Call *call, BmPrepare *prepare)
{
	read_text(call, ARG_DESCRIPTION, &prepare->description);
	if (is_given(call, ARG_COLUMNS))
		prepare->columns = DatumGetJsonbP(value_of(call, ARG_COLUMNS));
}

Datum
bizmetrics_create_report(PG_FUNCTION_ARGS)
{
	static const Argument required[] = {
		ARG_NAME,	  ARG_QUERY,	  ARG_SCHEDULE,		  ARG_MAX_ATTEMPTS,
		ARG_BACKOFF,  ARG_MISFIRE,	  ARG_MAX_CATCHUP,	  ARG_OVERLAP,
		ARG_RETRY_ON, ARG_MATCH_DAYS, ARG_RUN_IMMEDIATELY};
	Call call = {fcinfo, NULL};
	BmReport *report = palloc0(sizeof(BmReport));
	BmPrepare prepare = {0};
	Oid owner;

	for (int i = 0; i < lengthof(required); i++)
		require(&call, required[i]);
	report->timezone = bm_guc_timezone;
	read_arguments(&call, report);
	PreventCommandIfReadOnly("create_report()");
	/* One at a time, so that of two with one name the second finds the first. */
	bm_registry_lock();
	check_name(report->name);
	report->target = check_target(
		report->target != NULL ? report->target : quote_identifier(report->name));
	check_report(report);
	owner = check_owner(&call, report);
	report->owner = GetUserNameFromId(owner, false);
	report->search_path = pstrdup(namespace_search_path);
	prepare.decides = !is_given(&call, ARG_STRATEGY);
	prepare.is_new = true;
	describe(&call, &prepare);
	bm_prepare_as_owner(report, owner, &prepare);
	bm_after_check(report);

	report->id = bm_next_id("report_id_seq");
	report->created_at = bm_clock_now();
	bm_report_insert(report);
	bm_state_put(bm_state_create(report, true));
	/* What is there already, a declarative report brings up to date; a query that writes knows it. */
	if (prepare.target_is_empty || report->strategy == BM_CUSTOM)
		bm_watermark_begin(report, prepare.events);
	if (DatumGetBool(value_of(&call, ARG_RUN_IMMEDIATELY)))
		bm_request_insert(report->id, bm_clock_now(),
						  GetUserNameFromId(GetUserId(), false));
	bm_preview_announce(report);
	PG_RETURN_VOID();
}

static void
unset(BmReport *report, const char *argument)
{
	if (strcmp(argument, "bucket") == 0)
		report->bucket = report->lookback = report->reach = NULL;
	else if (strcmp(argument, "events") == 0)
		report->events = NULL;
	else if (strcmp(argument, "companies") == 0)
		report->companies = NULL;
	else if (strcmp(argument, "grain") == 0)
		report->grain = NULL;
	else if (strcmp(argument, "reach") == 0)
		report->reach = NULL;
	else if (strcmp(argument, "retention") == 0)
		report->retention = NULL;
	else if (strcmp(argument, "lookback") == 0)
		report->lookback = NULL;
	else if (strcmp(argument, "timeout") == 0)
		report->timeout = NULL;
	else if (strcmp(argument, "misfire_grace") == 0)
		report->misfire_grace = NULL;
	else if (strcmp(argument, "after") == 0)
		report->after = NULL;
	else
		refuse_word("unset", argument,
					"bucket, lookback, timeout, misfire_grace, after, events, companies, "
					"grain, reach, retention");
}

/* NULL leaves an argument as it is, so what is to be none is named in unset. */
static void
read_unset(FunctionCallInfo fcinfo, BmReport *report)
{
	Datum *items;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(ALTER_UNSET))
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ALTER_UNSET), TEXTOID, -1, false,
					  TYPALIGN_INT, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("unset must not contain NULL")));
		unset(report, TextDatumGetCString(items[i]));
	}
}

/* Tells the state of another schedule, if nothing is running: else whoever has the lock does so. */
static void
apply_schedule(const BmReport *report)
{
	BmReportState *state;

	if (!bm_report_lock(report->id, false))
		return;
	state = bm_state_get(report->id);
	if (state != NULL && bm_state_is_off(state, report, bm_clock_now()))
		bm_state_set_right(state, report, bm_clock_now());
}

/* Do the rows of the table mean something else from now on? */
static bool
alters_rows(const Call *call, const BmReport *report, const BmReport *before)
{
	static const Argument meaning[] = {ARG_QUERY,  ARG_BUCKET,	  ARG_STRATEGY,
									   ARG_EVENTS, ARG_COMPANIES, ARG_GRAIN,
									   ARG_REACH};

	for (int i = 0; i < lengthof(meaning); i++)
		if (is_given(call, meaning[i]))
			return true;
	return strcmp(report->timezone, before->timezone) != 0 ||
		   (report->bucket == NULL) != (before->bucket == NULL) ||
		   (report->events == NULL) != (before->events == NULL) ||
		   (report->companies == NULL) != (before->companies == NULL) ||
		   (report->grain == NULL) != (before->grain == NULL) ||
		   (report->reach == NULL) != (before->reach == NULL);
}

static void
refuse_to_keep(const char *problem)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("recompute => false cannot be: %s", problem),
					errhint("Leave it out: the next run computes everything anew.")));
}

/* Do the rows stay as they are, and only what is new goes by another query? */
static bool
keeps_rows(const Call *call, const BmReport *report, const BmReport *before)
{
	Call without_query = *call;
	int positions[ARGUMENTS];

	if (call->fcinfo->args[ALTER_RECOMPUTE].isnull)
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("recompute must not be NULL")));
	if (DatumGetBool(call->fcinfo->args[ALTER_RECOMPUTE].value) ||
		!alters_rows(call, report, before))
		return false;
	memcpy(positions, call->positions, sizeof(positions));
	positions[ARG_QUERY] = NOT_THERE;
	without_query.positions = positions;
	if (alters_rows(&without_query, report, before))
		refuse_to_keep("more than the query is altered");
	if (bm_increment_mode(report) != BM_MODE_NEW ||
		bm_increment_mode(before) != BM_MODE_NEW)
		refuse_to_keep("the report does not add what is new");
	return true;
}

Datum
bizmetrics_alter_report(PG_FUNCTION_ARGS)
{
	Call call = {fcinfo, positions_in_alter};
	BmReport *report;
	BmReport before;
	BmPrepare prepare = {0};
	Oid owner;
	bool keeps;

	PreventCommandIfReadOnly("alter_report()");
	bm_registry_lock();
	report = bm_report_argument(fcinfo);
	before = *report;
	bm_require_manager(report);
	read_unset(fcinfo, report);
	read_arguments(&call, report);
	check_report(report);
	if (is_given(&call, ARG_AFTER))
		bm_after_check(report);
	/* What runs as a role is said by who may act as it. */
	owner = check_owner(&call, report);
	report->owner = GetUserNameFromId(owner, false);
	if (is_given(&call, ARG_QUERY))
		report->search_path = pstrdup(namespace_search_path);
	prepare.alters_rows = alters_rows(&call, report, &before);
	keeps = keeps_rows(&call, report, &before);
	describe(&call, &prepare);
	if (prepare.alters_rows || is_given(&call, ARG_OWNER) ||
		is_given(&call, ARG_RETENTION) || is_given(&call, ARG_RETENTION_COLUMN) ||
		prepare.description != NULL || prepare.columns != NULL)
		bm_prepare_as_owner(report, owner, &prepare);
	/* A table that was dropped is made anew, and is to be filled anew. */
	if ((prepare.alters_rows && !keeps) || prepare.target_was_made)
		report->definition++;
	if (strcmp(report->schedule, before.schedule) != 0 ||
		strcmp(report->timezone, before.timezone) != 0 ||
		report->match_days != before.match_days)
		report->revision++;
	bm_report_update(report);
	if (report->revision != before.revision)
	{
		apply_schedule(report);
		bm_preview_announce(report);
	}
	bm_report_resume(report);
	PG_RETURN_VOID();
}
