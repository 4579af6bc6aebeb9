/*
 * The registered metrics: rows of bizmetrics.metrics, where each stands, and the SQL functions that
 * change them. A metric's values are published to whoever may scrape; its query runs as its owner alone.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/table.h"
#include "metric/evaluate.h"
#include "metric/metric.h"

PG_FUNCTION_INFO_V1(bizmetrics_create_metric);
PG_FUNCTION_INFO_V1(bizmetrics_alter_metric);
PG_FUNCTION_INFO_V1(bizmetrics_drop_metric);
PG_FUNCTION_INFO_V1(bizmetrics_guard_metric);

#define MAX_LABELS 10
#define MAX_SERIES 10000
#define MAX_BOUNDS 50
#define MAX_HELP 1000

/* Columns of bizmetrics.metrics. */
enum
{
	METRIC_NAME,
	METRIC_TYPE,
	METRIC_HELP,
	METRIC_LABELS,
	METRIC_QUERY,
	METRIC_OWNER,
	METRIC_TTL,
	METRIC_TIMEOUT,
	METRIC_MAX_SERIES,
	METRIC_BOUNDS,
	METRIC_SEARCH_PATH,
	METRIC_INCREMENTAL,
	METRIC_CREATED_AT,
	METRIC_COLUMNS
};

/* Columns of bizmetrics.metric_state. */
enum
{
	STATE_NAME,
	STATE_SYSTEM_IDENTIFIER,
	STATE_DATABASE_OID,
	STATE_SEEN,
	STATE_COUNTED_FROM,
	STATE_SAMPLED_AT,
	STATE_SECONDS,
	STATE_FAILING_SINCE,
	STATE_SQLSTATE,
	STATE_MESSAGE,
	STATE_COLUMNS
};

/* Arguments of create_metric() and of alter_metric(), in their order. */
enum
{
	CREATE_NAME,
	CREATE_TYPE,
	CREATE_HELP,
	CREATE_LABELS,
	CREATE_QUERY,
	CREATE_TTL,
	CREATE_MAX_SERIES,
	CREATE_BUCKETS,
	CREATE_QUANTILES,
	CREATE_TIMEOUT,
	CREATE_OWNER
};

enum
{
	ALTER_NAME,
	ALTER_HELP,
	ALTER_QUERY,
	ALTER_TTL,
	ALTER_MAX_SERIES,
	ALTER_TIMEOUT
};

/* Rows ---------------------------------------------------------------------------------------- */

static void
read_labels(BmMetric *metric, Datum labels)
{
	Datum *items;
	bool *nulls;

	deconstruct_array(DatumGetArrayTypeP(labels), TEXTOID, -1, false, TYPALIGN_INT,
					  &items, &nulls, &metric->label_count);
	metric->labels = palloc(sizeof(char *) * Max(metric->label_count, 1));
	for (int i = 0; i < metric->label_count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("labels must not contain NULL")));
		metric->labels[i] = TextDatumGetCString(items[i]);
	}
}

static void
read_bounds(BmMetric *metric, const char *argument, Datum bounds)
{
	Datum *items;
	bool *nulls;

	deconstruct_array(DatumGetArrayTypeP(bounds), FLOAT8OID, sizeof(float8),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &items, &nulls,
					  &metric->bound_count);
	metric->bounds = palloc(sizeof(double) * Max(metric->bound_count, 1));
	for (int i = 0; i < metric->bound_count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not contain NULL", argument)));
		metric->bounds[i] = DatumGetFloat8(items[i]);
	}
}

