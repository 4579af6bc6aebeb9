/* track_table() and untrack_table(): an ordinary trigger of the user's table, made as the caller. */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/table.h"
#include "event/template.h"
#include "event/tracking.h"

#define TRIGGER_NAME "bizmetrics_track"
#define ANY_COLUMN "*"

PG_FUNCTION_INFO_V1(bizmetrics_track_table);
PG_FUNCTION_INFO_V1(bizmetrics_untrack_table);

/* The arguments of track_table(). */
enum
{
	ARG_SOURCE,
	ARG_ON_INSERT,
	ARG_ON_UPDATE,
	ARG_ON_DELETE,
	ARG_COLUMNS,
	ARG_ENTITY_TYPE,
	ARG_ENTITY_ID,
	ARG_ACTOR_USER_ID,
	ARG_COMPANY_ID,
	ARG_OCCURRED_AT,
	ARG_PROPERTIES,
	ARG_DEDUPE_KEY
};

static const struct
{
	int argument;
	const char *argument_name;
	const char *key;
	const char *command;
	int16 type;
} operations[BM_OPERATIONS] = {
	{ARG_ON_INSERT, "on_insert", BM_EMIT_INSERT, "INSERT", TRIGGER_TYPE_INSERT},
	{ARG_ON_UPDATE, "on_update", BM_EMIT_UPDATE, "UPDATE", TRIGGER_TYPE_UPDATE},
	{ARG_ON_DELETE, "on_delete", BM_EMIT_DELETE, "DELETE", TRIGGER_TYPE_DELETE},
};

static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* The items of a text[] as strings; NIL for NULL. */
static List *
list_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Datum *items;
	bool *nulls;
	int count;
	List *list = NIL;

	if (PG_ARGISNULL(argument))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(argument), TEXTOID, -1, false, TYPALIGN_INT,
					  &items, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not contain NULL", name)));
		list = lappend(list, TextDatumGetCString(items[i]));
	}
	return list;
}

static Oid
source_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_SOURCE))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("source must not be NULL"),
						errhint("Say which table, for example 'public.orders'.")));
	return PG_GETARG_OID(ARG_SOURCE);
}

static Relation
open_own_table(Oid relid, LOCKMODE lockmode)
{
	if (!bm_table_ownercheck(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	return table_open(relid, lockmode);
}

/* Events of events would have no end. */
static void
check_source(Relation rel)
{
	Oid relid = RelationGetRelid(rel);
	char kind = rel->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
	if (relid == bm_event_parent() || RelationGetNamespace(rel) == bm_schema_oid(false) ||
		(rel->rd_rel->relispartition &&
		 list_member_oid(get_partition_ancestors(relid), bm_event_parent())))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot track table \"%s\"", RelationGetRelationName(rel)),
						errdetail("It is a table of bizmetrics itself.")));
}

/* The table's owner is who logs: he must have the right to. */
static void
check_owner_may_log(Relation rel)
{
	bm_event_check_writer(bm_event_parent(), rel->rd_rel->relowner);
}

/* The column that is the primary key. */
static char *
key_column(Relation rel)
{
	Bitmapset *key = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int number;

	if (!bms_get_singleton_member(key, &number))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" has no primary key of a single column",
						RelationGetRelationName(rel)),
				 errhint("Say which column identifies a row, or several in a template: "
						 "entity_id => '{order_id}-{line}'; or '' for none.")));
	number += FirstLowInvalidHeapAttributeNumber;
	return pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel), number - 1)->attname));
}

/* Adds a key with a string to the trigger's argument, unless it is left out or empty. */
static void
add_string(StringInfo argument, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	appendStringInfo(argument, "%s\"%s\": ", argument->len > 1 ? ", " : "", key);
	escape_json(argument, value);
}

