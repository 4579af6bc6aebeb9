/*
 * The series of a metric, brought up to date by what its query says now.
 *
 * Label sets beyond max_series add up to one whose labels are all "other", one for each currency: amounts of
 * two are never added. Of counters and histograms
 * those that stand already stay, also where the query does not return them any more, and never go down:
 * stored is what is shown, last what the query said, and what that rose by is added. Where the query is
 * incremental, all that it returns is. Gauges and summaries are what the query says.
 *
 * The caller has the lock of the metric's owner.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/float.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/table.h"
#include "metric/evaluate.h"
#include "metric/metric.h"
#include "metric/step.h"
#include "report/registry.h"

PG_FUNCTION_INFO_V1(bizmetrics_refresh_metrics);

#define SERIES_INDEX "metric_series_metric_name_idx"
#define OTHER "other"
#define MAX_LABEL_VALUE 1000 /* bytes */

/* Columns of bizmetrics.metric_series. */
enum
{
	SERIES_NAME,
	SERIES_LABELS,
	SERIES_NUMBERS,
	SERIES_LAST,
	SERIES_COLUMNS
};

typedef struct Key
{
	const char *data;
	int length;
} Key;

typedef struct Series
{
	Key key;
	ArrayType *labels;
	double *numbers; /* what is shown */
	double *last;	 /* what the query said */
	double *seen;	 /* what it says now */
	bool is_seen;
	bool is_other;
	HeapTuple row; /* NULL: new */
} Series;

typedef struct Refresh
{
	const BmMetric *metric;
	int width;
	bool counts;  /* counter or histogram: never goes down */
	int currency; /* which label that is, or -1 */
	HTAB *series;
	int own_count; /* label sets with a series of their own; of gauges those returned so far */
	int other_count;
	MemoryContext context;
} Refresh;

/* Series ------------------------------------------------------------------------------------ */

static uint32
hash_key(const void *key, Size size)
{
	const Key *labels = key;

	return hash_bytes((const unsigned char *) labels->data, labels->length);
}

static int
match_keys(const void *a, const void *b, Size size)
{
	const Key *one = a;
	const Key *other = b;

	return one->length != other->length || memcmp(one->data, other->data, one->length);
}