static BmMetric *
read_metric(Relation rel, HeapTuple row)
{
	Datum v[METRIC_COLUMNS];
	bool n[METRIC_COLUMNS];
	BmMetric *metric = palloc0(sizeof(BmMetric));

	heap_deform_tuple(row, RelationGetDescr(rel), v, n);
	metric->name = TextDatumGetCString(v[METRIC_NAME]);
	/* A row that a restore stored has passed the guard. */
	(void) bm_metric_type_find(TextDatumGetCString(v[METRIC_TYPE]), &metric->type);
	metric->help = TextDatumGetCString(v[METRIC_HELP]);
	read_labels(metric, v[METRIC_LABELS]);
	metric->query = TextDatumGetCString(v[METRIC_QUERY]);
	metric->owner = TextDatumGetCString(v[METRIC_OWNER]);
	metric->ttl = bm_interval_copy(v[METRIC_TTL]);
	metric->timeout = bm_interval_copy(v[METRIC_TIMEOUT]);
	metric->max_series = DatumGetInt32(v[METRIC_MAX_SERIES]);
	if (!n[METRIC_BOUNDS])
		read_bounds(metric, "bounds", v[METRIC_BOUNDS]);
	metric->search_path = TextDatumGetCString(v[METRIC_SEARCH_PATH]);
	metric->incremental = DatumGetBool(v[METRIC_INCREMENTAL]);
	metric->created_at = DatumGetTimestampTz(v[METRIC_CREATED_AT]);
	return metric;
}

