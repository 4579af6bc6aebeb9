/*
 * funnel_steps.c
 *	  Reading the steps of a funnel.
 *
 * Conditions of the scan are the steps and, behind them, what excludes: the same event between two
 * other steps is one condition.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "agg/argument.h"
#include "analysis/filter.h"
#include "analysis/funnel.h"

#define STEP_HINT                                                                         \
	"Write an event's name, or an object with event, filter, name, optional, first_time," \
	" exclude and within."

static void
bad_step(int step, const char *problem)
{
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("step %d of the funnel %s", step + 1, problem),
			errhint("%s", STEP_HINT));
}

static char *
text_of(const JsonbValue *value, int step, const char *key)
{
	if (value->type != jbvString)
		bad_step(step, psprintf("must have a text as \"%s\"", key));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static char *
event_of(const JsonbValue *value, int step, const char *key)
{
	char *event = text_of(value, step, key);

	if (*event == '\0')
		bad_step(step, psprintf("must not have an empty \"%s\"", key));
	return event;
}

static bool
boolean_of(const JsonbValue *value, int step, const char *key)
{
	if (value->type != jbvBool)
		bad_step(step, psprintf("must have true or false as \"%s\"", key));
	return value->val.boolean;
}

static const Jsonb *
filter_of(const JsonbValue *value, int step)
{
	Jsonb *filter;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		bad_step(step, "must have an object as \"filter\"");
	filter = JsonbValueToJsonb((JsonbValue *) value);
	(void) bm_filter_parse(filter);
	return filter;
}

/* As the type's input function reads it, but without its error. */
static bool
parse_interval(const char *text, Interval *interval)
{
	struct pg_itm_in parts = {0};
	char work[256];
	char *field[MAXDATEFIELDS];
	int field_type[MAXDATEFIELDS];
	int fields;
	int type;
	int problem = ParseDateTime(text, work, sizeof(work), field, field_type,
								MAXDATEFIELDS, &fields);

	if (problem == 0)
		problem =
			DecodeInterval(field, field_type, fields, INTERVAL_FULL_RANGE, &type, &parts);
	if (problem == DTERR_BAD_FORMAT)
		problem = DecodeISO8601Interval(unconstify(char *, text), &type, &parts);
	return problem == 0 && type == DTK_DELTA && itmin2interval(&parts, interval) == 0;
}

static uint64
within_of(const JsonbValue *value, int step, const char *key)
{
	const char *text = text_of(value, step, key);
	Interval none = {0};
	Interval interval;
	uint64 within = 0;

	if (parse_interval(text, &interval) &&
		DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(&interval),
										 IntervalPGetDatum(&none))))
		within = bm_interval_microseconds(IntervalPGetDatum(&interval), false, key);
	if (within == 0)
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("step %d of the funnel must have an interval longer than zero as "
					   "\"%s\", not \"%s\"",
					   step + 1, key, text),
				errhint("Write, for example, \"1 day\"."));
	return within;
}

static BmScanCondition *
add_condition(BmFunnel *funnel)
{
	BmFunnelParameters *parameters = funnel->parameters;

	if (parameters->conditions == BM_MAX_CONDITIONS)
		ereport(ERROR, errcode(ERRCODE_TOO_MANY_ARGUMENTS),
				errmsg("too many steps and excluding events in a funnel"),
				errhint("It may have %d of both together.", BM_MAX_CONDITIONS));
	memset(&funnel->condition[parameters->conditions], 0, sizeof(BmScanCondition));
	return &funnel->condition[parameters->conditions++];
}

/* An event's name, or an object with event and filter. */
static void
read_excluded(const JsonbValue *value, int step, BmScanCondition *condition)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;

	if (value->type == jbvString)
	{
		condition->event = event_of(value, step, "exclude");
		return;
	}
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		bad_step(step, "must have names or objects as \"exclude\"");
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		char *key;

		if (token != WJB_KEY)
			continue;
		key = pnstrdup(item.val.string.val, item.val.string.len);
		JsonbIteratorNext(&iterator, &item, true);
		if (strcmp(key, "event") == 0)
			condition->event = event_of(&item, step, key);
		else if (strcmp(key, "filter") == 0)
			condition->filter = filter_of(&item, step);
		else
			bad_step(step, psprintf("has an unknown key \"%s\" in \"exclude\"", key));
	}
	if (condition->event == NULL && condition->filter == NULL)
		bad_step(step, "excludes every event");
}

