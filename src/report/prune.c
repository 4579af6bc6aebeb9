/*
 * Pruning: old events leave by whole partitions.
 *
 * A partition goes if its range ends before the limit and no report has still to read it.
 * Dropping takes ACCESS EXCLUSIVE on business_events to the end of the transaction, so what goes
 * is looked for first without it, and once more under it. Each partition that went is logged and
 * has a row in bizmetrics.pruned_events.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/table.h"
#include "event/event.h"
#include "report/bucket.h"
#include "report/increment.h"
#include "report/prune.h"
#include "report/registry.h"
#include "report/state.h"
#include "report/watermark.h"

PG_FUNCTION_INFO_V1(bizmetrics_prune_events_interval);
PG_FUNCTION_INFO_V1(bizmetrics_prune_events_time);
PG_FUNCTION_INFO_V1(bizmetrics_kept_from);

/* Columns of what prune_events() returns. */
enum
{
	PRUNE_PARTITION,
	PRUNE_FROM_TIME,
	PRUNE_TO_TIME,
	PRUNE_ESTIMATED_EVENTS,
	PRUNE_BYTES,
	PRUNE_DROPPED,
	PRUNE_REASON,
	PRUNE_COLUMNS
};

/* Columns of bizmetrics.pruned_events. */
enum
{
	PRUNED_AT,
	PRUNED_BY,
	PRUNED_PARTITION,
	PRUNED_FROM_TIME,
	PRUNED_TO_TIME,
	PRUNED_EVENT_NAME,
	PRUNED_EVENTS,
	PRUNED_BYTES,
	PRUNED_COLUMNS
};

/* A partition that begins before the limit. */
typedef struct Candidate
{
	BmPartition partition;
	char *name;
	int64 events; /* estimated; -1: nobody knows */
	int64 bytes;
	bool dropped;
	char *reason; /* what it is kept for; NULL: nothing */
} Candidate;

/* The windows that a report has still to compute begin here. */
static TimestampTz
first_pending(const BmReport *report)
{
	List *pending = bm_pending_list(report->id);

	return pending != NIL ? ((BmPiece *) linitial(pending))->window.start : DT_NOEND;
}

/*
 * The earliest time whose events a report has still to read, or may read again. One that follows changes has
 * read all that its watermark says; where that is void, nothing. It may read again the buckets that its last
 * success touched. One without a bucket, and no watermark, reads everything each time, so that it has read what was
 * over at its last success. One that is not adopted since a restore may have read nothing.
 */
static TimestampTz
reads_from(const BmReport *report)
{
	BmReportState *state = bm_state_get(report->id);
	BmWatermark *mark = bm_watermark_get(report);
	bool follows = bm_increment_is_incremental(report);
	TimestampTz pending = follows ? first_pending(report) : DT_NOEND;
	TimestampTz from;

	if (state == NULL || !state->adopted || bm_report_problem(report) != NULL)
		return DT_NOBEGIN;
	from = state->last_success_at == BM_NO_TIME ? DT_NOBEGIN : state->last_success_at;
	if (follows && (mark->is_void || mark->snapshot == (Datum) 0))
		from = DT_NOBEGIN;
	if (report->bucket != NULL && from != DT_NOBEGIN)
		from = bm_bucket_window(report->bucket, report->lookback,
								pg_tzset(report->timezone), from)
				   .start;
	return Min(from, pending);
}

BmLastReader
bm_prune_last_reader(void)
{
	BmLastReader last = {NULL, DT_NOEND};
	ListCell *cell;

	foreach(cell, bm_report_list())
	{
		BmReport *report = lfirst(cell);
		TimestampTz from = reads_from(report);

		if (last.report == NULL || from < last.from)
		{
			last.report = report->name;
			last.from = from;
		}
	}
	return last;
}

/* The report that has still to read this partition, as a reason, or NULL. */
char *
bm_prune_reason_to_keep(const BmPartition *partition, const BmLastReader *last)
{
	if (last->report != NULL && partition->upper > last->from)
		return psprintf("report \"%s\" has not read it", last->report);
	return NULL;
}

/* Why a partition is not pruned, or NULL. */
static char *
reason_to_keep(const BmPartition *partition, TimestampTz limit, const BmLastReader *last)
{
	if (partition->is_default)
		return "it is the default partition";
	if (partition->upper > limit)
		return "it may hold later events";
	return bm_prune_reason_to_keep(partition, last);
}