static void
form_metric(const BmMetric *metric, Datum *v, bool *n)
{
	Datum *items = palloc(sizeof(Datum) * Max(metric->label_count, metric->bound_count));

	for (int i = 0; i < metric->label_count; i++)
		items[i] = CStringGetTextDatum(metric->labels[i]);
	v[METRIC_NAME] = CStringGetTextDatum(metric->name);
	v[METRIC_TYPE] = CStringGetTextDatum(bm_metric_type_name(metric->type));
	v[METRIC_HELP] = CStringGetTextDatum(metric->help);
	v[METRIC_LABELS] = PointerGetDatum(
		construct_array(items, metric->label_count, TEXTOID, -1, false, TYPALIGN_INT));
	v[METRIC_QUERY] = CStringGetTextDatum(metric->query);
	v[METRIC_OWNER] = CStringGetTextDatum(metric->owner);
	v[METRIC_TTL] = IntervalPGetDatum(metric->ttl);
	v[METRIC_TIMEOUT] = IntervalPGetDatum(metric->timeout);
	v[METRIC_MAX_SERIES] = Int32GetDatum(metric->max_series);
	for (int i = 0; i < metric->bound_count; i++)
		items[i] = Float8GetDatum(metric->bounds[i]);
	n[METRIC_BOUNDS] = metric->bound_count == 0;
	v[METRIC_BOUNDS] = PointerGetDatum(construct_array(items, metric->bound_count,
													   FLOAT8OID, sizeof(float8),
													   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	v[METRIC_SEARCH_PATH] = CStringGetTextDatum(metric->search_path);
	v[METRIC_INCREMENTAL] = BoolGetDatum(metric->incremental);
	v[METRIC_CREATED_AT] = TimestampTzGetDatum(metric->created_at);
}

/* Stores a metric as it is now. */
static void
put_metric(const BmMetric *metric)
{
	Relation rel = bm_table_open("metrics", RowExclusiveLock);
	HeapTuple row =
		bm_table_get(rel, "metrics_pkey", TEXTOID, CStringGetTextDatum(metric->name));
	Datum v[METRIC_COLUMNS];
	bool n[METRIC_COLUMNS] = {false};

	form_metric(metric, v, n);
	if (row != NULL)
		bm_table_update(rel, row, v, n);
	else
		bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

/* NULL where there is none. */
BmMetric *
bm_metric_find(const char *name)
{
	Relation rel = bm_table_open("metrics", AccessShareLock);
	HeapTuple row = bm_table_get(rel, "metrics_pkey", TEXTOID, CStringGetTextDatum(name));
	BmMetric *metric = row != NULL ? read_metric(rel, row) : NULL;

	table_close(rel, AccessShareLock);
	return metric;
}

/* The metrics of a role, or of all where that is NULL. */
List *
bm_metrics_of(const char *owner)
{
	Relation rel = bm_table_open("metrics", AccessShareLock);
	List *metrics = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		BmMetric *metric = read_metric(rel, lfirst(cell));

		if (owner == NULL || strcmp(metric->owner, owner) == 0)
			metrics = lappend(metrics, metric);
	}
	table_close(rel, AccessShareLock);
	return metrics;
}

/* Which of its labels is the currency; -1: none. */
int
bm_metric_currency(const BmMetric *metric)
{
	for (int i = 0; i < metric->label_count; i++)
		if (strcmp(metric->labels[i], BM_CURRENCY_LABEL) == 0)
			return i;
	return -1;
}

static TimestampTz
time_or(Datum value, bool isnull, TimestampTz none)
{
	return isnull ? none : DatumGetTimestampTz(value);
}

/* A metric without a row, or with one of another database, was restored: what it counted is history. */
void
bm_metric_state_get(const BmMetric *metric, BmMetricState *state)
{
	Relation rel = bm_table_open("metric_state", AccessShareLock);
	HeapTuple row = bm_table_get(rel, "metric_state_pkey", TEXTOID,
								 CStringGetTextDatum(metric->name));
	Datum v[STATE_COLUMNS];
	bool n[STATE_COLUMNS];

	*state = (BmMetricState){.counted_from = DT_NOBEGIN,
							 .sampled_at = DT_NOBEGIN,
							 .failing_since = DT_NOBEGIN};
	if (row != NULL)
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
	table_close(rel, AccessShareLock);
	if (row == NULL ||
		DatumGetInt64(v[STATE_SYSTEM_IDENTIFIER]) != (int64) GetSystemIdentifier() ||
		DatumGetInt64(v[STATE_DATABASE_OID]) != (int64) MyDatabaseId)
		return;
	state->is_here = true;
	state->seen = n[STATE_SEEN] ? NULL : TextDatumGetCString(v[STATE_SEEN]);
	state->counted_from = DatumGetTimestampTz(v[STATE_COUNTED_FROM]);
	state->sampled_at = time_or(v[STATE_SAMPLED_AT], n[STATE_SAMPLED_AT], DT_NOBEGIN);
	state->seconds = n[STATE_SECONDS] ? 0 : DatumGetFloat8(v[STATE_SECONDS]);
	state->failing_since =
		time_or(v[STATE_FAILING_SINCE], n[STATE_FAILING_SINCE], DT_NOBEGIN);
}

static void
set_time(Datum *v, bool *n, int column, TimestampTz time)
{
	n[column] = time == DT_NOBEGIN;
	v[column] = TimestampTzGetDatum(time);
}

void
bm_metric_state_put(const BmMetric *metric, const BmMetricState *state)
{
	Relation rel = bm_table_open("metric_state", RowExclusiveLock);
	HeapTuple row = bm_table_get(rel, "metric_state_pkey", TEXTOID,
								 CStringGetTextDatum(metric->name));
	Datum v[STATE_COLUMNS];
	bool n[STATE_COLUMNS] = {false};

	v[STATE_NAME] = CStringGetTextDatum(metric->name);
	v[STATE_SYSTEM_IDENTIFIER] = Int64GetDatum((int64) GetSystemIdentifier());
	v[STATE_DATABASE_OID] = Int64GetDatum((int64) MyDatabaseId);
	bm_table_set_text(v, n, STATE_SEEN, state->seen);
	v[STATE_COUNTED_FROM] = TimestampTzGetDatum(state->counted_from);
	set_time(v, n, STATE_SAMPLED_AT, state->sampled_at);
	v[STATE_SECONDS] = Float8GetDatum(state->seconds);
	n[STATE_SECONDS] = state->sampled_at == DT_NOBEGIN;
	set_time(v, n, STATE_FAILING_SINCE, state->failing_since);
	bm_table_set_text(v, n, STATE_SQLSTATE, state->sqlstate);
	bm_table_set_text(v, n, STATE_MESSAGE, state->message);
	if (row != NULL)
		bm_table_update(rel, row, v, n);
	else
		bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

void
bm_metric_series_delete(const char *name)
{
	bm_named_rows_delete("metric_series", "metric_series_metric_name_idx", name);
}

/* Checks -------------------------------------------------------------------------------------- */

static void
check_name(const BmMetric *metric)
{
	BmNameProblem problem;

	if (!bm_metric_name_ok(metric->name, metric->type, &problem))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid name \"%s\" of a %s: %s", metric->name,
							   bm_metric_type_name(metric->type), problem.message),
						errhint("%s", problem.hint)));
	if (bm_metric_find(metric->name) != NULL)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("metric \"%s\" already exists", metric->name),
						errhint("Use another name, or bizmetrics.alter_metric().")));
}

