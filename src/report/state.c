/*
 * Where each report stands: rows of bizmetrics.report_state, and what is due. machine.c has the
 * transitions between states. A row changes only under the report's lock.
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
	STATE_REVISION,
	STATE_RAN_UNTIL,
	STATE_BROKEN_REASON,
	STATE_EXPIRED_COLUMN,
	STATE_EXPIRED_TO,
	STATE_CONSECUTIVE_FAILURES,
	STATE_CONSECUTIVE_CRASHES,
	STATE_NEXT_ATTEMPT_AT,
	STATE_NEXT_SLOT,
	STATE_LAST_SLOT,
	STATE_WINDOW_START,
	STATE_WINDOW_END,
	STATE_STARTED_AT,
	STATE_RUN_ID,
	STATE_CHAIN_SLOT,
	STATE_CHAIN_TRIGGER,
	STATE_PID,
	STATE_ATTEMPT,
	STATE_LAST_SUCCESS_AT,
	STATE_DONE_UNTIL,
	STATE_COLUMNS
};

static const char *const trigger_names[] = {"none", "schedule", "request", "manual"};

const char *
bm_trigger_name(BmTrigger trigger)
{
	return trigger_names[trigger];
}

BmTrigger
bm_trigger_find(const char *name)
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

static void
read_attempt(BmReportState *state, const Datum *v, const bool *n)
{
	state->run_id = n[STATE_RUN_ID] ? BM_NO_ID : DatumGetInt64(v[STATE_RUN_ID]);
	state->pid = n[STATE_PID] ? 0 : DatumGetInt32(v[STATE_PID]);
	if (state->pid == 0)
		return;
	state->started_at = DatumGetTimestampTz(v[STATE_STARTED_AT]);
	state->has_window = !n[STATE_WINDOW_START];
	state->window.start = DatumGetTimestampTz(v[STATE_WINDOW_START]);
	state->window.end = DatumGetTimestampTz(v[STATE_WINDOW_END]);
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
		state->ran_until = time_or_none(v[STATE_RAN_UNTIL], n[STATE_RAN_UNTIL]);
		state->chain_trigger =
			n[STATE_CHAIN_TRIGGER]
				? BM_TRIGGER_NONE
				: bm_trigger_find(TextDatumGetCString(v[STATE_CHAIN_TRIGGER]));
		state->chain_slot = time_or_none(v[STATE_CHAIN_SLOT], n[STATE_CHAIN_SLOT]);
		state->attempt = DatumGetInt32(v[STATE_ATTEMPT]);
		state->next_attempt_at =
			time_or_none(v[STATE_NEXT_ATTEMPT_AT], n[STATE_NEXT_ATTEMPT_AT]);
		read_attempt(state, v, n);
		state->consecutive_failures = DatumGetInt32(v[STATE_CONSECUTIVE_FAILURES]);
		state->last_success_at =
			time_or_none(v[STATE_LAST_SUCCESS_AT], n[STATE_LAST_SUCCESS_AT]);
		state->broken_reason =
			n[STATE_BROKEN_REASON] ? NULL : TextDatumGetCString(v[STATE_BROKEN_REASON]);
		state->expired_to = time_or_none(v[STATE_EXPIRED_TO], n[STATE_EXPIRED_TO]);
		if (!n[STATE_EXPIRED_COLUMN])
			namestrcpy(&state->expired_column,
					   NameStr(*DatumGetName(v[STATE_EXPIRED_COLUMN])));
		state->done_until = DatumGetTimestampTz(v[STATE_DONE_UNTIL]);
		state->consecutive_crashes = DatumGetInt32(v[STATE_CONSECUTIVE_CRASHES]);
		state->revision = DatumGetInt32(v[STATE_REVISION]);
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
set_attempt(Datum *v, bool *n, const BmReportState *state)
{
	bool runs = state->pid != 0;

	set_id(v, n, STATE_RUN_ID, state->run_id);
	v[STATE_STARTED_AT] = TimestampTzGetDatum(state->started_at);
	v[STATE_PID] = Int32GetDatum(state->pid);
	n[STATE_STARTED_AT] = n[STATE_PID] = !runs;
	v[STATE_WINDOW_START] = TimestampTzGetDatum(state->window.start);
	v[STATE_WINDOW_END] = TimestampTzGetDatum(state->window.end);
	n[STATE_WINDOW_START] = n[STATE_WINDOW_END] = !runs || !state->has_window;
}

/* Stores the state; the caller has the report's lock. */
void
bm_state_put(const BmReportState *state)
{
	Relation rel = bm_table_open("report_state", RowExclusiveLock);
	Datum v[STATE_COLUMNS];
	bool n[STATE_COLUMNS] = {false};

	v[STATE_REPORT_ID] = Int64GetDatum(state->report_id);
	v[STATE_SYSTEM_IDENTIFIER] = Int64GetDatum((int64) GetSystemIdentifier());
	v[STATE_DATABASE_OID] = Int64GetDatum((int64) MyDatabaseId);
	v[STATE_ADOPTED] = BoolGetDatum(state->adopted);
	set_id(v, n, STATE_ADOPT_AFTER, state->adopt_after);
	set_time(v, n, STATE_NEXT_SLOT, state->next_slot);
	set_time(v, n, STATE_LAST_SLOT, state->last_slot);
	set_time(v, n, STATE_RAN_UNTIL, state->ran_until);
	bm_table_set_text(v, n, STATE_CHAIN_TRIGGER,
					  state->chain_trigger == BM_TRIGGER_NONE
						  ? NULL
						  : bm_trigger_name(state->chain_trigger));
	set_time(v, n, STATE_CHAIN_SLOT, state->chain_slot);
	v[STATE_ATTEMPT] = Int32GetDatum(state->attempt);
	set_time(v, n, STATE_NEXT_ATTEMPT_AT, state->next_attempt_at);
	set_attempt(v, n, state);
	v[STATE_CONSECUTIVE_FAILURES] = Int32GetDatum(state->consecutive_failures);
	set_time(v, n, STATE_LAST_SUCCESS_AT, state->last_success_at);
	bm_table_set_text(v, n, STATE_BROKEN_REASON, state->broken_reason);
	set_time(v, n, STATE_EXPIRED_TO, state->expired_to);
	v[STATE_EXPIRED_COLUMN] = NameGetDatum(&state->expired_column);
	n[STATE_EXPIRED_COLUMN] = state->expired_to == BM_NO_TIME;
	v[STATE_DONE_UNTIL] = TimestampTzGetDatum(state->done_until);
	v[STATE_CONSECUTIVE_CRASHES] = Int32GetDatum(state->consecutive_crashes);
	v[STATE_REVISION] = Int32GetDatum(state->revision);
	bm_table_put(rel, "report_state_pkey", state->report_id, v, n);
	table_close(rel, NoLock);
}