static int64
estimated_events(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	float4 events = -1;

	if (HeapTupleIsValid(tuple))
	{
		events = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return (int64) events;
}

/* The partitions that begin before the limit, and what each is kept for. */
static List *
find_candidates(Oid parent_oid, TimestampTz limit, LOCKMODE lockmode)
{
	Relation parent = table_open(parent_oid, lockmode);
	BmLastReader last = bm_prune_last_reader();
	List *candidates = NIL;
	ListCell *cell;

	foreach(cell, bm_partition_list(parent))
	{
		BmPartition *partition = lfirst(cell);
		Candidate *candidate;

		if (partition->lower >= limit)
			continue;
		candidate = palloc0(sizeof(Candidate));
		candidate->partition = *partition;
		candidate->name = get_rel_name(partition->relid);
		candidate->events = estimated_events(partition->relid);
		candidate->bytes = DatumGetInt64(DirectFunctionCall1(
			pg_total_relation_size, ObjectIdGetDatum(partition->relid)));
		candidate->reason = reason_to_keep(partition, limit, &last);
		candidates = lappend(candidates, candidate);
	}
	/* An upgrade of this lock would deadlock with another one. */
	table_close(parent, lockmode == AccessExclusiveLock ? NoLock : lockmode);
	return candidates;
}

static Candidate *
first_to_go(const List *candidates)
{
	ListCell *cell;

	foreach(cell, candidates)
		if (((Candidate *) lfirst(cell))->reason == NULL)
			return lfirst(cell);
	return NULL;
}

void
bm_prune_set_time(Datum *v, bool *n, int column, TimestampTz time)
{
	v[column] = TimestampTzGetDatum(time);
	n[column] = TIMESTAMP_NOT_FINITE(time);
}

/* Notes for good what went: event_name is NULL for all, by for the worker; events -1: unknown. */
void
bm_prune_record(const BmPartition *partition, const char *event_name, int64 events,
				int64 bytes, const char *by)
{
	Relation rel = bm_table_open("pruned_events", RowExclusiveLock);
	Datum v[PRUNED_COLUMNS] = {0};
	bool n[PRUNED_COLUMNS] = {false};

	v[PRUNED_AT] = TimestampTzGetDatum(bm_clock_now());
	bm_table_set_text(v, n, PRUNED_BY, by);
	v[PRUNED_PARTITION] = CStringGetTextDatum(get_rel_name(partition->relid));
	bm_prune_set_time(v, n, PRUNED_FROM_TIME, partition->lower);
	bm_prune_set_time(v, n, PRUNED_TO_TIME, partition->upper);
	bm_table_set_text(v, n, PRUNED_EVENT_NAME, event_name);
	v[PRUNED_EVENTS] = Int64GetDatum(events);
	n[PRUNED_EVENTS] = events < 0;
	v[PRUNED_BYTES] = Int64GetDatum(bytes);
	bm_table_insert(rel, v, n);
	table_close(rel, NoLock);
}

/*
 * The first time of which no event was pruned, of these names or of all where that is NULL. DT_NOBEGIN: none
 * ever was.
 */
TimestampTz
bm_prune_kept_from(ArrayType *events)
{
	Relation rel = bm_table_open("pruned_events", AccessShareLock);
	List *names = bm_text_list(events);
	TimestampTz kept_from = DT_NOBEGIN;
	ListCell *cell;
	ListCell *name;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
	{
		Datum v[PRUNED_COLUMNS];
		bool n[PRUNED_COLUMNS];
		bool counts;

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), v, n);
		counts = n[PRUNED_EVENT_NAME] || events == NULL;
		foreach(name, n[PRUNED_EVENT_NAME] ? NIL : names)
			counts |=
				strcmp(lfirst(name), TextDatumGetCString(v[PRUNED_EVENT_NAME])) == 0;
		if (counts && !n[PRUNED_TO_TIME])
			kept_from = Max(kept_from, DatumGetTimestampTz(v[PRUNED_TO_TIME]));
	}
	table_close(rel, AccessShareLock);
	return kept_from;
}

static void
drop(Oid owner, Candidate *candidate, const char *by)
{
	bm_prune_record(&candidate->partition, NULL, candidate->events, candidate->bytes, by);
	bm_partition_drop(owner, candidate->partition.relid);
	candidate->dropped = true;
	ereport(LOG, (errmsg("pruned partition \"%s\" of business_events", candidate->name),
				  errdetail("%s pruned it, with " INT64_FORMAT " bytes.",
							by != NULL ? psprintf("Role \"%s\"", by) : "The worker",
							candidate->bytes)));
}

static Oid
parent_owner(Oid parent_oid)
{
	Relation parent = table_open(parent_oid, NoLock);
	Oid owner = parent->rd_rel->relowner;

	table_close(parent, NoLock);
	return owner;
}

/*
 * The worker's share of bizmetrics.event_retention, one partition; says whether there was one. One
 * that has had its time and has to stay is an error, once the others are gone.
 */