/* A metric with the label currency has the names of all currencies. */
static void
check_names_in_currencies(const BmMetric *metric)
{
	ListCell *cell;

	foreach(cell, bm_metrics_of(NULL))
	{
		const BmMetric *other = lfirst(cell);

		if ((bm_metric_currency(other) >= 0 &&
			 bm_metric_name_in_currency(other->name, metric->name)) ||
			(bm_metric_currency(metric) >= 0 &&
			 bm_metric_name_in_currency(metric->name, other->name)))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("metric \"%s\" could have a name of metric \"%s\"",
							metric->name, other->name),
					 errdetail("A metric with the label currency is shown with the "
							   "currency as a part of its name."),
					 errhint("Use another name.")));
	}
}

static void
check_labels(const BmMetric *metric)
{
	BmNameProblem problem;

	if (metric->label_count > MAX_LABELS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%d labels are too many", metric->label_count),
						errhint("A metric has at most %d.", MAX_LABELS)));
	for (int i = 0; i < metric->label_count; i++)
	{
		if (!bm_label_name_ok(metric->labels[i], &problem))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("invalid label \"%s\": %s", metric->labels[i],
								   problem.message),
							errhint("%s", problem.hint)));
		if (strcmp(metric->labels[i], "value") == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid label \"value\": it is the column of figures"),
					 errhint("Give the label another name.")));
		for (int j = 0; j < i; j++)
			if (strcmp(metric->labels[i], metric->labels[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("label \"%s\" is there twice", metric->labels[i])));
	}
}

static void
refuse_bounds(const char *argument, const char *problem, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid %s: %s", argument, problem), errhint("%s", hint)));
}

/* Bounds of buckets, or quantiles: where they are wanted, and ascending. */
static void
check_bounds(BmMetric *metric, FunctionCallInfo fcinfo, int argument, const char *name,
			 BmMetricType type, const char *hint)
{
	bool quantiles = type == BM_METRIC_SUMMARY;

	if (PG_ARGISNULL(argument) != (metric->type != type))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a %s %s %s", bm_metric_type_name(metric->type),
							   metric->type == type ? "needs" : "has no", name),
						errhint("%s", hint)));
	if (metric->type != type)
		return;
	read_bounds(metric, name, PG_GETARG_DATUM(argument));
	if (metric->bound_count < 1 || metric->bound_count > MAX_BOUNDS)
		refuse_bounds(name, "there must be 1 to 50 of them", hint);
	for (int i = 0; i < metric->bound_count; i++)
	{
		double bound = metric->bounds[i];

		if (isnan(bound) || isinf(bound) || (quantiles && (bound < 0 || bound > 1)))
			refuse_bounds(
				name, quantiles ? "they must be from 0 to 1" : "they must be finite",
				quantiles ? hint
						  : "The bucket up to +Inf is always there: leave it out.");
		if (i > 0 && bound <= metric->bounds[i - 1])
			refuse_bounds(name, "they must ascend", hint);
	}
}

