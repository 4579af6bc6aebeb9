/*
 * What creating or altering a report does as its owner: its table is made, checked and shared with the
 * readers, its query checked, and the strategy decided by which the one becomes the other.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "base/guc.h"
#include "report/access.h"
#include "report/after.h"
#include "report/depends.h"
#include "report/increment.h"
#include "report/prepare.h"
#include "report/select.h"
#include "report/target.h"
#include "report/whole.h"

/* Says in an error's message which argument raised it. */
static void
rethrow_with_argument(MemoryContext context, const char *argument,
					  const char *parameter_hint)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error); /* who cancels means no argument */
	error->message = psprintf("invalid %s: %s", argument, error->message);
	if (error->sqlerrcode == ERRCODE_UNDEFINED_PARAMETER && error->hint == NULL &&
		parameter_hint != NULL)
		error->hint = pstrdup(parameter_hint);
	ReThrowError(error);
}

static void
run_ddl(const BmReport *report)
{
	MemoryContext context = CurrentMemoryContext;

	if (report->ddl == NULL)
		return;
	PG_TRY();
	{
		int result = SPI_execute(report->ddl, false, 0);

		if (result < 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot execute this: %s", SPI_result_code_string(result))));
	}
	PG_CATCH();
	{
		rethrow_with_argument(context, "ddl", NULL);
	}
	PG_END_TRY();
}

static const char *
parameter_hint(const BmReport *report)
{
	if (report->grain != NULL)
		return "A report with bucket and grain has $1 and $2, the bounds of its window, "
			   "and $3, the values of its grain.";
	if (report->bucket != NULL)
		return "A report with bucket has $1 and $2, the bounds of its window.";
	return "Only a report with bucket has $1 and $2, the bounds of its window.";
}

/* The query must parse, and its tables and columns exist. */
static void
check_query(const BmReport *report)
{
	MemoryContext context = CurrentMemoryContext;
	Oid types[3] = {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID};

	PG_TRY();
	{
		SPIPlanPtr plan = SPI_prepare(report->query, bm_report_parameters(report), types);

		if (plan == NULL)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("cannot execute this: %s",
								   SPI_result_code_string(SPI_result))));
		if (SPI_plan_get_plan_sources(plan) == NIL)
			ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("it is empty")));
		SPI_freeplan(plan);
	}
	PG_CATCH();
	{
		rethrow_with_argument(context, "query", parameter_hint(report));
	}
	PG_END_TRY();
}

static Oid
find_target(const BmReport *report, Oid owner, bool is_new)
{
	Oid target = bm_report_target(report, true);
	char kind = OidIsValid(target) ? get_rel_relkind(target) : '\0';

	if (!OidIsValid(target))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("target %s does not exist", report->target),
						errhint(is_new ? "Give its CREATE TABLE as ddl."
									   : "Make it anew, and let reset_report() have it "
										 "filled.")));
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("target %s is not a table", report->target)));
	if (!bm_table_ownercheck(target, owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of target %s", report->target)));
	return target;
}

/* Does it take the table, or what its key tells apart, for its own? */
static bool
owns_rows(const BmReport *report)
{
	return report->strategy == BM_REPLACE_WINDOW || report->strategy == BM_FULL ||
		   report->strategy == BM_DELTA;
}

/* Two reports of which each deletes what the other wrote, or adds to it, fill no table. */
static void
check_alone(const BmReport *report, Oid target)
{
	ListCell *cell;

	foreach(cell, bm_report_list())
	{
		const BmReport *other = lfirst(cell);

		if (other->id != report->id && owns_rows(other) && owns_rows(report) &&
			bm_report_target(other, true) == target)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
							errmsg("target %s is that of report \"%s\"", report->target,
								   other->name),
							errhint("Use another target, or strategy merge for both.")));
	}
}

static bool
is_declarative(const BmReport *report)
{
	return report->strategy != BM_CUSTOM;
}

static void
need_key(const BmReport *report)
{
	if (report->key == NULL &&
		(report->strategy == BM_MERGE || report->strategy == BM_REPLACE_WINDOW ||
		 report->strategy == BM_DELTA))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("strategy \"%s\" needs key", bm_strategy_name(report->strategy)),
				 errhint("Name the columns that tell the table's rows apart, for example "
						 "key => '{day}'.")));
}

/* The cheapest of what is right. */
static BmStrategy
decide(const BmReport *report, const BmSelect *select)
{
	bool has_bucket_column = bm_target_bucket_column(report, select) != NULL;
	bool by_events_alone = report->source == NULL && report->grain == NULL &&
						   report->lookback == NULL && report->reach == NULL;

	if (bm_query_calls(report->query, "new_events"))
		return BM_DELTA;
	if (by_events_alone && (report->bucket == NULL || has_bucket_column) &&
		bm_select_delta_problem(select) == NULL && !bm_depends_on_others(select->query))
		return BM_DELTA;
	if (report->bucket == NULL)
		return BM_FULL;
	return has_bucket_column ? BM_REPLACE_WINDOW : BM_MERGE;
}

