/* The registered reports: rows of bizmetrics.reports and what can be said of them. */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "base/clock.h"
#include "base/guc.h"
#include "base/table.h"
#include "base/timezone.h"
#include "report/after.h"
#include "report/bucket.h"
#include "report/registry.h"
#include "report/schedule.h"

/* Columns of bizmetrics.reports. */
enum
{
	REPORT_ID,
	REPORT_NAME,
	REPORT_OWNER,
	REPORT_TARGET,
	REPORT_DDL,
	REPORT_QUERY,
	REPORT_SCHEDULE,
	REPORT_TIMEZONE,
	REPORT_BUCKET,
	REPORT_LOOKBACK,
	REPORT_MAX_ATTEMPTS,
	REPORT_BACKOFF,
	REPORT_TIMEOUT,
	REPORT_SEARCH_PATH,
	REPORT_TARGET_HAS_KEY,
	REPORT_CREATED_AT,
	REPORT_MISFIRE,
	REPORT_MISFIRE_GRACE,
	REPORT_MAX_CATCHUP,
	REPORT_OVERLAP,
	REPORT_RETRY_ON,
	REPORT_AFTER,
	REPORT_PAUSED,
	REPORT_REVISION,
	REPORT_STRATEGY,
	REPORT_KEY,
	REPORT_EVENTS,
	REPORT_COMPANIES,
	REPORT_GRAIN,
	REPORT_REACH,
	REPORT_SOURCE,
	REPORT_SOURCE_TIME,
	REPORT_RETENTION,
	REPORT_RETENTION_COLUMN,
	REPORT_DEFINITION,
	REPORT_MATCH_DAYS,
	REPORT_COLUMNS
};

static const char *const misfire_names[] = {"once", "skip", "each", NULL};
static const char *const overlap_names[] = {"skip", "queue_one", NULL};
static const char *const retry_on_names[] = {"all", "transient", NULL};
static const char *const strategy_names[] = {
	"custom", "merge", "replace_window", "delta", "append", "full", NULL};

void (*bm_registry_changed)(void) = NULL;
const char *(*bm_worker_problem)(void) = NULL;

static int
find_word(const char *const *words, const char *word)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

/* A word of ours in a row that somebody else wrote may be none: that is the first, the default. */
static int
stored_word(const char *const *words, Datum value)
{
	return Max(find_word(words, TextDatumGetCString(value)), 0);
}

bool
bm_misfire_find(const char *name, BmMisfire *misfire)
{
	int word = find_word(misfire_names, name);

	*misfire = (BmMisfire) word;
	return word >= 0;
}

bool
bm_overlap_find(const char *name, BmOverlap *overlap)
{
	int word = find_word(overlap_names, name);

	*overlap = (BmOverlap) word;
	return word >= 0;
}

bool
bm_retry_on_find(const char *name, BmRetryOn *retry_on)
{
	int word = find_word(retry_on_names, name);

	*retry_on = (BmRetryOn) word;
	return word >= 0;
}

bool
bm_strategy_find(const char *name, BmStrategy *strategy)
{
	int word = find_word(strategy_names, name);

	*strategy = (BmStrategy) word;
	return word >= 0;
}

const char *
bm_strategy_name(BmStrategy strategy)
{
	return strategy_names[strategy];
}

/* The texts as strings, but for NULLs; of NULL, none. */
List *
bm_text_list(ArrayType *array)
{
	List *texts = NIL;
	Datum *items;
	bool *nulls;
	int count;

	if (array == NULL)
		return NIL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			texts = lappend(texts, TextDatumGetCString(items[i]));
	return texts;
}

/* As extract(epoch) has it: a day of 24 hours, a month of 30 days. */
int64
bm_interval_usecs(const Interval *interval)
{
	return interval->time +
		   (interval->day + (int64) interval->month * DAYS_PER_MONTH) * USECS_PER_DAY;
}

static Interval *
copy_interval(Datum value, bool isnull)
{
	Interval *copy;

	if (isnull)
		return NULL;
	copy = palloc(sizeof(Interval));
	*copy = *DatumGetIntervalP(value);
	return copy;
}

