/*
 * Finding and making the partitions of public.business_events.
 *
 * Bounds are in UTC, so that no two sessions disagree. A partition is made as the parent's
 * owner, security-restricted, for any writer may be the first to need it. Makers queue on the
 * parent's SHARE UPDATE EXCLUSIVE lock and look again once they have it; inserts into existing
 * partitions go on meanwhile. The lock lasts until the caller's transaction ends.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "common/int.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "partitioning/partbounds.h"
#include "partitioning/partdesc.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/guc.h"
#include "base/role.h"
#include "base/table.h"
#include "event/event.h"

#define GUARD_VIEW "business_events_guard"
#define APPEND_ONLY_TRIGGER "business_events_append_only"

PG_FUNCTION_INFO_V1(bizmetrics_ensure_partitions);

/* How many intervals after the current one the worker makes partitions for. */
#define INTERVALS_AHEAD 2

/* Set by the worker, which this folder knows nothing of: once this transaction commits, it looks. */
void (*bm_tell_worker)(void) = NULL;

/*
 * What the first partition gets; a later one copies the indexes of the partition that covers
 * now. Their use and cost are in docs/architecture.md. The BRIN's ranges are small because
 * those not yet summarized are always scanned.
 */
static const char *const first_indexes[] = {
	"ALTER TABLE bizmetrics.%1$s ADD PRIMARY KEY (id)",
	"CREATE INDEX ON bizmetrics.%1$s (event_name, occurred_at)",
	"CREATE INDEX ON bizmetrics.%1$s (actor_user_id, event_name, occurred_at)"
	" WHERE actor_user_id IS NOT NULL",
	"CREATE INDEX ON bizmetrics.%1$s (company_id, occurred_at) WHERE company_id IS NOT NULL",
	"CREATE INDEX ON bizmetrics.%1$s (entity_id, entity_type) WHERE entity_id IS NOT NULL",
	"CREATE INDEX ON bizmetrics.%1$s USING brin (xact_id, occurred_at)"
	" WITH (pages_per_range = 32)",
};

static TimestampTz
bound_value(PartitionBoundInfo bounds, int i)
{
	switch (bounds->kind[i][0])
	{
		case PARTITION_RANGE_DATUM_MINVALUE:
			return DT_NOBEGIN;
		case PARTITION_RANGE_DATUM_MAXVALUE:
			return DT_NOEND;
		default:
			return DatumGetTimestampTz(bounds->datums[i][0]);
	}
}

/*
 * The partition for a time, and its bounds; where there is none, the gap that a new one may
 * fill. The caller holds a lock on the parent.
 */
BmPartition
bm_partition_find(Relation parent, TimestampTz occurred_at)
{
	BmPartition found = {InvalidOid, false, DT_NOBEGIN, DT_NOEND};
	PartitionKey key = RelationGetPartitionKey(parent);
	PartitionDesc partitions = RelationGetPartitionDesc(parent, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	Datum value = TimestampTzGetDatum(occurred_at);
	bool equal;
	int offset;

	if (key->strategy != PARTITION_STRATEGY_RANGE || key->partnatts != 1 ||
		key->parttypid[0] != TIMESTAMPTZOID)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not partitioned by range of occurred_at",
						RelationGetRelationName(parent)),
				 errhint("CREATE EXTENSION bizmetrics makes it as it has to be.")));
	if (partitions->nparts == 0)
		return found;
	offset = partition_range_datum_bsearch(key->partsupfunc, key->partcollation, bounds,
										   1, &value, &equal);
	if (offset >= 0)
		found.lower = bound_value(bounds, offset);
	if (offset + 1 < bounds->ndatums)
		found.upper = bound_value(bounds, offset + 1);
	if (bounds->indexes[offset + 1] >= 0)
		found.relid = partitions->oids[bounds->indexes[offset + 1]];
	else if (partition_bound_has_default(bounds))
	{
		found.relid = partitions->oids[bounds->default_index];
		found.is_default = true;
	}
	return found;
}

