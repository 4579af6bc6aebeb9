/*
 * bizmetrics.import_events(): brings in history.
 *
 * The source is read in ranges of blocks, each stored by one INSERT ... SELECT that runs as the
 * caller, with all rights, policies and triggers that this means. Where CALL may commit, it commits
 * after each: what a cancelled import has stored stays, and the next one passes over it, for a
 * row's id is the same each time.
 *
 * While all rows were new and good, the next ones are taken to be so too. A range in which one is not
 * is tried again without those that are there already or that log_event() would refuse. What fails
 * even so (a text that is no time, a CHECK of the owner, a dedupe key that somebody took meanwhile)
 * halves the range until it is one block, whose rows are tried one by one, each in a subtransaction.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/role.h"
#include "base/table.h"
#include "event/import.h"
#include "event/reject.h"

#define VIA "import_events"

/* Of the first batch, before it is known how many rows are in a block. */
#define ASSUMED_ROWS_PER_BLOCK 50

/* The procedure's arguments. */
enum
{
	ARG_SOURCE,
	ARG_MAPPING,
	ARG_NAME,
	ARG_ON_ERROR,
	ARG_BATCH_SIZE
};

/* What it returns. */
enum
{
	RESULT_STORED,
	RESULT_ALREADY_THERE,
	RESULT_REJECTED,
	RESULT_COLUMNS
};

/* Of a block that is in deadlocks, whoever makes them: then the error is raised. */
#define MAX_TRIES 100

PG_FUNCTION_INFO_V1(bizmetrics_import_events);

typedef struct Import
{
	bool may_commit;
	bool reject;  /* or raise */
	bool all_new; /* as far as has been read, there was no row that is not new and good */
	int batch_size;
	BmImportSource *source;
	const char *label; /* of its rejects */
	char *days_sql;
	char *insert_sql;	  /* fails on any row that is not new and good */
	char *insert_new_sql; /* leaves those out that are known to be neither */
	char *refused_sql;
	char *all_sql;
	char *row_sql;
	char *json_sql;
	TimestampTz begun;
	int64 rows; /* read */
	int64 stored;
	int64 already_there;
	int64 rejected;
	MemoryContext batch_context;
} Import;

/* Blocks [from, to) of the source. */
typedef struct Range
{
	Import *import;
	BlockNumber from;
	BlockNumber to;
	int64 rows;	  /* in it, once counted */
	int64 stored; /* once it is */
} Range;

/* A row that is tried alone. */
typedef struct Row
{
	SPIPlanPtr plan;
	ItemPointerData ctid;
	bool gone; /* somebody changed or deleted it meanwhile */
	bool stored;
} Row;

/* ---- the statements ---- */

/* Columns that are in indexes, whose values log_event() holds to a length. */
static const BmEventColumn id_columns[] = {BM_EVENT_ACTOR_USER_ID, BM_EVENT_COMPANY_ID,
										   BM_EVENT_ENTITY_TYPE, BM_EVENT_ENTITY_ID};

/* What the table itself does not take. */
static const char acceptable[] =
	"e.id IS NOT NULL AND pg_catalog.char_length(e.event_name) OPERATOR(pg_catalog.>) 0"
	" AND pg_catalog.char_length(e.event_name) OPERATOR(pg_catalog.<=) 100"
	" AND pg_catalog.isfinite(e.occurred_at)"
	" AND (e.dedupe_key IS NULL OR"
	" pg_catalog.char_length(e.dedupe_key) OPERATOR(pg_catalog.<=) 500)"
	" AND pg_catalog.jsonb_typeof(e.properties) OPERATOR(pg_catalog.=) 'object'";

/* And what it takes, but log_event() does not. */
static char *
short_ids(const BmImportMapping *mapping)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "true");
	for (int i = 0; i < lengthof(id_columns); i++)
	{
		const char *name = bm_event_column_names[id_columns[i]];

		if (mapping->may_be_long[id_columns[i]])
			appendStringInfo(&sql,
							 " AND (e.%s IS NULL OR pg_catalog.char_length(e.%s)"
							 " OPERATOR(pg_catalog.<=) %d)",
							 name, name, BM_ID_MAX);
	}
	return sql.data;
}

/* Nothing, as other systems write it: PHP has [] for an array without keys. */
static const char properties[] = "CASE WHEN r.properties OPERATOR(pg_catalog.=) ANY"
								 " (ARRAY['[]', 'null']::pg_catalog.jsonb[]) THEN '{}'"
								 " ELSE COALESCE(r.properties, '{}') END";