static bool
same_filter(const Jsonb *a, const Jsonb *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return compareJsonbContainers((JsonbContainer *) &a->root,
								  (JsonbContainer *) &b->root) == 0;
}

static bool
same_event(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

static void
exclude(BmFunnel *funnel, int step, const JsonbValue *value)
{
	BmFunnelParameters *parameters = funnel->parameters;
	BmScanCondition excluded = {0};
	int i;

	read_excluded(value, step, &excluded);
	for (i = parameters->steps; i < parameters->conditions; i++)
		if (same_event(funnel->condition[i].event, excluded.event) &&
			same_filter(funnel->condition[i].filter, excluded.filter))
			break;
	if (i == parameters->conditions)
		*add_condition(funnel) = excluded;
	parameters->excluding[step] |= (uint32) 1 << i;
}

static void
exclude_all(BmFunnel *funnel, int step, const JsonbValue *value)
{
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
	{
		exclude(funnel, step, value);
		return;
	}
	for (uint32 i = 0; i < JsonContainerSize(value->val.binary.data); i++)
		exclude(funnel, step, getIthJsonbValueFromContainer(value->val.binary.data, i));
}

static void
read_key(BmFunnel *funnel, int step, const char *key, const JsonbValue *value)
{
	BmFunnelParameters *parameters = funnel->parameters;
	BmScanCondition *condition = &funnel->condition[step];

	if (strcmp(key, "event") == 0)
		condition->event = event_of(value, step, key);
	else if (strcmp(key, "filter") == 0)
		condition->filter = filter_of(value, step);
	else if (strcmp(key, "name") == 0)
		funnel->name[step] = text_of(value, step, key);
	else if (strcmp(key, "optional") == 0)
		parameters->optional |= (uint32) boolean_of(value, step, key) << step;
	else if (strcmp(key, "first_time") == 0)
	{
		condition->ever = boolean_of(value, step, key);
		parameters->first_time |= (uint32) condition->ever << step;
	}
	else if (strcmp(key, "exclude") == 0)
		exclude_all(funnel, step, value);
	else if (strcmp(key, "within") == 0)
	{
		parameters->within[step] = within_of(value, step, key);
		parameters->has_within = true;
	}
	else
		bad_step(step, psprintf("has an unknown key \"%s\"", key));
}

static void
read_step(BmFunnel *funnel, int step, const JsonbValue *value)
{
	BmScanCondition *condition = &funnel->condition[step];
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue item;

	if (value->type == jbvString)
		condition->event = event_of(value, step, "event");
	else if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		bad_step(step, "is neither a name nor an object");
	else
	{
		iterator = JsonbIteratorInit(value->val.binary.data);
		while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
		{
			char *key;

			if (token != WJB_KEY)
				continue;
			key = pnstrdup(item.val.string.val, item.val.string.len);
			JsonbIteratorNext(&iterator, &item, true);
			read_key(funnel, step, key, &item);
		}
		if (condition->event == NULL && condition->filter == NULL)
			bad_step(step, "has neither \"event\" nor \"filter\"");
	}
	if (funnel->name[step] == NULL)
		funnel->name[step] = condition->event != NULL ? pstrdup(condition->event)
													  : psprintf("step %d", step + 1);
}

/* What does not go together. */
static void
check(const BmFunnel *funnel)
{
	const BmFunnelParameters *parameters = funnel->parameters;
	uint32 excluding = parameters->excluding[0];

	if (excluding != 0)
		bad_step(0, "has \"exclude\", and there is no step before it");
	if (parameters->within[0] != 0)
		bad_step(0, "has \"within\", and there is no step before it");
	if ((parameters->optional & 1) != 0)
		bad_step(0, "must not be optional");
	if (parameters->order == BM_FUNNEL_ANY && parameters->has_within)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("a funnel with \"within\" must not have the order \"any\""),
			errhint("In the order \"any\" no step is before another. Use the window of "
					"the whole funnel, or another order."));
	for (int i = 0; i < parameters->steps; i++)
		excluding |= parameters->excluding[i];
	if (parameters->order != BM_FUNNEL_ORDERED &&
		(excluding != 0 || parameters->optional != 0))
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg(
				"a funnel with optional steps or \"exclude\" must have the order \"ordered\""),
			errhint(
				"In the order \"strict\" every other event ends an attempt already, and in "
				"the order \"any\" no step is before another."));
}

