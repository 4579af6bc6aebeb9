/*
 * funnel_sql.c
 *	  The functions of funnels that SQL calls. docs/funnels.md is their reference.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/tuplestore.h"

#include "agg/argument.h"
#include "analysis/filter.h"
#include "analysis/funnel.h"

PG_FUNCTION_INFO_V1(bizmetrics_funnel_counts);
PG_FUNCTION_INFO_V1(bizmetrics_funnel_subjects);

/* The arguments that both functions have, by their numbers; others stand behind them. */
enum
{
	ARG_STEPS,
	ARG_WINDOW,
	ARG_BOUNDS,
	ARG_ORDER,
	ARG_BREAKDOWN,
	ARG_ATTRIBUTION,
	ARG_SUBJECT,
	ARG_FILTER,
	ARG_STEP,
	ARG_OUTCOME
};

static void
check_null(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (PG_ARGISNULL(number))
		ereport(
			ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			errmsg("%s must not be NULL", name),
			errhint("Only from_time, to_time, breakdown, filter and step may be NULL."));
}

static char *
text_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	check_null(fcinfo, number, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(number));
}

static BmEventColumn
parse_subject(const char *subject)
{
	if (strcmp(subject, "actor") == 0)
		return BM_EVENT_ACTOR_USER_ID;
	if (strcmp(subject, "company") == 0)
		return BM_EVENT_COMPANY_ID;
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown subject \"%s\"", subject), errhint("Use actor or company."));
}

/* Entries are counted from each bound up to the next. */
static ArrayType *
read_bounds(FunctionCallInfo fcinfo, int *buckets)
{
	ArrayType *bounds;
	const TimestampTz *bound;

	check_null(fcinfo, ARG_BOUNDS, "bounds");
	bounds = PG_GETARG_ARRAYTYPE_P(ARG_BOUNDS);
	if (ARR_NDIM(bounds) != 1 || ARR_DIMS(bounds)[0] < 2 || array_contains_nulls(bounds))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("bounds must be at least two times"),
				errhint("Give from_time and to_time."));
	*buckets = ARR_DIMS(bounds)[0] - 1;
	bound = (TimestampTz *) ARR_DATA_PTR(bounds);
	for (int i = 0; i < *buckets; i++)
	{
		if (bound[i] > bound[i + 1])
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("to_time \"%s\" is before from_time \"%s\"",
						   pstrdup(timestamptz_to_str(bound[i + 1])),
						   pstrdup(timestamptz_to_str(bound[i]))),
					errhint("Give a time that is not before from_time."));
	}
	return bounds;
}

static TimestampTz
add_window(TimestampTz time, uint64 window)
{
	if (TIMESTAMP_NOT_FINITE(time) || window >= bm_moment_distance(time, END_TIMESTAMP))
		return DT_NOEND;
	return time + (TimestampTz) window;
}

static BmFunnel *
read_funnel(FunctionCallInfo fcinfo)
{
	int buckets;
	ArrayType *bounds = read_bounds(fcinfo, &buckets);
	BmFunnel *funnel;
	BmFunnelParameters *parameters;

	check_null(fcinfo, ARG_STEPS, "steps");
	funnel = bm_funnel_parse(PG_GETARG_JSONB_P(ARG_STEPS),
							 text_argument(fcinfo, ARG_ORDER, "step_order"), buckets);
	parameters = funnel->parameters;
	parameters->window = bm_interval_argument(fcinfo, ARG_WINDOW, "window");
	memcpy(parameters->bound, ARR_DATA_PTR(bounds), (buckets + 1) * sizeof(TimestampTz));
	funnel->query.from = parameters->bound[0];
	funnel->query.to = add_window(parameters->bound[buckets], parameters->window);
	funnel->query.subject = parse_subject(text_argument(fcinfo, ARG_SUBJECT, "subject"));
	bm_funnel_set_attribution(funnel,
							  text_argument(fcinfo, ARG_ATTRIBUTION, "attribution"));
	if (!PG_ARGISNULL(ARG_BREAKDOWN))
	{
		funnel->query.value = text_argument(fcinfo, ARG_BREAKDOWN, "breakdown");
		(void) bm_field_parse(funnel->query.value);
	}
	if (!PG_ARGISNULL(ARG_FILTER))
		funnel->query.filter = PG_GETARG_JSONB_P(ARG_FILTER);
	return funnel;
}