static const char *
column_type(int column)
{
	switch (column)
	{
		case BM_EVENT_ID:
			return "pg_catalog.uuid";
		case BM_EVENT_OCCURRED_AT:
			return "pg_catalog.timestamptz";
		case BM_EVENT_PROPERTIES:
			return "pg_catalog.jsonb";
		default:
			return "pg_catalog.text";
	}
}

static char *
column_list(const char *prefix)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
		appendStringInfo(&list, "%s%s%s", c > 0 ? ", " : "", prefix,
						 bm_event_column_names[c]);
	return list.data;
}

/* A query of the events that the rows of a source become, with more of a row in front. */
static char *
event_query(const Import *import, const BmImportMapping *mapping, const char *more,
			const char *more_names, const char *which)
{
	StringInfoData values;
	StringInfoData events;

	initStringInfo(&values);
	initStringInfo(&events);
	for (int c = 0; c < BM_EVENT_CALLER_COLUMNS; c++)
	{
		const char *name = bm_event_column_names[c];
		const char *comma = c > 0 ? ", " : "";

		if (mapping->column[c] != NULL)
			appendStringInfo(&values, "%s%s AS %s", comma, mapping->column[c], name);
		else
			appendStringInfo(&values, "%sNULL::%s AS %s", comma, column_type(c), name);
		if (c == BM_EVENT_PROPERTIES)
			appendStringInfo(&events, "%s%s AS %s", comma, properties, name);
		else
			appendStringInfo(&events, "%sr.%s", comma, name);
	}
	/* OFFSET 0: what is computed of a row is computed once. */
	return psprintf("SELECT %s%s FROM (SELECT %s%s FROM %s AS s WHERE %s OFFSET 0) AS r",
					more_names, events.data, more, values.data, import->source->table,
					which);
}

static void
write_statements(Import *import, const BmImportMapping *mapping)
{
	static const char blocks[] = "s.ctid OPERATOR(pg_catalog.>=) $1"
								 " AND s.ctid OPERATOR(pg_catalog.<) $2";
	static const char one[] = "s.ctid OPERATOR(pg_catalog.=) $1";
	const char *table = import->source->table;
	const char *unseen = mapping->column[BM_EVENT_DEDUPE_KEY] == NULL
							 ? ""
							 : " AND (e.dedupe_key IS NULL OR NOT"
							   " bizmetrics.dedupe_key_seen(e.dedupe_key))";

	import->days_sql = psprintf(
		"SELECT pg_catalog.date_trunc('day', e.at, 'UTC'), pg_catalog.count(*) FROM"
		" (SELECT %s AS at FROM %s AS s WHERE %s OFFSET 0) AS e GROUP BY 1",
		mapping->column[BM_EVENT_OCCURRED_AT], table, blocks);
	import->insert_sql = psprintf(
		"INSERT INTO public.business_events (%s) SELECT %s FROM (%s) AS e WHERE %s",
		column_list(""), column_list("e."), event_query(import, mapping, "", "", blocks),
		short_ids(mapping));
	import->insert_new_sql = psprintf("%s AND %s%s ON CONFLICT DO NOTHING",
									  import->insert_sql, acceptable, unseen);
	import->refused_sql = psprintf(
		"SELECT e.number, e.place FROM (%s) AS e WHERE (%s AND %s) IS NOT TRUE",
		event_query(import, mapping,
					"pg_catalog.row_number() OVER () AS number, s.ctid AS place, ",
					"r.number, r.place, ", blocks),
		short_ids(mapping), acceptable);
	import->all_sql =
		psprintf("SELECT pg_catalog.row_number() OVER (), s.ctid FROM %s AS s WHERE %s",
				 table, blocks);
	import->row_sql = event_query(import, mapping, "", "", one);
	import->json_sql =
		psprintf("SELECT pg_catalog.to_jsonb(s.*) FROM %s AS s WHERE %s", table, one);
}

static void
execute_for_range(const char *sql, const Range *range, int expected)
{
	Oid types[] = {TIDOID, TIDOID};
	ItemPointerData from;
	ItemPointerData to;
	Datum bounds[] = {PointerGetDatum(&from), PointerGetDatum(&to)};

	ItemPointerSet(&from, range->from, 0);
	ItemPointerSet(&to, range->to, 0);
	if (SPI_execute_with_args(sql, lengthof(types), types, bounds, NULL, false, 0) !=
		expected)
		elog(ERROR, "could not execute \"%s\"", sql);
}

/* ---- a range of blocks ---- */

static void
make_partitions_of_day(void *arg)
{
	TimestampTz day = *(TimestampTz *) arg;

	(void) bm_partition_ensure(day, day + USECS_PER_DAY);
}

