/*
 * metric_fuzz.c
 *	  Fuzz target for names and the text format: any name is taken or refused properly, and any label
 *	  value, help and number read back from the line that was written as what they were.
 *
 * With -DSTANDALONE the program has a main() of its own, for a compiler without libFuzzer.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metric/format.h"
#include "metric/names.h"

#define REQUIRE(condition) \
	do                     \
	{                      \
		if (!(condition))  \
			abort();       \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads an escaped string as Prometheus does; where it ends. */
static const char *
read_back(const char *line, char *string, char end)
{
	while (*line != end)
	{
		REQUIRE(*line != '\0' && *line != '\n');
		if (*line == '\\')
		{
			line++;
			REQUIRE(*line == '\\' || *line == 'n' || (*line == '"' && end == '"'));
			*string++ = *line == 'n' ? '\n' : *line;
			line++;
		}
		else
			*string++ = *line++;
	}
	*string = '\0';
	return line;
}

static void
check_line(const char *value, double number)
{
	const char *labels[] = {"a", "b"};
	const char *values[] = {value, "x"};
	char *copy = malloc(strlen(value) + 1);
	BmMetricText text;
	const char *rest;
	double again;

	REQUIRE(copy != NULL);
	bm_metric_text_begin(&text, realloc);
	bm_metric_line(&text, "n", labels, values, 2, number);
	REQUIRE(strncmp(text.data, "n{a=\"", 5) == 0);
	rest = read_back(text.data + 5, copy, '"');
	REQUIRE(strcmp(copy, value) == 0);
	REQUIRE(strncmp(rest, "\",b=\"x\"} ", 9) == 0);
	again = strtod(rest + 9, (char **) &rest);
	REQUIRE(strcmp(rest, "\n") == 0);
	REQUIRE(isnan(number) ? isnan(again) : again == number);
	free(text.data);

	bm_metric_text_begin(&text, realloc);
	bm_metric_header(&text, "n", "gauge", value);
	rest = read_back(text.data + strlen("# HELP n "), copy, '\n');
	REQUIRE(strcmp(copy, value) == 0 && strcmp(rest, "\n# TYPE n gauge\n") == 0);
	free(text.data);
	free(copy);
}

static void
check_name(const char *name)
{
	BmNameProblem problem;

	for (int type = BM_METRIC_COUNTER; type <= BM_METRIC_SUMMARY; type++)
	{
		if (bm_metric_name_ok(name, (BmMetricType) type, &problem))
			REQUIRE(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
					strlen(name));
		else
			REQUIRE(strlen(problem.message) > 1 &&
					problem.hint[strlen(problem.hint) - 1] == '.');
	}
	if (!bm_label_name_ok(name, &problem))
		REQUIRE(strlen(problem.message) > 1 &&
				problem.hint[strlen(problem.hint) - 1] == '.');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	double number = 0;
	char *text;

	if (size < sizeof(number))
		return 0;
	memcpy(&number, data, sizeof(number));
	text = malloc(size - sizeof(number) + 1);
	REQUIRE(text != NULL);
	memcpy(text, data + sizeof(number), size - sizeof(number));
	text[size - sizeof(number)] = '\0';
	check_line(text, number);
	check_name(text);
	free(text);
	return 0;
}

#ifdef STANDALONE
#define ALPHABET "abms_total\\\"\n\377{},= 0123456789"
#include "standalone.h"
#endif
