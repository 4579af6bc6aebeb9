/*
 * The states of a report and what changes them, as data. Pure: no PostgreSQL header.
 * docs/architecture.md draws the table, and a unit test compares the two.
 */
#ifndef BM_REPORT_MACHINE_H
#define BM_REPORT_MACHINE_H

typedef enum BmPhase
{
	BM_PHASE_RESTORED,
	BM_PHASE_WAITING,
	BM_PHASE_RUNNING,
	BM_PHASE_RETRYING,
	BM_PHASE_QUARANTINED,
	BM_PHASE_COUNT
} BmPhase;

typedef enum BmCause
{
	BM_CAUSE_ADOPTED,		 /* a restored report is whole */
	BM_CAUSE_SLOT,			 /* a slot is claimed */
	BM_CAUSE_REQUEST,		 /* a request is claimed */
	BM_CAUSE_RETRY,			 /* the next attempt is claimed */
	BM_CAUSE_SUCCEEDED,		 /* the attempt succeeded */
	BM_CAUSE_FAILED,		 /* it failed, and another one follows */
	BM_CAUSE_GAVE_UP,		 /* it failed, and none follows */
	BM_CAUSE_CRASHED,		 /* its process died, and another one follows */
	BM_CAUSE_CRASHED_LAST,	 /* its process died, and none follows */
	BM_CAUSE_CRASHED_AGAIN,	 /* its process died once too often */
	BM_CAUSE_MANUAL_SUCCESS, /* run_report() succeeded beside it */
	BM_CAUSE_CANCELLED,		 /* cancel_run() while it waits for the next attempt */
	BM_CAUSE_RESUMED,		 /* resume_report() or alter_report() */
	BM_CAUSE_RESET,			 /* reset_report() */
	BM_CAUSE_COUNT
} BmCause;

/* What a transition does, in this order. */
typedef enum BmAction
{
	BM_COUNT_FAILURE = 1 << 0, /* one more run failed */
	BM_COUNT_CRASH = 1 << 1,   /* one more attempt crashed */
	BM_CLEAR_CRASHES = 1 << 2,
	BM_CLEAR_FAILURES = 1 << 3,
	BM_CLOSE_RUN = 1 << 4,	   /* its attempts are at an end */
	BM_OPEN_RUN = 1 << 5,	   /* a slot or request is claimed */
	BM_COUNT_ATTEMPT = 1 << 6, /* one more attempt begins */
	BM_BACK_OFF = 1 << 7,	   /* nothing begins before next_attempt_at */
	BM_START_OVER = 1 << 8	   /* the next slot is counted from now */
} BmAction;

#define BM_ACTIONS 9

typedef struct BmTransition
{
	BmPhase from;
	BmCause cause;
	BmPhase to;
	unsigned actions;
} BmTransition;

extern const char *bm_phase_name(BmPhase phase);
extern const char *bm_cause_name(BmCause cause);
extern const char *bm_action_name(int bit);
extern const BmTransition *bm_machine_find(BmPhase from, BmCause cause);
extern const BmTransition *bm_machine_table(int *count);

#endif
