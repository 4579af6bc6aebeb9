/*
 * Which slot or request a report's next attempt is for, and what becomes of the others.
 *
 * Two things pass over slots. A misfire: at a claim, slots are due that nobody could run in time.
 * An overlap: at the end of an attempt, slots have fired since it began. Either way those that do not
 * run are one row of the history. Every function wants the report's lock to be held, and leaves it to
 * the caller to store the state, unless nothing was claimed.
 */
#include "postgres.h"

#include "base/clock.h"
#include "report/after.h"
#include "report/claim.h"
#include "report/notify.h"
#include "report/schedule.h"
#include "report/totals.h"

/* Why slots did not run: what stands in the history. */
#define REASON_MISSED "missed"			 /* a later one runs for them */
#define REASON_LATE "late"				 /* beyond misfire_grace */
#define REASON_MAX_CATCHUP "max_catchup" /* too many to make up for */
#define REASON_OVERLAP "overlap"		 /* the report was running */

BmLook
bm_claim_look(const BmReport *report, TimestampTz now)
{
	BmLook look = {.now = now,
				   .ready = bm_after_ready(report, now),
				   .requested = bm_request_exists(report->id),
				   .paused = report->paused,
				   .each = report->misfire == BM_MISFIRE_EACH};

	return look;
}

static void
skip(const BmReport *report, TimestampTz slot, int64 count, const char *reason)
{
	bm_history_skip(report->id, slot, count, reason, bm_clock_now());
}

static void
fired_until(const BmReport *report, TimestampTz first, TimestampTz until, int64 limit,
			BmFired *fired)
{
	bm_schedule_fired(report->schedule, report->timezone, report->match_days, first,
					  until, limit, fired);
}

/*
 * Did this slot run? What is not after the last one did. Without a last one, the report being new say, and up to
 * where the clock was before it was set back, the rows of the history tell, and what became of deleted ones.
 */
static bool
has_run(const BmReportState *state, TimestampTz slot)
{
	if (state->last_slot != BM_NO_TIME && slot <= state->last_slot)
		return true;
	return (state->last_slot == BM_NO_TIME || slot <= state->ran_until) &&
		   (bm_history_has_slot(state->report_id, slot) ||
			bm_totals_have_slot(state->report_id, slot));
}

/* The first slot from one on that has not run, or the last one until a time. */
static TimestampTz
first_to_run(const BmReport *report, const BmReportState *state, TimestampTz slot,
			 TimestampTz until)
{
	BmFired fired;

	while (has_run(state, slot))
	{
		fired_until(report, slot, until, 1, &fired);
		if (fired.next == DT_NOBEGIN || fired.next > until)
			break;
		slot = fired.next;
	}
	return slot;
}

static bool
is_too_late(const BmReport *report, TimestampTz slot, TimestampTz now)
{
	return report->misfire == BM_MISFIRE_SKIP && report->misfire_grace != NULL &&
		   now - slot > bm_interval_usecs(report->misfire_grace);
}

/* The oldest slot that is to be made up for. */
static TimestampTz
oldest_slot(const BmReport *report, const BmReportState *state, const BmFired *fired,
			TimestampTz until)
{
	BmFired given_up;

	if (fired->count <= report->max_catchup)
		return state->next_slot;
	fired_until(report, state->next_slot, until, fired->count - report->max_catchup,
				&given_up);
	skip(report, given_up.last, given_up.count, REASON_MAX_CATCHUP);
	return given_up.next;
}

/* The run that waits for its next attempt gets none: a slot comes first. */
static void
end_retries(const BmReport *report, const BmReportState *state)
{
	bm_history_set_reason(report->id, state->chain_slot, state->run_id, "superseded");
	bm_notify_failure(report, state->chain_slot, state->run_id);
}

/* Makes the claim on a slot by compare-and-swap on the last one; false where none is to be run. */
static bool
claim_slot(const BmReport *report, BmReportState *state, const BmLook *look)
{
	BmFired fired;
	TimestampTz slot;

	fired_until(report, state->next_slot, look->ready, PG_INT64_MAX, &fired);
	slot = look->each ? oldest_slot(report, state, &fired, look->ready) : fired.last;
	if (look->each)
		slot = first_to_run(report, state, slot, look->ready);
	if (has_run(state, slot))
	{
		/* The clock went back: go on with what is after it. */
		if (!bm_schedule_next(report->schedule, report->timezone, report->match_days,
							  Max(look->now, state->last_slot), &state->next_slot))
			state->next_slot = BM_NO_TIME;
		bm_state_put(state);
		return false;
	}
	if (look->each)
		fired_until(report, slot, slot, 1, &fired);
	state->next_slot = fired.next;
	if (is_too_late(report, slot, look->now))
	{
		skip(report, slot, fired.count, REASON_LATE);
		bm_state_put(state);
		return false;
	}
	skip(report, fired.last_but_one, fired.count - 1, REASON_MISSED);
	if (bm_state_phase(state) == BM_PHASE_RETRYING)
		end_retries(report, state);
	(void) bm_state_apply(state, BM_CAUSE_SLOT);
	state->last_slot = slot;
	if (slot >= state->ran_until)
		state->ran_until = BM_NO_TIME;
	state->chain_trigger = BM_TRIGGER_SCHEDULE;
	state->chain_slot = slot;
	return true;
}

/* Claims the attempt that is due; false where there is none. */
bool
bm_claim_next(const BmReport *report, BmReportState *state, TimestampTz now)
{
	BmLook look = bm_claim_look(report, now);

	switch (bm_state_due(state, &look))
	{
		case BM_DUE_NOTHING:
			return false;
		case BM_DUE_SLOT:
			return claim_slot(report, state, &look);
		case BM_DUE_REQUEST:
			(void) bm_state_apply(state, BM_CAUSE_REQUEST);
			state->chain_trigger = BM_TRIGGER_REQUEST;
			state->chain_slot = BM_NO_TIME;
			return true;
		case BM_DUE_RETRY:
			(void) bm_state_apply(state, BM_CAUSE_RETRY);
			return true;
	}
	return false;
}

/*
 * At the end of an attempt: of the slots that fired since it began none is run, or with queue_one the
 * last. One that is older was kept back, by a pause say, and takes the others along when it is claimed.
 * Where each slot is run they all wait for their turn.
 */
void
bm_claim_settle(const BmReport *report, BmReportState *state, TimestampTz started_at,
				TimestampTz now)
{
	BmFired fired;

	if (report->misfire == BM_MISFIRE_EACH || state->revision != report->revision ||
		state->next_slot == BM_NO_TIME || state->next_slot <= started_at)
		return;
	fired_until(report, state->next_slot, bm_after_ready(report, now), PG_INT64_MAX,
				&fired);
	if (fired.count == 0)
		return;
	if (report->overlap == BM_OVERLAP_QUEUE_ONE)
	{
		skip(report, fired.last_but_one, fired.count - 1, REASON_OVERLAP);
		state->next_slot = fired.last;
	}
	else
	{
		skip(report, fired.last, fired.count, REASON_OVERLAP);
		state->next_slot = fired.next;
	}
}