static void
read_backoff(BmReport *report, Datum value)
{
	Datum *items;
	bool *nulls;

	report->backoff_array = DatumGetArrayTypePCopy(value);
	deconstruct_array(report->backoff_array, INTERVALOID, sizeof(Interval), false,
					  TYPALIGN_DOUBLE, &items, &nulls, &report->backoff_length);
	report->backoff = palloc(sizeof(int64) * Max(report->backoff_length, 1));
	for (int i = 0; i < report->backoff_length; i++)
		report->backoff[i] =
			nulls[i] ? 0 : bm_interval_usecs(DatumGetIntervalP(items[i]));
}

static ArrayType *
copy_array(Datum value, bool isnull)
{
	return isnull ? NULL : DatumGetArrayTypePCopy(value);
}

static char *
copy_text(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* What an incremental report has beyond others. */
static void
read_increment(BmReport *report, Datum *values, bool *nulls)
{
	report->strategy = (BmStrategy) stored_word(strategy_names, values[REPORT_STRATEGY]);
	report->key = copy_array(values[REPORT_KEY], nulls[REPORT_KEY]);
	report->events = copy_array(values[REPORT_EVENTS], nulls[REPORT_EVENTS]);
	report->companies = copy_array(values[REPORT_COMPANIES], nulls[REPORT_COMPANIES]);
	report->grain = copy_text(values[REPORT_GRAIN], nulls[REPORT_GRAIN]);
	report->reach = copy_interval(values[REPORT_REACH], nulls[REPORT_REACH]);
	report->source = copy_text(values[REPORT_SOURCE], nulls[REPORT_SOURCE]);
	report->source_time =
		copy_text(values[REPORT_SOURCE_TIME], nulls[REPORT_SOURCE_TIME]);
	report->retention = copy_interval(values[REPORT_RETENTION], nulls[REPORT_RETENTION]);
	report->retention_column =
		copy_text(values[REPORT_RETENTION_COLUMN], nulls[REPORT_RETENTION_COLUMN]);
	report->definition = DatumGetInt32(values[REPORT_DEFINITION]);
}

static BmReport *
read_report(Relation rel, HeapTuple row)
{
	Datum values[REPORT_COLUMNS];
	bool nulls[REPORT_COLUMNS];
	BmReport *report = palloc0(sizeof(BmReport));

	heap_deform_tuple(row, RelationGetDescr(rel), values, nulls);
	report->id = DatumGetInt64(values[REPORT_ID]);
	report->name = TextDatumGetCString(values[REPORT_NAME]);
	report->owner = TextDatumGetCString(values[REPORT_OWNER]);
	report->target = TextDatumGetCString(values[REPORT_TARGET]);
	report->ddl = copy_text(values[REPORT_DDL], nulls[REPORT_DDL]);
	report->query = TextDatumGetCString(values[REPORT_QUERY]);
	report->schedule = TextDatumGetCString(values[REPORT_SCHEDULE]);
	report->timezone = TextDatumGetCString(values[REPORT_TIMEZONE]);
	report->bucket = copy_interval(values[REPORT_BUCKET], nulls[REPORT_BUCKET]);
	report->lookback = copy_interval(values[REPORT_LOOKBACK], nulls[REPORT_LOOKBACK]);
	report->max_attempts = DatumGetInt32(values[REPORT_MAX_ATTEMPTS]);
	read_backoff(report, values[REPORT_BACKOFF]);
	report->timeout = copy_interval(values[REPORT_TIMEOUT], nulls[REPORT_TIMEOUT]);
	report->search_path = TextDatumGetCString(values[REPORT_SEARCH_PATH]);
	report->target_has_key = DatumGetBool(values[REPORT_TARGET_HAS_KEY]);
	report->created_at = DatumGetTimestampTz(values[REPORT_CREATED_AT]);
	report->misfire = (BmMisfire) stored_word(misfire_names, values[REPORT_MISFIRE]);
	report->misfire_grace =
		copy_interval(values[REPORT_MISFIRE_GRACE], nulls[REPORT_MISFIRE_GRACE]);
	report->max_catchup = DatumGetInt32(values[REPORT_MAX_CATCHUP]);
	report->overlap = (BmOverlap) stored_word(overlap_names, values[REPORT_OVERLAP]);
	report->retry_on = (BmRetryOn) stored_word(retry_on_names, values[REPORT_RETRY_ON]);
	if (!bm_match_days_find(TextDatumGetCString(values[REPORT_MATCH_DAYS]),
							&report->match_days))
		report->match_days = BM_MATCH_ANY;
	report->after = copy_array(values[REPORT_AFTER], nulls[REPORT_AFTER]);
	report->paused = DatumGetBool(values[REPORT_PAUSED]);
	report->revision = DatumGetInt32(values[REPORT_REVISION]);
	read_increment(report, values, nulls);
	return report;
}

static BmReport *
get_report(const char *index, Oid type, Datum key)
{
	Relation rel = bm_table_open("reports", AccessShareLock);
	HeapTuple row = bm_table_get(rel, index, type, key);
	BmReport *report = row != NULL ? read_report(rel, row) : NULL;

	table_close(rel, AccessShareLock);
	return report;
}

/* NULL where there is none. */
BmReport *
bm_report_find(const char *name)
{
	return get_report("reports_report_name_key", TEXTOID, CStringGetTextDatum(name));
}

BmReport *
bm_report_get(int64 id)
{
	return get_report("reports_pkey", INT8OID, Int64GetDatum(id));
}

BmReport *
bm_report_require(const char *name)
{
	BmReport *report = bm_report_find(name);

	if (report == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("report \"%s\" does not exist", name),
						errhint("The view bizmetrics.report_status lists the reports.")));
	return report;
}