static void
refuse_strategy(const BmReport *report, const char *problem, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("strategy \"%s\" cannot be: %s",
						   bm_strategy_name(report->strategy), problem),
					errhint("%s", hint)));
}

/* What says which windows are computed is for a report that has windows. */
static void
check_windows(const BmReport *report)
{
	const char *given = report->grain != NULL	   ? "grain"
						: report->reach != NULL	   ? "reach"
						: report->lookback != NULL ? "lookback"
												   : NULL;

	if (given != NULL && bm_increment_mode(report) != BM_MODE_WINDOWS)
		refuse_strategy(report, psprintf("%s is of windows, and it has none", given),
						"Leave it out, or use replace_window, which goes by windows.");
}

/* A delta adds up columns that can be. */
static void
check_delta(const BmReport *report, const BmSelect *select)
{
	const char *problem = NULL;

	if (!bm_query_calls(report->query, "new_events"))
		problem = bm_select_delta_problem(select);
	for (int i = 0; i < select->desc->natts && problem == NULL; i++)
		if (select->combine[i] == BM_COMBINE_NONE)
			problem = psprintf("column \"%s\" cannot be added to what is there",
							   NameStr(TupleDescAttr(select->desc, i)->attname));
	if (problem != NULL)
		refuse_strategy(report, problem,
						"Use replace_window, which computes changed buckets anew.");
}

static void
check_strategy(const BmReport *report, const BmSelect *select)
{
	bool has_windows = bm_increment_mode(report) == BM_MODE_WINDOWS;

	need_key(report);
	if (report->strategy == BM_DELTA)
		check_delta(report, select);
	else if (report->strategy != BM_APPEND && bm_query_calls(report->query, "new_events"))
		refuse_strategy(report, "new_events() gives what is to be added to the table",
						"Use delta or append, or select from public.business_events.");
	if (report->strategy == BM_REPLACE_WINDOW && report->bucket == NULL)
		refuse_strategy(report, "the report has no bucket",
						"Give it one, or use full, which computes everything anew.");
	if ((report->strategy == BM_REPLACE_WINDOW ||
		 (report->strategy == BM_DELTA && report->bucket != NULL)) &&
		bm_target_bucket_column(report, select) == NULL)
		refuse_strategy(report, "no column of key is a time, which would tell the bucket",
						"Let key name the column of the bucket, or use merge.");
	if (report->strategy != BM_CUSTOM && !has_windows && report->source != NULL)
		refuse_strategy(report, "it does not go by windows, which source is for",
						"Use replace_window or merge.");
	if (has_windows && !select->is_plain && !select->has_window)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid query: it does not use $1 and $2"),
						errhint("Restrict what it reads to the window [$1, $2).")));
	if (has_windows && report->grain != NULL && select->grain_column < 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("grain \"%s\" is no column by which the query groups", report->grain),
			 errhint("Group by it, or by coalesce(%s, ''), and let key name the "
					 "column.",
					 report->grain)));
}

/* Reads the SELECT; an error of its own says that it is in query. */
static BmSelect *
read_select(const BmReport *report)
{
	MemoryContext context = CurrentMemoryContext;
	BmSelect *volatile select = NULL;

	PG_TRY();
	{
		if (!bm_select_is_one(report->query))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("it is not one SELECT"),
							errhint("Leave out key and strategy where the query writes "
									"itself.")));
		select = bm_select_read(report);
	}
	PG_CATCH();
	{
		rethrow_with_argument(context, "query", parameter_hint(report));
	}
	PG_END_TRY();
	return select;
}

/* Makes the table from the SELECT, or fits it to it. */
static void
prepare_target(const BmReport *report, const BmSelect *select, BmPrepare *prepare)
{
	Oid target = bm_report_target(report, true);

	prepare->target_was_made = !OidIsValid(target);
	if (prepare->target_was_made)
		bm_target_make(report, select);
	else if (!prepare->is_new && prepare->alters_rows)
		bm_target_add_columns(report, select, target);
	CommandCounterIncrement();
	bm_target_check(report, select, bm_report_target(report, false));
}

static void
check_is_time(const char *column, const char *argument, Oid type)
{
	if (!bm_target_is_time(type))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("%s \"%s\" is of type %s, which is no time", argument,
							   column, format_type_be(type))));
}