void
bm_state_delete(int64 report_id)
{
	Relation rel = bm_table_open("report_state", RowExclusiveLock);

	bm_table_delete_key(rel, "report_state_pkey", report_id);
	table_close(rel, NoLock);
}

static TimestampTz
next_slot(const BmReport *report, TimestampTz after)
{
	TimestampTz next;

	return bm_schedule_next(report->schedule, report->timezone, report->match_days, after,
							&next)
			   ? next
			   : BM_NO_TIME;
}

/* A state for a report that has none: nothing missed, nothing owed, the next slot ahead. */
BmReportState *
bm_state_create(const BmReport *report, bool adopted)
{
	BmReportState *state = palloc0(sizeof(BmReportState));

	state->report_id = report->id;
	state->adopted = adopted;
	state->last_slot = state->ran_until = state->chain_slot = BM_NO_TIME;
	state->next_attempt_at = state->last_success_at = state->expired_to = BM_NO_TIME;
	state->done_until = bm_clock_now();
	state->next_slot = next_slot(report, state->done_until);
	state->revision = report->revision;
	return state;
}

BmPhase
bm_state_phase(const BmReportState *state)
{
	if (!state->adopted)
		return BM_PHASE_RESTORED;
	if (state->pid != 0)
		return BM_PHASE_RUNNING;
	if (state->chain_trigger != BM_TRIGGER_NONE)
		return BM_PHASE_RETRYING;
	return state->consecutive_crashes >= BM_CRASHES_TO_QUARANTINE ? BM_PHASE_QUARANTINED
																  : BM_PHASE_WAITING;
}

/*
 * Takes the transition for a cause, as machine.c has it, and says what it does: the caller sets what
 * was opened, and when the next attempt is.
 */
unsigned
bm_state_apply(BmReportState *state, BmCause cause)
{
	BmPhase from = bm_state_phase(state);
	const BmTransition *transition = bm_machine_find(from, cause);

	if (transition == NULL)
		elog(ERROR, "report " INT64_FORMAT " cannot be %s while it is %s",
			 state->report_id, bm_cause_name(cause), bm_phase_name(from));
	state->pid = 0;
	if (transition->actions & BM_COUNT_FAILURE)
		state->consecutive_failures++;
	if (transition->actions & BM_COUNT_CRASH)
		state->consecutive_crashes++;
	if (transition->actions & BM_CLEAR_CRASHES)
		state->consecutive_crashes = 0;
	if (transition->actions & BM_CLEAR_FAILURES)
		state->consecutive_failures = 0;
	if (transition->actions & BM_CLOSE_RUN)
	{
		state->chain_trigger = BM_TRIGGER_NONE;
		state->chain_slot = BM_NO_TIME;
		state->next_attempt_at = BM_NO_TIME;
		state->attempt = 0;
		state->run_id = BM_NO_ID;
	}
	if (transition->actions & BM_COUNT_ATTEMPT)
	{
		state->attempt++;
		state->next_attempt_at = BM_NO_TIME;
	}
	return transition->actions;
}

