/* The registered alerts: rows of bizmetrics.alerts, and the SQL functions that change them. */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/table.h"
#include "metric/alert.h"
#include "metric/evaluate.h"

PG_FUNCTION_INFO_V1(bizmetrics_create_alert);
PG_FUNCTION_INFO_V1(bizmetrics_drop_alert);

#define ALERT_NAME_MAX 100
#define DESCRIPTION_MAX 1000

/* Columns of bizmetrics.alerts. */
enum
{
	ALERT_NAME,
	ALERT_OWNER,
	ALERT_METRIC,
	ALERT_LABELS,
	ALERT_QUERY,
	ALERT_OPERATOR,
	ALERT_THRESHOLD,
	ALERT_CLEAR_THRESHOLD,
	ALERT_HOLD,
	ALERT_EVERY,
	ALERT_SEVERITY,
	ALERT_DESCRIPTION,
	ALERT_TIMEOUT,
	ALERT_SEARCH_PATH,
	ALERT_CREATED_AT,
	ALERT_COLUMNS
};

/* Columns of bizmetrics.alert_checks. */
enum
{
	CHECK_NAME,
	CHECK_CHECKED_AT,
	CHECK_FAILING_SINCE,
	CHECK_SQLSTATE,
	CHECK_MESSAGE,
	CHECK_COLUMNS
};

/* Arguments of create_alert(), in their order. */
enum
{
	ARG_NAME,
	ARG_OPERATOR,
	ARG_THRESHOLD,
	ARG_METRIC,
	ARG_QUERY,
	ARG_LABELS,
	ARG_HOLD,
	ARG_EVERY,
	ARG_CLEAR_THRESHOLD,
	ARG_SEVERITY,
	ARG_DESCRIPTION,
	ARG_TIMEOUT,
	ARG_OWNER
};

static const char *const severities[] = {"critical", "warning", "monitor"};

/* Rows ---------------------------------------------------------------------------------------- */

const char *
bm_alert_operator_name(BmAlertOperator op)
{
	static const char *const names[] = {">", ">=", "<", "<=", "=", "<>"};

	return names[op];
}

static char *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

static BmAlert *
read_alert(Relation rel, HeapTuple row)
{
	Datum v[ALERT_COLUMNS];
	bool n[ALERT_COLUMNS];
	BmAlert *alert = palloc0(sizeof(BmAlert));

	heap_deform_tuple(row, RelationGetDescr(rel), v, n);
	alert->name = TextDatumGetCString(v[ALERT_NAME]);
	alert->owner = TextDatumGetCString(v[ALERT_OWNER]);
	alert->metric = text_or_null(v[ALERT_METRIC], n[ALERT_METRIC]);
	alert->labels = n[ALERT_LABELS] ? NULL : DatumGetJsonbPCopy(v[ALERT_LABELS]);
	alert->query = text_or_null(v[ALERT_QUERY], n[ALERT_QUERY]);
	(void) bm_alert_operator_find(TextDatumGetCString(v[ALERT_OPERATOR]), &alert->op);
	alert->threshold = DatumGetFloat8(v[ALERT_THRESHOLD]);
	alert->clear_threshold = DatumGetFloat8(v[ALERT_CLEAR_THRESHOLD]);
	alert->hold = bm_interval_copy(v[ALERT_HOLD]);
	alert->every = bm_interval_copy(v[ALERT_EVERY]);
	alert->severity = TextDatumGetCString(v[ALERT_SEVERITY]);
	alert->description = text_or_null(v[ALERT_DESCRIPTION], n[ALERT_DESCRIPTION]);
	alert->timeout = bm_interval_copy(v[ALERT_TIMEOUT]);
	alert->search_path = TextDatumGetCString(v[ALERT_SEARCH_PATH]);
	alert->created_at = DatumGetTimestampTz(v[ALERT_CREATED_AT]);
	return alert;
}

