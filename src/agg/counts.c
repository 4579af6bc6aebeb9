/*
 * counts.c
 *	  States that are counts: retention_count(), nps() and csat().
 *
 * The array is changed in place, which an aggregate's transition function may do with its state;
 * none of these functions can be called otherwise.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "agg/argument.h"
#include "agg/counts.h"

enum
{
	ANSWERS, /* nps(), csat() */
	BALANCE, /* nps(): promoters less detractors; csat(): the satisfied */
	N_COUNTS
};

PG_FUNCTION_INFO_V1(bizmetrics_counts_combine);
PG_FUNCTION_INFO_V1(bizmetrics_nps_add);
PG_FUNCTION_INFO_V1(bizmetrics_nps_result);
PG_FUNCTION_INFO_V1(bizmetrics_csat_add);
PG_FUNCTION_INFO_V1(bizmetrics_csat_result);

ArrayType *
bm_counts_create(MemoryContext context, int count)
{
	Size size = ARR_OVERHEAD_NONULLS(1) + count * sizeof(int64);
	ArrayType *counts = MemoryContextAllocZero(context, size);

	SET_VARSIZE(counts, size);
	counts->ndim = 1;
	counts->elemtype = INT8OID;
	ARR_DIMS(counts)[0] = count;
	ARR_LBOUND(counts)[0] = 1;
	return counts;
}

int64 *
bm_counts(ArrayType *counts, int count)
{
	if (ARR_NDIM(counts) != 1 || ARR_DIMS(counts)[0] != count || ARR_HASNULL(counts) ||
		ARR_ELEMTYPE(counts) != INT8OID)
		ereport(ERROR, errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				errmsg("cannot add an array of %d to one of %d", count,
					   ArrayGetNItems(ARR_NDIM(counts), ARR_DIMS(counts))),
				errhint("Add up arrays of one length."));
	return (int64 *) ARR_DATA_PTR(counts);
}

/* Strict: the first state is taken as it is. */
Datum
bizmetrics_counts_combine(PG_FUNCTION_ARGS)
{
	ArrayType *into;
	ArrayType *from = PG_GETARG_ARRAYTYPE_P(1);
	int count = ArrayGetNItems(ARR_NDIM(from), ARR_DIMS(from));
	int64 *sums;
	int64 *added;

	bm_aggregate_context(fcinfo);
	into = PG_GETARG_ARRAYTYPE_P(0);
	sums = bm_counts(into, count);
	added = bm_counts(from, count);
	for (int i = 0; i < count; i++)
		sums[i] += added[i];
	PG_RETURN_ARRAYTYPE_P(into);
}

/* Arguments: counts so far, a score, which is not NULL and must be in the range. */
static ArrayType *
count_answer(FunctionCallInfo fcinfo, int lowest, int highest, const char *question)
{
	MemoryContext context = bm_aggregate_context(fcinfo);
	int32 score = PG_GETARG_INT32(1);
	ArrayType *counts =
		PG_ARGISNULL(0) ? bm_counts_create(context, N_COUNTS) : PG_GETARG_ARRAYTYPE_P(0);

	if (score < lowest || score > highest)
		ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				errmsg("score %d is not from %d to %d", score, lowest, highest),
				errhint("%s Filter or convert other scores first.", question));
	bm_counts(counts, N_COUNTS)[ANSWERS]++;
	return counts;
}

/* What is counted of all answers; NULL if there is none. */
static Datum
share(FunctionCallInfo fcinfo, int64 factor)
{
	int64 *counts;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	counts = bm_counts(PG_GETARG_ARRAYTYPE_P(0), N_COUNTS);
	return DirectFunctionCall2(
		numeric_div, NumericGetDatum(int64_to_numeric(factor * counts[BALANCE])),
		NumericGetDatum(int64_to_numeric(counts[ANSWERS])));
}

Datum
bizmetrics_nps_add(PG_FUNCTION_ARGS)
{
	ArrayType *counts;
	int32 score;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	counts = count_answer(fcinfo, 0, 10, "The question of NPS is answered by 0 to 10.");
	score = PG_GETARG_INT32(1);
	bm_counts(counts, N_COUNTS)[BALANCE] += (score >= 9) - (score <= 6);
	PG_RETURN_ARRAYTYPE_P(counts);
}

Datum
bizmetrics_nps_result(PG_FUNCTION_ARGS)
{
	return share(fcinfo, 100);
}

Datum
bizmetrics_csat_add(PG_FUNCTION_ARGS)
{
	ArrayType *counts;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	counts = count_answer(fcinfo, 1, 5, "The question of CSAT is answered by 1 to 5.");
	bm_counts(counts, N_COUNTS)[BALANCE] += PG_GETARG_INT32(1) >= 4;
	PG_RETURN_ARRAYTYPE_P(counts);
}

Datum
bizmetrics_csat_result(PG_FUNCTION_ARGS)
{
	return share(fcinfo, 1);
}
