-- Lookback counts in the report's time zone, whatever the session's: a day before 23:45 on the day
-- that daylight saving ends, which is 25 hours long, is the day before.
CREATE EXTENSION bizmetrics_test;
SET timezone = 'UTC';
SET datestyle = 'ISO';
\pset tuples_only on
\pset format unaligned
SELECT * FROM bizmetrics_test.bucket('1 day', '1 day', 'Europe/Berlin', '2026-10-25 22:45+00');
SET timezone = 'Asia/Tokyo';
SELECT window_start AT TIME ZONE 'UTC', window_end AT TIME ZONE 'UTC' FROM bizmetrics_test.bucket('1 day', '1 day', 'Europe/Berlin', '2026-10-25 22:45+00');
DROP EXTENSION bizmetrics_test;
