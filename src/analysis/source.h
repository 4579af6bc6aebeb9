/* Where a scan's events come from: the tables themselves, or a plan of the executor. */
#ifndef BM_ANALYSIS_SOURCE_H
#define BM_ANALYSIS_SOURCE_H

#include "access/tableam.h"
#include "nodes/plannodes.h"

#include "analysis/collect.h"

typedef struct BmSource
{
	PlannedStmt *plan;
	const char *sql;
	ParamListInfo parameters;
	BmRowShape shape; /* of the plan's rows */
	bool is_direct; /* whole tables are read, nothing but the query's conditions holds */
	List *tables;	/* Oids, locked, where is_direct */
	BlockNumber pages; /* of the tables */
	double rows;	   /* as the planner has it */
} BmSource;

/* Plans reading the events, and checks the caller's rights (42501). In the current context. */
extern BmSource *bm_source_plan(const BmScanQuery *query, uint32 columns);

/* Takes all that the plan finds, in the active snapshot. */
extern void bm_source_execute(BmSource *source, BmCollector *collector);

/* Takes what a scan of a heap finds. */
extern void bm_source_read(Relation table, TableScanDesc scan, uint32 columns,
						   BmCollector *collector);

/* Workers for reading these tables, as the planner would choose them. */
extern int bm_source_workers(const BmSource *source);

#endif
