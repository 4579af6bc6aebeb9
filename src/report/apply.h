/* Bringing a report's table to what its SELECT gives. */
#ifndef BM_REPORT_APPLY_H
#define BM_REPORT_APPLY_H

#include "base/spi.h"
#include "report/select.h"

/* What becomes of the table's rows whose key the SELECT did not give. */
typedef enum BmVanished
{
	BM_VANISHED_STAY,
	BM_VANISHED_GO_IN_WINDOW, /* those of [$1, $2), and of the values $3 where they are given */
	BM_VANISHED_GO
} BmVanished;

extern uint64 bm_apply(const BmReport *report, const char *sql, const BmSelect *select,
					   const BmParameters *parameters, bool add, BmVanished vanished,
					   List **written);

extern uint64 bm_apply_empty(const BmReport *report, const BmSelect *select,
							 const BmParameters *parameters, TimestampTz *first,
							 TimestampTz *last);

extern bool bm_apply_values_are_all(const BmReport *report, const BmSelect *select,
									const BmParameters *parameters);

#endif
