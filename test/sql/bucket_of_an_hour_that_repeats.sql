-- A bucket holds the instant that it was asked for, also where midnight comes twice: in Havana,
-- 1 November 2026 begins at 04:00Z and passes 00:00 again at 05:00Z.
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics_test;
SELECT at AT TIME ZONE 'UTC' AS at, window_start <= at AND at < window_end AS holds_it, window_start AT TIME ZONE 'UTC' AS window_start, window_end AT TIME ZONE 'UTC' AS window_end
FROM unnest('{2026-11-01 03:59Z,2026-11-01 04:30Z,2026-11-01 05:30Z}'::timestamptz[]) at, bizmetrics_test.bucket('1 day', '0', 'America/Havana', at);
DROP EXTENSION bizmetrics_test;
