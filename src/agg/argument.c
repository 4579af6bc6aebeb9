/*
 * argument.c
 *	  Arguments that the aggregates share: conditions, intervals, times.
 *
 * Conditions are declared VARIADIC "any", not boolean[]: an array made for each row would cost more
 * than all that is done with it, and without a row nobody could say how many conditions there are.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "agg/argument.h"
#include "agg/moment.h"

static void
check_count(int count)
{
	if (count > BM_MAX_CONDITIONS)
		ereport(ERROR, errcode(ERRCODE_TOO_MANY_ARGUMENTS),
				errmsg("too many conditions: %d", count),
				errhint("At most %d conditions can be told apart in one call.",
						BM_MAX_CONDITIONS));
}

void
bm_conditions_describe(FunctionCallInfo fcinfo, int first, BmConditions *conditions)
{
	conditions->first = first;
	conditions->count = PG_NARGS() - first;
	conditions->is_array = false;
	conditions->untyped = 0;
	if (conditions->count == 1 &&
		getBaseType(get_fn_expr_argtype(fcinfo->flinfo, first)) == BOOLARRAYOID)
	{
		conditions->is_array = true;
		return;
	}
	check_count(conditions->count);
	for (int i = 0; i < conditions->count; i++)
	{
		Oid type = get_fn_expr_argtype(fcinfo->flinfo, first + i);

		if (type == UNKNOWNOID)
			conditions->untyped |= (uint32) 1 << i;
		else if (!OidIsValid(type) || getBaseType(type) != BOOLOID)
			ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("condition %d must be of type boolean, not \"%s\"", i + 1,
						   OidIsValid(type) ? format_type_be(type) : "unknown"),
					errhint("Write conditions that are true or false, such as "
							"event_name = 'login', or one boolean[]."));
	}
}

static uint32
read_array(FunctionCallInfo fcinfo, BmConditions *conditions)
{
	ArrayType *array;
	const bool *values;
	const bits8 *bitmap;
	uint32 mask = 0;

	if (PG_ARGISNULL(conditions->first))
		ereport(
			ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			errmsg("the array of conditions must not be NULL"),
			errhint(
				"A condition that is NULL counts as false; their array must be there."));
	array = PG_GETARG_ARRAYTYPE_P(conditions->first);
	conditions->count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	check_count(conditions->count);
	values = (const bool *) ARR_DATA_PTR(array);
	bitmap = ARR_NULLBITMAP(array);
	for (int i = 0; i < conditions->count; i++)
	{
		if (bitmap != NULL && (bitmap[i / 8] >> (i % 8) & 1) == 0)
			continue;
		mask |= (uint32) *values++ << i;
	}
	return mask;
}

uint32
bm_conditions_read(FunctionCallInfo fcinfo, BmConditions *conditions)
{
	const NullableDatum *values = &fcinfo->args[conditions->first];
	uint32 mask = 0;

	if (conditions->is_array)
		return read_array(fcinfo, conditions);
	for (int i = 0; i < conditions->count; i++)
		mask |= (uint32) (!values[i].isnull && DatumGetBool(values[i].value)) << i;
	if (unlikely((mask & conditions->untyped) != 0))
		ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
				errmsg("condition %d must be of type boolean, not \"%s\"",
					   pg_rightmost_one_pos32(mask & conditions->untyped) + 1, "unknown"),
				errhint("Cast the constant, as in 'true'::boolean."));
	return mask;
}

uint64
bm_interval_microseconds(Datum value, bool isnull, const char *name)
{
	const Interval *span;
	int64 seconds;
	int64 rest;

	if (isnull)
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be NULL", name),
				errhint("Give an interval, such as '7 days'."));
	span = DatumGetIntervalP(value);
	seconds = span->month / MONTHS_PER_YEAR * (INT64CONST(36525) * SECS_PER_DAY / 100) +
			  span->month % MONTHS_PER_YEAR * (INT64CONST(30) * SECS_PER_DAY) +
			  span->day * (int64) SECS_PER_DAY + span->time / USECS_PER_SEC;
	rest = span->time % USECS_PER_SEC;
	if (rest < 0)
	{
		seconds--;
		rest += USECS_PER_SEC;
	}
	if (seconds < 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s must not be negative: \"%s\"", name,
					   DatumGetCString(DirectFunctionCall1(interval_out, value))),
				errhint("Give an interval of zero or more, such as '7 days'."));
	if (seconds >= PG_INT64_MAX / USECS_PER_SEC)
		return PG_UINT64_MAX;
	return (uint64) (seconds * USECS_PER_SEC + rest);
}

void
bm_not_constant(const char *name)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s must be the same in all rows of a group", name),
			errhint("Give a constant, or group by it."));
}

bytea *
bm_serial_alloc(Size size)
{
	bytea *serial;

	if (size > MaxAllocSize - VARHDRSZ)
		ereport(
			ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			errmsg("a group of %zu bytes is too large for a parallel aggregate", size),
			errhint("SET max_parallel_workers_per_gather = 0 for this query."));
	serial = palloc(VARHDRSZ + size);
	SET_VARSIZE(serial, VARHDRSZ + size);
	return serial;
}

MemoryContext
bm_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "called outside of an aggregate");
	return context;
}