/* The label values, each with its length. */
static Key
key_of(const Refresh *refresh, ArrayType *labels, bool *is_other)
{
	const BmMetric *metric = refresh->metric;
	Datum *items;
	bool *nulls;
	int count;
	StringInfoData key;

	deconstruct_array(labels, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	if (count != metric->label_count)
		elog(ERROR, "metric \"%s\" has a series of %d labels", metric->name, count);
	initStringInfo(&key);
	*is_other = count > (refresh->currency >= 0 ? 1 : 0);
	for (int i = 0; i < count; i++)
	{
		char *value = TextDatumGetCString(items[i]);
		int length = strlen(value);

		if (length > MAX_LABEL_VALUE)
			ereport(ERROR,
					(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
					 errmsg("a value of label \"%s\" is longer than %d bytes",
							metric->labels[i], MAX_LABEL_VALUE),
					 errhint("Labels are for few values: group them in the query.")));
		appendBinaryStringInfo(&key, (char *) &length, sizeof(length));
		appendBinaryStringInfo(&key, value, length);
		*is_other = *is_other && (i == refresh->currency || strcmp(value, OTHER) == 0);
	}
	return (Key){key.data, key.len};
}

static double *
read_numbers(const BmMetric *metric, Datum array, int width)
{
	ArrayType *numbers = DatumGetArrayTypePCopy(array);

	if (ARR_NDIM(numbers) != 1 || ARR_DIMS(numbers)[0] != width || ARR_HASNULL(numbers) ||
		ARR_ELEMTYPE(numbers) != FLOAT8OID)
		elog(ERROR, "metric \"%s\" has a series of other numbers", metric->name);
	return (double *) ARR_DATA_PTR(numbers);
}

static Series *
enter_series(Refresh *refresh, Key key, ArrayType *labels, bool is_other)
{
	Series *series = hash_search(refresh->series, &key, HASH_ENTER, NULL);

	series->labels = labels;
	series->numbers = palloc0(sizeof(double) * refresh->width);
	series->last = palloc0(sizeof(double) * refresh->width);
	series->seen = palloc0(sizeof(double) * refresh->width);
	series->is_seen = false;
	series->is_other = is_other;
	series->row = NULL;
	if (is_other)
		refresh->other_count++;
	return series;
}

static void
read_series(Refresh *refresh)
{
	Relation rel = bm_table_open("metric_series", AccessShareLock);
	List *rows = bm_table_list(rel, SERIES_INDEX, TEXTOID,
							   CStringGetTextDatum(refresh->metric->name));
	ListCell *cell;

	foreach(cell, rows)
	{
		Datum v[SERIES_COLUMNS];
		bool n[SERIES_COLUMNS];
		ArrayType *labels;
		bool is_other;
		Key key;
		Series *series;

		heap_deform_tuple(lfirst(cell), RelationGetDescr(rel), v, n);
		labels = DatumGetArrayTypePCopy(v[SERIES_LABELS]);
		key = key_of(refresh, labels, &is_other);
		series = enter_series(refresh, key, labels, is_other);
		series->row = lfirst(cell);
		if (refresh->counts && !is_other)
			refresh->own_count++;
		series->numbers =
			read_numbers(refresh->metric, v[SERIES_NUMBERS], refresh->width);
		series->last = read_numbers(refresh->metric, v[SERIES_LAST], refresh->width);
	}
	table_close(rel, AccessShareLock);
}

static void
begin_refresh(Refresh *refresh, const BmMetric *metric)
{
	HASHCTL control = {0};

	*refresh = (Refresh){.metric = metric,
						 .currency = bm_metric_currency(metric),
						 .context = CurrentMemoryContext};
	refresh->width = bm_metric_width(metric);
	refresh->counts =
		metric->type == BM_METRIC_COUNTER || metric->type == BM_METRIC_HISTOGRAM;
	control.keysize = sizeof(Key);
	control.entrysize = sizeof(Series);
	control.hash = hash_key;
	control.match = match_keys;
	control.hcxt = CurrentMemoryContext;
	refresh->series =
		hash_create("bizmetrics series", 64, &control,
					HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	read_series(refresh);
}

/* What the query says ------------------------------------------------------------------------ */

/*
 * A currency is the three letters of ISO 4217, in capitals, or none: it becomes a part of the metric's name.
 * False where it is another text, which no name could have.
 */
static bool
take_currency(const Refresh *refresh, ArrayType **labels)
{
	Datum *items;
	bool *nulls;
	int count;
	char *value;

	if (refresh->currency < 0)
		return true;
	deconstruct_array(*labels, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	value = TextDatumGetCString(items[refresh->currency]);
	for (char *c = value; *c != '\0'; c++)
	{
		*c = pg_ascii_toupper((unsigned char) *c);
		if (*c < 'A' || *c > 'Z')
			return false;
	}
	if (value[0] != '\0' && strlen(value) != BM_CURRENCY_LENGTH)
		return false;
	items[refresh->currency] = CStringGetTextDatum(value);
	*labels = construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT);
	return true;
}

/* The labels of the series that those beyond max_series add up to. */
static ArrayType *
other_labels(const Refresh *refresh, ArrayType *labels)
{
	Datum *items;
	bool *nulls;
	int count;

	deconstruct_array(labels, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (i != refresh->currency)
			items[i] = CStringGetTextDatum(OTHER);
	return construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT);
}

/* NULL where there is none, or where nothing but the currency would be left. */
static Series *
find_other(Refresh *refresh, ArrayType *labels, bool make)
{
	ArrayType *others = other_labels(refresh, labels);
	bool is_other;
	Key key = key_of(refresh, others, &is_other);
	Series *series =
		is_other ? hash_search(refresh->series, &key, HASH_FIND, NULL) : NULL;

	if (series == NULL && is_other && make &&
		refresh->other_count < refresh->metric->max_series)
		series = enter_series(refresh, key, others, true);
	return series;
}

/* The series that these labels belong to; NULL: there is no room for their currency. */
static Series *
find_series(Refresh *refresh, ArrayType *labels)
{
	bool is_other;
	Key key = key_of(refresh, labels, &is_other);
	Series *series = hash_search(refresh->series, &key, HASH_FIND, NULL);
	bool stands = series != NULL && (refresh->counts || series->is_seen);

	if (!stands && !is_other)
	{
		if (refresh->own_count >= refresh->metric->max_series)
			return find_other(refresh, labels, true);
		refresh->own_count++;
	}
	return series != NULL ? series : enter_series(refresh, key, labels, is_other);
}

/* Quantiles of several label sets together are not known from their own. */
static void
add_numbers(const Refresh *refresh, Series *series, const double *numbers)
{
	int quantiles =
		refresh->metric->type == BM_METRIC_SUMMARY ? refresh->metric->bound_count : 0;

	for (int i = 0; i < refresh->width; i++)
	{
		if (!series->is_seen)
			series->seen[i] = numbers[i];
		else
			series->seen[i] =
				i < quantiles ? get_float8_nan() : series->seen[i] + numbers[i];
	}
	series->is_seen = true;
}

static void
check_counter(const Refresh *refresh, const double *numbers)
{
	if (refresh->metric->type == BM_METRIC_COUNTER &&
		!(numbers[0] >= 0 && !isinf(numbers[0])))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("a counter cannot be %g", numbers[0]),
						errhint("What may go down, or is no number, is a gauge's.")));
}

