/*
 * Names of metrics and of their labels.
 *
 * What Prometheus would not take at all, what its own linter (promtool check metrics) complains of,
 * and what makes figures mean two things: percentages beside ratios, milliseconds beside seconds,
 * _total on what goes down, a series for each user. A currency is a part of the name, for sums over several mean
 * nothing. Plain C: no server.
 */
#include <stdio.h>
#include <string.h>

#include "metric/names.h"

#define RESERVED_PREFIX "bizmetrics_"

typedef struct Word
{
	const char *word;
	const char *instead;
} Word;

/* Units that are not base units, wherever they stand in a name. */
static const Word units[] = {{"ms", "seconds"},
							 {"us", "seconds"},
							 {"ns", "seconds"},
							 {"sec", "seconds"},
							 {"secs", "seconds"},
							 {"s", "seconds"},
							 {"m", "seconds or meters"},
							 {"h", "seconds"},
							 {"d", "seconds"},
							 {"milliseconds", "seconds"},
							 {"microseconds", "seconds"},
							 {"nanoseconds", "seconds"},
							 {"minutes", "seconds"},
							 {"hours", "seconds"},
							 {"days", "seconds"},
							 {"weeks", "seconds"},
							 {"months", "seconds"},
							 {"years", "seconds"},
							 {"b", "bytes"},
							 {"kb", "bytes"},
							 {"mb", "bytes"},
							 {"gb", "bytes"},
							 {"tb", "bytes"},
							 {"pb", "bytes"},
							 {"bits", "bytes"},
							 {"kilobytes", "bytes"},
							 {"megabytes", "bytes"},
							 {"gigabytes", "bytes"},
							 {"terabytes", "bytes"},
							 {"kibibytes", "bytes"},
							 {"mebibytes", "bytes"},
							 {"gibibytes", "bytes"},
							 {"tebibytes", "bytes"},
							 {"cents", "whole units of the currency"},
							 {"percent", "a ratio from 0 to 1, such as churn_ratio"},
							 {"percents", "a ratio from 0 to 1, such as churn_ratio"},
							 {"percentage", "a ratio from 0 to 1, such as churn_ratio"},
							 {"pct", "a ratio from 0 to 1, such as churn_ratio"},
							 {"fahrenheit", "celsius"},
							 {"kelvins", "celsius"},
							 {"rankine", "celsius"},
							 {"inches", "meters"},
							 {"yards", "meters"},
							 {"miles", "meters"},
							 {"kilometers", "meters"},
							 {"centimeters", "meters"},
							 {"millimeters", "meters"},
							 {"pounds", "grams"},
							 {"ounces", "grams"},
							 {"kilograms", "grams"},
							 {"calories", "joules"}};

/* Labels whose values know no end, or that mean something else already. */
static const Word refused_labels[] = {
	{"le", "Prometheus uses it for the buckets of histograms"},
	{"quantile", "Prometheus uses it for the quantiles of summaries"},
	{"job", "Prometheus sets it to what it scrapes"},
	{"instance", "Prometheus sets it to what it scrapes"},
	{"id", "each value would be a series of its own"},
	{"user", "each value would be a series of its own"},
	{"user_id", "each value would be a series of its own"},
	{"actor_user_id", "each value would be a series of its own"},
	{"customer_id", "each value would be a series of its own"},
	{"order_id", "each value would be a series of its own"},
	{"entity_id", "each value would be a series of its own"},
	{"event_id", "each value would be a series of its own"},
	{"session_id", "each value would be a series of its own"},
	{"request_id", "each value would be a series of its own"},
	{"email", "each value would be a series of its own"},
	{"phone", "each value would be a series of its own"},
	{"ip", "each value would be a series of its own"}};