static void
add_list(StringInfo argument, const char *key, List *values)
{
	ListCell *cell;

	if (values == NIL)
		return;
	appendStringInfo(argument, "%s\"%s\": [", argument->len > 1 ? ", " : "", key);
	foreach(cell, values)
	{
		if (cell != list_head(values))
			appendStringInfoString(argument, ", ");
		escape_json(argument, lfirst(cell));
	}
	appendStringInfoChar(argument, ']');
}

static bool
is_ours(const Trigger *trigger)
{
	return trigger->tgfoid == bm_function_oid(BM_EMIT_FUNCTION) && trigger->tgnargs == 1;
}

/* Tracking the same again, in a migration that runs twice, would log each event twice. */
static void
check_not_tracked(Relation rel, BmOperation operation, const char *event_name)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];
		const char *logged;

		if (!is_ours(trigger) || (trigger->tgtype & operations[operation].type) == 0)
			continue;
		logged = bm_tracking_event_name(trigger->tgargs[0], operation);
		if (logged != NULL && strcmp(logged, event_name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_OBJECT),
					 errmsg("table \"%s\" is tracked already: trigger \"%s\" logs \"%s\"",
							RelationGetRelationName(rel), trigger->tgname, event_name),
					 errhint("Run bizmetrics.untrack_table() first to change it.")));
	}
}

static char *
event_name_argument(FunctionCallInfo fcinfo, Relation rel, BmOperation operation)
{
	char *event_name = text_argument(fcinfo, operations[operation].argument);

	if (event_name == NULL)
		return NULL;
	if (event_name[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", operations[operation].argument_name),
				 errhint("Say what happened, for example 'order_paid'.")));
	bm_template_check_name(bm_template_parse("event name", event_name));
	check_not_tracked(rel, operation, event_name);
	return event_name;
}

/* The columns whose values the event's name has. */
static List *
columns_of_name(const char *event_name)
{
	BmTemplate *template = bm_template_parse("event name", event_name);
	List *columns = NIL;

	for (int i = 0; i < template->count; i++)
		if (template->parts[i].is_reference)
			columns = lappend(columns, template->parts[i].text);
	return columns;
}

/* The columns whose change makes an update an event; NIL for any. */
static List *
watched_columns(FunctionCallInfo fcinfo)
{
	List *columns = list_argument(fcinfo, ARG_COLUMNS, "columns");

	if (PG_ARGISNULL(ARG_ON_UPDATE))
		return NIL;
	if (columns == NIL)
		return columns_of_name(text_argument(fcinfo, ARG_ON_UPDATE));
	if (list_length(columns) == 1 && strcmp(linitial(columns), ANY_COLUMN) == 0)
		return NIL;
	return columns;
}

/* An update's property of this name would meet what the values were before. */
static List *
property_columns(FunctionCallInfo fcinfo)
{
	List *columns = list_argument(fcinfo, ARG_PROPERTIES, "properties");
	ListCell *cell;

	foreach(cell, columns)
		if (!PG_ARGISNULL(ARG_ON_UPDATE) &&
			strcmp(lfirst(cell), BM_TRACKING_OLD_VALUES) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("column \"%s\" cannot be a property of an update",
								   BM_TRACKING_OLD_VALUES),
							errdetail("That property has what the others were before.")));
	return columns;
}

