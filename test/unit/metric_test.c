/* src/metric: names, the text format, alerts and counters from one look to the next. */
#include <math.h>
#include <stdlib.h>

#include "metric/format.h"
#include "metric/names.h"
#include "metric/step.h"

#include "tap.h"

#define MINUTE INT64_C(60000000)

/* The problem of a name as message / hint, or "". */
static const char *
name_problem(const char *name, BmMetricType type)
{
	static char text[400];
	BmNameProblem problem;

	if (bm_metric_name_ok(name, type, &problem))
		return "";
	snprintf(text, sizeof(text), "%s / %s", problem.message, problem.hint);
	return text;
}

static bool
label_ok(const char *name)
{
	BmNameProblem problem;

	return bm_label_name_ok(name, &problem);
}

static void
test_names(void)
{
	static const char *const gauges[] = {"shop_mrr_eur", "saas_churn_ratio", "a_b2_c",
										 "app_daily_active_users", "mail_dot_d1_x"};
	static const char *const bad[] = {"",
									  "orders",
									  "Shop_orders",
									  "shop__orders",
									  "shop_orders_",
									  "_shop_orders",
									  "2shop_orders",
									  "shop:orders",
									  "shop_orders_total",
									  "shop-orders",
									  "shop_\xc3\xa4pfel",
									  "shop_churn_percent",
									  "shop_churn_pct",
									  "shop_latency_ms",
									  "shop_age_days",
									  "shop_size_kb",
									  "shop_orders_count",
									  "shop_orders_sum",
									  "shop_x_bucket",
									  "shop_x_info",
									  "shop_orders_gauge",
									  "shop_counter_x",
									  "bizmetrics_mine",
									  "shop_price_cents",
									  "shop_days_late"};
	char longest[BM_METRIC_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		is_str(name_problem(gauges[i], BM_METRIC_GAUGE), "", "%s", gauges[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(name_problem(bad[i], BM_METRIC_GAUGE)[0] != '\0', "not \"%s\"", bad[i]);
	is_str(name_problem("shop_orders_total", BM_METRIC_COUNTER), "", "a counter");
	ok(name_problem("shop_orders", BM_METRIC_COUNTER)[0] != '\0',
	   "a counter without _total");
	ok(name_problem("shop_seconds_total", BM_METRIC_HISTOGRAM)[0] != '\0',
	   "a histogram with it");
	is_str(name_problem("shop_wait_minutes", BM_METRIC_GAUGE),
		   "\"minutes\" is not a base unit / Give seconds.",
		   "what is wrong and what to do");
	is_str(name_problem("shop_wait_minutes_total", BM_METRIC_COUNTER),
		   "\"minutes\" is not a base unit / Give seconds.", "before _total too");
	longest[0] = 'a';
	memset(longest + 1, 'b', sizeof(longest) - 2);
	longest[1] = '_';
	longest[BM_METRIC_NAME_MAX] = '\0';
	is_str(name_problem(longest, BM_METRIC_GAUGE), "", "the longest name");
	longest[BM_METRIC_NAME_MAX] = 'b';
	longest[BM_METRIC_NAME_MAX + 1] = '\0';
	ok(name_problem(longest, BM_METRIC_GAUGE)[0] != '\0', "a longer one");
	ok(label_ok("plan") && label_ok("plan_2") && label_ok("company_id") &&
		   label_ok("currency"),
	   "labels");
	ok(!label_ok("") && !label_ok("le") && !label_ok("quantile") &&
		   !label_ok("user_id") && !label_ok("email") && !label_ok("Plan") &&
		   !label_ok("__name__") && !label_ok("a-b"),
	   "labels that are refused");
	ok(bm_metric_name_in_currency("shop_sales", "shop_sales_eur") &&
		   bm_metric_name_in_currency("shop_sales_total", "shop_sales_eur_total"),
	   "names in a currency");
	ok(!bm_metric_name_in_currency("shop_sales", "shop_sales_euro") &&
		   !bm_metric_name_in_currency("shop_sales", "shop_sales_2nd") &&
		   !bm_metric_name_in_currency("shop_sales", "shop_sales") &&
		   !bm_metric_name_in_currency("shop_sales", "shop_sale_seur") &&
		   !bm_metric_name_in_currency("shop_sales_total", "shop_sales_total_eur") &&
		   !bm_metric_name_in_currency("shop_sales", "shop_sales_eur_total"),
	   "and other names");
}

/* What a sample may be of, with a space between two. */
static const char *
metrics_of(const char *sample)
{
	static char text[200];
	char room[BM_METRICS_OF_SAMPLE][50];
	char *names[BM_METRICS_OF_SAMPLE];
	int count;

	for (int i = 0; i < BM_METRICS_OF_SAMPLE; i++)
		names[i] = room[i];
	count = bm_metrics_of_sample(sample, names);
	text[0] = '\0';
	for (int i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 i > 0 ? " " : "", names[i]);
	return text;
}

static void
test_samples(void)
{
	is_str(metrics_of("shop_orders"), "shop_orders", "a metric's own name");
	is_str(metrics_of("shop_sales_eur"), "shop_sales_eur shop_sales", "with a currency");
	is_str(metrics_of("shop_sales_eur_total"), "shop_sales_eur_total shop_sales_total",
		   "a counter");
	is_str(metrics_of("shop_sizes_eur_count"),
		   "shop_sizes_eur_count shop_sizes_eur shop_sizes", "a histogram's part");
	is_str(metrics_of("shop_sizes_sum"), "shop_sizes_sum shop_sizes shop_sizes",
		   "the sum, which could be a currency");
	is_str(metrics_of("_eur"), "_eur", "nothing before the currency");
	is_str(metrics_of(""), "", "nothing");
}

static const char *
line_of(const char *const *labels, const char *const *values, int count, double value)
{
	static BmMetricText text;

	free(text.data);
	bm_metric_text_begin(&text, realloc);
	bm_metric_line(&text, "x", labels, values, count, value);
	return text.data;
}

static void
test_format(void)
{
	static const char *const labels[] = {"a", "b"};
	static const char *const values[] = {"1\\2\"3\n4", ""};
	static const double numbers[] = {0,		 -0.5,		0.1, 1.0 / 3, 1e300,
									 5e-324, 123456789, 20,	 1e15,	  9007199254740993.0,
									 -7e22,	 1e14};
	BmMetricText text;
	size_t begun;
	char number[BM_METRIC_NUMBER_SIZE];

	is_str(line_of(NULL, NULL, 0, 1), "x 1\n", "no label");
	is_str(line_of(labels, values, 2, 0.25), "x{a=\"1\\\\2\\\"3\\n4\",b=\"\"} 0.25\n",
		   "labels are escaped");
	is_str(line_of(NULL, NULL, 0, NAN), "x NaN\n", "NaN");
	is_str(line_of(NULL, NULL, 0, INFINITY), "x +Inf\n", "+Inf");
	is_str(line_of(NULL, NULL, 0, -INFINITY), "x -Inf\n", "-Inf");
	is_str(line_of(NULL, NULL, 0, 20), "x 20\n", "twenty");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
	{
		bm_metric_number(numbers[i], number);
		ok(strtod(number, NULL) == numbers[i] && strlen(number) <= 24, "%s reads back",
		   number);
	}
	bm_metric_text_begin(&text, realloc);
	bm_metric_header(&text, "x", "gauge", "a \\ b\n\"c\"");
	is_str(text.data, "# HELP x a \\\\ b\\n\"c\"\n# TYPE x gauge\n",
		   "help is escaped, but for quotes");
	begun = text.length;
	for (int i = 0; i < 10000; i++)
		bm_metric_line(&text, "yy", NULL, NULL, 0, i % 10);
	is_int(text.length, begun + 10000 * 5, "text grows");
	free(text.data);
}

/* An alert from one look a minute to the next: the letters are the values, h the threshold's side. */
static const char *
history(const char *looks, int64_t hold)
{
	static char states[64];
	BmAlertState state = BM_ALERT_INACTIVE;
	int64_t since = 0;
	int i;

	for (i = 0; looks[i] != '\0'; i++)
	{
		/* A little late or early, as real looks are. */
		int64_t now = (i + 1) * MINUTE + (i % 2 == 0 ? 900000 : 10000);
		BmAlertState next =
			bm_alert_step(state, looks[i] == 'h', looks[i] == 'l', since, now, hold);

		if (next != state)
			since = now;
		state = next;
		states[i] = bm_alert_state_name(state)[0];
	}
	states[i] = '\0';
	return states;
}

static void
test_alerts(void)
{
	static const char *const names[] = {">", ">=", "<", "<=", "=", "<>"};
	static const char *const held[] = {"001", "011", "100", "110", "010", "101"};
	BmAlertState state;

	is_str(history("lhhlhl", 0), "iffrfr", "without hold it fires at once");
	is_str(history("lhhhhl", 2 * MINUTE), "ippffr", "after two minutes");
	is_str(history("hhlhhhl", 2 * MINUTE), "ppippfr",
		   "what ends before that never fires");
	is_str(history("hmmmlmh", 0), "ffffrrf", "between the thresholds nothing changes");
	is_str(history("mhmh", 2 * MINUTE), "ipip", "what is pending does not wait there");
	for (int i = 0; i < 6; i++)
	{
		BmAlertOperator op;

		ok(bm_alert_operator_find(names[i], &op), "%s", names[i]);
		for (int v = 0; v < 3; v++)
			ok(bm_alert_holds(op, v, 1) == (held[i][v] == '1'), "%d %s 1", v, names[i]);
		ok(!bm_alert_holds(op, NAN, 1), "NaN %s 1", names[i]);
	}
	ok(bm_alert_clears_later(BM_ALERT_GREATER, 5, 4) &&
		   !bm_alert_clears_later(BM_ALERT_GREATER, 5, 6),
	   "clear of >");
	ok(bm_alert_clears_later(BM_ALERT_LESS, 5, 6) &&
		   !bm_alert_clears_later(BM_ALERT_LESS, 5, 4),
	   "clear of <");
	ok(!bm_alert_clears_later(BM_ALERT_EQUAL, 5, 6), "clear of =");
	ok(bm_alert_state_find("firing", &state) && state == BM_ALERT_FIRING &&
		   !bm_alert_state_find("?", &state),
	   "states by name");
}

static void
test_counters(void)
{
	double stored = 0;
	double last = 0;
	static const double seen[] = {10, 10, 15, 3, 5, 0, 2};
	static const double shown[] = {10, 10, 15, 15, 17, 17, 19};

	for (int i = 0; i < 7; i++)
	{
		stored = bm_counter_step(stored, last, seen[i]);
		last = seen[i];
		ok(stored == shown[i], "a counter shows %g after %g", stored, seen[i]);
	}
}

int
main(void)
{
	test_names();
	test_samples();
	test_format();
	test_alerts();
	test_counters();
	return done_testing();
}
