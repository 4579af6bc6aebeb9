/* Where each report stands, and what is due. */
#ifndef BM_REPORT_STATE_H
#define BM_REPORT_STATE_H

#include "datatype/timestamp.h"

#include "report/bucket.h"
#include "report/machine.h"
#include "report/registry.h"

/* No such time, run or transaction. */
#define BM_NO_TIME DT_NOBEGIN
#define BM_NO_ID 0

/* So many crashes in a row, and a report is not run any more: each may have ended the server. */
#define BM_CRASHES_TO_QUARANTINE 3

typedef enum BmTrigger
{
	BM_TRIGGER_NONE,
	BM_TRIGGER_SCHEDULE,
	BM_TRIGGER_REQUEST,
	BM_TRIGGER_MANUAL
} BmTrigger;

typedef struct BmReportState
{
	int64 report_id;
	bool adopted;		   /* runs here: was created here or adopted after a restore */
	int64 adopt_after;	   /* transactions older than this must have ended first */
	TimestampTz next_slot; /* BM_NO_TIME: the schedule is broken */
	TimestampTz last_slot;
	TimestampTz ran_until; /* the clock was set back: slots up to here may have run */

	/* The run that is open: a slot or request whose attempts are not at an end. */
	BmTrigger chain_trigger;	 /* BM_TRIGGER_NONE: there is none */
	TimestampTz chain_slot;		 /* BM_NO_TIME for a request */
	int attempt;				 /* attempts made in it; while not adopted, checks made */
	int64 run_id;				 /* the last of them, or BM_NO_ID */
	TimestampTz next_attempt_at; /* nothing begins before, but what is asked for */

	/* That attempt while it is under way: the history has it when it has ended. */
	int pid; /* 0: it has ended, and the rest says nothing */
	TimestampTz started_at;
	bool has_window;
	BmWindow window;

	int consecutive_failures;
	TimestampTz last_success_at;
	char *broken_reason;	/* NULL: it can run */
	TimestampTz done_until; /* what runs after it need not wait for slots up to here */
	int consecutive_crashes;
	int revision; /* the report's, that next_slot was computed for */

	TimestampTz expired_to;	 /* rows of before have gone, ... */
	NameData expired_column; /* ... by this column */
} BmReportState;

/* What a runner would do for a report now. */
typedef enum BmDue
{
	BM_DUE_NOTHING,
	BM_DUE_SLOT,
	BM_DUE_RETRY,
	BM_DUE_REQUEST
} BmDue;

/* What there is to know, beside its state, of a report that is looked at. */
typedef struct BmLook
{
	TimestampTz now;
	TimestampTz ready; /* not after now: slots up to here may run */
	bool requested;
	bool paused;
	bool each; /* slots do not replace one another */
} BmLook;

extern const char *bm_trigger_name(BmTrigger trigger);
extern BmTrigger bm_trigger_find(const char *name);
extern BmReportState *bm_state_get(int64 report_id);
extern void bm_state_put(const BmReportState *state);
extern void bm_state_delete(int64 report_id);
extern BmReportState *bm_state_create(const BmReport *report, bool adopted);

extern BmReportState *bm_state_start_over(const BmReport *report, BmReportState *state,
										  BmCause cause);
extern BmPhase bm_state_phase(const BmReportState *state);
extern unsigned bm_state_apply(BmReportState *state, BmCause cause);
extern BmDue bm_state_due(const BmReportState *state, const BmLook *look);
extern TimestampTz bm_state_wake(const BmReportState *state, const BmLook *look);
extern bool bm_state_is_off(const BmReportState *state, const BmReport *report,
							TimestampTz now);
extern void bm_state_set_right(BmReportState *state, const BmReport *report,
							   TimestampTz now);

#endif