static const char *const type_names[] = {"counter", "gauge", "histogram", "summary"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

bool
bm_metric_type_find(const char *name, BmMetricType *type)
{
	for (size_t i = 0; i < LENGTH(type_names); i++)
	{
		if (strcmp(type_names[i], name) == 0)
		{
			*type = (BmMetricType) i;
			return true;
		}
	}
	return false;
}

const char *
bm_metric_type_name(BmMetricType type)
{
	return type_names[type];
}

static bool
refuse(BmNameProblem *problem, const char *message, const char *hint)
{
	snprintf(problem->message, sizeof(problem->message), "%s", message);
	snprintf(problem->hint, sizeof(problem->hint), "%s", hint);
	return false;
}

static bool
ends_with(const char *name, const char *end)
{
	size_t length = strlen(name);
	size_t end_length = strlen(end);

	return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* Lower-case words of letters and digits, with one underscore between two. */
static bool
is_snake_case(const char *name)
{
	char before = '_';

	if (name[0] < 'a' || name[0] > 'z')
		return false;
	for (const char *c = name; *c != '\0'; before = *c++)
	{
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9');

		if (!letter && (*c != '_' || before == '_'))
			return false;
	}
	return before != '_';
}

/* Is the word between start and end this one? */
static bool
is_word(const char *start, const char *end, const char *word)
{
	return strlen(word) == (size_t) (end - start) &&
		   strncmp(start, word, end - start) == 0;
}

static const Word *
find_word(const Word *words, size_t count, const char *start, const char *end)
{
	for (size_t i = 0; i < count; i++)
		if (is_word(start, end, words[i].word))
			return &words[i];
	return NULL;
}

/* Every word of the name but the first, which is whose metric it is. */
static bool
words_ok(const char *name, BmNameProblem *problem)
{
	const char *start = strchr(name, '_');

	while (start != NULL)
	{
		const char *end = strchr(++start, '_');
		const char *stop = end != NULL ? end : start + strlen(start);
		const Word *unit = find_word(units, LENGTH(units), start, stop);

		if (unit != NULL)
		{
			snprintf(problem->message, sizeof(problem->message),
					 "\"%s\" is not a base unit", unit->word);
			snprintf(problem->hint, sizeof(problem->hint), "Give %s.", unit->instead);
			return false;
		}
		for (size_t i = 0; i < LENGTH(type_names); i++)
			if (is_word(start, stop, type_names[i]))
				return refuse(problem, "a name does not say the metric's type",
							  "The type is told beside the name: leave it out.");
		start = end;
	}
	return true;
}

static bool
suffix_ok(const char *name, BmMetricType type, BmNameProblem *problem)
{
	bool total = ends_with(name, "_total");

	if (type == BM_METRIC_COUNTER && !total)
		return refuse(problem, "a counter's name must end with _total",
					  "Add it, or make the metric a gauge if it can go down.");
	if (type != BM_METRIC_COUNTER && total)
		return refuse(
			problem, "only a counter's name ends with _total",
			"Leave it out, or make the metric a counter if it never goes down.");
	if (ends_with(name, "_bucket") || ends_with(name, "_sum") ||
		ends_with(name, "_count") || ends_with(name, "_info"))
		return refuse(problem, "_bucket, _sum, _count and _info end the names of parts",
					  "Use another word at the end.");
	return true;
}

/* May a metric of this type have this name? Says what is wrong where it may not. */
bool
bm_metric_name_ok(const char *name, BmMetricType type, BmNameProblem *problem)
{
	if (strlen(name) > BM_METRIC_NAME_MAX)
		return refuse(problem, "it is too long", "Use at most 100 characters.");
	if (!is_snake_case(name) || strchr(name, '_') == NULL)
		return refuse(problem, "it is not in snake case",
					  "Use lower-case words with an underscore between two, the first of "
					  "them saying whose metric it is, such as shop_orders_total.");
	if (strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0)
		return refuse(problem,
					  "names that begin with " RESERVED_PREFIX " are the extension's own",
					  "Begin it with the name of your application.");
	return suffix_ok(name, type, problem) && words_ok(name, problem);
}

/* How much of a metric's name comes before the currency. */
size_t
bm_metric_name_stem(const char *metric)
{
	return strlen(metric) - (ends_with(metric, "_total") ? strlen("_total") : 0);
}

/* Is the second the first one's name in some currency: a_b_eur of a_b, a_eur_total of a_total? */
bool
bm_metric_name_in_currency(const char *metric, const char *name)
{
	size_t stem = bm_metric_name_stem(metric);

	if (strlen(name) != strlen(metric) + 1 + BM_CURRENCY_LENGTH ||
		strncmp(name, metric, stem) != 0 || name[stem] != '_' ||
		strcmp(name + stem + 1 + BM_CURRENCY_LENGTH, metric + stem) != 0)
		return false;
	for (size_t i = stem + 1; i <= stem + BM_CURRENCY_LENGTH; i++)
		if (name[i] < 'a' || name[i] > 'z')
			return false;
	return true;
}

/*
 * The metrics whose figures a sample of this name could be, without its parts and without a currency. Gives at
 * most BM_METRICS_OF_SAMPLE names, each into room for the sample's own.
 */
int
bm_metrics_of_sample(const char *sample, char *const *metrics)
{
	static const char *const parts[] = {"", "_bucket", "_sum", "_count"};
	int count = 0;

	for (size_t i = 0; i < LENGTH(parts); i++)
	{
		size_t length = strlen(sample) - strlen(parts[i]);
		size_t stem;
		char *own;
		char *other;

		if (i > 0 && !ends_with(sample, parts[i]))
			continue;
		own = metrics[count++];
		memcpy(own, sample, length);
		own[length] = '\0';
		stem = bm_metric_name_stem(own);
		if (stem <= 1 + BM_CURRENCY_LENGTH)
			continue;
		other = metrics[count];
		memcpy(other, own, stem - 1 - BM_CURRENCY_LENGTH);
		strcpy(other + stem - 1 - BM_CURRENCY_LENGTH, own + stem);
		if (bm_metric_name_in_currency(other, own))
			count++;
	}
	return count;
}

/* May a label have this name? */
bool
bm_label_name_ok(const char *name, BmNameProblem *problem)
{
	const Word *refused =
		find_word(refused_labels, LENGTH(refused_labels), name, name + strlen(name));

	if (strlen(name) > BM_METRIC_NAME_MAX)
		return refuse(problem, "it is too long", "Use at most 100 characters.");
	if (!is_snake_case(name))
		return refuse(problem, "it is not in snake case",
					  "Use lower-case words with an underscore between two.");
	if (refused == NULL)
		return true;
	return refuse(problem, refused->instead,
				  "Use a label of few values that sums mean something over.");
}
