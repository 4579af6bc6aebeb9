/*
 * Prometheus's text format, version 0.0.4, line by line: escaping, and numbers that read back as the
 * same double. Plain C: no server.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metric/format.h"

void
bm_metric_text_begin(BmMetricText *text, void *(*resize)(void *, size_t))
{
	text->resize = resize;
	text->length = 0;
	text->size = 256;
	text->data = resize(NULL, text->size);
	text->data[0] = '\0';
}

static void
add(BmMetricText *text, const char *data, size_t length)
{
	if (text->length + length >= text->size)
	{
		while (text->length + length >= text->size)
			text->size *= 2;
		text->data = text->resize(text->data, text->size);
	}
	memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

static void
add_string(BmMetricText *text, const char *string)
{
	add(text, string, strlen(string));
}

/* A backslash and the end of a line are escaped everywhere, a quote in what is quoted. */
static void
add_escaped(BmMetricText *text, const char *string, bool quoted)
{
	for (const char *c = string; *c != '\0'; c++)
	{
		if (*c == '\\')
			add(text, "\\\\", 2);
		else if (*c == '\n')
			add(text, "\\n", 2);
		else if (*c == '"' && quoted)
			add(text, "\\\"", 2);
		else
			add(text, c, 1);
	}
}

/* The shortest digits that read back as the same number. */
void
bm_metric_number(double value, char number[BM_METRIC_NUMBER_SIZE])
{
	if (isnan(value))
		strcpy(number, "NaN");
	else if (isinf(value))
		strcpy(number, value > 0 ? "+Inf" : "-Inf");
	else
	{
		for (int digits = 1; digits <= 17; digits++)
		{
			snprintf(number, BM_METRIC_NUMBER_SIZE, "%.*g", digits, value);
			if (strtod(number, NULL) == value)
				break;
		}
		/* Whole numbers as one writes them: 20, not 2e+01. */
		if (value == floor(value) && fabs(value) < 1e15)
			snprintf(number, BM_METRIC_NUMBER_SIZE, "%.0f", value);
	}
}

/* What stands before a family's samples. */
void
bm_metric_header(BmMetricText *text, const char *name, const char *type, const char *help)
{
	add_string(text, "# HELP ");
	add_string(text, name);
	add_string(text, " ");
	add_escaped(text, help, false);
	add_string(text, "\n# TYPE ");
	add_string(text, name);
	add_string(text, " ");
	add_string(text, type);
	add_string(text, "\n");
}

/* One sample, with count labels. */
void
bm_metric_line(BmMetricText *text, const char *name, const char *const *labels,
			   const char *const *values, int count, double value)
{
	char number[BM_METRIC_NUMBER_SIZE];

	add_string(text, name);
	for (int i = 0; i < count; i++)
	{
		add_string(text, i == 0 ? "{" : ",");
		add_string(text, labels[i]);
		add_string(text, "=\"");
		add_escaped(text, values[i], true);
		add_string(text, "\"");
	}
	bm_metric_number(value, number);
	add_string(text, count > 0 ? "} " : " ");
	add_string(text, number);
	add_string(text, "\n");
}