static void
scan(const BmFunnel *funnel, BmScanTake take, void *receiver)
{
	const BmFunnelParameters *parameters = funnel->parameters;

	bm_scan(&funnel->query, BM_ANALYSIS_FUNNEL, parameters,
			offsetof(BmFunnelParameters, bound) +
				(parameters->buckets + 1) * sizeof(TimestampTz),
			take, receiver);
}

static Datum
ratio(int64 part, int64 whole, bool *isnull)
{
	*isnull = whole == 0;
	if (whole == 0)
		return (Datum) 0;
	return DirectFunctionCall2(numeric_div, NumericGetDatum(int64_to_numeric(part)),
							   NumericGetDatum(int64_to_numeric(whole)));
}

/* The required step before this one. */
static int
previous_step(const BmFunnelParameters *parameters, int step)
{
	do
		step--;
	while ((parameters->optional >> step & 1) != 0);
	return step;
}

/* Columns: bucket, breakdown, step, name, actors, conversion, step_conversion, drop_off, four times. */
#define COUNT_COLUMNS 12

static void
put_step(const BmFunnel *funnel, const BmFunnelRow *row, int step, ReturnSetInfo *result)
{
	const BmFunnelStep *at = &row->step[step];
	Datum values[COUNT_COLUMNS];
	bool nulls[COUNT_COLUMNS] = {false};

	values[0] = TimestampTzGetDatum(funnel->parameters->bound[row->bucket]);
	values[1] = PointerGetDatum(row->value);
	nulls[1] = row->value == NULL;
	values[2] = Int32GetDatum(step + 1);
	values[3] = CStringGetTextDatum(funnel->name[step]);
	values[4] = Int64GetDatum(at->actors);
	values[5] = ratio(at->actors, row->step[0].actors, &nulls[5]);
	nulls[6] = nulls[7] = true;
	if (step > 0)
	{
		int64 before = row->step[previous_step(funnel->parameters, step)].actors;

		values[6] = ratio(at->actors, before, &nulls[6]);
		values[7] = Int64GetDatum(before - at->actors);
		nulls[7] = false;
	}
	values[8] = Float8GetDatum(at->median);
	values[9] = Float8GetDatum(at->p90);
	values[10] = Float8GetDatum(at->total_median);
	values[11] = Float8GetDatum(at->total_p90);
	nulls[8] = nulls[9] = nulls[10] = nulls[11] = !at->has_times;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
put_row(const BmFunnel *funnel, const BmFunnelRow *row, ReturnSetInfo *result)
{
	for (int step = 0; step < funnel->parameters->steps; step++)
		put_step(funnel, row, step, result);
}

/* A bucket in which nobody entered. */
static void
put_empty_row(const BmFunnel *funnel, int bucket, ReturnSetInfo *result)
{
	BmFunnelRow *row = bm_funnel_row_create(funnel->parameters->steps);

	row->bucket = bucket;
	put_row(funnel, row, result);
	pfree(row);
}

Datum
bizmetrics_funnel_counts(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	BmFunnel *funnel = read_funnel(fcinfo);
	BmFunnelResult *result = bm_funnel_result_create(funnel->parameters->steps);
	bool fills = funnel->query.value == NULL;
	int bucket = 0;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	scan(funnel, bm_funnel_result_take, result);
	foreach(cell, bm_funnel_result_rows(result))
	{
		const BmFunnelRow *row = lfirst(cell);

		/* Without a breakdown, buckets in which nobody entered have rows too. */
		for (; fills && bucket < row->bucket; bucket++)
			put_empty_row(funnel, bucket, rsinfo);
		put_row(funnel, row, rsinfo);
		bucket = row->bucket + 1;
	}
	for (; fills && bucket < funnel->parameters->buckets; bucket++)
		put_empty_row(funnel, bucket, rsinfo);
	return (Datum) 0;
}

typedef struct SubjectReceiver
{
	const BmFunnel *funnel;
	ReturnSetInfo *result;
	MemoryContext context; /* of one subject */
} SubjectReceiver;

/* Columns: actor, breakdown, step, entered_at, reached_at, times. */
#define SUBJECT_COLUMNS 6

static void
put_subject(const SubjectReceiver *receiver, const BmFunnelSubject *subject,
			const char *id, const char *value)
{
	int steps = receiver->funnel->parameters->steps;
	Datum values[SUBJECT_COLUMNS];
	bool nulls[SUBJECT_COLUMNS] = {false};
	Datum times[BM_MAX_CONDITIONS];
	bool time_nulls[BM_MAX_CONDITIONS];
	int last = 31 - __builtin_clz(subject->reached);
	int lower = 1;

	for (int i = 0; i < steps; i++)
	{
		time_nulls[i] = (subject->reached >> i & 1) == 0;
		times[i] = TimestampTzGetDatum(subject->time[i]);
	}
	values[0] = PointerGetDatum(cstring_to_text_with_len(id, (int) subject->id_length));
	nulls[1] = subject->value_length == BM_FUNNEL_NO_VALUE;
	if (!nulls[1])
		values[1] =
			PointerGetDatum(cstring_to_text_with_len(value, (int) subject->value_length));
	values[2] = Int32GetDatum(last + 1);
	values[3] = times[0];
	values[4] = times[last];
	values[5] = PointerGetDatum(construct_md_array(times, time_nulls, 1, &steps, &lower,
												   TIMESTAMPTZOID, sizeof(TimestampTz),
												   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	tuplestore_putvalues(receiver->result->setResult, receiver->result->setDesc, values,
						 nulls);
}

static void
take_subjects(void *arg, const char *bytes, Size size)
{
	SubjectReceiver *receiver = arg;
	MemoryContext old = MemoryContextSwitchTo(receiver->context);

	for (Size at = 0; at < size;)
	{
		BmFunnelSubject subject;
		const char *id = bytes + at + sizeof(subject);

		CHECK_FOR_INTERRUPTS();
		memcpy(&subject, bytes + at, sizeof(subject));
		at += sizeof(subject) + subject.id_length;
		if (subject.value_length != BM_FUNNEL_NO_VALUE)
			at += subject.value_length;
		put_subject(receiver, &subject, id, id + subject.id_length);
		MemoryContextReset(receiver->context);
	}
	MemoryContextSwitchTo(old);
}

static void
read_outcome(FunctionCallInfo fcinfo, BmFunnelParameters *parameters)
{
	char *outcome = text_argument(fcinfo, ARG_OUTCOME, "outcome");
	int step = PG_ARGISNULL(ARG_STEP) ? parameters->steps : PG_GETARG_INT32(ARG_STEP);

	if (step < 1 || step > parameters->steps)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the funnel has no step %d", step),
				errhint("Give 1 to %d.", parameters->steps));
	parameters->output_step = step - 1;
	if (strcmp(outcome, "reached") == 0)
		parameters->output = BM_FUNNEL_REACHED;
	else if (strcmp(outcome, "dropped") == 0)
		parameters->output = BM_FUNNEL_DROPPED;
	else
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("unknown outcome \"%s\"", outcome),
				errhint("Use reached or dropped."));
}

Datum
bizmetrics_funnel_subjects(PG_FUNCTION_ARGS)
{
	BmFunnel *funnel = read_funnel(fcinfo);
	SubjectReceiver receiver = {.funnel = funnel};

	read_outcome(fcinfo, funnel->parameters);
	InitMaterializedSRF(fcinfo, 0);
	receiver.result = (ReturnSetInfo *) fcinfo->resultinfo;
	receiver.context = AllocSetContextCreate(CurrentMemoryContext, "subject of a funnel",
											 ALLOCSET_SMALL_SIZES);
	scan(funnel, take_subjects, &receiver);
	return (Datum) 0;
}