static void
check_rest(const BmMetric *metric)
{
	if (metric->help[0] == '\0' || pg_mbstrlen(metric->help) > MAX_HELP)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("help must have 1 to %d characters", MAX_HELP),
						errhint("Say what the metric means, and its unit.")));
	if (metric->max_series < 1 || metric->max_series > MAX_SERIES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_series %d is not between 1 and %d",
							   metric->max_series, MAX_SERIES)));
	bm_query_interval_check("ttl", metric->ttl, USECS_PER_MINUTE);
	bm_query_interval_check("timeout", metric->timeout, USECS_PER_SEC / 1000);
}

/* The query is one SELECT, and returns the labels and a value. */
static void
check_query(BmMetric *metric, Oid owner)
{
	static Oid types[2] = {PG_SNAPSHOTOID, TIMESTAMPTZOID};
	bool counts =
		metric->type == BM_METRIC_COUNTER || metric->type == BM_METRIC_HISTOGRAM;

	metric->query = bm_query_trim(metric->query, &metric->incremental);
	if (metric->incremental && !counts)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_PARAMETER),
						errmsg("invalid query: a %s has no parameters",
							   bm_metric_type_name(metric->type)),
						errhint("Counters and histograms have $1 and $2, for "
								"bizmetrics.events_since($1, $2).")));
	bm_query_check(bm_metric_wrap(metric), owner, metric->incremental ? 2 : 0, types,
				   "The query returns a column for each label, of its name, and a column "
				   "value; its parameters are $1 and $2, for "
				   "bizmetrics.events_since($1, $2).");
}

/* What changes a metric waits for who is looking at it. */
static BmMetric *
lock_metric(FunctionCallInfo fcinfo)
{
	char *name;
	BmMetric *metric;

	bm_query_require(fcinfo, 0, "name");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	metric = bm_metric_find(name);
	bm_query_lock("metric", name, metric != NULL ? metric->owner : NULL);
	metric = bm_metric_find(name);
	if (metric == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("metric \"%s\" does not exist", name),
						errhint("The view bizmetrics.metric_status lists the metrics.")));
	return metric;
}

/* Functions ----------------------------------------------------------------------------------- */

Datum
bizmetrics_create_metric(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"name",		 "type",	"help",		  "labels",
										"query",	 "ttl",		"max_series", "buckets",
										"quantiles", "timeout", "owner"};
	BmMetric *metric = palloc0(sizeof(BmMetric));
	BmMetricState state = {.counted_from = DT_NOBEGIN,
						   .sampled_at = DT_NOBEGIN,
						   .failing_since = DT_NOBEGIN};
	char *type;
	Oid owner;

	PreventCommandIfReadOnly("create_metric()");
	for (int i = 0; i <= CREATE_TIMEOUT; i++)
		if (i != CREATE_BUCKETS && i != CREATE_QUANTILES)
			bm_query_require(fcinfo, i, names[i]);
	metric->name = text_to_cstring(PG_GETARG_TEXT_PP(CREATE_NAME));
	type = text_to_cstring(PG_GETARG_TEXT_PP(CREATE_TYPE));
	if (!bm_metric_type_find(type, &metric->type))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid type \"%s\"", type),
						errhint("Use one of: counter, gauge, histogram, summary.")));
	metric->help = text_to_cstring(PG_GETARG_TEXT_PP(CREATE_HELP));
	read_labels(metric, PG_GETARG_DATUM(CREATE_LABELS));
	metric->query = text_to_cstring(PG_GETARG_TEXT_PP(CREATE_QUERY));
	metric->ttl = bm_interval_copy(PG_GETARG_DATUM(CREATE_TTL));
	metric->max_series = PG_GETARG_INT32(CREATE_MAX_SERIES);
	metric->timeout = bm_interval_copy(PG_GETARG_DATUM(CREATE_TIMEOUT));
	metric->search_path = pstrdup(namespace_search_path);
	metric->created_at = bm_clock_now();
	LockRelationOid(bm_relation_oid("metrics", false), ShareUpdateExclusiveLock);
	check_name(metric);
	check_labels(metric);
	check_names_in_currencies(metric);
	check_bounds(metric, fcinfo, CREATE_BUCKETS, "buckets", BM_METRIC_HISTOGRAM,
				 "Give the upper bounds, for example buckets => '{0.1,0.5,1,5}'.");
	check_bounds(metric, fcinfo, CREATE_QUANTILES, "quantiles", BM_METRIC_SUMMARY,
				 "Give them from 0 to 1, for example quantiles => '{0.5,0.95}'.");
	check_rest(metric);
	owner = bm_query_owner(fcinfo, CREATE_OWNER, "a metric");
	metric->owner = GetUserNameFromId(owner, false);
	check_query(metric, owner);
	put_metric(metric);
	bm_metric_state_put(metric, &state);
	bm_query_schedule(metric->owner);
	PG_RETURN_VOID();
}

