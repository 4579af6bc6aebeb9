/* What metrics and alerts share: checks of a query and of who registers it, and when to look again. */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/table.h"
#include "metric/evaluate.h"
#include "report/registry.h"

void
bm_query_require(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not be NULL", name)));
}

static bool
find_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	return raw_expression_tree_walker(node, find_parameter, context);
}

/* The one SELECT that the text is, without what ends it; and whether it has parameters. */
char *
bm_query_trim(const char *query, bool *has_parameters)
{
	List *commands = pg_parse_query(query);
	RawStmt *command = commands != NIL ? linitial_node(RawStmt, commands) : NULL;

	if (list_length(commands) != 1 || !IsA(command->stmt, SelectStmt))
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("query must be one SELECT"),
						errhint("Write several into one with UNION ALL or WITH.")));
	*has_parameters = find_parameter(command->stmt, NULL);
	query += command->stmt_location;
	return command->stmt_len > 0 ? pnstrdup(query, command->stmt_len) : pstrdup(query);
}

static void
rethrow(MemoryContext context, const char *hint)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
		ReThrowError(error); /* who cancels means no argument */
	error->message = psprintf("invalid query: %s", error->message);
	error->cursorpos = error->internalpos = 0;
	error->internalquery = NULL;
	if (error->hint == NULL && (error->sqlerrcode == ERRCODE_UNDEFINED_COLUMN ||
								error->sqlerrcode == ERRCODE_UNDEFINED_PARAMETER))
		error->hint = pstrdup(hint);
	ReThrowError(error);
}

/* The query must parse, and return what it is to, for its owner. */
void
bm_query_check(const char *wrapped, Oid owner, int nargs, Oid *types, const char *hint)
{
	MemoryContext context = CurrentMemoryContext;
	Oid caller;
	int security;

	GetUserIdAndSecContext(&caller, &security);
	if (owner != caller)
		SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE |
										  SECURITY_RESTRICTED_OPERATION);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PG_TRY();
	{
		if (SPI_prepare(wrapped, nargs, types) == NULL)
			elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	}
	PG_CATCH();
	{
		rethrow(context, hint);
	}
	PG_END_TRY();
	SPI_finish();
	SetUserIdAndSecContext(caller, security);
}

/* The role that it will run as: the one that the argument names, or the caller. */
Oid
bm_query_owner(FunctionCallInfo fcinfo, int argument, const char *what)
{
	Oid caller = GetUserId();
	Oid owner = PG_ARGISNULL(argument)
					? caller
					: get_role_oid(NameStr(*PG_GETARG_NAME(argument)), false);
	const char *problem;

	if (owner != caller && !bm_member_can_set_role(caller, owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be member of role \"%s\" to make it the owner of %s",
							   GetUserNameFromId(owner, false), what)));
	problem = bm_owner_problem(GetUserNameFromId(owner, false));
	if (problem != NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("%s cannot run as this owner: %s", what, problem),
						errhint("Say owner => a plain role that may log in and was "
								"granted bizmetrics.grant_author().")));
	return owner;
}

/*
 * Before a metric or an alert is changed or dropped: may the caller do so, and nobody looks at what its
 * owner has registered any more until the transaction ends. owner is NULL where there is none of the name.
 */
void
bm_query_lock(const char *what, const char *name, const char *owner)
{
	Oid role = owner != NULL ? get_role_oid(owner, true) : InvalidOid;

	if (owner != NULL && !bm_role_inherits(GetUserId(), role) &&
		!bm_role_inherits(GetUserId(), bm_extension_owner()))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied for %s \"%s\"", what, name)));
	bm_evaluate_lock(role);
}

/* The rows of one of our tables that are about the metric or alert of this name. */
void
bm_named_rows_delete(const char *table, const char *index, const char *name)
{
	Relation rel = bm_table_open(table, RowExclusiveLock);
	ListCell *cell;

	foreach(cell, bm_table_list(rel, index, TEXTOID, CStringGetTextDatum(name)))
		(void) bm_table_delete(rel, lfirst(cell));
	table_close(rel, NoLock);
}

Interval *
bm_interval_copy(Datum value)
{
	Interval *copy = palloc(sizeof(Interval));

	*copy = *DatumGetIntervalP(value);
	return copy;
}

/* Looks are made at the beginning of minutes, a moment earlier or later. */
bool
bm_look_due(TimestampTz looked_at, const Interval *every, TimestampTz now)
{
	if (looked_at == DT_NOBEGIN || looked_at > now)
		return true;
	return looked_at - looked_at % USECS_PER_MINUTE + bm_interval_usecs(every) <= now;
}

void
bm_query_interval_check(const char *name, const Interval *value, int64 least)
{
	if (bm_interval_usecs(value) < least ||
		bm_interval_usecs(value) > 366 * USECS_PER_DAY)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s \"%s\" is not between %s and a year", name,
							   DatumGetCString(DirectFunctionCall1(
								   interval_out, IntervalPGetDatum(value))),
							   least >= USECS_PER_MINUTE ? "a minute"
							   : least > 0				 ? "a millisecond"
														 : "zero")));
}

/* Makes, alters or drops the report that looks at the metrics and alerts of a role. */
void
bm_query_schedule(const char *owner)
{
	Oid types[1] = {TEXTOID};
	Datum values[1] = {CStringGetTextDatum(owner)};

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args("SELECT bizmetrics.schedule_metrics($1)", 1, types, values,
							  NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not schedule the metrics of \"%s\"", owner);
	SPI_finish();
}
