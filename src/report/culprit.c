/*
 * The event for which new ones cannot be added up.
 *
 * Where there are no windows to tell it, all that is new waits for it, and whoever is to let it through must know which it
 * is. It is found by halves of the time in which the SELECT fails, each tried in a subtransaction that is undone: as many
 * events are read as twice those that are new.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "base/spi.h"
#include "report/culprit.h"
#include "report/increment.h"
#include "report/retry.h"

/* Can it be looked for: can the SELECT be restricted? */
bool
bm_culprit_may_be(const BmReport *report, const BmSelect *select)
{
	return select != NULL && report->bucket == NULL && select->is_plain;
}

static void
execute(const BmReport *report, const BmSelect *select, BmWindow window)
{
	BmParameters parameters = {0};
	BmRestriction restriction = {.only = BM_ONLY_NEW | BM_ONLY_WINDOW, .window = window};

	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.start));
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.end));
	(void) bm_spi_execute_into(bm_select_sql(select, report, &restriction), &parameters,
							   CreateDestReceiver(DestNone));
}

/* Does the SELECT fail for the data of new events of a time? */
static bool
fails(const BmReport *report, const BmSelect *select, BmWindow window)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		execute(report, select, window);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && !bm_retry_is_of_data(error->sqlerrcode))
		ReThrowError(error);
	return error != NULL;
}

/* The time of the new events; false where there are none. */
static bool
time_of_new(BmWindow *window)
{
	bool is_null;

	(void) bm_spi_execute(
		"SELECT pg_catalog.min(e.occurred_at), "
		"pg_catalog.max(e.occurred_at) FROM bizmetrics.new_events() AS e",
		NULL);
	window->start = DatumGetTimestampTz(bm_spi_value(0, 1, &is_null));
	window->end = DatumGetTimestampTz(bm_spi_value(0, 2, &is_null)) + 1;
	return !is_null;
}

/* The first time, as short as can be, for which alone it fails; false where no half of a time does. */
static bool
narrow(const BmReport *report, const BmSelect *select, BmWindow *window)
{
	while (window->end - window->start > 1)
	{
		TimestampTz middle = window->start + (window->end - window->start) / 2;
		BmWindow first = {window->start, middle};
		BmWindow second = {middle, window->end};

		if (fails(report, select, first))
			*window = first;
		else if (fails(report, select, second))
			*window = second;
		else
			return false;
	}
	return true;
}

/* In the step after the one that failed: the first of the events of a time for which it fails. */
static void
find(const BmReport *report, BmRun *run)
{
	BmSelect *select = bm_select_read(report);
	BmParameters parameters = {0};
	BmWindow window;
	bool is_null;

	if (!time_of_new(&window) || !narrow(report, select, &window))
		return;
	bm_parameter_add(&parameters, TIMESTAMPTZOID, TimestampTzGetDatum(window.start));
	(void) bm_spi_execute("SELECT e.id FROM bizmetrics.new_events() AS e"
						  " WHERE e.occurred_at OPERATOR(pg_catalog.=) $1"
						  " ORDER BY e.id LIMIT 1",
						  &parameters);
	run->culprit = *DatumGetUUIDP(bm_spi_value(0, 1, &is_null));
	run->culprit_at = window.start;
	run->has_culprit = true;
}

/* Looks for it, as the report's owner, in SPI; what it finds is in the run. */
void
bm_culprit_find(const BmReport *report, BmRun *run)
{
	BmWatermark *mark = bm_watermark_get(report);
	BmIncrement increment = {.report = report,
							 .before = mark->is_void ? (Datum) 0 : mark->snapshot,
							 .now = run->snapshot};

	bm_increment_enter(&increment);
	PG_TRY();
	{
		find(report, run);
	}
	PG_FINALLY();
	{
		bm_increment_leave(&increment);
	}
	PG_END_TRY();
}