static void
take_row(void *arg, HeapTuple row, TupleDesc desc)
{
	Refresh *refresh = arg;
	MemoryContext old = MemoryContextSwitchTo(refresh->context);
	bool isnull;
	ArrayType *labels = DatumGetArrayTypePCopy(SPI_getbinval(row, desc, 1, &isnull));
	double *numbers = read_numbers(refresh->metric, SPI_getbinval(row, desc, 2, &isnull),
								   refresh->width);
	Series *series;

	check_counter(refresh, numbers);
	series = take_currency(refresh, &labels) ? find_series(refresh, labels) : NULL;
	if (series == NULL)
	{
		MemoryContextSwitchTo(old);
		return;
	}
	if (series->is_seen && !series->is_other)
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("the query returns the same labels twice"),
				 errdetail("Labels: %s.",
						   OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(labels))),
				 errhint("Aggregate, and GROUP BY the labels.")));
	add_numbers(refresh, series, numbers);
	MemoryContextSwitchTo(old);
}

/* What is shown from now on ------------------------------------------------------------------- */

/* Was a new series a part of "other" until now? */
static bool
was_other(Refresh *refresh, const Series *series)
{
	const Series *other;

	if (series->row != NULL || series->is_other)
		return false;
	other = find_other(refresh, series->labels, false);
	return other != NULL && other->row != NULL;
}

/* The sum of what is in a histogram's buckets may go down by itself, if it has negative figures. */
static void
step_counts(Refresh *refresh, Series *series)
{
	bool has_sum = refresh->metric->type == BM_METRIC_HISTOGRAM;
	int buckets = refresh->width - (has_sum ? 1 : 0);
	bool fewer = false;

	/* What it was then, "other" goes on showing. */
	if (was_other(refresh, series))
		memcpy(series->last, series->seen, sizeof(double) * refresh->width);
	for (int i = 0; i < buckets; i++)
	{
		fewer = fewer || series->seen[i] < series->last[i];
		series->numbers[i] =
			bm_counter_step(series->numbers[i], series->last[i], series->seen[i]);
	}
	if (has_sum && !fewer)
		series->numbers[buckets] += series->seen[buckets] - series->last[buckets];
	memcpy(series->last, series->seen, sizeof(double) * refresh->width);
}

static void
step_series(Refresh *refresh, Series *series)
{
	if (!refresh->counts)
		memcpy(series->numbers, series->seen, sizeof(double) * refresh->width);
	else if (!refresh->metric->incremental)
		step_counts(refresh, series);
	else
		for (int i = 0; i < refresh->width; i++)
			series->numbers[i] += series->seen[i];
}