List *
bm_report_list(void)
{
	Relation rel = bm_table_open("reports", AccessShareLock);
	List *reports = NIL;
	ListCell *cell;

	foreach(cell, bm_table_list(rel, NULL, InvalidOid, (Datum) 0))
		reports = lappend(reports, read_report(rel, lfirst(cell)));
	table_close(rel, AccessShareLock);
	return reports;
}

static Datum
interval_or_null(const Interval *interval, bool *isnull)
{
	*isnull = interval == NULL;
	return *isnull ? (Datum) 0 : IntervalPGetDatum(interval);
}

static void
set_array(Datum *values, bool *nulls, int column, ArrayType *array)
{
	nulls[column] = array == NULL;
	values[column] = PointerGetDatum(array);
}

static void
form_increment(const BmReport *report, Datum *values, bool *nulls)
{
	values[REPORT_STRATEGY] = CStringGetTextDatum(strategy_names[report->strategy]);
	set_array(values, nulls, REPORT_KEY, report->key);
	set_array(values, nulls, REPORT_EVENTS, report->events);
	set_array(values, nulls, REPORT_COMPANIES, report->companies);
	bm_table_set_text(values, nulls, REPORT_GRAIN, report->grain);
	values[REPORT_REACH] = interval_or_null(report->reach, &nulls[REPORT_REACH]);
	bm_table_set_text(values, nulls, REPORT_SOURCE, report->source);
	bm_table_set_text(values, nulls, REPORT_SOURCE_TIME, report->source_time);
	values[REPORT_RETENTION] =
		interval_or_null(report->retention, &nulls[REPORT_RETENTION]);
	bm_table_set_text(values, nulls, REPORT_RETENTION_COLUMN, report->retention_column);
	values[REPORT_DEFINITION] = Int32GetDatum(report->definition);
}

