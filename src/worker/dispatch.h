/* Handing due reports over to runners. */
#ifndef BM_WORKER_DISPATCH_H
#define BM_WORKER_DISPATCH_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#include "report/registry.h"

/* A report that is due, or will be in a moment. */
typedef struct BmDueReport
{
	const BmReport *report;
	Oid owner;
	TimestampTz since;
} BmDueReport;

extern void bm_dispatch_init(MemoryContext context);
extern bool bm_dispatch_reap(void);
extern void bm_dispatch_begin(void);
extern bool bm_dispatch_has(int64 report_id);
extern BmDueReport *bm_dispatch_due(const BmReport *report, TimestampTz since);
extern void bm_dispatch_forget(int64 report_id);
extern void bm_dispatch_forget_gone(const List *reports);
extern TimestampTz bm_dispatch(List *due_reports);
extern bool bm_dispatch_is_busy(void);

#endif
