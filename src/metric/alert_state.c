/*
 * The states of alerts: one for each set of labels that is not inactive, what it was before, and telling
 * those who listen to bizmetrics_alerts, in the transaction that stores it.
 *
 * Whoever can connect can listen: an alert's name, labels and value are told to all.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/table.h"
#include "metric/alert.h"
#include "metric/evaluate.h"
#include "metric/format.h"

#define CHANNEL "bizmetrics_alerts"
#define STATES_INDEX "alert_states_alert_name_idx"
#define HISTORY_INDEX "alert_changes_alert_name_changed_at_idx"

/* Changes of an alert that the history keeps at most. */
#define MAX_HISTORY 1000

/* A notification has less than 8000 bytes, and JSON writes some characters with six. */
#define MAX_MESSAGE 1000
#define MAX_LABELS 2000

/* Columns of bizmetrics.alert_states. */
enum
{
	STATE_NAME,
	STATE_LABELS,
	STATE_STATE,
	STATE_VALUE,
	STATE_SINCE,
	STATE_COLUMNS
};

/* Columns of bizmetrics.alert_changes. */
enum
{
	CHANGE_NAME,
	CHANGE_AT,
	CHANGE_LABELS,
	CHANGE_FROM,
	CHANGE_TO,
	CHANGE_VALUE,
	CHANGE_COLUMNS
};

/* What is stored of an alert's labels that are not inactive. */
List *
bm_alert_instances(const BmAlert *alert)
{
	Relation rel = bm_table_open("alert_states", AccessShareLock);
	List *instances = NIL;
	ListCell *cell;

	foreach(cell,
			bm_table_list(rel, STATES_INDEX, TEXTOID, CStringGetTextDatum(alert->name)))
	{
		BmAlertInstance *instance = palloc0(sizeof(BmAlertInstance));
		Datum v[STATE_COLUMNS];
		bool n[STATE_COLUMNS];

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), v, n);
		instance->labels = DatumGetJsonbPCopy(v[STATE_LABELS]);
		(void) bm_alert_state_find(TextDatumGetCString(v[STATE_STATE]), &instance->state);
		instance->value = n[STATE_VALUE] ? NAN : DatumGetFloat8(v[STATE_VALUE]);
		instance->since = DatumGetTimestampTz(v[STATE_SINCE]);
		instance->row = lfirst(cell);
		instances = lappend(instances, instance);
	}
	table_close(rel, AccessShareLock);
	return instances;
}

static void
set_value(Datum *v, bool *n, int column, double value)
{
	n[column] = isnan(value);
	v[column] = Float8GetDatum(value);
}