Datum
bizmetrics_alter_metric(PG_FUNCTION_ARGS)
{
	BmMetric *metric;

	PreventCommandIfReadOnly("alter_metric()");
	metric = lock_metric(fcinfo);
	if (!PG_ARGISNULL(ALTER_HELP))
		metric->help = text_to_cstring(PG_GETARG_TEXT_PP(ALTER_HELP));
	if (!PG_ARGISNULL(ALTER_TTL))
		metric->ttl = bm_interval_copy(PG_GETARG_DATUM(ALTER_TTL));
	if (!PG_ARGISNULL(ALTER_MAX_SERIES))
		metric->max_series = PG_GETARG_INT32(ALTER_MAX_SERIES);
	if (!PG_ARGISNULL(ALTER_TIMEOUT))
		metric->timeout = bm_interval_copy(PG_GETARG_DATUM(ALTER_TIMEOUT));
	check_rest(metric);
	if (!PG_ARGISNULL(ALTER_QUERY))
	{
		bool incremental = metric->incremental;
		Oid owner = get_role_oid(metric->owner, false);

		/* What runs as a role is said by who may act as it. */
		if (owner != GetUserId() && !bm_member_can_set_role(GetUserId(), owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("must be member of role \"%s\" to change its metric's query",
							metric->owner)));
		metric->query = text_to_cstring(PG_GETARG_TEXT_PP(ALTER_QUERY));
		metric->search_path = pstrdup(namespace_search_path);
		check_query(metric, owner);
		if (incremental != metric->incremental)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("metric \"%s\" would count in another way", metric->name),
					 errhint("Drop it and create it anew: it begins with what the new "
							 "query says.")));
	}
	put_metric(metric);
	bm_query_schedule(metric->owner);
	PG_RETURN_VOID();
}

Datum
bizmetrics_drop_metric(PG_FUNCTION_ARGS)
{
	BmMetric *metric;

	PreventCommandIfReadOnly("drop_metric()");
	metric = lock_metric(fcinfo);
	bm_metric_series_delete(metric->name);
	bm_named_rows_delete("metric_state", "metric_state_pkey", metric->name);
	bm_named_rows_delete("metrics", "metrics_pkey", metric->name);
	bm_query_schedule(metric->owner);
	PG_RETURN_VOID();
}

/*
 * BEFORE INSERT OR UPDATE on bizmetrics.metrics and bizmetrics.alerts, for what does not come from our
 * functions: a restore, mostly. Nobody may store a query that runs as a role he could not become.
 */
Datum
bizmetrics_guard_metric(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	HeapTuple row;
	bool isnull;
	Datum name;
	Oid owner;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		elog(ERROR, "bizmetrics_guard_metric is a trigger function");
	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple
													 : trigger->tg_trigtuple;
	desc = RelationGetDescr(trigger->tg_relation);
	name = heap_getattr(row, SPI_fnumber(desc, "owner_name"), desc, &isnull);
	owner = isnull ? InvalidOid : get_role_oid(TextDatumGetCString(name), true);
	if (!superuser() &&
		(!OidIsValid(owner) || !bm_member_can_set_role(GetUserId(), owner)))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to store a query that runs as \"%s\"",
							   isnull ? "" : TextDatumGetCString(name))));
	return PointerGetDatum(row);
}
