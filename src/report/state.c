/*
 * Where each report stands: rows of bizmetrics.report_state, and the transitions between them.
 * docs/architecture.md draws them. A row changes only under the report's lock.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/table.h"
#include "report/retry.h"
#include "report/schedule.h"
#include "report/state.h"

/* Columns of bizmetrics.report_state. */
enum
{
	STATE_REPORT_ID,
	STATE_SYSTEM_IDENTIFIER,
	STATE_DATABASE_OID,
	STATE_ADOPTED,
	STATE_ADOPT_AFTER,
	STATE_NEXT_SLOT,
	STATE_LAST_SLOT,
	STATE_CHAIN_TRIGGER,
	STATE_CHAIN_SLOT,
	STATE_ATTEMPT,
	STATE_NEXT_ATTEMPT_AT,
	STATE_RUN_ID,
	STATE_CONSECUTIVE_FAILURES,
	STATE_LAST_SUCCESS_AT,
	STATE_BROKEN_REASON,
	STATE_COLUMNS
};

static const char *const trigger_names[] = {"none", "schedule", "request", "manual"};

const char *
bm_trigger_name(BmTrigger trigger)
{
	return trigger_names[trigger];
}

static BmTrigger
trigger_of_name(const char *name)
{
	for (int i = 0; i < lengthof(trigger_names); i++)
		if (strcmp(trigger_names[i], name) == 0)
			return (BmTrigger) i;
	return BM_TRIGGER_NONE;
}

static TimestampTz
time_or_none(Datum value, bool isnull)
{
	return isnull ? BM_NO_TIME : DatumGetTimestampTz(value);
}

/* A row of another cluster or database came with a copy of its files: it says nothing here. */
static bool
is_of_this_database(const Datum *values)
{
	return DatumGetInt64(values[STATE_SYSTEM_IDENTIFIER]) ==
			   (int64) GetSystemIdentifier() &&
		   DatumGetInt64(values[STATE_DATABASE_OID]) == (int64) MyDatabaseId;
}

/* NULL where the report has no state in this database: it was restored. */
BmReportState *
bm_state_get(int64 report_id)
{
	Relation rel = bm_table_open("report_state", AccessShareLock);
	HeapTuple row =
		bm_table_get(rel, "report_state_pkey", INT8OID, Int64GetDatum(report_id));
	BmReportState *state = NULL;
	Datum v[STATE_COLUMNS];
	bool n[STATE_COLUMNS];

	if (row != NULL)
		heap_deform_tuple(row, RelationGetDescr(rel), v, n);
	if (row != NULL && is_of_this_database(v))
	{
		state = palloc0(sizeof(BmReportState));
		state->report_id = report_id;
		state->adopted = DatumGetBool(v[STATE_ADOPTED]);
		state->adopt_after =
			n[STATE_ADOPT_AFTER] ? BM_NO_ID : DatumGetInt64(v[STATE_ADOPT_AFTER]);
		state->next_slot = time_or_none(v[STATE_NEXT_SLOT], n[STATE_NEXT_SLOT]);
		state->last_slot = time_or_none(v[STATE_LAST_SLOT], n[STATE_LAST_SLOT]);
		state->chain_trigger =
			n[STATE_CHAIN_TRIGGER]
				? BM_TRIGGER_NONE
				: trigger_of_name(TextDatumGetCString(v[STATE_CHAIN_TRIGGER]));
		state->chain_slot = time_or_none(v[STATE_CHAIN_SLOT], n[STATE_CHAIN_SLOT]);
		state->attempt = DatumGetInt32(v[STATE_ATTEMPT]);
		state->next_attempt_at =
			time_or_none(v[STATE_NEXT_ATTEMPT_AT], n[STATE_NEXT_ATTEMPT_AT]);
		state->run_id = n[STATE_RUN_ID] ? BM_NO_ID : DatumGetInt64(v[STATE_RUN_ID]);
		state->consecutive_failures = DatumGetInt32(v[STATE_CONSECUTIVE_FAILURES]);
		state->last_success_at =
			time_or_none(v[STATE_LAST_SUCCESS_AT], n[STATE_LAST_SUCCESS_AT]);
		state->broken_reason =
			n[STATE_BROKEN_REASON] ? NULL : TextDatumGetCString(v[STATE_BROKEN_REASON]);
	}
	table_close(rel, AccessShareLock);
	return state;
}

static void
set_time(Datum *values, bool *nulls, int column, TimestampTz time)
{
	nulls[column] = time == BM_NO_TIME;
	values[column] = TimestampTzGetDatum(time);
}

