/* Differences between PostgreSQL's major versions in planning and executing queries: see compat.h. */
#ifndef BM_BASE_COMPAT_QUERY_H
#define BM_BASE_COMPAT_QUERY_H

#include "executor/executor.h"
#include "nodes/plannodes.h"

/* 16 keeps the rights that a plan needs apart from its tables. */
static inline void
bm_check_permissions(PlannedStmt *plan)
{
#if PG_VERSION_NUM >= 160000
	ExecCheckPermissions(plan->rtable, plan->permInfos, true);
#else
	ExecCheckRTPerms(plan->rtable, true);
#endif
}

/* 18 knows by itself whether a query is executed once. */
static inline void
bm_executor_run(QueryDesc *query)
{
#if PG_VERSION_NUM >= 180000
	ExecutorRun(query, ForwardScanDirection, 0);
#else
	ExecutorRun(query, ForwardScanDirection, 0, true);
#endif
}

#endif