/* What SPI returned last: so many days, each with its rows. Rows that have no partition will tell why. */
static void
make_partitions(Range *range, SPITupleTable *days, uint64 count)
{
	for (uint64 i = 0; i < count; i++)
	{
		bool isnull;
		TimestampTz day =
			DatumGetTimestampTz(SPI_getbinval(days->vals[i], days->tupdesc, 1, &isnull));

		if (!isnull && !TIMESTAMP_NOT_FINITE(day))
			(void) bm_event_try(make_partitions_of_day, &day);
		range->rows +=
			DatumGetInt64(SPI_getbinval(days->vals[i], days->tupdesc, 2, &isnull));
	}
}

static void
count_range(void *arg)
{
	Range *range = arg;

	execute_for_range(range->import->days_sql, range, SPI_OK_SELECT);
}

static void
insert_range(void *arg)
{
	Range *range = arg;

	execute_for_range(range->import->insert_sql, range, SPI_OK_INSERT);
	range->stored = SPI_processed;
}

static void
insert_new_of_range(void *arg)
{
	Range *range = arg;

	execute_for_range(range->import->insert_new_sql, range, SPI_OK_INSERT);
	range->stored = SPI_processed;
}

/* Ends the transaction where that is possible, and with it the lock of who makes partitions. */
static void
commit(const Import *import)
{
	if (!import->may_commit)
		return;
	SPI_commit();
	EnsurePortalSnapshotExists();
}

/* Stores a range at once; false where something in it fails, and then nothing of it is stored. */
static bool
store_at_once(Range *range)
{
	TransactionId before = GetCurrentTransactionIdIfAny();
	SPITupleTable *days;

	range->rows = 0;
	if (bm_event_try(count_range, range) != NULL)
		return false;
	days = SPI_tuptable;
	make_partitions(range, days, SPI_processed);
	SPI_freetuptable(days);
	/* Making a partition took a transaction's id, and a lock that others may wait for. */
	if (!TransactionIdEquals(before, GetCurrentTransactionIdIfAny()))
		commit(range->import);
	if (range->import->all_new && bm_event_try(insert_range, range) == NULL)
		return true;
	if (bm_event_try(insert_new_of_range, range) != NULL)
		return false;
	range->import->all_new = range->stored == range->rows;
	return true;
}

/* ---- single rows ---- */