bool
bm_prune_partition(void)
{
	Oid parent_oid = bm_event_parent();
	TimestampTz limit =
		bm_clock_now() - bm_guc_event_retention * (int64) USECS_PER_MINUTE;
	List *candidates;
	Candidate *candidate;
	ListCell *cell;

	if (bm_guc_event_retention == 0)
		return false;
	candidates = find_candidates(parent_oid, limit, AccessShareLock);
	if (first_to_go(candidates) != NULL)
	{
		candidates = find_candidates(parent_oid, limit, AccessExclusiveLock);
		candidate = first_to_go(candidates);
		if (candidate != NULL)
			drop(parent_owner(parent_oid), candidate, NULL);
		return true;
	}
	foreach(cell, candidates)
	{
		candidate = lfirst(cell);
		if (candidate->partition.upper <= limit && !candidate->partition.is_default)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("partition \"%s\" cannot be pruned: %s",
								   candidate->name, candidate->reason),
							errhint("Let the report run, or drop it.")));
	}
	return false;
}

static void
return_candidates(FunctionCallInfo fcinfo, const List *candidates)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, candidates)
	{
		Candidate *candidate = lfirst(cell);
		Datum v[PRUNE_COLUMNS];
		bool n[PRUNE_COLUMNS] = {false};

		v[PRUNE_PARTITION] = CStringGetTextDatum(candidate->name);
		bm_prune_set_time(v, n, PRUNE_FROM_TIME, candidate->partition.lower);
		bm_prune_set_time(v, n, PRUNE_TO_TIME, candidate->partition.upper);
		v[PRUNE_ESTIMATED_EVENTS] = Int64GetDatum(candidate->events);
		n[PRUNE_ESTIMATED_EVENTS] = candidate->events < 0;
		v[PRUNE_BYTES] = Int64GetDatum(candidate->bytes);
		v[PRUNE_DROPPED] = BoolGetDatum(candidate->dropped);
		v[PRUNE_REASON] = CStringGetTextDatum(
			candidate->reason != NULL ? candidate->reason
			: candidate->dropped	  ? "all its events are older"
									  : "dry run: all its events are older");
		tuplestore_putvalues(result->setResult, result->setDesc, v, n);
	}
}

void
bm_prune_check_owner(Oid parent_oid)
{
	if (!bm_table_ownercheck(parent_oid, GetUserId()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of table \"%s\" to prune it",
							   get_rel_name(parent_oid))));
}

static void
check_limit(TimestampTz limit)
{
	if (TIMESTAMP_NOT_FINITE(limit) || limit > bm_clock_now())
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("older_than must be in the past, not \"%s\"",
							   timestamptz_to_str(limit)),
						errhint("Events are kept from then on: say for how long, such as "
								"interval '2 years', or since when.")));
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("older_than and dry_run must not be NULL")));
}

static void
prune_events(FunctionCallInfo fcinfo, TimestampTz limit)
{
	Oid parent_oid = bm_event_parent();
	bool dry_run = PG_GETARG_BOOL(1);
	List *candidates;
	ListCell *cell;

	bm_prune_check_owner(parent_oid);
	check_limit(limit);
	if (!dry_run)
		PreventCommandIfReadOnly("prune_events()");
	candidates = find_candidates(parent_oid, limit, AccessShareLock);
	if (!dry_run && first_to_go(candidates) != NULL)
	{
		candidates = find_candidates(parent_oid, limit, AccessExclusiveLock);
		foreach(cell, candidates)
			if (((Candidate *) lfirst(cell))->reason == NULL)
				drop(parent_owner(parent_oid), lfirst(cell),
					 GetUserNameFromId(GetUserId(), false));
	}
	return_candidates(fcinfo, candidates);
}

/* prune_events(older_than timestamptz, dry_run) */
Datum
bizmetrics_prune_events_time(PG_FUNCTION_ARGS)
{
	check_arguments(fcinfo);
	prune_events(fcinfo, PG_GETARG_TIMESTAMPTZ(0));
	return (Datum) 0;
}

/* prune_events(older_than interval, dry_run) */
Datum
bizmetrics_prune_events_interval(PG_FUNCTION_ARGS)
{
	check_arguments(fcinfo);
	prune_events(fcinfo, DatumGetTimestampTz(DirectFunctionCall2(
							 timestamptz_mi_interval, TimestampTzGetDatum(bm_clock_now()),
							 PG_GETARG_DATUM(0))));
	return (Datum) 0;
}

/* kept_from(event_names) */
Datum
bizmetrics_kept_from(PG_FUNCTION_ARGS)
{
	ArrayType *names = PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0);

	if (names != NULL && array_contains_nulls(names))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("event_names must not contain NULL"),
						errhint("Give NULL in place of the array for every event.")));
	PG_RETURN_TIMESTAMPTZ(bm_prune_kept_from(names));
}