static BmFunnelOrder
parse_order(const char *order)
{
	if (strcmp(order, "ordered") == 0)
		return BM_FUNNEL_ORDERED;
	if (strcmp(order, "strict") == 0)
		return BM_FUNNEL_STRICT;
	if (strcmp(order, "any") == 0)
		return BM_FUNNEL_ANY;
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unknown order of steps \"%s\"", order),
			errhint("Use ordered, strict or any."));
}

/* The steps of any order have no names: who does one of them first has done one. */
static void
name_by_number(BmFunnel *funnel)
{
	for (int i = 0; i < funnel->parameters->steps; i++)
		funnel->name[i] = psprintf("%d of %d", i + 1, funnel->parameters->steps);
}

BmFunnel *
bm_funnel_parse(const Jsonb *steps, const char *order, int buckets)
{
	BmFunnel *funnel = palloc0(sizeof(BmFunnel));
	BmFunnelParameters *parameters = palloc0(offsetof(BmFunnelParameters, bound) +
											 (buckets + 1) * sizeof(TimestampTz));
	JsonbContainer *array = (JsonbContainer *) &steps->root;

	if (!JB_ROOT_IS_ARRAY(steps) || JB_ROOT_IS_SCALAR(steps) || JB_ROOT_COUNT(steps) == 0)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("the steps of a funnel must be an array of at least one step"),
			errhint(
				"Write, for example, ARRAY['visited_pricing', 'upgraded'], or a JSON array."));
	funnel->parameters = parameters;
	parameters->order = parse_order(order);
	parameters->buckets = buckets;
	parameters->attribution = BM_FUNNEL_FIRST_STEP;
	for (uint32 i = 0; i < JB_ROOT_COUNT(steps); i++)
		add_condition(funnel);
	parameters->steps = JB_ROOT_COUNT(steps);
	for (int i = 0; i < parameters->steps; i++)
		read_step(funnel, i, getIthJsonbValueFromContainer(array, i));
	check(funnel);
	for (int i = 0; i < parameters->steps; i++)
		if (parameters->within[i] == 0)
			parameters->within[i] = PG_UINT64_MAX;
	if (parameters->order == BM_FUNNEL_ANY)
		name_by_number(funnel);
	funnel->query.subject = BM_EVENT_ACTOR_USER_ID;
	funnel->query.conditions = parameters->conditions;
	funnel->query.condition = funnel->condition;
	funnel->query.all_events = parameters->order == BM_FUNNEL_STRICT;
	return funnel;
}

void
bm_funnel_set_attribution(BmFunnel *funnel, const char *attribution)
{
	BmFunnelParameters *parameters = funnel->parameters;

	if (strcmp(attribution, "first") == 0)
		parameters->attribution = BM_FUNNEL_FIRST_STEP;
	else if (strcmp(attribution, "last") == 0)
		parameters->attribution = BM_FUNNEL_LAST_STEP;
	else if (strcmp(attribution, "all") == 0)
		parameters->attribution = BM_FUNNEL_ALL_STEPS;
	else
	{
		char *end;
		long step = strtol(attribution, &end, 10);

		if (end == attribution || *end != '\0' || step < 1 || step > parameters->steps)
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown attribution \"%s\"", attribution),
					errhint("Use first, last, all or the number of a step, 1 to %d.",
							parameters->steps));
		parameters->attribution = (int) step - 1;
	}
}
