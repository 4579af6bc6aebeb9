-- Metrics: registered with names that mean something, asked as their owner, shown in Prometheus's format.
-- The worker is kept away, which would look at what this test looks at.
ALTER SYSTEM SET bizmetrics.databases = 'postgres';
\getenv srcdir PG_ABS_SRCDIR
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.databases
\set value postgres
\i :wait
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_scraper LOGIN;
SELECT bizmetrics.grant_author('regress_author');
SELECT bizmetrics.grant_scraper('regress_scraper');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TEMP VIEW shown AS
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') WITH ORDINALITY AS t (line, n) WHERE line ~ '(^|# HELP |# TYPE )shop_' ORDER BY n;
CREATE TABLE analytics.figures (plan text, figure numeric);
INSERT INTO analytics.figures VALUES ('pro', 3), ('free', 4.5), (NULL, 1), ('none', NULL), (E'a\\b"c\nd', 'NaN');
-- A gauge: what the query says. Labels that are NULL are empty, rows without a value are left out.
SELECT bizmetrics.create_metric('shop_seats', 'gauge', E'Seats, by plan: a \\ and\na line.', '{plan}', 'SELECT plan, figure AS value FROM analytics.figures; -- all of it');
SELECT * FROM shown;
SELECT bizmetrics.refresh_metrics();
SELECT * FROM shown;
-- Within its ttl it is not asked again.
UPDATE analytics.figures SET figure = 7 WHERE plan = 'pro';
DELETE FROM analytics.figures WHERE plan ~ 'a';
SELECT bizmetrics.refresh_metrics();
SELECT bizmetrics.refresh_metrics("all" => true);
SELECT * FROM shown;
SELECT sample_name, labels, value FROM bizmetrics.metric_values ORDER BY labels;
SELECT metric_name, metric_type, labels, owner_name, ttl, series, sampled_at IS NOT NULL AS sampled, failing_since, sqlstate, message FROM bizmetrics.metric_status ORDER BY metric_name;
-- Figures of any size, and infinite ones.
TRUNCATE analytics.figures;
INSERT INTO analytics.figures VALUES ('a', 'Infinity'), ('b', '-Infinity'), ('c', 0.1), ('d', 1e20), ('e', -2), ('f', 123456789012);
SELECT bizmetrics.refresh_metrics(true);
SELECT * FROM shown;
-- Label sets beyond max_series add up to one that is called other, in the order of the query.
SELECT bizmetrics.alter_metric('shop_seats', max_series => 2, help => 'Seats.', query => 'SELECT figure::text AS plan, figure AS value FROM generate_series(1, 5) figure ORDER BY figure');
SELECT bizmetrics.refresh_metrics(true);
SELECT * FROM shown;
SELECT bizmetrics.drop_metric('shop_seats');
SELECT * FROM shown;
SELECT report_name FROM bizmetrics.report_status;
-- A counter rises by what its query's value rises by, and never goes down.
TRUNCATE analytics.figures;
SELECT bizmetrics.create_metric('shop_sold_total', 'counter', 'Sold.', '{plan}', 'SELECT plan, figure AS value FROM analytics.figures', ttl => '15 minutes');
CREATE FUNCTION pg_temp.then_shows(VARIADIC figures numeric[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE analytics.figures;
  INSERT INTO analytics.figures SELECT chr(96 + n::integer), f FROM unnest(figures) WITH ORDINALITY AS t (f, n) WHERE f IS NOT NULL;
  PERFORM bizmetrics.refresh_metrics(true);
  RETURN QUERY SELECT line FROM shown WHERE line !~ '^#';
END
$$;
SELECT pg_temp.then_shows(10, 1);
SELECT pg_temp.then_shows(15, 1);
-- Less than before, as after pruning: it counts on from there.
SELECT pg_temp.then_shows(4, NULL);
SELECT pg_temp.then_shows(6, 2);
-- A series that comes after max_series was reached is a part of other, and stays one.
SELECT bizmetrics.alter_metric('shop_sold_total', max_series => 2);
SELECT pg_temp.then_shows(6, 2, 5, 7);
SELECT pg_temp.then_shows(6, 2, 6, 7);
SELECT bizmetrics.alter_metric('shop_sold_total', max_series => 3);
SELECT pg_temp.then_shows(6, 2, 6, 8);
SELECT pg_temp.then_shows(6, 2, 7, 8);
SELECT report_name, target, schedule, owner_name FROM bizmetrics.report_status;
-- A metric that fails keeps its figures, and keeps none of the others from being asked.
SELECT bizmetrics.create_metric('shop_negative_total', 'counter', 'Less than nothing.', '{}', 'SELECT -1 AS value');
SELECT bizmetrics.create_metric('shop_twice', 'gauge', 'Twice the same.', '{}', 'SELECT n AS value FROM generate_series(1, 2) n');
SELECT bizmetrics.create_metric('shop_broken', 'gauge', 'Divides.', '{}', 'SELECT 1 / (figure - figure) AS value FROM analytics.figures');
SELECT bizmetrics.create_metric('shop_slow', 'gauge', 'Waits.', '{}', 'SELECT 1 AS value FROM pg_sleep(100)', timeout => '20 ms');
SELECT bizmetrics.create_metric('shop_writer', 'gauge', 'Writes.', '{}', $$SELECT nextval('analytics.numbers') AS value$$);
CREATE SEQUENCE analytics.numbers;
SELECT bizmetrics.create_metric('shop_writer', 'gauge', 'Writes.', '{}', $$SELECT nextval('analytics.numbers') AS value$$);
SELECT bizmetrics.create_metric('shop_long_label', 'gauge', 'Long.', '{plan}', $$SELECT repeat('x', 1001) AS plan, 1 AS value$$);
SELECT bizmetrics.create_metric('shop_fine', 'gauge', 'Fine.', '{}', 'SELECT 1 AS value');
SELECT bizmetrics.refresh_metrics();
SELECT metric_name, failing_since IS NOT NULL AS failing, sqlstate, message, series FROM bizmetrics.metric_status ORDER BY metric_name;
SELECT subject, problem ~ '^its query has failed since' AS problem, remedy FROM bizmetrics.doctor() WHERE subject ~ 'metric' ORDER BY 1;
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ 'bizmetrics_metric_up|bizmetrics_metric_series';
SELECT count(bizmetrics.drop_metric(metric_name)) FROM bizmetrics.metric_status;
-- A histogram: each row is an observation. Buckets hold all below them; the last one is the count.
CREATE TABLE analytics.waits (plan text, seconds numeric);
INSERT INTO analytics.waits VALUES ('pro', 0.1), ('pro', 0.5), ('pro', 0.6), ('pro', 7), ('free', 100), ('free', NULL);
SELECT bizmetrics.create_metric('shop_wait_seconds', 'histogram', 'How long customers wait.', '{plan}', 'SELECT plan, seconds AS value FROM analytics.waits', buckets => '{0.1,0.5,2.5}');
SELECT bizmetrics.refresh_metrics();
SELECT * FROM shown;
DELETE FROM analytics.waits WHERE seconds = 100;
INSERT INTO analytics.waits VALUES ('pro', 2.5);
SELECT bizmetrics.refresh_metrics(true);
SELECT * FROM shown;
SELECT bizmetrics.drop_metric('shop_wait_seconds');
-- A summary.
SELECT bizmetrics.create_metric('shop_wait_seconds', 'summary', 'How long customers wait.', '{}', 'SELECT seconds AS value FROM analytics.waits', quantiles => '{0,0.5,0.99,1}');
SELECT bizmetrics.refresh_metrics();
SELECT * FROM shown;
SELECT bizmetrics.drop_metric('shop_wait_seconds');
-- What is refused.
CREATE FUNCTION pg_temp.refused(arguments text) RETURNS text LANGUAGE sql AS $$
  SELECT pg_temp.error_of(format('SELECT bizmetrics.create_metric(%s)', arguments))
$$;
SELECT pg_temp.refused($$NULL, 'gauge', 'x', '{}', 'SELECT 1 AS value'$$);
SELECT pg_temp.refused($$'shop_x', 'meter', 'x', '{}', 'SELECT 1 AS value'$$);
SELECT pg_temp.refused(format($$%L, %L, 'x', '{}', 'SELECT 1 AS value'$$, name, type))
FROM (VALUES ('orders', 'gauge'), ('shop_orders_total', 'gauge'), ('shop_orders', 'counter'), ('shop_churn_percent', 'gauge'), ('shop_age_days', 'gauge'), ('Shop_x', 'gauge'), ('bizmetrics_x', 'gauge'), ('shop_x_count', 'gauge')) AS v (name, type);
SELECT pg_temp.refused(format($$'shop_x', 'gauge', 'x', %L, 'SELECT 1 AS value'$$, labels))
FROM unnest('{"{user_id}","{le}","{Plan}","{a,a}","{value}","{NULL}","{a,b,c,d,e,f,g,h,i,j,k}"}'::text[]) labels;
SELECT pg_temp.refused($$'shop_x', 'gauge', '', '{}', 'SELECT 1 AS value'$$);
SELECT pg_temp.refused(format($$'shop_x', 'gauge', 'x', '{plan}', %L$$, query))
FROM unnest(ARRAY['', 'SELECT 1', 'SELECT 1 AS value', 'SELECT 1 AS value, 2 AS plan; SELECT 2', 'DELETE FROM analytics.waits', 'SELECT 1 AS value, 2 AS plan WHERE $1 IS NULL', 'SELECT now() AS value, 1 AS plan', 'SELECT 1 AS value, 2 AS plan) q; DROP TABLE analytics.waits; --', 'WITH w AS (DELETE FROM analytics.waits RETURNING 1) SELECT 1 AS value, 2 AS plan FROM w', 'SELECT no_such']) query;
SELECT pg_temp.refused($$'shop_x', 'gauge', 'x', '{}', 'SELECT 1 AS value', ttl => '30 seconds'$$);
SELECT pg_temp.refused($$'shop_x', 'gauge', 'x', '{}', 'SELECT 1 AS value', max_series => 0$$);
SELECT pg_temp.refused($$'shop_x', 'gauge', 'x', '{}', 'SELECT 1 AS value', timeout => '0'$$);
SELECT pg_temp.refused($$'shop_x', 'gauge', 'x', '{}', 'SELECT 1 AS value', buckets => '{1}'$$);
SELECT pg_temp.refused($$'shop_x', 'histogram', 'x', '{}', 'SELECT 1 AS value'$$);
SELECT pg_temp.refused(format($$'shop_x', 'histogram', 'x', '{}', 'SELECT 1 AS value', buckets => %L$$, b)) FROM unnest('{"{}","{1,1}","{2,1}","{1,Infinity}","{NULL}"}'::text[]) b;
SELECT pg_temp.refused($$'shop_x', 'summary', 'x', '{}', 'SELECT 1 AS value', quantiles => '{2}'$$);
SELECT pg_temp.refused($$'shop_x', 'gauge', 'x', '{}', 'SELECT 1 AS value', owner => 'postgres'$$);
SELECT pg_temp.error_of($$SELECT bizmetrics.alter_metric('shop_none', ttl => '1 hour')$$), pg_temp.error_of($$SELECT bizmetrics.drop_metric(NULL)$$);
-- As a superuser it is registered for somebody else. Its query runs as that one.
\c - postgres
\i :helper
SELECT pg_temp.error_of($$SELECT bizmetrics.create_metric('shop_x', 'gauge', 'x', '{}', 'SELECT 1 AS value')$$);
SELECT bizmetrics.create_metric('shop_who', 'gauge', 'Who.', '{who}', 'SELECT current_user AS who, 1 AS value', owner => 'regress_author');
SELECT bizmetrics.refresh_metrics(true);
\c - regress_author
SELECT bizmetrics.refresh_metrics(true);
SELECT labels FROM bizmetrics.metric_values;
-- A scraper sees all, and may read nothing else.
\c - regress_scraper
\i :helper
SELECT labels, owner_name FROM bizmetrics.metric_values;
SELECT line FROM string_to_table(bizmetrics.metrics_text(), E'\n') line WHERE line ~ '^(# ....... )?(shop_who|bizmetrics_scrape_part_up|bizmetrics_metric_up)' AND line !~ '^#';
SELECT pg_temp.error_of('SELECT bizmetrics.refresh_metrics()'), pg_temp.error_of('TABLE bizmetrics.metrics'), pg_temp.error_of('TABLE analytics.figures'), pg_temp.error_of('TABLE public.business_events');
\c - postgres
SELECT bizmetrics.drop_metric('shop_who');
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_scraper('regress_scraper');
DROP OWNED BY regress_author;
DROP ROLE regress_author, regress_scraper;
ALTER SYSTEM RESET bizmetrics.databases;
SELECT pg_reload_conf();
