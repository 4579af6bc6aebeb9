-- Times far away make one partition each, and no more; infinity makes none.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
CREATE TEMP TABLE before AS SELECT partition FROM bizmetrics.partitions;
CREATE TEMP VIEW made AS
SELECT p.partition, p.from_time, p.to_time FROM bizmetrics.partitions p WHERE p.partition NOT IN (SELECT b.partition FROM before b) ORDER BY 2;
SELECT bizmetrics.log_event('far', occurred_at => t) IS NOT NULL
FROM unnest('{4714-12-01 00:00:00 BC,4714-12-31 23:59:59.999999 BC,0001-12-31 23:59:59.999999 BC,0001-01-01,290000-02-29 12:00,294276-11-30 23:59:59.999999}'::timestamptz[]) t;
TABLE made;
SELECT bizmetrics.log_event('far', occurred_at => t) IS NOT NULL
FROM unnest('{4714-12-01 00:00:00 BC,0001-12-01 BC,290000-02-01}'::timestamptz[]) t;
SELECT count(*) FROM made;
SELECT tableoid::regclass, count(*) FROM public.business_events WHERE event_name = 'far' GROUP BY 1 ORDER BY min(occurred_at);
-- The months that time begins and ends in are no whole months.
SELECT pg_temp.error_of(format('SELECT bizmetrics.log_event(''far'', occurred_at => %L)', t))
FROM unnest('{4714-11-24 00:00:00 BC,294276-12-01,infinity,-infinity}'::timestamptz[]) t;
SELECT count(*) FROM made;
ROLLBACK;
