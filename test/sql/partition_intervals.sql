-- bizmetrics.partition_interval sets the width of partitions to come: a day, a week from Monday or
-- a month in UTC, clipped to those that exist.
SET timezone = 'UTC';
SET datestyle = 'ISO';
\getenv srcdir PG_ABS_SRCDIR
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.partition_interval
CREATE VIEW partitions_of_1986 AS
SELECT relname, substring(pg_get_expr(relpartbound, oid), 'FROM .*') AS bounds
FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '^business_events_198[67]';
\set show 'SELECT relname, bounds FROM partitions_of_1986 ORDER BY 1'

ALTER SYSTEM SET bizmetrics.partition_interval = 'week';
\set value week
\i :wait
BEGIN;
-- 1986-01-08 was a Wednesday; Mondays and Sundays are the edges.
SELECT bizmetrics.log_event('w', occurred_at => '1986-01-08 12:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('w', occurred_at => '1986-01-12 23:59:59.999999') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('w', occurred_at => '1986-01-13 00:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('w', occurred_at => '1986-12-31 00:00') IS NOT NULL AS logged;
:show;
ROLLBACK;

ALTER SYSTEM SET bizmetrics.partition_interval = 'day';
\set value day
\i :wait
BEGIN;
SELECT bizmetrics.log_event('d', occurred_at => '1986-01-08 00:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('d', occurred_at => '1986-01-09 23:59:59.999999') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('d', occurred_at => '1986-02-01 00:00') IS NOT NULL AS logged;
:show;
COMMIT;

-- Back to months, which fill the gaps between those days.
ALTER SYSTEM RESET bizmetrics.partition_interval;
\set value month
\i :wait
BEGIN;
SELECT bizmetrics.log_event('m', occurred_at => '1986-01-01 12:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('m', occurred_at => '1986-01-20 12:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('m', occurred_at => '1986-02-20 12:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('m', occurred_at => '1986-03-20 12:00') IS NOT NULL AS logged;
SELECT bizmetrics.ensure_partitions('1986-01-01', '1986-05-01') AS made;
:show;
ROLLBACK;
DROP VIEW partitions_of_1986;
DROP TABLE bizmetrics.business_events_1986_01_08, bizmetrics.business_events_1986_01_09, bizmetrics.business_events_1986_02_01;