static void
form_report(const BmReport *report, Datum *values, bool *nulls)
{
	values[REPORT_ID] = Int64GetDatum(report->id);
	values[REPORT_NAME] = CStringGetTextDatum(report->name);
	values[REPORT_OWNER] = CStringGetTextDatum(report->owner);
	values[REPORT_TARGET] = CStringGetTextDatum(report->target);
	bm_table_set_text(values, nulls, REPORT_DDL, report->ddl);
	values[REPORT_QUERY] = CStringGetTextDatum(report->query);
	values[REPORT_SCHEDULE] = CStringGetTextDatum(report->schedule);
	values[REPORT_TIMEZONE] = CStringGetTextDatum(report->timezone);
	values[REPORT_BUCKET] = interval_or_null(report->bucket, &nulls[REPORT_BUCKET]);
	values[REPORT_LOOKBACK] = interval_or_null(report->lookback, &nulls[REPORT_LOOKBACK]);
	values[REPORT_MAX_ATTEMPTS] = Int32GetDatum(report->max_attempts);
	values[REPORT_BACKOFF] = PointerGetDatum(report->backoff_array);
	values[REPORT_TIMEOUT] = interval_or_null(report->timeout, &nulls[REPORT_TIMEOUT]);
	values[REPORT_SEARCH_PATH] = CStringGetTextDatum(report->search_path);
	values[REPORT_TARGET_HAS_KEY] = BoolGetDatum(report->target_has_key);
	values[REPORT_CREATED_AT] = TimestampTzGetDatum(report->created_at);
	values[REPORT_MISFIRE] = CStringGetTextDatum(misfire_names[report->misfire]);
	values[REPORT_MISFIRE_GRACE] =
		interval_or_null(report->misfire_grace, &nulls[REPORT_MISFIRE_GRACE]);
	values[REPORT_MAX_CATCHUP] = Int32GetDatum(report->max_catchup);
	values[REPORT_OVERLAP] = CStringGetTextDatum(overlap_names[report->overlap]);
	values[REPORT_RETRY_ON] = CStringGetTextDatum(retry_on_names[report->retry_on]);
	values[REPORT_MATCH_DAYS] =
		CStringGetTextDatum(bm_match_days_name(report->match_days));
	set_array(values, nulls, REPORT_AFTER, report->after);
	values[REPORT_PAUSED] = BoolGetDatum(report->paused);
	values[REPORT_REVISION] = Int32GetDatum(report->revision);
	form_increment(report, values, nulls);
}

void
bm_report_insert(const BmReport *report)
{
	Relation rel = bm_table_open("reports", RowExclusiveLock);
	Datum values[REPORT_COLUMNS];
	bool nulls[REPORT_COLUMNS] = {false};

	form_report(report, values, nulls);
	bm_table_insert(rel, values, nulls);
	table_close(rel, NoLock);
	bm_registry_notify();
}

/* Stores a report as it is now; the caller has the registry's lock and read the report under it. */
void
bm_report_update(const BmReport *report)
{
	Relation rel = bm_table_open("reports", RowExclusiveLock);
	HeapTuple row = bm_table_get(rel, "reports_pkey", INT8OID, Int64GetDatum(report->id));
	Datum values[REPORT_COLUMNS];
	bool nulls[REPORT_COLUMNS] = {false};

	form_report(report, values, nulls);
	bm_table_update(rel, row, values, nulls);
	table_close(rel, NoLock);
	bm_registry_notify();
}

void
bm_report_delete(const BmReport *report)
{
	Relation rel = bm_table_open("reports", RowExclusiveLock);
	HeapTuple row = bm_table_get(rel, "reports_pkey", INT8OID, Int64GetDatum(report->id));

	if (row != NULL)
		bm_table_delete(rel, row);
	table_close(rel, NoLock);
	bm_registry_notify();
}

/*
 * Who changes the registry does so alone, to the end of its transaction; runs only read it. Take
 * this before the report's lock, which nobody waits for.
 */
void
bm_registry_lock(void)
{
	LockRelationOid(bm_relation_oid("reports", false), ShareUpdateExclusiveLock);
}

/* Tells the worker, once this transaction has committed, that the registry changed. */
void
bm_registry_notify(void)
{
	if (bm_registry_changed != NULL)
		bm_registry_changed();
}

/* The role, or InvalidOid where it was dropped. */
Oid
bm_report_owner(const BmReport *report)
{
	return get_role_oid(report->owner, true);
}

