-- Alerts: what is looked at, when they fire and are resolved, what is kept of it, and what is refused.
-- The worker is kept away, which would look at what this test looks at.
ALTER SYSTEM SET bizmetrics.databases = 'postgres';
\getenv srcdir PG_ABS_SRCDIR
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.databases
\set value postgres
\i :wait
CREATE EXTENSION IF NOT EXISTS bizmetrics_test;
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_other LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_author('regress_other');
GRANT USAGE ON SCHEMA bizmetrics_test TO regress_author;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
CREATE TABLE analytics.rates (plan text, rate numeric);
SELECT bizmetrics.create_alert('High churn', '>', 0.07, query => 'SELECT plan, rate AS value FROM analytics.rates', hold => '10 minutes', every => '5 minutes', clear_threshold => 0.05, severity => 'critical', description => 'Customers leave.');
SELECT report_name, schedule FROM bizmetrics.report_status;
-- The clock, the rate, and a look.
CREATE FUNCTION pg_temp.look(at timestamptz, pro numeric, free numeric DEFAULT NULL)
RETURNS TABLE (plan text, state text, value double precision, since timestamptz) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM bizmetrics_test.set_clock(at);
  TRUNCATE analytics.rates;
  INSERT INTO analytics.rates SELECT * FROM (VALUES ('pro', pro), ('free', free)) v (p, r) WHERE r IS NOT NULL;
  PERFORM bizmetrics.check_alerts();
  RETURN QUERY SELECT s.labels ->> 'plan', s.state, s.value, s.since FROM bizmetrics.alert_status s ORDER BY 1;
END
$$;
SELECT * FROM pg_temp.look('2031-03-03 12:00:00.5+00', 0.06);
SELECT * FROM pg_temp.look('2031-03-03 12:05:00.2+00', 0.08, 0.09);
-- Within five minutes it is not looked at again.
SELECT * FROM pg_temp.look('2031-03-03 12:07:00+00', 0.01, 0.01);
SELECT * FROM pg_temp.look('2031-03-03 12:10:00+00', 0.08, 0.01);
SELECT * FROM pg_temp.look('2031-03-03 12:15:00+00', 0.08, 0.09);
-- Between the two thresholds it goes on firing, and what is not there any more is resolved.
SELECT * FROM pg_temp.look('2031-03-03 12:20:00+00', 0.06, 0.09);
SELECT * FROM pg_temp.look('2031-03-03 12:25:00+00', NULL, 0.09);
SELECT * FROM pg_temp.look('2031-03-03 12:30:00+00', 'NaN', 0.04);
-- It comes again, and is forgotten a day after it was resolved.
SELECT * FROM pg_temp.look('2031-03-03 12:35:00+00', 0.5);
SELECT * FROM pg_temp.look('2031-03-03 12:45:00+00', 0.5);
SELECT * FROM pg_temp.look('2031-03-03 12:50:00+00', 0.05);
SELECT * FROM pg_temp.look('2031-03-04 12:50:00+00', 0.05);
SELECT changed_at, labels, from_state, to_state, value FROM bizmetrics.alert_history ORDER BY changed_at, labels;
-- Changes have their time, as runs have: bizmetrics.history_retention.
SELECT * FROM pg_temp.look('2031-07-01 00:00:00+00', 0.9);
SELECT changed_at, labels, from_state, to_state, value FROM bizmetrics.alert_history ORDER BY changed_at, labels;
SELECT * FROM pg_temp.look('2031-07-01 00:05:00+00', 0);
-- A query that fails leaves it as it was, and keeps no other from being looked at.
SELECT bizmetrics.create_alert('Other', '>=', 1, query => 'SELECT count(*) AS value FROM analytics.rates');
ALTER TABLE analytics.rates RENAME rate TO rates;
CREATE FUNCTION pg_temp.look_at(at timestamptz) RETURNS integer LANGUAGE sql AS $$
  SELECT bizmetrics_test.set_clock(at);
  SELECT bizmetrics.check_alerts();
