-- A report of another table is computed by time, as far back as its lookback; one of another report's table
-- follows what that report changed, and runs after it.
CREATE EXTENSION bizmetrics_test;
GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC;
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
SELECT bizmetrics_test.set_clock('2026-03-20 12:00Z');
CREATE TABLE analytics.orders (order_id serial PRIMARY KEY, created_at timestamptz NOT NULL, "Paid on" date, amount numeric NOT NULL);
INSERT INTO analytics.orders (created_at, "Paid on", amount) VALUES ('2026-03-10 10:00Z', '2026-03-11', 10), ('2026-03-18 10:00Z', '2026-03-19', 20), ('2026-03-20 10:00Z', NULL, 30);
SELECT bizmetrics.create_report('o_one', query => $$SELECT date_trunc('day', created_at) AS day, sum(amount) AS amount FROM analytics.orders WHERE created_at >= $1 AND created_at < $2 GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', source => 'analytics.orders', source_time => 'created_at');
SELECT bizmetrics.create_report('o_three', query => $$SELECT "Paid on" AS day, sum(amount) AS amount FROM analytics.orders WHERE "Paid on" >= $1::date AND "Paid on" < $2::date GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day', source => 'analytics.orders', source_time => 'Paid on', lookback => '3 days');
SELECT bizmetrics.create_report('o_custom', 'analytics.o_custom', $$DELETE FROM analytics.o_custom WHERE day >= $1 AND day < $2; INSERT INTO analytics.o_custom SELECT date_trunc('day', created_at), sum(amount) FROM analytics.orders WHERE created_at >= $1 AND created_at < $2 GROUP BY 1$$, :never, ddl => 'CREATE TABLE analytics.o_custom (day timestamptz, amount numeric)', bucket => '1 day', source => 'analytics.orders', source_time => 'created_at');
\set reports 'o_one,o_three,o_custom'
CREATE FUNCTION pg_temp.windows(VARIADIC reports text[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT r || ': ' || replace(replace(line, 'Window: ', ''), ' 00:00:00+00', '') FROM unnest(reports) r, bizmetrics.explain_report(r) line WHERE line ~ '^(Window|Source)'
$$;
-- First everything, then as far back as the lookback.
SELECT * FROM pg_temp.windows('o_one', 'o_three', 'o_custom');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM analytics.o_one ORDER BY 1;
SELECT * FROM analytics.o_three ORDER BY 1;
SELECT * FROM analytics.o_custom ORDER BY 1;
SELECT * FROM pg_temp.windows('o_one', 'o_three', 'o_custom');
INSERT INTO analytics.orders (created_at, "Paid on", amount) VALUES ('2026-03-20 11:00Z', '2026-03-20', 1), ('2026-03-19 23:00Z', '2026-03-17', 2), ('2026-03-11 10:00Z', '2026-03-10', 4);
DELETE FROM analytics.orders WHERE amount = 20;
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM analytics.o_one ORDER BY 1;
SELECT * FROM analytics.o_three ORDER BY 1;
-- After a day without a run: from what the last one reached.
SELECT bizmetrics_test.set_clock('2026-03-22 12:00Z');
SELECT * FROM pg_temp.windows('o_one', 'o_three', 'o_custom');
-- reset_report: everything, what the table does not tell any more left alone.
INSERT INTO analytics.o_one VALUES ('2026-01-01Z', 5);
SELECT bizmetrics.reset_report('o_one');
SELECT state, row_count FROM bizmetrics.run_report('o_one');
SELECT * FROM analytics.o_one ORDER BY 1;
-- Reports of reports: by day, of that by month, of that by year.
SELECT bizmetrics.create_report('c_day', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company, count(DISTINCT actor_user_id) AS actors FROM public.business_events WHERE event_name = 'chained' GROUP BY 1, 2$$, schedule => :never, key => '{day,company}', bucket => '1 day');
SELECT bizmetrics.create_report('c_sum', query => $$SELECT date_trunc('month', occurred_at) AS month, count(*) AS n FROM public.business_events WHERE event_name = 'chained' GROUP BY 1$$, schedule => :never, key => '{month}', bucket => '1 month');
SELECT bizmetrics.create_report('c_month', query => $$SELECT date_trunc('month', day) AS month, sum(actors) AS actor_days FROM analytics.c_day WHERE day >= $1 AND day < $2 GROUP BY 1$$, schedule => :never, key => '{month}', bucket => '1 month', source => 'analytics.c_day');
SELECT bizmetrics.create_report('c_year', query => $$SELECT date_trunc('year', month) AS year, max(actor_days) AS most FROM analytics.c_month WHERE month >= $1 AND month < $2 GROUP BY 1$$, schedule => :never, key => '{year}', bucket => '1 year', source => 'analytics.c_month', source_time => 'month');
SELECT bizmetrics.create_report('c_of_delta', query => $$SELECT month, n * 2 AS twice FROM analytics.c_sum WHERE month >= $1 AND month < $2$$, schedule => :never, key => '{month}', bucket => '1 month', source => 'analytics.c_sum');
\c - postgres
SELECT report_name, source, source_time, after FROM bizmetrics.reports WHERE report_name ~ '^c_' ORDER BY report_id;
SELECT bizmetrics.ensure_partitions('2026-01-01', '2026-03-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set reports 'c_day,c_sum,c_month,c_year,c_of_delta'
CREATE FUNCTION pg_temp.windows(VARIADIC reports text[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT r || ': ' || replace(replace(line, 'Window: ', ''), ' 00:00:00+00', '') FROM unnest(reports) r, bizmetrics.explain_report(r) line WHERE line ~ '^(Window|New)'
$$;
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('chained', '2026-03-10 10:00Z', 'a', 'x'), ('chained', '2026-03-11 10:00Z', 'a', 'x'), ('chained', '2026-01-11 10:00Z', NULL, 'x');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM analytics.c_month ORDER BY 1;
SELECT * FROM analytics.c_year ORDER BY 1;
SELECT * FROM analytics.c_of_delta ORDER BY 1;
-- Nothing changed: nothing to do. A change that a report did not follow yet is kept for it, and for no one after.
SELECT * FROM pg_temp.windows('c_month', 'c_year', 'c_of_delta');
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('chained', '2026-01-11 11:00Z', NULL, 'x');
SELECT state, row_count FROM bizmetrics.run_report('c_day');
SELECT state, row_count FROM bizmetrics.run_report('c_sum');
SELECT * FROM pg_temp.windows('c_month', 'c_year', 'c_of_delta');
INSERT INTO public.business_events (event_name, occurred_at, company_id, actor_user_id) VALUES ('chained', '2026-01-12 11:00Z', NULL, 'y'), ('chained', '2026-03-12 11:00Z', NULL, 'y');
SELECT state, row_count FROM bizmetrics.run_report('c_day');
SELECT * FROM pg_temp.windows('c_month', 'c_year', 'c_of_delta');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest(string_to_array(:'reports', ',')) r \gexec
SELECT * FROM analytics.c_month ORDER BY 1;
SELECT * FROM analytics.c_year ORDER BY 1;
SELECT * FROM analytics.c_of_delta ORDER BY 1;
SELECT * FROM pg_temp.windows('c_month', 'c_year', 'c_of_delta');
-- A source that is computed anew, and one that is backfilled, changes those that follow.
UPDATE analytics.c_day SET actors = 100 WHERE day < '2026-02-01Z';
CALL bizmetrics.backfill_report('c_day', '2026-01-01Z', '2026-01-12Z');
SELECT * FROM pg_temp.windows('c_month');
SELECT state, row_count FROM bizmetrics.run_report('c_month');
SELECT * FROM analytics.c_month ORDER BY 1;
SELECT bizmetrics.reset_report('c_day');
SELECT state, row_count FROM bizmetrics.run_report('c_day');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{c_month,c_year}'::text[]) r \gexec
SELECT * FROM analytics.c_month ORDER BY 1;
SELECT * FROM analytics.c_year ORDER BY 1;
-- A custom report is followed, whatever it counts.
SELECT bizmetrics.create_report('c_custom', 'analytics.c_custom', $$WITH d AS (DELETE FROM analytics.c_custom WHERE day >= $1 AND day < $2 RETURNING 1) SELECT count(*) FROM d; WITH i AS (INSERT INTO analytics.c_custom SELECT date_trunc('day', occurred_at), count(*) FROM public.business_events WHERE event_name = 'chained' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY 1 RETURNING 1) SELECT count(*) FROM i$$, '0 0 29 2 *', ddl => 'CREATE TABLE analytics.c_custom (day timestamptz, n bigint)', bucket => '1 day', events => '{chained}');
SELECT bizmetrics.create_report('c_of_custom', query => $$SELECT date_trunc('month', day) AS month, sum(n) AS n FROM analytics.c_custom WHERE day >= $1 AND day < $2 GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{month}', bucket => '1 month', source => 'analytics.c_custom', source_time => 'day');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{c_custom,c_of_custom}'::text[]) r \gexec
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('chained', '2026-01-12 11:00Z');
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{c_custom,c_of_custom}'::text[]) r \gexec
SELECT * FROM analytics.c_of_custom ORDER BY 1;
-- Rows of no time keep no others from being computed.
CREATE TABLE analytics.timeless (at timestamptz, local_at timestamp, day date);
SELECT bizmetrics.create_report('e_' || c, query => format('SELECT %I::date AS day, count(*) AS n FROM analytics.timeless WHERE %1$I >= $1 AND %1$I < $2 GROUP BY 1', c), schedule => '0 0 29 2 *', key => '{day}', bucket => '1 day', source => 'analytics.timeless', source_time => c, timezone => 'UTC') FROM unnest('{at,local_at,day}'::text[]) c;
INSERT INTO analytics.timeless SELECT t, t, t FROM unnest('{infinity,-infinity,NULL,2026-03-01 10:00Z,2026-03-05 10:00Z}'::timestamptz[]) t;
SELECT format('SELECT %1$L AS report, state, row_count, message FROM bizmetrics.run_report(%1$L)', r) FROM unnest('{e_at,e_local_at,e_day}'::text[]) r \gexec
-- Dropped, a report's table is a table like others: by time.
SELECT bizmetrics.drop_report('c_year'), bizmetrics.drop_report('c_custom');
\c - postgres
SELECT bizmetrics_test.set_clock(NULL);
SELECT count(*) AS changes_kept FROM bizmetrics.report_changes;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA IF EXISTS bizmetrics_test;