/* Every partition, in the order of their bounds, the DEFAULT one last. */
List *
bm_partition_list(Relation parent)
{
	PartitionDesc partitions = RelationGetPartitionDesc(parent, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	List *list = NIL;

	/* Between the datums i - 1 and i is the partition indexes[i]. */
	for (int i = 0; partitions->nparts > 0 && i < bounds->ndatums; i++)
	{
		BmPartition *partition;

		if (bounds->indexes[i] < 0)
			continue;
		partition = palloc0(sizeof(BmPartition));
		partition->relid = partitions->oids[bounds->indexes[i]];
		partition->lower = bound_value(bounds, i - 1);
		partition->upper = bound_value(bounds, i);
		list = lappend(list, partition);
	}
	if (partitions->nparts > 0 && partition_bound_has_default(bounds))
	{
		BmPartition *partition = palloc0(sizeof(BmPartition));

		partition->relid = partitions->oids[bounds->default_index];
		partition->is_default = true;
		partition->lower = DT_NOBEGIN;
		partition->upper = DT_NOEND;
		list = lappend(list, partition);
	}
	return list;
}

/* Likewise, for who has not opened the parent. */
List *
bm_partition_list_now(void)
{
	Relation parent = table_open(bm_event_parent(), AccessShareLock);
	List *list = bm_partition_list(parent);

	table_close(parent, NoLock);
	return list;
}

static void
out_of_range(TimestampTz occurred_at)
{
	ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					errmsg("occurred_at \"%s\" is out of range",
						   timestamptz_to_str(occurred_at)),
					errhint("No partition can hold it.")));
}

/* The day, week from Monday or month around a time, as days since 2000-01-01 in UTC. */
static void
interval_around(TimestampTz occurred_at, int64 *first_day, int64 *end_day)
{
	int64 day = occurred_at / USECS_PER_DAY - (occurred_at % USECS_PER_DAY < 0 ? 1 : 0);
	int year;
	int month;
	int mday;

	switch (bm_guc_partition_interval)
	{
		case BM_PARTITION_DAY:
			*first_day = day;
			*end_day = day + 1;
			return;
		case BM_PARTITION_WEEK:
			/* 2000-01-01 was a Saturday, the sixth day of its week. */
			*first_day = day - ((day + 5) % 7 + 7) % 7;
			*end_day = *first_day + 7;
			return;
		default:
			j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
			*first_day = day - (mday - 1);
			*end_day = *first_day + day_tab[isleap(year)][month - 1];
	}
}

/* The new partition's bounds: the interval around the time, clipped to the gap it fills. */
static void
choose_bounds(TimestampTz occurred_at, const BmPartition *gap, TimestampTz *lower,
			  TimestampTz *upper)
{
	int64 first_day;
	int64 end_day;

	interval_around(occurred_at, &first_day, &end_day);
	if (pg_mul_s64_overflow(first_day, USECS_PER_DAY, lower) ||
		pg_mul_s64_overflow(end_day, USECS_PER_DAY, upper) ||
		!IS_VALID_TIMESTAMP(*lower) || !IS_VALID_TIMESTAMP(*upper))
		out_of_range(occurred_at);
	*lower = Max(*lower, gap->lower);
	*upper = Min(*upper, gap->upper);
}

/* business_events_2026_11, or with the day where it is no whole month; unused so far. */
static char *
choose_name(TimestampTz lower)
{
	struct pg_tm tm;
	fsec_t fsec;
	char *base;
	char *name;

	if (timestamp2tm(lower, NULL, &tm, &fsec, NULL, NULL) != 0)
		out_of_range(lower);
	base = psprintf("business_events_%s%04d_%02d", tm.tm_year <= 0 ? "bc" : "",
					tm.tm_year <= 0 ? 1 - tm.tm_year : tm.tm_year, tm.tm_mon);
	if (bm_guc_partition_interval != BM_PARTITION_MONTH || tm.tm_mday != 1)
		base = psprintf("%s_%02d", base, tm.tm_mday);
	name = base;
	for (int n = 2; OidIsValid(bm_relation_oid(name, true)); n++)
		name = psprintf("%s_%d", base, n);
	return name;
}

/* The literal of a bound, whatever DateStyle and TimeZone say. */
static char *
bound_literal(TimestampTz bound)
{
	struct pg_tm tm;
	fsec_t fsec;
	char text[MAXDATELEN + 1];

	if (timestamp2tm(bound, NULL, &tm, &fsec, NULL, NULL) != 0)
		out_of_range(bound);
	tm.tm_isdst = 0; /* or the zone is not written */
	EncodeDateTime(&tm, fsec, true, 0, NULL, USE_ISO_DATES, text);
	return quote_literal_cstr(text);
}