static Datum
form_numbers(const double *numbers, int width)
{
	Datum *items = palloc(sizeof(Datum) * width);

	for (int i = 0; i < width; i++)
		items[i] = Float8GetDatum(numbers[i]);
	return PointerGetDatum(construct_array(items, width, FLOAT8OID, sizeof(float8),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Writes the series, where it is another one than before. */
static void
write_series(Refresh *refresh, Relation rel, Series *series)
{
	Size size = sizeof(double) * refresh->width;
	double *before = memcpy(palloc(size), series->numbers, size);
	double *last_before = memcpy(palloc(size), series->last, size);
	Datum v[SERIES_COLUMNS];
	bool n[SERIES_COLUMNS] = {false};

	if (!refresh->counts && !series->is_seen)
	{
		(void) bm_table_delete(rel, series->row);
		return;
	}
	step_series(refresh, series);
	if (series->row != NULL && memcmp(before, series->numbers, size) == 0 &&
		memcmp(last_before, series->last, size) == 0)
		return;
	v[SERIES_NAME] = CStringGetTextDatum(refresh->metric->name);
	v[SERIES_LABELS] = PointerGetDatum(series->labels);
	v[SERIES_NUMBERS] = form_numbers(series->numbers, refresh->width);
	v[SERIES_LAST] = form_numbers(series->last, refresh->width);
	if (series->row != NULL)
		bm_table_update(rel, series->row, v, n);
	else
		bm_table_insert(rel, v, n);
}

static void
write_all_series(Refresh *refresh)
{
	Relation rel = bm_table_open("metric_series", RowExclusiveLock);
	HASH_SEQ_STATUS scan;
	Series *series;

	hash_seq_init(&scan, refresh->series);
	while ((series = hash_seq_search(&scan)) != NULL)
		write_series(refresh, rel, series);
	table_close(rel, NoLock);
}

/* A refresh ------------------------------------------------------------------------------------ */

/* What the events' counters have read: nothing at first, and after a restore all that is there. */
static Datum
seen_parameter(const BmMetricState *state)
{
	const char *seen = state->seen != NULL ? state->seen : "3:3:";

	return OidFunctionCall1(F_PG_SNAPSHOT_IN, CStringGetDatum(seen));
}

/*
 * Asks the metric's query, as the current role, and stores what it says and where the metric stands.
 * Returns the error that the query ended with, or NULL.
 */
ErrorData *
bm_metric_refresh(const BmMetric *metric, BmMetricState *state)
{
	static Oid types[2] = {PG_SNAPSHOTOID, TIMESTAMPTZOID};
	TimestampTz begun = GetCurrentTimestamp();
	TimestampTz now = bm_clock_now();
	Datum values[2];
	Refresh refresh;
	BmEvaluation evaluation = {.search_path = metric->search_path,
							   .timeout = bm_interval_usecs(metric->timeout),
							   .nargs = metric->incremental ? 2 : 0,
							   .types = types,
							   .values = values,
							   .row = take_row,
							   .arg = &refresh};
	ErrorData *error;

	if (!state->is_here)
		state->counted_from = GetCurrentTimestamp(); /* as recorded_at has it */
	values[0] = seen_parameter(state);
	values[1] = TimestampTzGetDatum(state->counted_from);
	begin_refresh(&refresh, metric);
	evaluation.query = bm_metric_wrap(metric);
	error = bm_evaluate(&evaluation);
	if (error == NULL)
	{
		write_all_series(&refresh);
		state->seen = metric->incremental ? pstrdup(evaluation.snapshot) : NULL;
		state->sampled_at = now;
		state->seconds = (double) (GetCurrentTimestamp() - begun) / USECS_PER_SEC;
		state->failing_since = DT_NOBEGIN;
		state->sqlstate = state->message = NULL;
	}
	else
	{
		if (state->failing_since == DT_NOBEGIN)
			state->failing_since = now;
		state->sqlstate = pstrdup(unpack_sql_state(error->sqlerrcode));
		state->message = error->message;
	}
	bm_metric_state_put(metric, state);
	return error;
}

/* One that failed is asked again at once. */
static bool
is_due(const BmMetric *metric, const BmMetricState *state, TimestampTz now)
{
	return state->failing_since != DT_NOBEGIN ||
		   bm_look_due(state->sampled_at, metric->ttl, now);
}

/* The current role's metrics that are due, or all of them; how many were brought up to date. */
Datum
bizmetrics_refresh_metrics(PG_FUNCTION_ARGS)
{
	bool all = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "bizmetrics metric", ALLOCSET_DEFAULT_SIZES);
	ListCell *cell;
	int32 refreshed = 0;

	PreventCommandIfReadOnly("refresh_metrics()");
	bm_evaluate_lock(GetUserId());
	foreach(cell, bm_metrics_of(GetUserNameFromId(GetUserId(), false)))
	{
		const BmMetric *metric = lfirst(cell);
		MemoryContext old = MemoryContextSwitchTo(context);
		BmMetricState state;

		bm_metric_state_get(metric, &state);
		if ((all || is_due(metric, &state, bm_clock_now())) &&
			bm_metric_refresh(metric, &state) == NULL)
			refreshed++;
		MemoryContextSwitchTo(old);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	PG_RETURN_INT32(refreshed);
}
