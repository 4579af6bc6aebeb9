/* Reports that read another report's table: they are told what it changed. */
#include "postgres.h"

#include "report/followers.h"
#include "report/select.h"
#include "report/target.h"

/* Does another report read this one's table? */
bool
bm_has_followers(const BmReport *report)
{
	Oid target = bm_report_target(report, false);
	ListCell *cell;

	foreach(cell, bm_report_list())
		if (((BmReport *) lfirst(cell))->source != NULL &&
			bm_report_source(lfirst(cell)) == target)
			return true;
	return false;
}

/* A window that was computed, for reports that read this one's table. What a custom query wrote may not count. */
void
bm_tell_followers(const BmReport *report, uint64 rows, BmWindow window)
{
	if ((rows > 0 || report->strategy == BM_CUSTOM) && bm_has_followers(report))
		bm_change_insert(report->id, window);
}