/* The partition whose indexes a new one gets: that of now, or the latest before. */
static Oid
index_model(Relation parent)
{
	PartitionDesc partitions = RelationGetPartitionDesc(parent, true);
	PartitionBoundInfo bounds = partitions->boundinfo;
	TimestampTz now = bm_clock_now();
	BmPartition current = bm_partition_find(parent, now);
	Oid model = InvalidOid;

	if (OidIsValid(current.relid) && !current.is_default)
		return current.relid;
	for (int i = 0; partitions->nparts > 0 && i < bounds->ndatums + 1; i++)
	{
		if (bounds->indexes[i] < 0)
			continue;
		/* indexes[i] is the partition that ends at datum i. */
		if (OidIsValid(model) && bound_value(bounds, i) > now)
			break;
		model = partitions->oids[bounds->indexes[i]];
	}
	return model;
}

static void
execute(const char *command)
{
	int result = SPI_execute(command, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", command,
			 SPI_result_code_string(result));
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* ATTACH wants the parent's CHECK constraints; the model's own, such as its months, stay there. */
static void
copy_parent_checks(const char *name)
{
	SPITupleTable *commands;
	uint64 count;

	execute(psprintf(
		"SELECT pg_catalog.format('ALTER TABLE bizmetrics.%s ADD CONSTRAINT %%I %%s',"
		" conname, pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(oid),"
		" ' NOT VALID$', ''))"
		" FROM pg_catalog.pg_constraint"
		" WHERE conrelid = 'public.business_events'::pg_catalog.regclass"
		" AND contype = 'c'",
		name));
	commands = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
		execute(SPI_getvalue(commands->vals[i], commands->tupdesc, 1));
}

/*
 * Partitions are made ahead: what is new on the one just before, the newest as a rule, is not on
 * the model, which covers now.
 */
static void
copy_more_indexes(const char *name, Oid neighbour)
{
	SPITupleTable *commands;
	uint64 count;

	/* An index without its name and table, as the server writes it, is what makes two alike. */
	execute(psprintf(
		"WITH x AS (SELECT i.indrelid, i.indisunique, pg_catalog.substr("
		"pg_catalog.pg_get_indexdef(i.indexrelid), pg_catalog.length(pg_catalog.format("
		"'CREATE %%sINDEX %%I ON %%I.%%I ', CASE WHEN i.indisunique THEN 'UNIQUE ' END,"
		" n.relname, t.relnamespace::pg_catalog.regnamespace::pg_catalog.name, t.relname))"
		" + 1) AS rest"
		" FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class n ON n.oid = i.indexrelid"
		" JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
		" WHERE i.indisvalid AND NOT i.indisexclusion)"
		" SELECT DISTINCT pg_catalog.format('CREATE %%sINDEX ON bizmetrics.%s %%s',"
		" CASE WHEN indisunique THEN 'UNIQUE ' END, rest)"
		" FROM x WHERE indrelid = %u AND (indisunique, rest) NOT IN"
		" (SELECT indisunique, rest FROM x"
		" WHERE indrelid = 'bizmetrics.%s'::pg_catalog.regclass)"
		" ORDER BY 1",
		name, neighbour, name));
	commands = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
		execute(SPI_getvalue(commands->vals[i], commands->tupdesc, 1));
}

static void
create_table(const char *name, Oid model)
{
	if (OidIsValid(model) && get_rel_relkind(model) == RELKIND_RELATION)
	{
		execute(psprintf(
			"CREATE TABLE bizmetrics.%s (LIKE %s INCLUDING ALL EXCLUDING CONSTRAINTS)"
			" USING heap",
			name, qualified_name(model)));
		copy_parent_checks(name);
		return;
	}
	execute(
		psprintf("CREATE TABLE bizmetrics.%s (LIKE public.business_events INCLUDING ALL)"
				 " USING heap",
				 name));
	for (int i = 0; i < lengthof(first_indexes); i++)
		execute(psprintf(first_indexes[i], name));
}

/*
 * DROP EXTENSION would take the partitions along without a word, for they depend on the
 * parent automatically. A view that is no member stands in its way.
 */
static void
create_guard_view(void)
{
	if (OidIsValid(bm_relation_oid(GUARD_VIEW, true)))
		return;
	execute("CREATE VIEW bizmetrics." GUARD_VIEW
			" AS SELECT pg_catalog.count(*) AS events FROM public.business_events");
	execute(
		"COMMENT ON VIEW bizmetrics." GUARD_VIEW
		" IS 'Keeps DROP EXTENSION bizmetrics from dropping the recorded events: drop this "
		"view first to mean it.'");
}

/* ATTACH clones the parent's row triggers, but no statement trigger. */
static void
create_append_only_trigger(const char *qualified)
{
	execute(psprintf("CREATE TRIGGER " APPEND_ONLY_TRIGGER
					 " BEFORE UPDATE OR DELETE OR TRUNCATE ON %s"
					 " FOR EACH STATEMENT EXECUTE FUNCTION bizmetrics.reject_change()",
					 qualified));
	execute(
		psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER " APPEND_ONLY_TRIGGER, qualified));
}

/* What to do with the rights of the parent's owner. */
typedef struct OwnerTask
{
	Oid partition; /* guard this one, or else make a new one: */
	Oid model;
	Oid neighbour; /* the one that ends where it begins, if that is in the future */
	TimestampTz lower;
	TimestampTz upper;
} OwnerTask;

static void
do_task(const OwnerTask *task)
{
	char *name;

	if (OidIsValid(task->partition))
	{
		create_append_only_trigger(qualified_name(task->partition));
		create_guard_view();
		return;
	}
	name = choose_name(task->lower);
	create_table(name, task->model);
	if (OidIsValid(task->neighbour) && task->neighbour != task->model)
		copy_more_indexes(name, task->neighbour);
	create_append_only_trigger(psprintf("bizmetrics.%s", name));
	execute(psprintf("ALTER TABLE public.business_events ATTACH PARTITION bizmetrics.%s"
					 " FOR VALUES FROM (%s) TO (%s)",
					 name, bound_literal(task->lower), bound_literal(task->upper)));
	create_guard_view();
}

/* Does it with the owner's rights and none of the caller's settings. */
static void
do_task_as(Oid owner, const OwnerTask *task)
{
	BmRoleSwitch saved = bm_role_enter(owner);

	bm_guc_set_locally("default_tablespace", "");
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	do_task(task);
	SPI_finish();
	bm_role_leave(&saved);
}

/* Drops a partition with the rights of the parent's owner; takes the parent for itself. */
void
bm_partition_drop(Oid owner, Oid partition)
{
	BmRoleSwitch saved = bm_role_enter(owner);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	execute(psprintf("DROP %s %s",
					 get_rel_relkind(partition) == RELKIND_FOREIGN_TABLE ? "FOREIGN TABLE"
																		 : "TABLE",
					 qualified_name(partition)));
	SPI_finish();
	bm_role_leave(&saved);
}

static bool
has_append_only_trigger(Relation rel)
{
	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
		if (strcmp(rel->trigdesc->triggers[i].tgname, APPEND_ONLY_TRIGGER) == 0)
			return true;
	return false;
}

static bool
wants_guard(Oid partition, LOCKMODE lockmode)
{
	Relation rel = relation_open(partition, lockmode);
	bool wants = rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_refcnt == 1 &&
				 !has_append_only_trigger(rel);

	relation_close(rel, NoLock);
	return wants;
}

/*
 * A partition that somebody attached by hand has no statement trigger and maybe no guard view: it
 * gets them with the first event, unless this session is using it just now.
 */
void
bm_partition_guard(Oid owner, Oid partition)
{
	OwnerTask task = {.partition = partition};

	if (!wants_guard(partition, AccessShareLock) ||
		!bm_table_ownercheck(partition, owner))
		return;
	/* Somebody else may be doing it: look again under the lock that CREATE TRIGGER takes. */
	if (wants_guard(partition, ShareRowExclusiveLock))
		do_task_as(owner, &task);
}

/* The partition that ends at a time yet to come, or InvalidOid. */
static Oid
neighbour_before(Relation parent, TimestampTz lower)
{
	BmPartition found = {InvalidOid};

	if (lower > bm_clock_now())
		found = bm_partition_find(parent, lower - 1);
	return found.is_default ? InvalidOid : found.relid;
}

/* ATTACH needs the parent for itself: this session must not be reading or writing it. */
static void
check_not_in_use(Relation parent, TimestampTz occurred_at)
{
	if (parent->rd_refcnt > 1)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("cannot make the partition for occurred_at \"%s\" in a command that "
					"uses table \"%s\"",
					timestamptz_to_str(occurred_at), RelationGetRelationName(parent)),
			 errhint("Make it first with SELECT bizmetrics.ensure_partitions(from, "
					 "to).")));
}