/* The table that is read in place of events, by its full name; whoever names it must see it. */
static void
find_source(BmReport *report)
{
	List *names = bm_qualified_names(report->source);
	Oid source = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, true);
	BmReport *other;

	if (!OidIsValid(source))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("source %s does not exist", report->source)));
	report->source = quote_qualified_identifier(
		get_namespace_name(get_rel_namespace(source)), get_rel_name(source));
	other = bm_report_of_target(source);
	if (report->source_time == NULL && other != NULL && other->strategy != BM_CUSTOM)
		report->source_time = bm_target_bucket_column(other, bm_select_read(other));
	if (report->source_time == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("source needs source_time"),
			 errhint("Name the column of %s that tells a row's time.", report->source)));
	if (get_attnum(source, report->source_time) == InvalidAttrNumber)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("source %s has no column \"%s\"", report->source,
							   report->source_time)));
	check_is_time(report->source_time, "source_time",
				  get_atttype(source, get_attnum(source, report->source_time)));
	if (other != NULL)
		bm_after_add(report, other->name);
}

/* The column that tells how old a row of the table is. */
static void
find_retention_column(BmReport *report, const BmSelect *select, Oid target)
{
	Oid type;

	if (report->retention == NULL)
		return;
	if (report->retention_column == NULL && select != NULL)
		report->retention_column = bm_target_bucket_column(report, select);
	if (report->retention_column == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("retention needs retention_column"),
						errhint("Name the column of %s that tells how old a row is.",
								report->target)));
	type = get_atttype(target, get_attnum(target, report->retention_column));
	if (!OidIsValid(type))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("target %s has no column \"%s\"", report->target,
							   report->retention_column)));
	check_is_time(report->retention_column, "retention_column", type);
}

/* Where nobody knows which rows are of which events, the table follows what there is. */
static void
tell_what_shrinks(const BmReport *report, const BmSelect *select)
{
	if (bm_increment_mode(report) == BM_MODE_WHOLE && select->reads_events &&
		!bm_whole_keeps_pruned(report, select))
		ereport(
			NOTICE,
			(errmsg("report \"%s\" follows what there is: when events are pruned, what "
					"they made up goes from it",
					report->name),
			 errhint("With bucket, and a time in key that tells it, buckets of pruned "
					 "events stay.")));
}

/* The query is a SELECT whose rows we put into the table. */
static BmSelect *
prepare_declarative(BmReport *report, BmPrepare *prepare)
{
	BmSelect *select = read_select(report);

	if (prepare->decides && report->key != NULL)
	{
		report->strategy = decide(report, select);
		ereport(NOTICE, (errmsg("report \"%s\" has strategy \"%s\"", report->name,
								bm_strategy_name(report->strategy))));
	}
	check_strategy(report, select);
	tell_what_shrinks(report, select);
	prepare_target(report, select, prepare);
	if (report->events == NULL && report->source == NULL)
		prepare->events = bm_select_natural_events(select);
	return select;
}

static void
prepare(BmReport *report, Oid owner, BmPrepare *prepare)
{
	BmSelect *select = NULL;
	Oid target;

	if (prepare->is_new)
		run_ddl(report);
	else
		bm_guc_set_locally("search_path", report->search_path);
	if (report->source != NULL)
		find_source(report);
	if (prepare->is_new && prepare->decides && report->key != NULL)
		report->strategy = BM_MERGE; /* until it is decided */
	prepare->events = report->events;
	if (is_declarative(report))
		select = prepare_declarative(report, prepare);
	check_windows(report);
	target = find_target(report, owner, prepare->is_new);
	if (prepare->is_new || prepare->alters_rows)
		check_alone(report, target);
	if (!is_declarative(report))
		check_query(report);
	find_retention_column(report, select, target);
	if (prepare->is_new)
	{
		report->target_has_key = bm_target_has_key(target);
		prepare->target_is_empty = bm_target_is_empty(report);
	}
	bm_target_comment(report, prepare->description, prepare->columns);
}

/* What was found lives as long as SPI does. */
static void
keep_what_was_found(BmReport *report, BmPrepare *prepare, MemoryContext memory)
{
	MemoryContext old = MemoryContextSwitchTo(memory);

	if (prepare->events != NULL)
		prepare->events =
			(ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(prepare->events));
	if (report->source != NULL)
		report->source = pstrdup(report->source);
	if (report->source_time != NULL)
		report->source_time = pstrdup(report->source_time);
	if (report->retention_column != NULL)
		report->retention_column = pstrdup(report->retention_column);
	if (report->after != NULL)
		report->after =
			(ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(report->after));
	MemoryContextSwitchTo(old);
}

/*
 * What happens as the report's owner. A superuser who registers for somebody else lends nothing: this runs
 * security-restricted.
 */
void
bm_prepare_as_owner(BmReport *report, Oid owner, BmPrepare *work)
{
	Oid caller;
	int context;
	int nest_level = NewGUCNestLevel();
	MemoryContext memory = CurrentMemoryContext;

	GetUserIdAndSecContext(&caller, &context);
	if (owner != caller)
		SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE |
										  SECURITY_RESTRICTED_OPERATION);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	prepare(report, owner, work);
	keep_what_was_found(report, work, memory);
	SPI_finish();
	bm_access_share_target(bm_report_target(report, false));
	AtEOXact_GUC(false, nest_level); /* what the ddl has set ends here */
	SetUserIdAndSecContext(caller, context);
}
