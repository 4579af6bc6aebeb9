/*
 * bizmetrics.number_in(): the number that an event's properties have under a key.
 *
 * Reports of packs ask for it on every event, of applications that write amounts as numbers or, to keep every
 * digit, as strings. What is neither is no number: an error would stop the report for good, since an event cannot
 * be corrected.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/* Longer strings of digits are no amounts. */
#define MAX_LENGTH 1000

PG_FUNCTION_INFO_V1(bizmetrics_number_in);

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with a point somewhere or none, and a sign before them or none; blanks around it. */
static bool
is_number(const char *text)
{
	int digits = 0;
	bool has_point = false;

	text += strspn(text, " ");
	if (*text == '-' || *text == '+')
		text++;
	for (; is_digit(*text) || (*text == '.' && !has_point); text++)
		if (*text == '.')
			has_point = true;
		else
			digits++;
	text += strspn(text, " ");
	return digits > 0 && *text == '\0';
}

Datum
bizmetrics_number_in(PG_FUNCTION_ARGS)
{
	Jsonb *properties = PG_GETARG_JSONB_P(0);
	text *key = PG_GETARG_TEXT_PP(1);
	JsonbValue found;
	JsonbValue *value;
	char *string;

	if (!JB_ROOT_IS_OBJECT(properties))
		PG_RETURN_NULL();
	value = getKeyJsonValueFromContainer(&properties->root, VARDATA_ANY(key),
										 VARSIZE_ANY_EXHDR(key), &found);
	/* A part of the argument, which outlives the call. */
	if (value != NULL && value->type == jbvNumeric)
		PG_RETURN_NUMERIC(value->val.numeric);
	if (value == NULL || value->type != jbvString || value->val.string.len > MAX_LENGTH)
		PG_RETURN_NULL();
	string = pnstrdup(value->val.string.val, value->val.string.len);
	if (!is_number(string))
		PG_RETURN_NULL();
	return DirectFunctionCall3(numeric_in, CStringGetDatum(string),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}