static void
insert_alert(const BmAlert *alert)
{
	Relation rel = bm_table_open("alerts", RowExclusiveLock);
	Datum v[ALERT_COLUMNS];
	bool n[ALERT_COLUMNS] = {false};

	bm_table_set_text(v, n, ALERT_NAME, alert->name);
	bm_table_set_text(v, n, ALERT_OWNER, alert->owner);
	bm_table_set_text(v, n, ALERT_METRIC, alert->metric);
	n[ALERT_LABELS] = alert->labels == NULL;
	v[ALERT_LABELS] = PointerGetDatum(alert->labels);
	bm_table_set_text(v, n, ALERT_QUERY, alert->query);
	bm_table_set_text(v, n, ALERT_OPERATOR, bm_alert_operator_name(alert->op));
	v[ALERT_THRESHOLD] = Float8GetDatum(alert->threshold);
	v[ALERT_CLEAR_THRESHOLD] = Float8GetDatum(alert->clear_threshold);
	v[ALERT_HOLD] = IntervalPGetDatum(alert->hold);
	v[ALERT_EVERY] = IntervalPGetDatum(alert->every);
	bm_table_set_text(v, n, ALERT_SEVERITY, alert->severity);
	bm_table_set_text(v, n, ALERT_DESCRIPTION, alert->description);
	v[ALERT_TIMEOUT] = IntervalPGetDatum(alert->timeout);
	bm_table_set_text(v, n, ALERT_SEARCH_PATH, alert->search_path);
	v[ALERT_CREATED_AT] = TimestampTzGetDatum(alert->created_at);
	bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

static BmAlert *
find_alert(const char *name)
{
	Relation rel = bm_table_open("alerts", AccessShareLock);
	HeapTuple row = bm_table_get(rel, "alerts_pkey", TEXTOID, CStringGetTextDatum(name));
	BmAlert *alert = row != NULL ? read_alert(rel, row) : NULL;

	table_close(rel, AccessShareLock);
	return alert;
}

/* The alerts of a role. */
List *
bm_alerts_of(const char *owner)
{
	Relation rel = bm_table_open("alerts", AccessShareLock);
	List *alerts = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		BmAlert *alert = read_alert(rel, lfirst(cell));

		if (strcmp(alert->owner, owner) == 0)
			alerts = lappend(alerts, alert);
	}
	table_close(rel, AccessShareLock);
	return alerts;
}

void
bm_alert_check_get(const BmAlert *alert, BmAlertCheck *check)
{
	Relation rel = bm_table_open("alert_checks", AccessShareLock);
	HeapTuple row =
		bm_table_get(rel, "alert_checks_pkey", TEXTOID, CStringGetTextDatum(alert->name));
	Datum v[CHECK_COLUMNS];
	bool n[CHECK_COLUMNS];

	*check = (BmAlertCheck){DT_NOBEGIN, DT_NOBEGIN, NULL, NULL};
	if (row != NULL)
	{
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
		if (!n[CHECK_CHECKED_AT])
			check->checked_at = DatumGetTimestampTz(v[CHECK_CHECKED_AT]);
		if (!n[CHECK_FAILING_SINCE])
			check->failing_since = DatumGetTimestampTz(v[CHECK_FAILING_SINCE]);
	}
	table_close(rel, AccessShareLock);
}

void
bm_alert_check_put(const BmAlert *alert, const BmAlertCheck *check)
{
	Relation rel = bm_table_open("alert_checks", RowExclusiveLock);
	HeapTuple row =
		bm_table_get(rel, "alert_checks_pkey", TEXTOID, CStringGetTextDatum(alert->name));
	Datum v[CHECK_COLUMNS];
	bool n[CHECK_COLUMNS] = {false};

	bm_table_set_text(v, n, CHECK_NAME, alert->name);
	v[CHECK_CHECKED_AT] = TimestampTzGetDatum(check->checked_at);
	n[CHECK_CHECKED_AT] = check->checked_at == DT_NOBEGIN;
	v[CHECK_FAILING_SINCE] = TimestampTzGetDatum(check->failing_since);
	n[CHECK_FAILING_SINCE] = check->failing_since == DT_NOBEGIN;
	bm_table_set_text(v, n, CHECK_SQLSTATE, check->sqlstate);
	bm_table_set_text(v, n, CHECK_MESSAGE, check->message);
	if (row != NULL)
		bm_table_update(rel, row, v, n);
	else
		bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

/* Functions ----------------------------------------------------------------------------------- */

static void
check_name(const BmAlert *alert)
{
	int length = pg_mbstrlen(alert->name);

	if (length == 0 || length > ALERT_NAME_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name \"%s\" must have 1 to %d characters", alert->name,
							   ALERT_NAME_MAX)));
	if (find_alert(alert->name) != NULL)
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
						errmsg("alert \"%s\" already exists", alert->name),
						errhint("Use another name, or bizmetrics.drop_alert() first.")));
}

static void
check_words(FunctionCallInfo fcinfo, BmAlert *alert)
{
	char *op = text_to_cstring(PG_GETARG_TEXT_PP(ARG_OPERATOR));
	bool known = false;

	if (!bm_alert_operator_find(op, &alert->op))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid operator \"%s\"", op),
						errhint("Use one of: >, >=, <, <=, =, <>.")));
	for (int i = 0; i < lengthof(severities); i++)
		known = known || strcmp(severities[i], alert->severity) == 0;
	if (!known)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid severity \"%s\"", alert->severity),
						errhint("Use one of: critical, warning, monitor.")));
	if (alert->description != NULL && pg_mbstrlen(alert->description) > DESCRIPTION_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("description must have at most %d characters", DESCRIPTION_MAX)));
}

