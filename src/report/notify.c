/*
 * Telling listeners of channel bizmetrics_runs how runs ended, as JSON.
 *
 * In the transaction that records the ending, so that it is told if and only if that is committed.
 * Whoever can connect can listen: there is the error's message in it, shortened, and neither its
 * detail nor the SQL, which show data more often.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "report/history.h"
#include "report/notify.h"

#define CHANNEL "bizmetrics_runs"

/* A notification has less than 8000 bytes, and JSON writes some characters with six. */
#define MAX_MESSAGE 1000

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

static void
add_time(StringInfo json, const char *key, TimestampTz time)
{
	char text[MAXDATELEN + 1];
	int utc = 0;

	if (time == BM_NO_TIME)
		appendStringInfo(json, ", \"%s\": null", key);
	else
		appendStringInfo(
			json, ", \"%s\": \"%s\"", key,
			JsonEncodeDateTime(text, TimestampTzGetDatum(time), TIMESTAMPTZOID, &utc));
}

static void
begin_message(StringInfo json, const BmReport *report)
{
	initStringInfo(json);
	appendStringInfoString(json, "{\"report\": ");
	escape_json(json, report->name);
}

static void
send_message(StringInfo json)
{
	appendStringInfoChar(json, '}');
	Async_Notify(CHANNEL, json->data);
}

static void
notify_run(const BmReport *report, TimestampTz slot, int64 run_id)
{
	StringInfoData json;
	BmRunRow row;

	if (!bm_history_get(report->id, slot, run_id, &row))
		return;
	begin_message(&json, report);
	appendStringInfo(&json, ", \"run_id\": " INT64_FORMAT, run_id);
	add_time(&json, "slot", row.slot);
	appendStringInfo(&json, ", \"attempt\": %d", row.attempt);
	add_text(&json, "trigger", bm_trigger_name(row.trigger));
	add_text(&json, "state", bm_run_state_name(row.state));
	add_text(&json, "sqlstate", row.sqlstate);
	add_text(&json, "message", row.message);
	appendStringInfo(&json, ", \"seconds\": %.3f",
					 (double) (row.finished_at - row.started_at) / USECS_PER_SEC);
	if (row.row_count >= 0)
		appendStringInfo(&json, ", \"rows\": " INT64_FORMAT, row.row_count);
	else
		appendStringInfoString(&json, ", \"rows\": null");
	send_message(&json);
}

void
bm_notify_success(const BmReport *report, TimestampTz slot, int64 run_id)
{
	if (bm_guc_notify_runs >= BM_NOTIFY_ALL)
		notify_run(report, slot, run_id);
}

/* A run that failed for good: no other attempt follows. */
void
bm_notify_failure(const BmReport *report, TimestampTz slot, int64 run_id)
{
	if (bm_guc_notify_runs >= BM_NOTIFY_FAILURES)
		notify_run(report, slot, run_id);
}

/* A report that cannot run any more. */
void
bm_notify_broken(const BmReport *report, const char *reason)
{
	StringInfoData json;

	if (bm_guc_notify_runs < BM_NOTIFY_FAILURES)
		return;
	begin_message(&json, report);
	add_text(&json, "state", "broken");
	add_text(&json, "message", reason);
	send_message(&json);
}