static void
store_row(void *arg)
{
	Row *row = arg;
	Datum ctid = PointerGetDatum(&row->ctid);
	BmEvent event;

	if (SPI_execute_plan(row->plan, &ctid, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the row");
	row->gone = SPI_processed == 0;
	if (row->gone)
		return;
	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, event.values,
					  event.isnull);
	row->stored = bm_event_log_history(&event);
	SPI_freetuptable(SPI_tuptable);
}

static void
raise_for_row(const Import *import, int64 number, const ErrorData *error)
{
	ereport(ERROR, (errcode(error->sqlerrcode),
					errmsg("row %lld of %s, counted from 0: %s", (long long) number,
						   import->source->name, error->message),
					error->detail ? errdetail_internal("%s", error->detail) : 0,
					error->hint ? errhint("%s", error->hint) : 0));
}

static void
reject_row(Import *import, Row *row, SPIPlanPtr json_plan, int64 number,
		   const ErrorData *error)
{
	BmReject reject = {VIA, import->label, number, NULL,
					   GetUserNameFromId(GetUserId(), false)};
	Datum ctid = PointerGetDatum(&row->ctid);
	bool isnull;

	if (!import->reject)
		raise_for_row(import, number, error);
	if (SPI_execute_plan(json_plan, &ctid, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the row");
	if (SPI_processed > 0)
	{
		reject.payload = DatumGetJsonbP(
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		bm_reject_store(&reject, error);
		import->rejected++;
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
try_row(Import *import, Row *row, SPIPlanPtr json_plan, int64 number)
{
	ErrorData *error;

	row->gone = row->stored = false;
	error = bm_event_try(store_row, row);
	if (error != NULL && error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
		reject_row(import, row, json_plan, number, error);
	else if (row->stored)
		import->stored++;
	else if (!row->gone)
		import->already_there++;
}

/* Tries the rows of a range that a statement names, one by one; says how many there were. */
static uint64
store_one_by_one(const Range *range, const char *sql)
{
	Import *import = range->import;
	Oid type = TIDOID;
	SPIPlanPtr json_plan = SPI_prepare(import->json_sql, 1, &type);
	Row row = {SPI_prepare(import->row_sql, 1, &type)};
	SPITupleTable *rows;
	uint64 count;

	execute_for_range(sql, range, SPI_OK_SELECT);
	rows = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		bool isnull;
		int64 number =
			DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)) - 1;

		row.ctid = *(ItemPointer) DatumGetPointer(
			SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull));
		try_row(import, &row, json_plan, import->rows + number);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(rows);
	SPI_freeplan(row.plan);
	SPI_freeplan(json_plan);
	return count;
}

/* ---- the import ---- */

static void
store_range(Range *range)
{
	Import *import = range->import;

	if (store_at_once(range))
	{
		int64 others = range->rows - range->stored;

		import->stored += range->stored;
		if (others > 0)
			others -= store_one_by_one(range, import->refused_sql);
		import->already_there += Max(others, 0);
		import->rows += range->rows;
	}
	else if (range->to - range->from > 1)
	{
		BlockNumber middle = range->from + (range->to - range->from) / 2;
		Range first = {import, range->from, middle};
		Range second = {import, middle, range->to};

		store_range(&first);
		store_range(&second);
	}
	else
		import->rows += store_one_by_one(range, import->all_sql);
}

static void
report_progress(const Import *import)
{
	double seconds = (GetCurrentTimestamp() - import->begun) / (double) USECS_PER_SEC;
	char *total = import->source->rows > import->rows
					  ? psprintf(" of about %.0f", import->source->rows)
					  : "";

	ereport(NOTICE,
			(errmsg("%lld%s rows of %s: %lld stored, %lld there already, %lld rejected, "
					"%.0f a second",
					(long long) import->rows, total, import->source->name,
					(long long) import->stored, (long long) import->already_there,
					(long long) import->rejected, import->rows / Max(seconds, 0.001))));
}

static BlockNumber
count_blocks(const BmImportSource *source)
{
	Relation rel = relation_open(source->relid, AccessShareLock);
	BlockNumber blocks = RelationGetNumberOfBlocks(rel);

	relation_close(rel, NoLock);
	return blocks;
}

/* So many that a batch has about the rows that it should, going by those before it. */
static BlockNumber
blocks_of_batch(const Import *import, BlockNumber done)
{
	double density =
		import->rows > 0 ? (double) import->rows / done : ASSUMED_ROWS_PER_BLOCK;

	return (BlockNumber) Min(Max(import->batch_size / density, 1), MaxBlockNumber / 2);
}

/*
 * Stores a batch and commits it; false where it was in a deadlock, which is rolled back then, unless it is the
 * last try. Who stores the same keys in another order may meet us so: rows are stored in the order in which they lie.
 */
static bool
store_batch(Import *import, Range *range, bool is_last)
{
	const Import before = *import;
	volatile bool stored = true;

	PG_TRY();
	{
		store_range(range);
		commit(import);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_T_R_DEADLOCK_DETECTED || !import->may_commit ||
			is_last)
			PG_RE_THROW();
		MemoryContextSwitchTo(import->batch_context);
		FlushErrorState();
		SPI_rollback();
		EnsurePortalSnapshotExists();
		*import = before;
		stored = false;
	}
	PG_END_TRY();
	return stored;
}

/*
 * A deadlock leaves the other one to go on, and halves the batch: what waits for others holds less that they
 * may wait for. A block is tried over and over, for each time somebody else has got on.
 */
static void
store_batch_at_last(Import *import, Range *range)
{
	int tries = 1;

	while (!store_batch(import, range, tries == MAX_TRIES))
	{
		BlockNumber middle = range->from + (range->to - range->from) / 2;
		Range first = {import, range->from, middle};
		Range second = {import, middle, range->to};

		CHECK_FOR_INTERRUPTS();
		if (range->to - range->from > 1)
		{
			store_batch_at_last(import, &first);
			store_batch_at_last(import, &second);
			return;
		}
		tries++;
	}
}

static void
store_all(Import *import)
{
	BlockNumber blocks = count_blocks(import->source);
	MemoryContext old = MemoryContextSwitchTo(import->batch_context);
	BlockNumber from = 0;

	/* A batch that is tried again must find the copy of the source. */
	commit(import);
	/* One more where there is none, so that an empty table too is read with the caller's rights. */
	do
	{
		BlockNumber size = blocks_of_batch(import, Max(from, 1));
		Range range = {import, from, from + Min(size, Max(blocks - from, 1))};

		store_batch_at_last(import, &range);
		report_progress(import);
		MemoryContextReset(import->batch_context);
		from = range.to;
	} while (from < blocks);
	MemoryContextSwitchTo(old);
}

/*
 * Those of an import before, by the caller, a role whose rights he has, or one that is gone: what is still wrong is
 * found again. Any writer may call his source what somebody else calls another one, whose rejects are not his to delete.
 */
static void
forget_rejects(const Import *import)
{
	Oid types[] = {TEXTOID, TEXTOID, OIDOID};
	Datum values[] = {CStringGetTextDatum(VIA), CStringGetTextDatum(import->label),
					  ObjectIdGetDatum(GetUserId())};
	BmRoleSwitch saved = bm_role_enter(bm_extension_owner());

	if (SPI_execute_with_args(
			"DELETE FROM bizmetrics.event_rejects WHERE via = $1 AND source = $2"
			" AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = imported_by"
			" AND NOT pg_catalog.pg_has_role($3, oid, 'USAGE'))",
			lengthof(types), types, values, NULL, false, 0) != SPI_OK_DELETE)
		elog(ERROR, "could not delete the rejects");
	bm_role_leave(&saved);
}

static char *
text_argument(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
check_arguments(FunctionCallInfo fcinfo, Import *import)
{
	static const struct
	{
		int argument;
		const char *name;
	} required[] = {{ARG_SOURCE, "source"},
					{ARG_MAPPING, "mapping"},
					{ARG_ON_ERROR, "on_error"},
					{ARG_BATCH_SIZE, "batch_size"}};
	char *on_error;
	char *name = text_argument(fcinfo, ARG_NAME);

	for (int i = 0; i < lengthof(required); i++)
		if (PG_ARGISNULL(required[i].argument))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("%s must not be NULL", required[i].name)));
	on_error = text_argument(fcinfo, ARG_ON_ERROR);
	import->reject = strcmp(on_error, "reject") == 0;
	if (!import->reject && strcmp(on_error, "error") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("on_error must be \"reject\" or \"error\", not \"%s\"",
							   on_error)));
	if (name != NULL && name[0] == '\0')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name must not be empty"),
						errhint("The ids of events and their rejects are known by it.")));
	import->batch_size = PG_GETARG_INT32(ARG_BATCH_SIZE);
	if (import->batch_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be positive, not %d", import->batch_size)));
	PreventCommandIfReadOnly("import_events()");
	bm_event_check_writer(bm_event_parent(), GetUserId());
}