static void
check_numbers(const BmAlert *alert)
{
	if (!isfinite(alert->threshold) || !isfinite(alert->clear_threshold))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("threshold and clear_threshold must be finite")));
	if (!bm_alert_clears_later(alert->op, alert->threshold, alert->clear_threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("clear_threshold %g is beyond threshold %g",
						alert->clear_threshold, alert->threshold),
				 errhint("An alert of \"%s\" ends at its threshold or later: with > and "
						 ">= the one that clears is lower, with < and <= higher, with = "
						 "and <> the same.",
						 bm_alert_operator_name(alert->op))));
	bm_query_interval_check("hold", alert->hold, 0);
	bm_query_interval_check("every", alert->every, USECS_PER_MINUTE);
	bm_query_interval_check("timeout", alert->timeout, USECS_PER_SEC / 1000);
}

/* What is looked at: the samples of a metric, by labels, or a query. */
static void
check_source(BmAlert *alert, Oid owner)
{
	bool has_parameters;

	if ((alert->metric == NULL) == (alert->query == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an alert needs either metric or query"),
				 errhint("Say what it looks at: a registered metric, or a SELECT with a "
						 "column value.")));
	if (alert->labels != NULL &&
		(alert->metric == NULL || !JB_ROOT_IS_OBJECT(alert->labels)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("labels must be an object, of an alert on a metric"),
						errhint("For example labels => '{\"plan\": \"pro\"}'.")));
	if (alert->metric != NULL)
		return;
	alert->query = bm_query_trim(alert->query, &has_parameters);
	bm_query_check(psprintf("SELECT (q.value)::pg_catalog.float8, "
							"pg_catalog.to_jsonb(q) FROM (%s\n) AS q",
							alert->query),
				   owner, 0, NULL,
				   "The query returns a column value; the others are labels. It has no "
				   "parameters.");
}

Datum
bizmetrics_create_alert(PG_FUNCTION_ARGS)
{
	static const Oid required[] = {ARG_NAME,  ARG_OPERATOR, ARG_THRESHOLD, ARG_HOLD,
								   ARG_EVERY, ARG_SEVERITY, ARG_TIMEOUT};
	static const char *const names[] = {"name",	 "operator", "threshold", "hold",
										"every", "severity", "timeout"};
	BmAlert *alert = palloc0(sizeof(BmAlert));
	Oid owner;

	PreventCommandIfReadOnly("create_alert()");
	for (int i = 0; i < lengthof(required); i++)
		bm_query_require(fcinfo, required[i], names[i]);
	alert->name = text_to_cstring(PG_GETARG_TEXT_PP(ARG_NAME));
	alert->threshold = PG_GETARG_FLOAT8(ARG_THRESHOLD);
	alert->clear_threshold = PG_ARGISNULL(ARG_CLEAR_THRESHOLD)
								 ? alert->threshold
								 : PG_GETARG_FLOAT8(ARG_CLEAR_THRESHOLD);
	if (!PG_ARGISNULL(ARG_METRIC))
		alert->metric = text_to_cstring(PG_GETARG_TEXT_PP(ARG_METRIC));
	if (!PG_ARGISNULL(ARG_QUERY))
		alert->query = text_to_cstring(PG_GETARG_TEXT_PP(ARG_QUERY));
	if (!PG_ARGISNULL(ARG_LABELS))
		alert->labels = PG_GETARG_JSONB_P(ARG_LABELS);
	alert->hold = bm_interval_copy(PG_GETARG_DATUM(ARG_HOLD));
	alert->every = bm_interval_copy(PG_GETARG_DATUM(ARG_EVERY));
	alert->severity = text_to_cstring(PG_GETARG_TEXT_PP(ARG_SEVERITY));
	if (!PG_ARGISNULL(ARG_DESCRIPTION))
		alert->description = text_to_cstring(PG_GETARG_TEXT_PP(ARG_DESCRIPTION));
	alert->timeout = bm_interval_copy(PG_GETARG_DATUM(ARG_TIMEOUT));
	alert->search_path = pstrdup(namespace_search_path);
	alert->created_at = bm_clock_now();
	LockRelationOid(bm_relation_oid("alerts", false), ShareUpdateExclusiveLock);
	check_name(alert);
	check_words(fcinfo, alert);
	check_numbers(alert);
	owner = bm_query_owner(fcinfo, ARG_OWNER, "an alert");
	alert->owner = GetUserNameFromId(owner, false);
	check_source(alert, owner);
	insert_alert(alert);
	bm_query_schedule(alert->owner);
	PG_RETURN_VOID();
}

Datum
bizmetrics_drop_alert(PG_FUNCTION_ARGS)
{
	char *name;
	BmAlert *alert;

	PreventCommandIfReadOnly("drop_alert()");
	bm_query_require(fcinfo, 0, "name");
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	alert = find_alert(name);
	bm_query_lock("alert", name, alert != NULL ? alert->owner : NULL);
	alert = find_alert(name);
	if (alert == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("alert \"%s\" does not exist", name),
						errhint("The view bizmetrics.alert_status lists the alerts.")));
	bm_alert_forget(name);
	bm_named_rows_delete("alert_checks", "alert_checks_pkey", name);
	bm_named_rows_delete("alerts", "alerts_pkey", name);
	bm_query_schedule(alert->owner);
	PG_RETURN_VOID();
}
