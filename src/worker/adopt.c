/*
 * Taking over reports that a restore brought.
 *
 * pg_restore and psql -f look alike from inside, and a report that ran before its target has
 * its rows and its primary key would double them. A dump makes primary keys after it has loaded all
 * data, so a report waits until its target has the one it had, for a while until the readers may read
 * it, and until every transaction that was running then has ended. A target that had none waits
 * for the keys of the partitions of business_events, which the same dump makes at the same stage.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "event/event.h"
#include "report/access.h"
#include "worker/adopt.h"

/* Between two looks: doubling, so that a report whose target never comes costs little. */
#define FIRST_WAIT (2 * USECS_PER_SEC)
#define MAX_DOUBLINGS 9

/*
 * So many looks at a whole target are given to the grants on it, which a dump has last. A run that
 * shared the table meanwhile would make them fail.
 */
#define LOOKS_FOR_GRANTS 5

/* A partition whose primary key a restore has still to make, or InvalidOid. */
Oid
bm_partition_without_key(void)
{
	ListCell *cell;

	foreach(cell, find_inheritance_children(bm_event_parent(), NoLock))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_RELATION &&
			!bm_target_has_key(lfirst_oid(cell)))
			return lfirst_oid(cell);
	return InvalidOid;
}

static bool
target_is_whole(const BmReport *report)
{
	Oid target = bm_report_target(report, true);
	Oid owner = bm_report_owner(report);

	/* Grants come last in a dump: an owner who may not use the schema would fail for nothing. */
	if (!OidIsValid(target) || !OidIsValid(owner) ||
		!bm_role_may(owner, ACL_USAGE, NamespaceRelationId, get_rel_namespace(target)))
		return false;
	return report->target_has_key ? bm_target_has_key(target)
								  : !OidIsValid(bm_partition_without_key());
}

static bool
is_shared(const BmReport *report)
{
	return bm_access_is_shared(bm_report_target(report, false));
}

static bool
older_transactions_ended(int64 xact)
{
	FullTransactionId limit = FullTransactionIdFromU64((uint64) xact);

	return TransactionIdFollowsOrEquals(GetLatestSnapshot()->xmin,
										XidFromFullTransactionId(limit));
}

/* Transactions that run now have to end first. The looks at what was not whole count no more. */
static void
note_whole(BmReportState *state)
{
	if (state->adopt_after == BM_NO_ID)
		state->attempt = 0;
	state->adopt_after = (int64) U64FromFullTransactionId(ReadNextFullTransactionId());
}

static void
look_again_later(BmReportState *state)
{
	state->next_attempt_at =
		bm_clock_now() + (FIRST_WAIT << Min(state->attempt, MAX_DOUBLINGS));
	state->attempt++;
}

/* One look at a report that is not adopted, under its lock; state is its row, or NULL. */
void
bm_adopt(const BmReport *report, BmReportState *state)
{
	if (state == NULL)
		state = bm_state_create(report, false);
	else if (state->next_attempt_at > bm_clock_now())
		return;
	if (!target_is_whole(report))
	{
		state->adopt_after = BM_NO_ID;
		look_again_later(state);
	}
	else if (state->adopt_after == BM_NO_ID ||
			 (state->attempt < LOOKS_FOR_GRANTS && !is_shared(report)))
	{
		note_whole(state);
		look_again_later(state);
	}
	else if (!older_transactions_ended(state->adopt_after))
		look_again_later(state);
	else
		state = bm_state_start_over(report, state, BM_CAUSE_ADOPTED);
	bm_state_put(state);
}
