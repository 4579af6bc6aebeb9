-- Ten weeks of 10,080 events, one a minute, and a report by week that runs every six hours. What rescans three weeks,
-- as of now() - interval '3 weeks', overwrites each week at last with what is left of it in the three weeks: 360 of
-- 10,080. Ours is what was logged.
CREATE DATABASE regression_bizmetrics_weeks;
\c regression_bizmetrics_weeks
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics;
CREATE EXTENSION bizmetrics_test;
GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC;
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-01-01', '2026-04-01') >= 0;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TABLE analytics.pattern (week timestamptz PRIMARY KEY, events bigint NOT NULL);
-- The pattern, with the clock that is simulated in place of now().
SELECT bizmetrics.create_report('pattern', 'analytics.pattern', $$INSERT INTO analytics.pattern SELECT date_trunc('week', occurred_at), count(*) FROM public.business_events WHERE event_name = 'each_minute' AND occurred_at >= bizmetrics_test.clock() - interval '3 weeks' GROUP BY 1 ON CONFLICT (week) DO UPDATE SET events = excluded.events$$, '0 0 29 2 *');
SELECT bizmetrics.create_report('weekly', query => $$SELECT date_trunc('week', occurred_at) AS week, count(*) AS events FROM public.business_events WHERE event_name = 'each_minute' GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{week}', bucket => '1 week');
SELECT bizmetrics.create_report('weekly_actors', query => $$SELECT date_trunc('week', occurred_at) AS week, count(*) AS events, count(DISTINCT actor_user_id) AS actors FROM public.business_events WHERE event_name = 'each_minute' GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{week}', bucket => '1 week');
-- Each run in its own transaction: a step logs six hours, sets the clock, and runs the three.
\o /dev/null
\set ECHO none
SELECT format('INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) SELECT ''each_minute'', t, extract(minute FROM t)::text FROM generate_series(%L::timestamptz, %L::timestamptz - interval ''1 minute'', interval ''1 minute'') t', at - interval '6 hours', at) AS log,
  format('SELECT bizmetrics_test.set_clock(%L)', at) AS clock, 'SELECT bizmetrics.run_report(''pattern'')' AS a, 'SELECT bizmetrics.run_report(''weekly'')' AS b, 'SELECT bizmetrics.run_report(''weekly_actors'')' AS c
FROM generate_series('2026-01-05 06:00Z'::timestamptz, '2026-03-16Z', interval '6 hours') at \gexec
\set ECHO all
\o
SELECT report_name, state, count(*) FROM bizmetrics.report_runs GROUP BY 1, 2 ORDER BY 1, 2;
SELECT week::date, t.events AS logged, p.events AS pattern, round(100.0 * p.events / t.events, 1) AS "%", w.events AS weekly, a.events AS weekly_actors, a.actors
FROM (SELECT date_trunc('week', occurred_at) AS week, count(*) AS events FROM public.business_events WHERE event_name = 'each_minute' GROUP BY 1) t
LEFT JOIN analytics.pattern p USING (week) LEFT JOIN analytics.weekly w USING (week) LEFT JOIN analytics.weekly_actors a USING (week) ORDER BY 1;
-- An event that comes four weeks late: the pattern never sees it.
INSERT INTO public.business_events (event_name, occurred_at, actor_user_id) VALUES ('each_minute', '2026-02-14 12:00Z', 'late');
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', r) FROM unnest('{pattern,weekly,weekly_actors}'::text[]) r \gexec
SELECT p.events AS pattern, w.events AS weekly, a.events AS weekly_actors, a.actors FROM analytics.pattern p JOIN analytics.weekly w USING (week) JOIN analytics.weekly_actors a USING (week) WHERE week = '2026-02-09Z';
SELECT bizmetrics_test.set_clock(NULL);
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_weeks WITH (FORCE);
DROP ROLE regress_author;
