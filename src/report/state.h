/* Where each report stands, and what is due. */
#ifndef BM_REPORT_STATE_H
#define BM_REPORT_STATE_H

#include "datatype/timestamp.h"

#include "report/registry.h"

/* No such time, run or transaction. */
#define BM_NO_TIME DT_NOBEGIN
#define BM_NO_ID 0

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

	/* The open chain: a slot or request whose attempts are not at an end. */
	BmTrigger chain_trigger; /* BM_TRIGGER_NONE: there is none */
	TimestampTz chain_slot;	 /* BM_NO_TIME for a request */
	int attempt;			 /* attempts made in it; while not adopted, checks made */
	TimestampTz next_attempt_at;
	int64 run_id; /* the attempt under way, or BM_NO_ID */

	int consecutive_failures;
	TimestampTz last_success_at;
	char *broken_reason; /* NULL: it can run */
} BmReportState;

/* What a runner would do for a report now. */
typedef enum BmDue
{
	BM_DUE_NOTHING,
	BM_DUE_SLOT,
	BM_DUE_RETRY,
	BM_DUE_REQUEST
} BmDue;

extern const char *bm_trigger_name(BmTrigger trigger);
extern BmReportState *bm_state_get(int64 report_id);
extern void bm_state_put(const BmReportState *state);
extern void bm_state_delete(int64 report_id);
extern BmReportState *bm_state_create(const BmReport *report, bool adopted);

extern BmDue bm_state_due(const BmReportState *state, bool requested, TimestampTz now);
extern TimestampTz bm_state_wake(const BmReportState *state);
extern bool bm_state_is_ahead(const BmReportState *state, const BmReport *report,
							  TimestampTz now);
extern void bm_state_set_back(BmReportState *state, const BmReport *report,
							  TimestampTz now);
extern void bm_state_attempt_succeeded(BmReportState *state, TimestampTz now);
extern void bm_state_attempt_failed(BmReportState *state, const BmReport *report,
									TimestampTz now, bool final, double random);

#endif