/* The counts, as the procedure returns them, where they outlive SPI. */
static HeapTupleHeader
result(FunctionCallInfo fcinfo, const Import *import)
{
	Datum values[RESULT_COLUMNS] = {Int64GetDatum(import->stored),
									Int64GetDatum(import->already_there),
									Int64GetDatum(import->rejected)};
	bool nulls[RESULT_COLUMNS] = {false};
	TupleDesc desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	return SPI_returntuple(heap_form_tuple(desc, values, nulls), desc);
}

static void
warn_of_rejects(const Import *import)
{
	if (import->rejected > 0)
		ereport(WARNING,
				(errmsg_plural("%lld row of %s cannot be an event",
							   "%lld rows of %s cannot be events", import->rejected,
							   (long long) import->rejected, import->label),
				 errhint("See bizmetrics.event_rejects for the reasons; correct the rows "
						 "and import again.")));
}

/* Not in a transaction block, in a function, or where a block of PL/pgSQL handles exceptions. */
static bool
can_commit(FunctionCallInfo fcinfo)
{
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		   !castNode(CallContext, fcinfo->context)->atomic &&
		   GetCurrentTransactionNestLevel() == 1;
}

Datum
bizmetrics_import_events(PG_FUNCTION_ARGS)
{
	bool may_commit = can_commit(fcinfo);
	Import *import;
	BmImportMapping *mapping;
	char *source = text_argument(fcinfo, ARG_SOURCE);
	char *name = text_argument(fcinfo, ARG_NAME);
	HeapTupleHeader counts;

	if (SPI_connect_ext(may_commit ? SPI_OPT_NONATOMIC : 0) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	import = palloc0(sizeof(Import));
	import->may_commit = may_commit;
	import->all_new = true;
	import->begun = GetCurrentTimestamp();
	check_arguments(fcinfo, import);
	import->source = bm_import_open(source, name);
	mapping = bm_import_map(import->source, PG_GETARG_JSONB_P(ARG_MAPPING));
	import->label = mapping->label;
	write_statements(import, mapping);
	forget_rejects(import);
	/* The application that wrote the old table goes on with INSERT, which makes none. */
	bm_partitions_make_ahead(bm_clock_now());
	import->batch_context = AllocSetContextCreate(
		CurrentMemoryContext, "bizmetrics import batch", ALLOCSET_DEFAULT_SIZES);
	store_all(import);
	bm_import_close(import->source);
	warn_of_rejects(import);
	counts = result(fcinfo, import);
	SPI_finish();
	PG_RETURN_HEAPTUPLEHEADER(counts);
}