/* The target's name in analytics; NULL where the row names nothing there. */
static char *
target_table(const BmReport *report)
{
	List *names = NIL;

	if (!SplitIdentifierString(pstrdup(report->target), '.', &names) ||
		list_length(names) != 2 || strcmp(linitial(names), BM_ANALYTICS) != 0)
		return NULL;
	return lsecond(names);
}

/* The report's table. */
Oid
bm_report_target(const BmReport *report, bool missing_ok)
{
	Oid schema = get_namespace_oid(BM_ANALYTICS, true);
	char *table = target_table(report);
	Oid target = table != NULL && OidIsValid(schema) ? get_relname_relid(table, schema)
													 : InvalidOid;

	if (!OidIsValid(target) && !missing_ok)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("target %s does not exist", report->target)));
	return target;
}

/* The table that is read in place of events, or InvalidOid where it is gone or none. */
Oid
bm_report_source(const BmReport *report)
{
	List *names = NIL;
	Oid schema;

	if (report->source == NULL ||
		!SplitIdentifierString(pstrdup(report->source), '.', &names) ||
		list_length(names) != 2)
		return InvalidOid;
	schema = get_namespace_oid(linitial(names), true);
	return OidIsValid(schema) ? get_relname_relid(lsecond(names), schema) : InvalidOid;
}

/* The report that writes this table, or NULL. */
BmReport *
bm_report_of_target(Oid target)
{
	ListCell *cell;

	foreach(cell, bm_report_list())
		if (bm_report_target(lfirst(cell), true) == target)
			return lfirst(cell);
	return NULL;
}

bool
bm_target_has_key(Oid target)
{
	Relation rel = RelationIdGetRelation(target);
	bool has_key;

	if (rel == NULL)
		return false;
	list_free(RelationGetIndexList(rel)); /* which learns the primary key */
	has_key = OidIsValid(rel->rd_pkindex);
	RelationClose(rel);
	return has_key;
}

/* Why this row cannot be run, or NULL: create_report() stores none such, a restore may. */
const char *
bm_report_problem(const BmReport *report)
{
	TimestampTz next;

	if (target_table(report) == NULL)
		return psprintf("target \"%s\" is not a table in schema \"%s\"", report->target,
						BM_ANALYTICS);
	if (bm_timezone_find(report->timezone) == NULL)
		return psprintf("timezone \"%s\" is not known", report->timezone);
	if (!bm_schedule_next(report->schedule, report->timezone, report->match_days,
						  bm_clock_now(), &next))
		return psprintf("schedule \"%s\" does not fire", report->schedule);
	if (report->bucket != NULL && bm_bucket_problem(report->bucket) != NULL)
		return psprintf("its bucket is not valid: %s", bm_bucket_problem(report->bucket));
	if (report->lookback != NULL && bm_duration_problem(report->lookback) != NULL)
		return psprintf("its lookback is not valid: %s",
						bm_duration_problem(report->lookback));
	if (report->retention != NULL && bm_duration_problem(report->retention) != NULL)
		return psprintf("its retention is not valid: %s",
						bm_duration_problem(report->retention));
	if (report->reach != NULL && bm_duration_problem(report->reach) != NULL)
		return psprintf("its reach is not valid: %s", bm_duration_problem(report->reach));
	if (report->source != NULL && !OidIsValid(bm_report_source(report)))
		return psprintf("its source %s does not exist", report->source);
	if (report->max_attempts < 1 || report->backoff_length < 1 || report->max_catchup < 1)
		return "max_attempts, backoff and max_catchup must not be empty";
	return bm_after_problem(report);
}

/* Why reports of this role cannot run, or NULL. */
const char *
bm_owner_problem(const char *owner)
{
	HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(owner));
	const char *problem = NULL;

	if (!HeapTupleIsValid(tuple))
		return psprintf("role \"%s\" does not exist", owner);
	if (!((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin)
		problem = psprintf("role \"%s\" may not log in", owner);
	else if (((Form_pg_authid) GETSTRUCT(tuple))->rolsuper &&
			 !bm_guc_allow_superuser_reports)
		problem = psprintf("role \"%s\" is a superuser", owner);
	ReleaseSysCache(tuple);
	return problem;
}