/* Slots that ran and are yet to come, for the clock was set back, are told by the history when they come. */
static void
note_slots_ahead(BmReportState *state, const BmReportState *of, TimestampTz now)
{
	TimestampTz last = Max(of->last_slot, of->ran_until);

	state->ran_until = last > now ? last : BM_NO_TIME;
	state->last_slot = of->last_slot > now ? BM_NO_TIME : of->last_slot;
}

/* The state of a report that is adopted or reset: as that of a new one, but that no slot runs twice. */
BmReportState *
bm_state_start_over(const BmReport *report, BmReportState *state, BmCause cause)
{
	BmReportState *fresh = bm_state_create(report, true);

	(void) bm_state_apply(state, cause);
	note_slots_ahead(fresh, state, bm_clock_now());
	return fresh;
}

static bool
slot_is_due(const BmReportState *state, const BmLook *look)
{
	return !look->paused && state->next_slot != BM_NO_TIME &&
		   state->next_slot <= look->ready;
}

/*
 * Pure: what a runner would do now. A request ends the wait for another attempt; and a slot that fired
 * while a run waited for its next attempt replaces that run, unless each slot is run.
 */
BmDue
bm_state_due(const BmReportState *state, const BmLook *look)
{
	BmPhase phase = bm_state_phase(state);
	bool waits =
		state->next_attempt_at != BM_NO_TIME && state->next_attempt_at > look->now;

	if ((phase != BM_PHASE_WAITING && phase != BM_PHASE_RETRYING) ||
		(!look->requested && (waits || look->paused)))
		return BM_DUE_NOTHING;
	if (slot_is_due(state, look) && !waits && (phase == BM_PHASE_WAITING || !look->each))
		return BM_DUE_SLOT;
	if (phase == BM_PHASE_RETRYING)
		return BM_DUE_RETRY;
	return look->requested ? BM_DUE_REQUEST : BM_DUE_NOTHING;
}

/* Pure: when it is worth to look again where nothing is due, or DT_NOEND. */
TimestampTz
bm_state_wake(const BmReportState *state, const BmLook *look)
{
	switch (bm_state_phase(state))
	{
		case BM_PHASE_RESTORED:
			break;
		case BM_PHASE_RETRYING:
			if (look->paused)
				return DT_NOEND;
			break;
		case BM_PHASE_WAITING:
			/* A slot that is past and not ready waits for another report, whose end is a change. */
			if (look->paused || state->next_slot == BM_NO_TIME ||
				(state->next_slot <= look->now && state->next_slot > look->ready))
				return DT_NOEND;
			return Max(state->next_slot, state->next_attempt_at);
		default:
			return DT_NOEND;
	}
	return state->next_attempt_at == BM_NO_TIME ? DT_NOEND : state->next_attempt_at;
}

/*
 * Is the next slot to come none of the schedule's next two? Then it was computed before the clock was set back,
 * or by other rules of its time zone; or there was none, and the row has been mended since.
 */
static bool
is_elsewhere(const BmReportState *state, const BmReport *report, TimestampTz now)
{
	TimestampTz first;
	TimestampTz second;

	return (state->next_slot > now || state->next_slot == BM_NO_TIME) &&
		   bm_schedule_next(report->schedule, report->timezone, report->match_days, now,
							&first) &&
		   bm_schedule_next(report->schedule, report->timezone, report->match_days, first,
							&second) &&
		   state->next_slot != first && state->next_slot != second;
}

/* Is the next slot not the schedule's: did the clock or the zone change, or was the schedule altered? */
bool
bm_state_is_off(const BmReportState *state, const BmReport *report, TimestampTz now)
{
	return state->adopted &&
		   (state->revision != report->revision || is_elsewhere(state, report, now));
}

/* Goes on from now; nothing is made up for. */
void
bm_state_set_right(BmReportState *state, const BmReport *report, TimestampTz now)
{
	note_slots_ahead(state, state, now);
	if (state->revision != report->revision && state->consecutive_failures == 0 &&
		state->chain_trigger == BM_TRIGGER_NONE)
		state->done_until =
			Max(state->done_until, now); /* the new schedule owes nothing yet */
	state->next_slot = next_slot(report, now);
	state->revision = report->revision;
	bm_state_put(state);
}
