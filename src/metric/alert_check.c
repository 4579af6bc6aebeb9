/*
 * Looking at the alerts of the current role. The caller is a report of that role, mostly; nothing here has
 * more rights than the role has.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "metric/alert.h"
#include "metric/evaluate.h"
#include "metric/names.h"
#include "report/registry.h"

PG_FUNCTION_INFO_V1(bizmetrics_check_alerts);

/* Sets of labels that one alert may have. */
#define MAX_INSTANCES 1000

/* What was resolved and does not come again is forgotten. */
#define KEEP_RESOLVED USECS_PER_DAY

typedef struct Check
{
	const BmAlert *alert;
	List *instances;
	int rows;
	MemoryContext context;
} Check;

static bool
same_labels(Jsonb *one, Jsonb *other)
{
	return compareJsonbContainers(&one->root, &other->root) == 0;
}

static BmAlertInstance *
find_instance(Check *check, Jsonb *labels)
{
	BmAlertInstance *instance;
	ListCell *cell;

	foreach(cell, check->instances)
	{
		instance = lfirst(cell);
		if (same_labels(instance->labels, labels))
			return instance;
	}
	instance = palloc0(sizeof(BmAlertInstance));
	instance->labels = labels;
	instance->state = BM_ALERT_INACTIVE;
	check->instances = lappend(check->instances, instance);
	return instance;
}

static void
take_row(void *arg, HeapTuple row, TupleDesc desc)
{
	Check *check = arg;
	MemoryContext old = MemoryContextSwitchTo(check->context);
	bool isnull;
	bool no_value;
	double value = DatumGetFloat8(SPI_getbinval(row, desc, 1, &no_value));
	Datum labels = SPI_getbinval(row, desc, 2, &isnull);
	BmAlertInstance *instance;

	if (++check->rows > MAX_INSTANCES)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("an alert has at most %d sets of labels", MAX_INSTANCES),
						errhint("Aggregate in its query, or return only what is beyond "
								"the threshold.")));
	if (isnull)
		elog(ERROR, "an alert's labels are NULL");
	instance = find_instance(check, DatumGetJsonbPCopy(labels));
	if (instance->is_seen)
		ereport(ERROR, (errcode(ERRCODE_CARDINALITY_VIOLATION),
						errmsg("the query returns the same labels twice"),
						errhint("Aggregate, and GROUP BY the labels.")));
	instance->is_seen = true;
	instance->value = no_value ? NAN : value;
	MemoryContextSwitchTo(old);
}

/* The names of metrics that a sample may be of, as an array: only their series are looked through. */
static Datum
metrics_of_sample(const char *sample)
{
	char *names[BM_METRICS_OF_SAMPLE];
	Datum items[BM_METRICS_OF_SAMPLE];
	int count;

	for (int i = 0; i < BM_METRICS_OF_SAMPLE; i++)
		names[i] = palloc(strlen(sample) + 1);
	count = bm_metrics_of_sample(sample, names);
	for (int i = 0; i < count; i++)
		items[i] = CStringGetTextDatum(names[i]);
	return PointerGetDatum(
		construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* What the alert asks: columns value and labels. */
static void
set_query(const BmAlert *alert, BmEvaluation *evaluation)
{
	if (alert->query != NULL)
	{
		evaluation->query = psprintf(
			"SELECT (q.value)::pg_catalog.float8, "
			"pg_catalog.to_jsonb(q) OPERATOR(pg_catalog.-) 'value'::pg_catalog.text "
			"FROM (%s\n) AS q",
			alert->query);
		return;
	}
	evaluation->query = "SELECT v.value, v.labels FROM bizmetrics.metric_values v "
						"WHERE v.metric_name OPERATOR(pg_catalog.=) ANY ($3) "
						"AND (v.sample_name OPERATOR(pg_catalog.=) $1 "
						"OR v.base_name OPERATOR(pg_catalog.=) $1) "
						"AND v.labels OPERATOR(pg_catalog.@>) $2";
	evaluation->nargs = 3;
	evaluation->values[0] = CStringGetTextDatum(alert->metric);
	evaluation->values[1] = alert->labels != NULL
								? PointerGetDatum(alert->labels)
								: DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
	evaluation->values[2] = metrics_of_sample(alert->metric);
}

static void
step_instance(const BmAlert *alert, BmAlertInstance *instance, TimestampTz now)
{
	BmAlertState next;

	if (!instance->is_seen)
		instance->value = NAN;
	next = bm_alert_step(
		instance->state, bm_alert_holds(alert->op, instance->value, alert->threshold),
		!bm_alert_holds(alert->op, instance->value, alert->clear_threshold),
		instance->since, now, bm_interval_usecs(alert->hold));
	if (next == BM_ALERT_RESOLVED && instance->state == BM_ALERT_RESOLVED &&
		now - instance->since >= KEEP_RESOLVED)
		next = BM_ALERT_INACTIVE;
	bm_alert_go(alert, instance, next, now);
}

static void
look_at(const BmAlert *alert, BmAlertCheck *state, TimestampTz now)
{
	static Oid types[3] = {TEXTOID, JSONBOID, TEXTARRAYOID};
	Datum values[3];
	Check check = {.alert = alert,
				   .instances = bm_alert_instances(alert),
				   .context = CurrentMemoryContext};
	BmEvaluation evaluation = {.search_path = alert->search_path,
							   .timeout = bm_interval_usecs(alert->timeout),
							   .types = types,
							   .values = values,
							   .row = take_row,
							   .arg = &check};
	ErrorData *error;
	ListCell *cell;

	set_query(alert, &evaluation);
	error = bm_evaluate(&evaluation);
	state->checked_at = now;
	state->sqlstate = state->message = NULL;
	if (error != NULL)
	{
		/* What it stood at is left: nothing is known. */
		if (state->failing_since == DT_NOBEGIN)
			state->failing_since = now;
		state->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
		state->message = error->message;
	}
	else
	{
		state->failing_since = DT_NOBEGIN;
		foreach(cell, check.instances)
			step_instance(alert, lfirst(cell), now);
	}
	bm_alert_check_put(alert, state);
}

/* The current role's alerts that are due, or all of them; how many were looked at. */
Datum
bizmetrics_check_alerts(PG_FUNCTION_ARGS)
{
	bool all = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "bizmetrics alert", ALLOCSET_DEFAULT_SIZES);
	TimestampTz now = bm_clock_now();
	ListCell *cell;
	int32 looked_at = 0;

	PreventCommandIfReadOnly("check_alerts()");
	bm_evaluate_lock(GetUserId());
	foreach(cell, bm_alerts_of(GetUserNameFromId(GetUserId(), false)))
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		const BmAlert *alert = lfirst(cell);
		BmAlertCheck check;

		bm_alert_check_get(alert, &check);
		if (all || bm_look_due(check.checked_at, alert->every, now))
		{
			look_at(alert, &check, now);
			looked_at++;
		}
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	PG_RETURN_INT32(looked_at);
}
