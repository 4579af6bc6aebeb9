/*
 * retention.c
 *	  retention() and retention_count(): which conditions held anywhere in a group whose first one
 *	  did, and in how many groups.
 *
 * The state of retention() is a bigint: a bit for each condition that held, and above them the
 * number of conditions. So a group costs no memory beyond its entry in the hash table.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "agg/argument.h"
#include "agg/counts.h"
#include "agg/moment.h"

#define COUNT_SHIFT 32

PG_FUNCTION_INFO_V1(bizmetrics_retention_add);
PG_FUNCTION_INFO_V1(bizmetrics_retention_combine);
PG_FUNCTION_INFO_V1(bizmetrics_retention_result);
PG_FUNCTION_INFO_V1(bizmetrics_retention_count_add);

static int64
merge(int64 a, int64 b)
{
	if (a >> COUNT_SHIFT != b >> COUNT_SHIFT && a != 0 && b != 0)
		bm_not_constant("the number of conditions");
	return a | b;
}

/* Arguments: state, conditions. */
Datum
bizmetrics_retention_add(PG_FUNCTION_ARGS)
{
	BmConditions *conditions = fcinfo->flinfo->fn_extra;
	uint32 mask;

	if (unlikely(conditions == NULL))
	{
		conditions =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(BmConditions));
		bm_conditions_describe(fcinfo, 1, conditions);
		fcinfo->flinfo->fn_extra = conditions;
	}
	mask = bm_conditions_read(fcinfo, conditions);
	if (conditions->count == 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("retention must have at least one condition"),
				errhint("Give 1 to %d conditions.", BM_MAX_CONDITIONS));
	PG_RETURN_INT64(merge(PG_GETARG_INT64(0),
						  (int64) conditions->count << COUNT_SHIFT | (int64) mask));
}

Datum
bizmetrics_retention_combine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(merge(PG_GETARG_INT64(0), PG_GETARG_INT64(1)));
}

/*
 * Arguments: state, then conditions, which are NULL: where no row said how many there are, their
 * number does. Of an array without a row nobody knows the length, and the result is empty.
 */
Datum
bizmetrics_retention_result(PG_FUNCTION_ARGS)
{
	int64 state = PG_GETARG_INT64(0);
	int64 count = state >> COUNT_SHIFT;
	Datum values[BM_MAX_CONDITIONS];

	if (count < 0 || count > BM_MAX_CONDITIONS)
		elog(ERROR, "invalid state of retention: " INT64_FORMAT, state);
	if (count == 0)
	{
		BmConditions conditions;

		bm_conditions_describe(fcinfo, 1, &conditions);
		count = conditions.is_array ? 0 : conditions.count;
	}
	for (int i = 0; i < count; i++)
		values[i] = BoolGetDatum((state & 1) != 0 && (state >> i & 1) != 0);
	PG_RETURN_ARRAYTYPE_P(
		construct_array(values, count, BOOLOID, sizeof(bool), true, TYPALIGN_CHAR));
}

/* Arguments: counts so far, a result of retention(). */
Datum
bizmetrics_retention_count_add(PG_FUNCTION_ARGS)
{
	ArrayType *array;
	ArrayType *counts;
	Datum *values;
	bool *nulls;
	int count;
	int64 *sums;
	MemoryContext context = bm_aggregate_context(fcinfo);

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	array = PG_GETARG_ARRAYTYPE_P(1);
	deconstruct_array(array, BOOLOID, sizeof(bool), true, TYPALIGN_CHAR, &values, &nulls,
					  &count);
	counts =
		PG_ARGISNULL(0) ? bm_counts_create(context, count) : PG_GETARG_ARRAYTYPE_P(0);
	sums = bm_counts(counts, count);
	for (int i = 0; i < count; i++)
		sums[i] += !nulls[i] && DatumGetBool(values[i]);
	PG_RETURN_ARRAYTYPE_P(counts);
}
