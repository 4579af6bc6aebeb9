-- A bucket holds the instant that it was asked for, also where midnight comes twice: in Havana,
-- 3 November 2024 begins at 04:00Z and passes 00:00 again at 05:00Z.
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics_test;
SELECT at AT TIME ZONE 'UTC' AS at, window_start <= at AND at < window_end AS holds_it, window_start AT TIME ZONE 'UTC' AS window_start, window_end AT TIME ZONE 'UTC' AS window_end
FROM unnest('{2024-11-03 03:59Z,2024-11-03 04:30Z,2024-11-03 05:30Z}'::timestamptz[]) at, bizmetrics_test.bucket('1 day', '0', 'America/Havana', at);
DROP EXTENSION bizmetrics_test;