static void
set_id(Datum *values, bool *nulls, int column, int64 id)
{
	nulls[column] = id == BM_NO_ID;
	values[column] = Int64GetDatum(id);
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	values[column] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

/* Stores the state; the caller has the report's lock. */
void
bm_state_put(const BmReportState *state)
{
	Relation rel = bm_table_open("report_state", RowExclusiveLock);
	HeapTuple row;
	Datum v[STATE_COLUMNS];
	bool n[STATE_COLUMNS] = {false};

	v[STATE_REPORT_ID] = Int64GetDatum(state->report_id);
	v[STATE_SYSTEM_IDENTIFIER] = Int64GetDatum((int64) GetSystemIdentifier());
	v[STATE_DATABASE_OID] = Int64GetDatum((int64) MyDatabaseId);
	v[STATE_ADOPTED] = BoolGetDatum(state->adopted);
	set_id(v, n, STATE_ADOPT_AFTER, state->adopt_after);
	set_time(v, n, STATE_NEXT_SLOT, state->next_slot);
	set_time(v, n, STATE_LAST_SLOT, state->last_slot);
	set_text(v, n, STATE_CHAIN_TRIGGER,
			 state->chain_trigger == BM_TRIGGER_NONE
				 ? NULL
				 : bm_trigger_name(state->chain_trigger));
	set_time(v, n, STATE_CHAIN_SLOT, state->chain_slot);
	v[STATE_ATTEMPT] = Int32GetDatum(state->attempt);
	set_time(v, n, STATE_NEXT_ATTEMPT_AT, state->next_attempt_at);
	set_id(v, n, STATE_RUN_ID, state->run_id);
	v[STATE_CONSECUTIVE_FAILURES] = Int32GetDatum(state->consecutive_failures);
	set_time(v, n, STATE_LAST_SUCCESS_AT, state->last_success_at);
	set_text(v, n, STATE_BROKEN_REASON, state->broken_reason);

	row = bm_table_get(rel, "report_state_pkey", INT8OID, v[STATE_REPORT_ID]);
	if (row != NULL)
		bm_table_update(rel, row, v, n);
	else
		bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

void
bm_state_delete(int64 report_id)
{
	Relation rel = bm_table_open("report_state", RowExclusiveLock);
	HeapTuple row =
		bm_table_get(rel, "report_state_pkey", INT8OID, Int64GetDatum(report_id));

	if (row != NULL)
		bm_table_delete(rel, row);
	table_close(rel, NoLock);
}

/* A state for a report that has none: nothing missed, the next slot ahead. */
BmReportState *
bm_state_create(const BmReport *report, bool adopted)
{
	BmReportState *state = palloc0(sizeof(BmReportState));

	state->report_id = report->id;
	state->adopted = adopted;
	state->last_slot = state->chain_slot = BM_NO_TIME;
	state->next_attempt_at = state->last_success_at = BM_NO_TIME;
	if (!bm_schedule_next(report->schedule, report->timezone, bm_clock_now(),
						  &state->next_slot))
		state->next_slot = BM_NO_TIME;
	return state;
}

/* Pure: what a runner would do now. A request also ends the wait for a retry. */
BmDue
bm_state_due(const BmReportState *state, bool requested, TimestampTz now)
{
	if (!state->adopted || state->run_id != BM_NO_ID)
		return BM_DUE_NOTHING;
	if (state->chain_trigger != BM_TRIGGER_NONE)
		return requested || state->next_attempt_at <= now ? BM_DUE_RETRY : BM_DUE_NOTHING;
	if (requested)
		return BM_DUE_REQUEST;
	if (state->next_slot != BM_NO_TIME && state->next_slot <= now)
		return BM_DUE_SLOT;
	return BM_DUE_NOTHING;
}

/* Pure: when it is worth to look again, or DT_NOEND. */
TimestampTz
bm_state_wake(const BmReportState *state)
{
	if (!state->adopted || state->chain_trigger != BM_TRIGGER_NONE)
		return state->next_attempt_at == BM_NO_TIME ? DT_NOEND : state->next_attempt_at;
	return state->next_slot == BM_NO_TIME ? DT_NOEND : state->next_slot;
}

/* Is the next slot further away than the schedule's next two? Then the clock was set back. */
bool
bm_state_is_ahead(const BmReportState *state, const BmReport *report, TimestampTz now)
{
	TimestampTz first;
	TimestampTz second;

	return state->adopted && state->next_slot != BM_NO_TIME &&
		   bm_schedule_next(report->schedule, report->timezone, now, &first) &&
		   bm_schedule_next(report->schedule, report->timezone, first, &second) &&
		   state->next_slot > second;
}

/* Goes on from now; slots that ran are known by their rows in the history (see claim_slot). */
void
bm_state_set_back(BmReportState *state, const BmReport *report, TimestampTz now)
{
	if (!bm_schedule_next(report->schedule, report->timezone, now, &state->next_slot))
		state->next_slot = BM_NO_TIME;
	state->last_slot = BM_NO_TIME;
	bm_state_put(state);
}

static void
close_chain(BmReportState *state)
{
	state->chain_trigger = BM_TRIGGER_NONE;
	state->chain_slot = BM_NO_TIME;
	state->next_attempt_at = BM_NO_TIME;
	state->attempt = 0;
}

void
bm_state_attempt_succeeded(BmReportState *state, TimestampTz now)
{
	state->run_id = BM_NO_ID;
	state->consecutive_failures = 0;
	state->last_success_at = now;
	close_chain(state);
}

/* final: another try would not help. */
void
bm_state_attempt_failed(BmReportState *state, const BmReport *report, TimestampTz now,
						bool final, double random)
{
	state->run_id = BM_NO_ID;
	if (final || state->attempt >= report->max_attempts)
	{
		state->consecutive_failures++;
		close_chain(state);
	}
	else
		state->next_attempt_at =
			now + bm_retry_delay(report->backoff, report->backoff_length, state->attempt,
								 random);
}