static void
put_instance(const BmAlert *alert, BmAlertInstance *instance)
{
	Relation rel = bm_table_open("alert_states", RowExclusiveLock);
	Datum v[STATE_COLUMNS];
	bool n[STATE_COLUMNS] = {false};

	bm_table_set_text(v, n, STATE_NAME, alert->name);
	v[STATE_LABELS] = PointerGetDatum(instance->labels);
	bm_table_set_text(v, n, STATE_STATE, bm_alert_state_name(instance->state));
	set_value(v, n, STATE_VALUE, instance->value);
	v[STATE_SINCE] = TimestampTzGetDatum(instance->since);
	if (instance->state == BM_ALERT_INACTIVE && instance->row != NULL)
		(void) bm_table_delete(rel, instance->row);
	else if (instance->row != NULL)
		bm_table_update(rel, instance->row, v, n);
	else if (instance->state != BM_ALERT_INACTIVE)
		bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

/* The oldest changes go: those beyond MAX_HISTORY, and those that had their time. */
static void
prune_history(Relation rel, const char *name, TimestampTz now)
{
	List *rows = bm_table_list(rel, HISTORY_INDEX, TEXTOID, CStringGetTextDatum(name));
	int beyond = list_length(rows) - MAX_HISTORY;
	ListCell *cell;

	foreach(cell, rows)
	{
		bool isnull;
		TimestampTz at = DatumGetTimestampTz(
			heap_getattr(lfirst(cell), CHANGE_AT + 1, RelationGetDescr(rel), &isnull));
		bool is_old = bm_guc_history_retention >= 0 &&
					  at < now - (int64) bm_guc_history_retention * USECS_PER_MINUTE;

		/* The index has them in the order of time. */
		if ((is_old || beyond-- > 0) && !bm_table_delete(rel, lfirst(cell)))
			elog(ERROR, "a change of alert \"%s\" is gone", name);
	}
}

static void
record_change(const BmAlert *alert, const BmAlertInstance *instance, BmAlertState before,
			  TimestampTz now)
{
	Relation rel = bm_table_open("alert_changes", RowExclusiveLock);
	Datum v[CHANGE_COLUMNS];
	bool n[CHANGE_COLUMNS] = {false};

	prune_history(rel, alert->name, now);
	bm_table_set_text(v, n, CHANGE_NAME, alert->name);
	v[CHANGE_AT] = TimestampTzGetDatum(now);
	v[CHANGE_LABELS] = PointerGetDatum(instance->labels);
	bm_table_set_text(v, n, CHANGE_FROM, bm_alert_state_name(before));
	bm_table_set_text(v, n, CHANGE_TO, bm_alert_state_name(instance->state));
	set_value(v, n, CHANGE_VALUE, instance->value);
	bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

static void
add_text(StringInfo json, const char *key, const char *value)
{
	appendStringInfo(json, ", \"%s\": ", key);
	if (value == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json,
					pnstrdup(value, pg_mbcliplen(value, strlen(value), MAX_MESSAGE)));
}

/* JSON has no number that is none: as text. */
static void
add_number(StringInfo json, const char *key, double value)
{
	char number[BM_METRIC_NUMBER_SIZE];

	bm_metric_number(value, number);
	appendStringInfo(json,
					 isnan(value)	? ", \"%s\": null"
					 : isinf(value) ? ", \"%s\": \"%s\""
									: ", \"%s\": %s",
					 key, number);
}

/* Of what fires, and of its end. */
static void
tell(const BmAlert *alert, const BmAlertInstance *instance, TimestampTz now)
{
	StringInfoData json;
	char *labels =
		JsonbToCString(NULL, &instance->labels->root, VARSIZE(instance->labels));
	char at[MAXDATELEN + 1];
	int utc = 0;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"alert\": ");
	escape_json(&json, alert->name);
	add_text(&json, "state", bm_alert_state_name(instance->state));
	add_text(&json, "severity", alert->severity);
	add_number(&json, "value", instance->value);
	add_text(&json, "operator", bm_alert_operator_name(alert->op));
	add_number(&json, "threshold", alert->threshold);
	add_text(&json, "description", alert->description);
	/* Too much of it would be no JSON any more. */
	appendStringInfo(&json, ", \"labels\": %s",
					 strlen(labels) <= MAX_LABELS ? labels : "null");
	appendStringInfo(
		&json, ", \"at\": \"%s\"}",
		JsonEncodeDateTime(at, TimestampTzGetDatum(now), TIMESTAMPTZOID, &utc));
	Async_Notify(CHANNEL, json.data);
}

/* Stores an instance in this state, which may be the one it was in; its value is set already. */
void
bm_alert_go(const BmAlert *alert, BmAlertInstance *instance, BmAlertState state,
			TimestampTz now)
{
	BmAlertState before = instance->state;

	instance->state = state;
	if (state == before)
	{
		if (state != BM_ALERT_INACTIVE)
			put_instance(alert, instance);
		return;
	}
	instance->since = now;
	put_instance(alert, instance);
	record_change(alert, instance, before, now);
	if (state == BM_ALERT_FIRING || state == BM_ALERT_RESOLVED)
		tell(alert, instance, now);
}

/* Deletes the states and the history of an alert. */
void
bm_alert_forget(const char *name)
{
	bm_named_rows_delete("alert_states", STATES_INDEX, name);
	bm_named_rows_delete("alert_changes", HISTORY_INDEX, name);
}
