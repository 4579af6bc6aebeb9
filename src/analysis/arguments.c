/*
 * arguments.c
 *	  What the functions that SQL wraps for activity and retention read of their arguments.
 *
 * The wrappers have said what is wrong; the errors here are for whoever calls the functions
 * themselves.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "analysis/arguments.h"

void
bm_argument_require(FunctionCallInfo fcinfo, int number, const char *name,
					const char *hint)
{
	if (PG_ARGISNULL(number))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("%s must not be NULL", name), errhint("%s", hint));
}

char *
bm_argument_text(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(number));
}

Jsonb *
bm_argument_json(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? NULL : PG_GETARG_JSONB_P(number);
}

int
bm_argument_choice(FunctionCallInfo fcinfo, int number, const char *name,
				   const char *const *words, int count)
{
	char *value = bm_argument_text(fcinfo, number);

	for (int i = 0; i < count; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("invalid %s: \"%s\"", name, value),
		errhint("Call the function that this one is for, which says what may be given."));
}

BmEventColumn
bm_argument_subject(FunctionCallInfo fcinfo, int number)
{
	return BM_CHOICE(number, "subject", "actor", "company") == 0 ? BM_EVENT_ACTOR_USER_ID
																 : BM_EVENT_COMPANY_ID;
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	pushJsonbValue(state, token, &value);
}

static void
push_names(JsonbParseState **state, ArrayType *names)
{
	Datum *name;
	bool *nulls;
	int count;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &name, &nulls, &count);
	push_text(state, WJB_KEY, "event_name");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
			push_text(state, WJB_ELEM, TextDatumGetCString(name[i]));
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

Jsonb *
bm_filter_of(ArrayType *names, const Jsonb *contained, const char *company)
{
	JsonbParseState *state = NULL;

	if (names == NULL && contained == NULL && company == NULL)
		return NULL;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (names != NULL)
		push_names(&state, names);
	if (company != NULL)
	{
		push_text(&state, WJB_KEY, "company_id");
		push_text(&state, WJB_VALUE, company);
	}
	if (contained != NULL)
	{
		JsonbValue value = {.type = jbvBinary};

		value.val.binary.data = unconstify(JsonbContainer *, &contained->root);
		value.val.binary.len = (int) (VARSIZE(contained) - VARHDRSZ);
		push_text(&state, WJB_KEY, "properties");
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		push_text(&state, WJB_KEY, "@>");
		pushJsonbValue(&state, WJB_VALUE, &value);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}