static void
check_partition_count(Relation parent)
{
	if (RelationGetPartitionDesc(parent, true)->nparts >= bm_guc_max_partitions)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("table \"%s\" has %d partitions already",
						RelationGetRelationName(parent), bm_guc_max_partitions),
				 errhint("Check occurred_at, or raise bizmetrics.max_partitions.")));
}

/* Makes the partition for a time, unless it exists once the makers' lock is ours; says whether. */
bool
bm_partition_make(Oid parent_oid, TimestampTz occurred_at)
{
	Relation parent = table_open(parent_oid, ShareUpdateExclusiveLock);
	BmPartition found = bm_partition_find(parent, occurred_at);
	Oid owner = parent->rd_rel->relowner;
	OwnerTask task = {.partition = InvalidOid};

	if (OidIsValid(found.relid))
	{
		table_close(parent, NoLock);
		return false;
	}
	check_not_in_use(parent, occurred_at);
	check_partition_count(parent);
	task.model = index_model(parent);
	choose_bounds(occurred_at, &found, &task.lower, &task.upper);
	task.neighbour = neighbour_before(parent, task.lower);
	/* ATTACH refuses a table that is open, also by us. The lock stays. */
	table_close(parent, NoLock);
	do_task_as(owner, &task);
	if (bm_tell_worker != NULL)
		bm_tell_worker();
	return true;
}

