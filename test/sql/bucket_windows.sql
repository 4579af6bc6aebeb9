-- A window is whole buckets in the report's time zone, from the oldest that the lookback touches to
-- the end of the current one, whatever daylight saving does.
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics_test;
CREATE FUNCTION pg_temp.windows(bucket interval, lookback interval, zone text, VARIADIC at timestamptz[]) RETURNS TABLE (at_local text, from_local text, to_local text, length interval) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('timezone', zone, true);
  PERFORM set_config('datestyle', 'ISO', true);
  FOR n IN 1 .. cardinality(at) LOOP
    RETURN QUERY SELECT at[n]::text, window_start::text, window_end::text, justify_hours(window_end - window_start)
    FROM bizmetrics_test.bucket(bucket, lookback, zone, at[n]);
  END LOOP;
END
$$;
-- Berlin: 25 October 2026 has 25 hours, 28 March 2027 has 23. Weeks begin on Monday.
SELECT * FROM pg_temp.windows('1 day', '0', 'Europe/Berlin', '2026-10-24 22:00Z', '2026-10-25 00:30Z', '2026-10-25 01:30Z', '2026-10-25 22:59:59.999999Z', '2026-10-25 23:00Z', '2027-03-28 00:59Z', '2027-03-28 01:00Z');
SELECT * FROM pg_temp.windows('1 week', '0', 'Europe/Berlin', '2026-10-25 22:59Z', '2026-10-25 23:00Z', '2027-03-28 12:00Z', '2024-12-30 00:00+01', '2000-01-02 12:00Z', '1999-12-27 00:00+01');
SELECT * FROM pg_temp.windows('1 month', '0', 'Europe/Berlin', '2026-10-31 22:59Z', '2026-10-31 23:00Z', '2024-02-29 12:00Z', '1999-12-31 22:59Z');
SELECT * FROM pg_temp.windows('3 months', '0', 'Europe/Berlin', '2026-06-30 21:59Z', '2026-06-30 22:00Z', '1999-12-01 12:00Z');
SELECT * FROM pg_temp.windows('1 year', '0', 'Europe/Berlin', '2026-12-31 22:59:59.999999Z', '2026-12-31 23:00Z', '1970-01-01 00:00Z');
SELECT * FROM pg_temp.windows('1 hour', '0', 'Europe/Berlin', '2026-10-25 00:30Z', '2026-10-25 01:30Z', '2027-03-28 00:30Z', '2027-03-28 01:30Z');
SELECT * FROM pg_temp.windows('15 minutes', '0', 'Asia/Kathmandu', '2026-10-25 00:29:59Z', '2026-10-25 00:30Z');
SELECT * FROM pg_temp.windows('1 hour', '0', 'Asia/Kathmandu', '2026-10-25 00:14:59Z', '2026-10-25 00:15Z');
SELECT * FROM pg_temp.windows('6 hours', '0', 'America/New_York', '2026-01-15 12:00Z', '2026-07-15 12:00Z');
-- Santiago: midnight of 6 September 2026 does not exist; the day begins at one.
SELECT * FROM pg_temp.windows('1 day', '0', 'America/Santiago', '2026-09-06 03:59:59Z', '2026-09-06 04:00Z', '2026-09-06 12:00Z', '2026-04-05 02:30Z', '2026-04-05 03:30Z', '2026-04-05 04:00Z');
SELECT * FROM pg_temp.windows('1 week', '0', 'America/Santiago', '2026-09-06 12:00Z');
-- Samoa skipped 30 December 2011.
SELECT * FROM pg_temp.windows('1 day', '0', 'Pacific/Apia', '2011-12-30 09:59Z', '2011-12-30 10:00Z');
-- The lookback: one bucket by default, and every bucket that it touches.
SELECT * FROM pg_temp.windows('1 day', NULL, 'Europe/Berlin', '2026-10-26 12:00Z');
SELECT * FROM pg_temp.windows('1 week', NULL, 'Europe/Berlin', '2026-10-28 12:00Z');
SELECT * FROM pg_temp.windows('1 month', NULL, 'Europe/Berlin', '2026-03-31 12:00Z');
SELECT * FROM pg_temp.windows('1 year', NULL, 'Europe/Berlin', '2024-02-29 12:00Z');
SELECT * FROM pg_temp.windows('1 week', '3 weeks', 'Europe/Berlin', '2026-10-28 12:00Z');
SELECT * FROM pg_temp.windows('1 week', '1 day', 'Europe/Berlin', '2026-10-26 12:00Z', '2026-10-28 12:00Z');
SELECT * FROM pg_temp.windows('1 day', '1 month', 'Europe/Berlin', '2026-11-25 12:00Z');
-- Consecutive days and weeks meet without gap or overlap, and hold their instants, for years, in
-- zones with all kinds of changes of the clock.
CREATE FUNCTION pg_temp.breaks(bucket interval, zone text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := '2009-12-31 12:00Z';
  w record;
  next record;
  broken bigint := 0;
BEGIN
  w := bizmetrics_test.bucket(bucket, '0', zone, at);
  WHILE at < '2013-01-01' LOOP
    at := w.window_end;
    next := bizmetrics_test.bucket(bucket, '0', zone, at);
    broken := broken + (next.window_start <> at OR next.window_end <= at)::integer;
    broken := broken + (SELECT count(*) FROM bizmetrics_test.bucket(bucket, '0', zone, next.window_end - interval '1 microsecond') e WHERE e.window_start <> next.window_start OR e.window_end <> next.window_end);
    w := next;
  END LOOP;
  RETURN broken;
END
$$;
SELECT zone, pg_temp.breaks('1 day', zone) AS days, pg_temp.breaks('1 week', zone) AS weeks, pg_temp.breaks('1 month', zone) AS months
FROM unnest('{UTC,Europe/Berlin,America/Santiago,America/Sao_Paulo,Asia/Tehran,Australia/Lord_Howe,Pacific/Apia,Asia/Kathmandu}'::text[]) zone;
DROP EXTENSION bizmetrics_test;
