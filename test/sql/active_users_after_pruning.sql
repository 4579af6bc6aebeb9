-- The windows of the report active_users reach back over what was pruned: a late event changes no day of which they miss
-- a part, and every other one.
CREATE ROLE regress_keeper LOGIN;
CREATE DATABASE regression_bizmetrics_active OWNER regress_keeper;
\c regression_bizmetrics_active regress_keeper
\getenv srcdir PG_ABS_SRCDIR
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.partition_interval
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION bizmetrics;
-- As the pack has it, but that the worker leaves it alone.
\set create 'SELECT bizmetrics.create_report(report_name, query => query, schedule => ''0 0 29 2 *'', key => key, bucket => bucket, lookback => lookback, strategy => strategy) FROM bizmetrics.pack_reports WHERE report_name = ''active_users'''
:create;
-- Somebody on each day, and a regular who comes every ten days.
SELECT count(bizmetrics.log_event('seen', actor_user_id => actor, occurred_at => timestamptz '2024-01-20 12:00Z' + n * interval '1 day'))
FROM generate_series(0, 90) AS n, LATERAL (SELECT 'visitor_' || n UNION ALL SELECT 'regular' WHERE n % 10 = 0) AS a (actor);
SELECT state FROM bizmetrics.run_report('active_users');
CREATE TABLE before AS SELECT day, dau, wau, mau FROM analytics.active_users;
SELECT min(day), max(day), count(*) FROM before;
SELECT dropped, reason FROM bizmetrics.prune_events(timestamptz '2024-03-01Z') ORDER BY partition;
SELECT count(bizmetrics.log_event('seen', actor_user_id => 'late', occurred_at => at)) FROM unnest('{2024-03-10 12:00Z,2024-04-05 12:00Z}'::timestamptz[]) AS at;
SELECT state FROM bizmetrics.run_report('active_users');
SELECT min(a.day), max(a.day), a.dau - b.dau AS dau, a.wau - b.wau AS wau, a.mau - b.mau AS mau FROM analytics.active_users AS a JOIN before AS b USING (day) GROUP BY 3, 4, 5 ORDER BY 1;
SELECT count(*) FROM analytics.active_users;
-- Where events are kept for less than the windows are long, yesterday and today have what there is.
\c - postgres
ALTER SYSTEM SET bizmetrics.partition_interval = 'day';
\set value day
\i :wait
\c - regress_keeper
SET timezone = 'UTC';
SELECT bizmetrics.drop_report('active_users');
DROP TABLE analytics.active_users;
SELECT dropped FROM bizmetrics.prune_events(timestamptz '2026-01-01Z');
SELECT bizmetrics.ensure_partitions(now() - interval '5 days', now()) >= 0;
SELECT count(bizmetrics.log_event('seen', actor_user_id => n, occurred_at => now() - n * interval '1 day')) FROM generate_series(0, 4) AS n;
:create;
SELECT state FROM bizmetrics.run_report('active_users');
SELECT current_date - day AS ago, dau, wau, mau FROM analytics.active_users ORDER BY day;
SELECT count(*) FILTER (WHERE dropped) FROM bizmetrics.prune_events(date_trunc('day', now(), 'UTC') - interval '2 days');
SELECT count(bizmetrics.log_event('seen', actor_user_id => 'late', occurred_at => now() - n * interval '1 day')) FROM generate_series(0, 2) AS n;
SELECT state FROM bizmetrics.run_report('active_users');
SELECT current_date - day AS ago, dau, wau, mau FROM analytics.active_users ORDER BY day;
\c contrib_regression postgres
ALTER SYSTEM RESET bizmetrics.partition_interval;
\set value month
\i :wait
DROP DATABASE regression_bizmetrics_active WITH (FORCE);
DROP ROLE regress_keeper;
