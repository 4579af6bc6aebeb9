-- Partitions are whole months in UTC, whatever TimeZone, DateStyle and IntervalStyle a session has.
BEGIN;
CREATE FUNCTION pg_temp.partition_of(at timestamptz) RETURNS text LANGUAGE sql
SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
  SELECT concat_ws(' ', c.relname, pg_get_expr(c.relpartbound, c.oid))
  FROM pg_class c JOIN public.business_events e ON e.tableoid = c.oid WHERE e.occurred_at = at
$$;
-- The first instant of a month and the last of the one before, in zones on both sides of UTC.
SET LOCAL timezone = 'Pacific/Kiritimati';
SET LOCAL datestyle = 'German';
SELECT bizmetrics.log_event('bounds', occurred_at => '01.03.1985 00:00:00 +00') IS NOT NULL AS logged;
SET LOCAL timezone = 'America/Los_Angeles';
SET LOCAL datestyle = 'SQL, DMY';
SET LOCAL intervalstyle = 'sql_standard';
SELECT bizmetrics.log_event('bounds', occurred_at => '28/02/1985 23:59:59.999999 UTC') IS NOT NULL AS logged;
SET LOCAL timezone = 'Asia/Kathmandu';
SET LOCAL datestyle = 'Postgres, MDY';
SELECT bizmetrics.log_event('bounds', occurred_at => '1985-04-01 05:44:59') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('bounds', occurred_at => '1985-04-01 05:45:00') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('bounds', occurred_at => '1984-02-29 12:00:00 UTC') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('bounds', occurred_at => '0044-03-15 12:00:00 UTC BC') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('bounds', occurred_at => '12345-06-07 08:09:10 UTC') IS NOT NULL AS logged;
SELECT pg_temp.partition_of(occurred_at) FROM public.business_events WHERE event_name = 'bounds' ORDER BY occurred_at;
-- Partitions live in schema bizmetrics and belong to the table's owner.
SELECT DISTINCT c.relnamespace::regnamespace, c.relowner = p.relowner AS same_owner, c.relpersistence
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE i.inhparent = 'public.business_events'::regclass;
ROLLBACK;
