/* Lines of Prometheus's text format for SQL: what metrics_text() is put together from. */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "metric/format.h"
#include "metric/names.h"

PG_FUNCTION_INFO_V1(bizmetrics_metric_header);
PG_FUNCTION_INFO_V1(bizmetrics_metric_line);
PG_FUNCTION_INFO_V1(bizmetrics_metric_number);
PG_FUNCTION_INFO_V1(bizmetrics_name_in_currency);

static void *
resize(void *memory, size_t size)
{
	return memory != NULL ? repalloc(memory, size) : palloc(size);
}

static text *
finish(BmMetricText *result)
{
	text *copy = cstring_to_text_with_len(result->data, (int) result->length);

	pfree(result->data);
	return copy;
}

static char **
strings(ArrayType *array, int *count)
{
	Datum *items;
	bool *nulls;
	char **result;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, count);
	result = palloc(sizeof(char *) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		result[i] = nulls[i] ? "" : TextDatumGetCString(items[i]);
	return result;
}

Datum
bizmetrics_metric_header(PG_FUNCTION_ARGS)
{
	BmMetricText result;

	bm_metric_text_begin(&result, resize);
	bm_metric_header(&result, text_to_cstring(PG_GETARG_TEXT_PP(0)),
					 text_to_cstring(PG_GETARG_TEXT_PP(1)),
					 text_to_cstring(PG_GETARG_TEXT_PP(2)));
	PG_RETURN_TEXT_P(finish(&result));
}

Datum
bizmetrics_metric_line(PG_FUNCTION_ARGS)
{
	int names;
	int values;
	char **name = strings(PG_GETARG_ARRAYTYPE_P(1), &names);
	char **value = strings(PG_GETARG_ARRAYTYPE_P(2), &values);
	BmMetricText result;

	if (names != values)
		ereport(ERROR, (errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
						errmsg("%d labels have %d values", names, values),
						errhint("Give one value for each label.")));
	bm_metric_text_begin(&result, resize);
	bm_metric_line(&result, text_to_cstring(PG_GETARG_TEXT_PP(0)),
				   (const char *const *) name, (const char *const *) value, names,
				   PG_GETARG_FLOAT8(3));
	PG_RETURN_TEXT_P(finish(&result));
}

Datum
bizmetrics_metric_number(PG_FUNCTION_ARGS)
{
	char number[BM_METRIC_NUMBER_SIZE];

	bm_metric_number(PG_GETARG_FLOAT8(0), number);
	PG_RETURN_TEXT_P(cstring_to_text(number));
}

/* The name that a metric has for its figures in a currency; in none its own. */
Datum
bizmetrics_name_in_currency(PG_FUNCTION_ARGS)
{
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *currency = text_to_cstring(PG_GETARG_TEXT_PP(1));
	int stem = (int) bm_metric_name_stem(name);

	if (currency[0] == '\0')
		PG_RETURN_TEXT_P(cstring_to_text(name));
	for (char *c = currency; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	PG_RETURN_TEXT_P(
		cstring_to_text(psprintf("%.*s_%s%s", stem, name, currency, name + stem)));
}
