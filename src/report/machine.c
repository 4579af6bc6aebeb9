/* The states of a report and what changes them, as data. Pure: no PostgreSQL header. */
#include <stddef.h>

#include "report/machine.h"

/* What is not here cannot happen. */
static const BmTransition transitions[] = {
	{BM_PHASE_RESTORED, BM_CAUSE_ADOPTED, BM_PHASE_WAITING, BM_START_OVER},

	{BM_PHASE_WAITING, BM_CAUSE_SLOT, BM_PHASE_RUNNING, BM_OPEN_RUN | BM_COUNT_ATTEMPT},
	{BM_PHASE_WAITING, BM_CAUSE_REQUEST, BM_PHASE_RUNNING,
	 BM_OPEN_RUN | BM_COUNT_ATTEMPT},

	{BM_PHASE_RUNNING, BM_CAUSE_SUCCEEDED, BM_PHASE_WAITING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES | BM_CLOSE_RUN},
	{BM_PHASE_RUNNING, BM_CAUSE_FAILED, BM_PHASE_RETRYING,
	 BM_CLEAR_CRASHES | BM_BACK_OFF},
	{BM_PHASE_RUNNING, BM_CAUSE_GAVE_UP, BM_PHASE_WAITING,
	 BM_COUNT_FAILURE | BM_CLEAR_CRASHES | BM_CLOSE_RUN},
	{BM_PHASE_RUNNING, BM_CAUSE_CRASHED, BM_PHASE_RETRYING, BM_COUNT_CRASH | BM_BACK_OFF},
	{BM_PHASE_RUNNING, BM_CAUSE_CRASHED_LAST, BM_PHASE_WAITING,
	 BM_COUNT_FAILURE | BM_COUNT_CRASH | BM_CLOSE_RUN | BM_BACK_OFF},
	{BM_PHASE_RUNNING, BM_CAUSE_CRASHED_AGAIN, BM_PHASE_QUARANTINED,
	 BM_COUNT_FAILURE | BM_COUNT_CRASH | BM_CLOSE_RUN},

	{BM_PHASE_RETRYING, BM_CAUSE_RETRY, BM_PHASE_RUNNING, BM_COUNT_ATTEMPT},
	{BM_PHASE_RETRYING, BM_CAUSE_SLOT, BM_PHASE_RUNNING,
	 BM_COUNT_FAILURE | BM_CLOSE_RUN | BM_OPEN_RUN | BM_COUNT_ATTEMPT},
	{BM_PHASE_RETRYING, BM_CAUSE_CANCELLED, BM_PHASE_WAITING,
	 BM_COUNT_FAILURE | BM_CLOSE_RUN},

	{BM_PHASE_QUARANTINED, BM_CAUSE_RESUMED, BM_PHASE_WAITING, BM_CLEAR_CRASHES},

	{BM_PHASE_WAITING, BM_CAUSE_MANUAL_SUCCESS, BM_PHASE_WAITING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES},
	{BM_PHASE_RETRYING, BM_CAUSE_MANUAL_SUCCESS, BM_PHASE_RETRYING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES},
	{BM_PHASE_QUARANTINED, BM_CAUSE_MANUAL_SUCCESS, BM_PHASE_WAITING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES},

	{BM_PHASE_WAITING, BM_CAUSE_RESET, BM_PHASE_WAITING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES | BM_START_OVER},
	{BM_PHASE_RETRYING, BM_CAUSE_RESET, BM_PHASE_WAITING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES | BM_CLOSE_RUN | BM_START_OVER},
	{BM_PHASE_QUARANTINED, BM_CAUSE_RESET, BM_PHASE_WAITING,
	 BM_CLEAR_CRASHES | BM_CLEAR_FAILURES | BM_START_OVER},
};

#define N_TRANSITIONS ((int) (sizeof(transitions) / sizeof(transitions[0])))

const char *
bm_phase_name(BmPhase phase)
{
	static const char *const names[] = {"restored", "waiting", "running", "retrying",
										"quarantined"};

	return names[phase];
}

const char *
bm_cause_name(BmCause cause)
{
	static const char *const names[] = {
		"adopted",	   "slot",		"request", "retry",		   "succeeded",
		"failed",	   "gave up",	"crashed", "crashed last", "crashed again",
		"run by hand", "cancelled", "resumed", "reset"};

	return names[cause];
}

const char *
bm_action_name(int bit)
{
	static const char *const names[BM_ACTIONS] = {
		"count failure", "count crash",	  "clear crashes", "clear failures", "close run",
		"open run",		 "count attempt", "back off",	   "start over"};

	return names[bit];
}

/* NULL where the cause cannot happen in this state. */
const BmTransition *
bm_machine_find(BmPhase from, BmCause cause)
{
	for (int i = 0; i < N_TRANSITIONS; i++)
		if (transitions[i].from == from && transitions[i].cause == cause)
			return &transitions[i];
	return NULL;
}

const BmTransition *
bm_machine_table(int *count)
{
	*count = N_TRANSITIONS;
	return transitions;
}
