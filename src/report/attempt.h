/* An attempt to run a report, while it is made. */
#ifndef BM_REPORT_ATTEMPT_H
#define BM_REPORT_ATTEMPT_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "report/bucket.h"
#include "report/state.h"

/* What is done where new events cannot be added up at once. */
typedef enum BmInstead
{
	BM_INSTEAD_NOTHING,
	BM_INSTEAD_BY_WINDOWS,
	BM_INSTEAD_LOCATE
} BmInstead;

typedef struct BmRun
{
	int64 run_id;
	int64 report_id;
	TimestampTz slot; /* BM_NO_TIME: not scheduled */
	int attempt;
	BmTrigger trigger;
	bool has_window;
	BmWindow
		window; /* of what it has computed: from the first of its windows to the last one */
	TimestampTz started_at;
	int pid;

	/* An attempt of an incremental report may take more than one transaction. */
	Datum
		snapshot; /* pg_snapshot of its first transaction's beginning; 0: it has not begun */
	bool has_looked; /* for what changed */
	int windows;
	uint64 row_count;

	/* Rows of the table of before have gone, if it has a retention. */
	bool has_expired;
	TimestampTz expired_to;

	/* One window that fails does not keep it from the others: see bm_run_goes_on(). */
	BmWindow step; /* that is being computed, if is_computing */
	bool is_computing;
	BmInstead instead; /* of adding up new events, which is being done */
	bool has_added;	   /* they were, and what is pending is computed */
	bool by_windows;   /* that failed, and is done so */
	bool locates;	   /* likewise, and the event is looked for */
	bool has_others;   /* there are others to compute after it, or with it */
	int failed;		   /* windows that failed */
	int failed_in_a_row;
	BmWindow first_failed;
	TimestampTz past; /* if any did: what begins before was computed, or failed */
	bool is_narrow;
	TimestampTz narrow_to; /* then what begins before is computed bucket by bucket */
	ErrorData *error;	   /* for which it has failed; NULL: none */
	bool has_culprit;	   /* an event for which it has */
	pg_uuid_t culprit;
	TimestampTz culprit_at;
} BmRun;

#endif