/* The trigger's argument: see tracking.c. */
static char *
make_argument(FunctionCallInfo fcinfo, Relation rel)
{
	char *entity_type = text_argument(fcinfo, ARG_ENTITY_TYPE);
	char *entity_id = text_argument(fcinfo, ARG_ENTITY_ID);
	StringInfoData argument;

	initStringInfo(&argument);
	appendStringInfoChar(&argument, '{');
	for (int i = 0; i < BM_OPERATIONS; i++)
		add_string(&argument, operations[i].key, event_name_argument(fcinfo, rel, i));
	if (argument.len == 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("on_insert, on_update and on_delete are all NULL"),
						errhint("Say which event is logged when, for example on_insert "
								"=> 'order_created'.")));
	add_list(&argument, BM_EMIT_COLUMNS, watched_columns(fcinfo));
	add_string(&argument, BM_EMIT_ENTITY_TYPE,
			   entity_type != NULL ? entity_type : RelationGetRelationName(rel));
	add_string(&argument, BM_EMIT_ENTITY_ID,
			   entity_id != NULL ? entity_id : key_column(rel));
	add_string(&argument, BM_EMIT_ACTOR_USER_ID,
			   text_argument(fcinfo, ARG_ACTOR_USER_ID));
	add_string(&argument, BM_EMIT_COMPANY_ID, text_argument(fcinfo, ARG_COMPANY_ID));
	add_string(&argument, BM_EMIT_OCCURRED_AT, text_argument(fcinfo, ARG_OCCURRED_AT));
	add_list(&argument, BM_EMIT_PROPERTIES, property_columns(fcinfo));
	add_string(&argument, BM_EMIT_DEDUPE_KEY, text_argument(fcinfo, ARG_DEDUPE_KEY));
	appendStringInfoChar(&argument, '}');
	return argument.data;
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

static char *
free_trigger_name(Oid relid)
{
	char *name = pstrdup(TRIGGER_NAME);

	for (int n = 2; OidIsValid(get_trigger_oid(relid, name, true)); n++)
		name = psprintf("%s_%d", TRIGGER_NAME, n);
	return name;
}

static char *
create_command(FunctionCallInfo fcinfo, Oid relid, const char *argument)
{
	StringInfoData command;
	const char *separator = "";

	initStringInfo(&command);
	appendStringInfo(&command, "CREATE TRIGGER %s AFTER ", free_trigger_name(relid));
	for (int i = 0; i < BM_OPERATIONS; i++)
		if (!PG_ARGISNULL(operations[i].argument))
		{
			appendStringInfo(&command, "%s%s", separator, operations[i].command);
			separator = " OR ";
		}
	appendStringInfo(&command,
					 " ON %s FOR EACH ROW EXECUTE FUNCTION bizmetrics." BM_EMIT_FUNCTION
					 "(%s)",
					 qualified_name(relid), quote_literal_cstr(argument));
	return command.data;
}

static void
execute_all(List *commands)
{
	ListCell *cell;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach(cell, commands)
	{
		int result = SPI_execute(lfirst(cell), false, 0);

		if (result < 0)
			elog(ERROR, "could not execute \"%s\": %s", (char *) lfirst(cell),
				 SPI_result_code_string(result));
	}
	SPI_finish();
}

Datum
bizmetrics_track_table(PG_FUNCTION_ARGS)
{
	Oid relid = source_argument(fcinfo);
	Relation rel = open_own_table(relid, ShareRowExclusiveLock);
	char *argument;

	check_source(rel);
	check_owner_may_log(rel);
	argument = make_argument(fcinfo, rel);
	/* Raises what the trigger would raise at its first row. */
	(void) bm_tracking_create(rel, NULL, argument);
	table_close(rel, NoLock);
	execute_all(list_make1(create_command(fcinfo, relid, argument)));
	PG_RETURN_VOID();
}

/* What a partition has from its parent goes with that. */
static List *
drop_commands(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;
	List *commands = NIL;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];

		if (trigger->tgfoid == bm_function_oid(BM_EMIT_FUNCTION) && !trigger->tgisclone)
			commands = lappend(commands, psprintf("DROP TRIGGER %s ON %s",
												  quote_identifier(trigger->tgname),
												  qualified_name(RelationGetRelid(rel))));
	}
	return commands;
}

Datum
bizmetrics_untrack_table(PG_FUNCTION_ARGS)
{
	Relation rel = open_own_table(source_argument(fcinfo), AccessExclusiveLock);
	List *commands = drop_commands(rel);

	if (commands == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" is not tracked", RelationGetRelationName(rel)),
				 errhint("A partition is untracked with its partitioned table.")));
	table_close(rel, NoLock);
	execute_all(commands);
	PG_RETURN_VOID();
}