$$;
SELECT pg_temp.look_at('2031-07-02 13:00:00+00');
SELECT alert_name, state, labels, value, failing_since, sqlstate, message FROM bizmetrics.alert_status ORDER BY 1;
SELECT subject, problem, remedy FROM bizmetrics.doctor() WHERE subject ~ 'alert';
ALTER TABLE analytics.rates RENAME rates TO rate;
SELECT pg_temp.look_at('2031-07-02 13:05:00+00');
SELECT alert_name, state, labels, failing_since FROM bizmetrics.alert_status ORDER BY 1;
SELECT bizmetrics.drop_alert('Other'), bizmetrics.drop_alert('High churn');
SELECT count(*) FROM bizmetrics.alert_status;
SELECT count(*) FROM bizmetrics.alert_history;
SELECT report_name FROM bizmetrics.report_status;
-- What the defaults are.
SELECT alert_name, metric_name FROM bizmetrics.default_alerts() WHERE metric_name !~ '^[a-z_]+$' OR NOT (operator IN ('<', '>') AND severity IN ('critical', 'warning', 'monitor'));
-- On a metric, by labels; thresholds that one begins with.
SELECT bizmetrics.create_metric('customer_churn_ratio', 'gauge', 'Customers who left within a month.', '{plan}', 'SELECT plan, rate AS value FROM analytics.rates');
SELECT bizmetrics.create_metric('revenue_net_retention_ratio', 'gauge', 'Net revenue retention.', '{currency}', 'SELECT ''EUR'' AS currency, 1.2 AS value');
SELECT bizmetrics.create_default_alerts();
SELECT bizmetrics.create_default_alerts();
SELECT bizmetrics.create_alert('Churn of pro', '>', 0, metric => 'customer_churn_ratio', labels => '{"plan": "pro"}');
SELECT alert_name, severity, metric_name, operator, threshold, clear_threshold, hold FROM bizmetrics.alert_status ORDER BY 1;
UPDATE analytics.rates SET rate = 1;
INSERT INTO analytics.rates VALUES ('free', 2);
SELECT bizmetrics.refresh_metrics(true), bizmetrics.check_alerts(true);
SELECT alert_name, state, labels, value FROM bizmetrics.alert_status ORDER BY 1, 3;
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ 'bizmetrics_alert';
-- Others see nothing of it, and cannot drop it.
\c - regress_other
\i :helper
SELECT count(*) FROM bizmetrics.alert_status;
SELECT count(*) FROM bizmetrics.alert_history;
SELECT pg_temp.error_of($$SELECT bizmetrics.drop_alert('Churn of pro')$$), pg_temp.error_of($$SELECT bizmetrics.drop_metric('customer_churn_ratio')$$);
SELECT bizmetrics.check_alerts(true);
-- What he may not read fails when it is looked at, as himself.
SELECT bizmetrics.create_alert('Rates of others', '>', 1, query => 'SELECT rate AS value FROM analytics.rates');
SELECT bizmetrics.check_alerts(true);
SELECT state, sqlstate, message FROM bizmetrics.alert_status;
-- What is refused.
CREATE FUNCTION pg_temp.refused(arguments text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.error_of(format('SELECT bizmetrics.create_alert(%s)', arguments))
$$;
SELECT pg_temp.refused(arguments) FROM unnest(ARRAY[
  $$NULL, '>', 1, metric => 'm'$$,
  $$'', '>', 1, metric => 'm'$$,
  $$'Churn of pro', '>', 1, metric => 'm'$$,
  $$'a', '=>', 1, metric => 'm'$$,
  $$'a', '>', 'NaN', metric => 'm'$$,
  $$'a', '>', 1$$,
  $$'a', '>', 1, metric => 'm', query => 'SELECT 1 AS value'$$,
  $$'a', '>', 1, query => 'SELECT 1'$$,
  $$'a', '>', 1, query => 'SELECT 1 AS value; SELECT 2'$$,
  $$'a', '>', 1, query => 'SELECT $1 AS value'$$,
    $$'a', '>', 1, query => 'SELECT 1 AS value', labels => '{}'$$,
  $$'a', '>', 1, metric => 'm', labels => '[]'$$,
  $$'a', '>', 1, metric => 'm', clear_threshold => 2$$,
  $$'a', '<', 1, metric => 'm', clear_threshold => 0$$,
  $$'a', '>', 1, metric => 'm', hold => '-1 s'$$,
  $$'a', '>', 1, metric => 'm', every => '1 s'$$,
  $$'a', '>', 1, metric => 'm', severity => 'bad'$$,
  $$'a', '>', 1, metric => 'm', owner => 'regress_author'$$]) arguments;
SELECT pg_temp.error_of($$SELECT bizmetrics.drop_alert('none')$$), pg_temp.error_of($$SELECT bizmetrics.drop_alert(NULL)$$);
\c - postgres
SELECT bizmetrics_test.set_clock(NULL);
SELECT count(bizmetrics.drop_alert(alert_name)) FROM (SELECT DISTINCT alert_name FROM bizmetrics.alert_status) a;
SELECT bizmetrics.drop_metric('customer_churn_ratio'), bizmetrics.drop_metric('revenue_net_retention_ratio');
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_author('regress_other');
DROP OWNED BY regress_author, regress_other;
DROP ROLE regress_author, regress_other;
DROP EXTENSION bizmetrics_test;
ALTER SYSTEM RESET bizmetrics.databases;
SELECT pg_reload_conf();
