/* What can be seen of the worker's processes: the view worker_status. */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/table.h"
#include "worker/pool.h"
#include "worker/worker.h"

PG_FUNCTION_INFO_V1(bizmetrics_library_version);
PG_FUNCTION_INFO_V1(bizmetrics_worker_processes);

/* Columns of bizmetrics.worker_processes(). */
enum
{
	PROCESS_KIND,
	PROCESS_PID,
	PROCESS_DATABASE,
	PROCESS_ROLE,
	PROCESS_REPORT,
	PROCESS_STATE,
	PROCESS_SINCE,
	PROCESS_WAKES_AT,
	PROCESS_WAKE_UPS,
	PROCESS_ATTEMPTS,
	PROCESS_MEMORY,
	PROCESS_COLUMNS
};

typedef struct Row
{
	Datum values[PROCESS_COLUMNS];
	bool nulls[PROCESS_COLUMNS];
} Row;

static void
begin_row(Row *row, const char *kind, const char *state)
{
	memset(row->nulls, true, sizeof(row->nulls));
	row->values[PROCESS_KIND] = CStringGetTextDatum(kind);
	row->values[PROCESS_STATE] = CStringGetTextDatum(state);
	row->nulls[PROCESS_KIND] = row->nulls[PROCESS_STATE] = false;
}

static void
set(Row *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
put(ReturnSetInfo *result, Row *row)
{
	tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

/* The launcher is everybody's. */
static bool
may_see(Oid database, bool sees_all)
{
	return sees_all || database == MyDatabaseId || !OidIsValid(database);
}

static void
put_process(ReturnSetInfo *result, const BmProcessInfo *info)
{
	bool is_launcher = !OidIsValid(info->database);
	bool runs = info->pid != 0;
	Row row;

	begin_row(&row, is_launcher ? "launcher" : "scheduler",
			  runs			? "running"
			  : is_launcher ? "not running"
							: "away");
	if (runs)
	{
		set(&row, PROCESS_PID, Int32GetDatum(info->pid));
		set(&row, PROCESS_SINCE, TimestampTzGetDatum(info->since));
		set(&row, PROCESS_MEMORY, Int64GetDatum(info->memory));
	}
	if (!is_launcher)
		set(&row, PROCESS_DATABASE, ObjectIdGetDatum(info->database));
	if (!is_launcher && !runs && !TIMESTAMP_NOT_FINITE(info->wakes_at))
		set(&row, PROCESS_WAKES_AT, TimestampTzGetDatum(info->wakes_at));
	set(&row, PROCESS_WAKE_UPS, Int64GetDatum(info->wake_ups));
	put(result, &row);
}

static void
put_runner(ReturnSetInfo *result, const BmRunnerInfo *info)
{
	static const char *const states[] = {"free", "starting", "idle", "working",
										 "leaving"};
	Row row;

	begin_row(&row, "runner", states[info->state]);
	if (info->pid != 0)
		set(&row, PROCESS_PID, Int32GetDatum(info->pid));
	set(&row, PROCESS_DATABASE, ObjectIdGetDatum(info->database));
	set(&row, PROCESS_ROLE, ObjectIdGetDatum(info->owner));
	if (info->report_id != 0)
		set(&row, PROCESS_REPORT, Int64GetDatum(info->report_id));
	set(&row, PROCESS_SINCE, TimestampTzGetDatum(info->since));
	set(&row, PROCESS_ATTEMPTS, Int64GetDatum(info->attempts));
	set(&row, PROCESS_MEMORY, Int64GetDatum(info->memory));
	put(result, &row);
}

Datum
bizmetrics_library_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(BIZMETRICS_VERSION));
}

Datum
bizmetrics_worker_processes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool sees_all = bm_role_inherits(GetUserId(), ROLE_PG_MONITOR);
	List *processes = bm_process_list();
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	if (processes == NIL)
	{
		Row row;

		begin_row(&row, "launcher", "not preloaded");
		put(result, &row);
		return (Datum) 0;
	}
	foreach(cell, processes)
	{
		const BmProcessInfo *info = lfirst(cell);

		if (may_see(info->database, sees_all))
			put_process(result, info);
	}
	foreach(cell, bm_pool_list())
	{
		const BmRunnerInfo *info = lfirst(cell);

		if (may_see(info->database, sees_all))
			put_runner(result, info);
	}
	return (Datum) 0;
}
