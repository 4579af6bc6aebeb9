/*
 * Reports that run after others.
 *
 * A slot of a report is ready once each report that it runs after is done for it: the latest slot
 * of the other one that is not later than this one has succeeded, or a later run has. "Done" is a time,
 * in the other one's state: none of its slots up to then is owed. So the slots of the follower that are
 * earlier than the first slot that the other one still owes are ready, and no later ones.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "report/access.h"
#include "report/after.h"
#include "report/schedule.h"
#include "report/state.h"

static bool
contains(const List *names, const char *name)
{
	ListCell *cell;

	foreach(cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/* Does a report of these names run, itself or through others, after the one of this name? */
static bool
leads_to(const List *start, const char *name)
{
	List *names = list_copy(start);

	for (int i = 0; i < list_length(names); i++) /* it grows */
	{
		BmReport *report;
		ListCell *cell;

		if (strcmp(list_nth(names, i), name) == 0)
			return true;
		report = bm_report_find(list_nth(names, i));
		if (report == NULL)
			continue;
		foreach(cell, bm_text_list(report->after))
			if (!contains(names, lfirst(cell)))
				names = lappend(names, lfirst(cell));
	}
	return false;
}

/* Refuses what a report cannot run after; the caller has the registry's lock. */
void
bm_after_check(const BmReport *report)
{
	List *names = bm_text_list(report->after);
	ListCell *cell;

	if (report->after != NULL && array_contains_nulls(report->after))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("after must not contain NULL")));
	if (leads_to(names, report->name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("report \"%s\" would run after itself", report->name),
				 errhint("Leave out of after what runs, directly or not, after it.")));
	foreach(cell, names)
	{
		BmReport *other = bm_report_require(lfirst(cell));

		if (!bm_may_see(other->owner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for report \"%s\"", other->name),
					 errhint("A report runs after those that its author may see.")));
	}
}

/* Lets a report run after another one, if it does not yet. */
void
bm_after_add(BmReport *report, const char *name)
{
	List *names = bm_text_list(report->after);
	Datum *items = palloc(sizeof(Datum) * (list_length(names) + 1));
	int count = 0;
	ListCell *cell;

	if (contains(names, name))
		return;
	foreach(cell, names)
		items[count++] = CStringGetTextDatum(lfirst(cell));
	items[count++] = CStringGetTextDatum(name);
	report->after = construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* What keeps it from ever being ready, or NULL. */
const char *
bm_after_problem(const BmReport *report)
{
	ListCell *cell;

	foreach(cell, bm_text_list(report->after))
		if (bm_report_find(lfirst(cell)) == NULL)
			return psprintf("report \"%s\", which it runs after, does not exist",
							(char *) lfirst(cell));
	return NULL;
}

/* The latest time, not after now, whose slots are ready. */
TimestampTz
bm_after_ready(const BmReport *report, TimestampTz now)
{
	TimestampTz ready = now;
	ListCell *cell;

	foreach(cell, bm_text_list(report->after))
	{
		BmReport *other = bm_report_find(lfirst(cell));
		BmReportState *state = other != NULL ? bm_state_get(other->id) : NULL;
		TimestampTz owed;

		if (state == NULL || !state->adopted)
			return DT_NOBEGIN;
		/* A time zone that is not known any more says nothing of what is owed. */
		if (!bm_schedule_next(other->schedule, other->timezone, other->match_days,
							  state->done_until, &owed))
			return DT_NOBEGIN;
		ready = Min(ready, owed - 1);
	}
	return ready;
}

/* Does any report run after the one of this name? */
bool
bm_after_has_followers(const char *name)
{
	ListCell *cell;

	foreach(cell, bm_report_list())
		if (contains(bm_text_list(((BmReport *) lfirst(cell))->after), name))
			return true;
	return false;
}