/* Makes what is missing for [from, to) and says how many; stops at a DEFAULT partition. */
int
bm_partition_ensure(TimestampTz from, TimestampTz to)
{
	Oid parent_oid = bm_event_parent();
	TimestampTz at = from;
	int made = 0;

	while (at < to)
	{
		/* Not as those who log lock it: who makes partitions holds no report back. */
		Relation parent = table_open(parent_oid, AccessShareLock);
		BmPartition found = bm_partition_find(parent, at);

		table_close(parent, NoLock);
		if (OidIsValid(found.relid))
			at = found.is_default ? to : found.upper;
		else if (bm_partition_make(parent_oid, at))
			made++;
		CHECK_FOR_INTERRUPTS();
	}
	return made;
}

/* Makes what is missing of the current interval and the two after it. */
void
bm_partitions_make_ahead(TimestampTz now)
{
	int64 first_day;
	int64 end_day;
	TimestampTz end = now;

	for (int i = 0; i <= INTERVALS_AHEAD; i++)
	{
		interval_around(end, &first_day, &end_day);
		end = end_day * USECS_PER_DAY;
	}
	(void) bm_partition_ensure(now, end);
}

static void
check_range(TimestampTz from, TimestampTz to)
{
	if (TIMESTAMP_NOT_FINITE(from) || TIMESTAMP_NOT_FINITE(to) || from >= to)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("from \"%s\" to \"%s\" is no range of time",
							   pstrdup(timestamptz_to_str(from)),
							   pstrdup(timestamptz_to_str(to))),
						errhint("Give two finite times, the earlier one first.")));
}

/* ensure_partitions(from, to), for writers. */
Datum
bizmetrics_ensure_partitions(PG_FUNCTION_ARGS)
{
	TimestampTz from = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz to = PG_GETARG_TIMESTAMPTZ(1);
	Oid parent = bm_event_parent();

	check_range(from, to);
	if (pg_class_aclcheck(parent, GetUserId(), ACL_INSERT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(parent, GetUserId(), ACL_INSERT, ACLMASK_ANY) !=
			ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(parent));
	PreventCommandIfReadOnly("ensure_partitions()");
	PG_RETURN_INT32(bm_partition_ensure(from, to));
}
