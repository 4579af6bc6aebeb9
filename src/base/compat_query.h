/* Differences between PostgreSQL's major versions in planning and executing queries: see compat.h. */
#ifndef BM_BASE_COMPAT_QUERY_H
#define BM_BASE_COMPAT_QUERY_H

#include "executor/executor.h"
#include "nodes/plannodes.h"
#include "optimizer/optimizer.h"

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

/*
 * 18 made what a query groups by an entry of its range table, the last, of which its columns are Vars; here they
 * are the expressions themselves again. Queries in it are left as they are.
 */
static inline void
bm_ungroup(Query *query)
{
#if PG_VERSION_NUM >= 180000
	if (!query->hasGroupRTE)
		return;
	query->targetList =
		(List *) flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	Assert(llast_node(RangeTblEntry, query->rtable)->rtekind == RTE_GROUP);
	query->rtable = list_truncate(query->rtable, list_length(query->rtable) - 1);
	query->hasGroupRTE = false;
#endif
}

#endif
