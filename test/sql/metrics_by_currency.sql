-- A metric with the label currency has a name for each currency that its query returns, whichever those are:
-- to Prometheus the currency is no label, for sums over several mean nothing.
-- The worker is kept away, which would look at what this test looks at.
ALTER SYSTEM SET bizmetrics.databases = 'postgres';
\getenv srcdir PG_ABS_SRCDIR
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.databases
\set value postgres
\i :wait
CREATE DATABASE regression_bizmetrics_currencies;
\c regression_bizmetrics_currencies
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics;
CREATE ROLE regress_currencies LOGIN;
SELECT bizmetrics.grant_author('regress_currencies');
CREATE TABLE sales (currency text, plan text, amount numeric);
GRANT ALL ON sales TO regress_currencies;
INSERT INTO sales VALUES ('EUR', 'pro', 5), ('chf', 'pro', 7), ('CHF', 'free', 2), ('', 'pro', 1), (NULL, 'free', 3), ('dollars', 'pro', 100), ('$', 'pro', 100), ('US1', 'pro', 100);
\c - regress_currencies
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET client_min_messages = warning;
SELECT bizmetrics.create_metric('shop_sales_total', 'counter', 'Sales.', '{plan,currency}', 'SELECT upper(currency) AS currency, plan, sum(amount) AS value FROM sales GROUP BY 1, 2');
SELECT bizmetrics.create_metric('shop_average', 'gauge', 'Mean sale.', '{currency}', 'SELECT lower(currency) AS currency, avg(amount) AS value FROM sales GROUP BY 1 HAVING lower(currency) IS NOT NULL');
SELECT bizmetrics.create_metric('shop_sizes', 'histogram', 'Sales by size.', '{currency}', 'SELECT upper(currency) AS currency, amount AS value FROM sales', buckets => '{3,6}');
SELECT bizmetrics.refresh_metrics(true);
-- What is no currency has no name, and is left out; without one the metric has its own.
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ '(^|# HELP |# TYPE )shop_';
SELECT sample_name, base_name, labels, value FROM bizmetrics.metric_values WHERE metric_name <> 'shop_sizes' ORDER BY sample_name COLLATE "C", labels;
-- A currency that comes is there.
INSERT INTO sales VALUES ('SEK', 'pro', 40), ('EUR', 'pro', 5), ('EUR', 'free', 8);
SELECT bizmetrics.refresh_metrics(true);
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ '^shop_(sales|average)_(sek|eur)';
-- Beyond max_series a currency has an other of its own, for amounts of two are never added; where the currency is
-- the only label, those beyond are left out.
SELECT bizmetrics.create_metric('shop_few_total', 'counter', 'Few.', '{currency,plan}', 'SELECT upper(currency) AS currency, plan, sum(amount) AS value FROM sales WHERE length(currency) = 3 GROUP BY 1, 2 ORDER BY 1, 2', max_series => 2);
SELECT bizmetrics.create_metric('shop_one', 'gauge', 'One.', '{currency}', 'SELECT upper(currency) AS currency, sum(amount) AS value FROM sales WHERE currency IS NOT NULL GROUP BY 1 ORDER BY 1', max_series => 2);
SELECT bizmetrics.refresh_metrics(true);
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ '^shop_(few|one)';
SELECT bizmetrics.alter_metric('shop_few_total', max_series => 10);
INSERT INTO sales VALUES ('CHF', 'pro', 3), ('EUR', 'pro', 1), ('CHF', 'free', 1);
SELECT bizmetrics.refresh_metrics(true);
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ '^shop_few';
-- Two metrics never have one name.
SELECT pg_temp.error_of($$SELECT bizmetrics.create_metric('shop_average_nok', 'gauge', 'x', '{}', 'SELECT 1 AS value')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.create_metric('shop_sales_eur_total', 'counter', 'x', '{}', 'SELECT 1 AS value')$$);
SELECT bizmetrics.create_metric('shop_costs_new', 'gauge', 'New.', '{}', 'SELECT 1 AS value');
SELECT pg_temp.error_of($$SELECT bizmetrics.create_metric('shop_costs', 'gauge', 'x', '{currency}', 'SELECT 1 AS currency, 1 AS value')$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.create_metric('shop_costs', 'gauge', 'x', '{}', 'SELECT 1 AS value')$$);
-- Rows that become the same series are the query's to add up.
SELECT bizmetrics.create_metric('shop_twice', 'gauge', 'x', '{currency}', $$SELECT c AS currency, 1 AS value FROM unnest('{eur,EUR}'::text[]) c$$);
SELECT bizmetrics.refresh_metrics(true);
SELECT metric_name, sqlstate, message FROM bizmetrics.metric_status WHERE failing_since IS NOT NULL;
SELECT bizmetrics.drop_metric('shop_twice');
-- An alert on the metric is about every currency, each in a state of its own; one on a name, or with the label, about one.
SELECT bizmetrics.create_alert('Every', '>', 4, metric => 'shop_average');
SELECT bizmetrics.create_alert('By name', '>', 4, metric => 'shop_average_eur');
SELECT bizmetrics.create_alert('By label', '>', 4, metric => 'shop_average', labels => '{"currency": "SEK"}');
SELECT bizmetrics.create_alert('Plan', '>', 0, metric => 'shop_sales_total', labels => '{"plan": "pro"}');
SELECT bizmetrics.check_alerts(true);
SELECT alert_name, labels, state, value FROM bizmetrics.alert_status ORDER BY 1, 2;
-- The files for programs around know the names as they are shown.
SELECT sample_name, sample_type, sample_labels, query FROM bizmetrics.exported_samples() WHERE sample_name ~ 'shop_(sales_eur|average_chf|sizes_eur_bucket)';
SELECT line FROM string_to_table(bizmetrics.prometheus_recording_rules(), E'\n') line WHERE line ~ 'shop_sales_sek';
SELECT line FROM string_to_table(bizmetrics.prometheus_alert_rules(), E'\n') line WHERE line ~ 'expr.*shop_';
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_currencies WITH (FORCE);
DROP ROLE regress_currencies;
ALTER SYSTEM RESET bizmetrics.databases;
SELECT pg_reload_conf();
