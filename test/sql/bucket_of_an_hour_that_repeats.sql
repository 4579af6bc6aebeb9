-- A bucket holds the instant that it was asked for, also where midnight comes twice: in Havana,
-- 3 November 2024 begins at 04:00Z and passes 00:00 again at 05:00Z.
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics_test;
SELECT at AT TIME ZONE 'UTC' AS at, window_start <= at AND at < window_end AS holds_it, window_start AT TIME ZONE 'UTC' AS window_start, window_end AT TIME ZONE 'UTC' AS window_end
FROM unnest('{2024-11-03 03:59Z,2024-11-03 04:30Z,2024-11-03 05:30Z}'::timestamptz[]) at, bizmetrics_test.bucket('1 day', '0', 'America/Havana', at);
-- Also where more than an hour comes twice, and where some of one day comes after some of the next: at Troll two hours do,
-- at Casey three did, at Lord Howe half an hour does; in St. John's clocks went back at one minute past midnight. And what
-- date_trunc() gives is in the bucket, too: where clocks go forward by half an hour, that is in the hour before.
SET timezone = 'UTC';
CREATE TEMP VIEW places AS SELECT * FROM (VALUES ('Antarctica/Troll', timestamptz '2024-10-27 00:00Z'), ('Antarctica/Casey', '2010-03-04 12:00Z'), ('Australia/Lord_Howe', '2024-04-06 12:00Z'), ('America/St_Johns', '2006-10-29 00:00Z'), ('America/Havana', '2024-11-03 03:00Z'), ('Asia/Kathmandu', '1985-12-31 16:00Z'), ('Pacific/Apia', '2011-12-30 06:00Z'), ('Europe/Berlin', '2024-03-30 22:00Z'), ('Australia/Lord_Howe', '2024-10-05 12:00Z'), ('America/Sao_Paulo', '2018-11-04 00:00Z')) p (zone, at);
SELECT zone, bucket, bool_and(holds) AS holds, bool_and(one) AS one, bool_and(whole) AS whole, bool_and(truncated) AS truncated
FROM (SELECT zone, bucket, at, window_start <= at AND at < window_end AS holds,
        coalesce(date_trunc(CASE bucket WHEN '1 minute' THEN 'minute' WHEN '1 hour' THEN 'hour' WHEN '1 day' THEN 'day' WHEN '1 week' THEN 'week' WHEN '1 month' THEN 'month' END, at, zone) >= window_start, true) AS truncated,
        -- Windows do not overlap, and of local times that come twice both are in one.
        lag(window_end, 1, window_start) OVER (PARTITION BY zone, bucket, start ORDER BY at) IN (window_start, window_end) AS one,
        count(*) OVER (PARTITION BY zone, bucket, at AT TIME ZONE zone) = count(*) OVER (PARTITION BY zone, bucket, at AT TIME ZONE zone, window_start) AS whole
      FROM (SELECT zone, places.at AS start, places.at + n * interval '5 minutes' AS at, bucket FROM places, generate_series(0, 300) n, unnest('{1 minute,15 minutes,30 minutes,1 hour,2 hours,6 hours,1 day,1 week,1 month}'::interval[]) bucket) t,
        bizmetrics_test.bucket(bucket, '0', zone, at)) w
GROUP BY 1, 2 HAVING NOT bool_and(holds AND (one OR bucket < interval '5 minutes') AND whole AND truncated) ORDER BY 1, 2;
SELECT zone, width, window_start, window_end, window_start AT TIME ZONE zone AS local_start, window_end AT TIME ZONE zone AS local_end
FROM (VALUES ('Antarctica/Troll', timestamptz '2024-10-27 00:30Z'), ('Antarctica/Troll', '2024-10-27 02:30Z'), ('Australia/Lord_Howe', '2024-04-06 14:40Z'), ('Australia/Lord_Howe', '2024-04-06 15:10Z'), ('America/St_Johns', '2006-10-29 02:45Z'), ('America/St_Johns', '2006-10-29 02:30:30Z'), ('America/St_Johns', '2006-10-29 01:00Z'), ('Australia/Lord_Howe', '2024-10-05 15:45Z')) p (zone, at),
  unnest('{1 minute,1 hour,1 day}'::interval[]) width, bizmetrics_test.bucket(width, '0', zone, at) ORDER BY zone, at, width;
DROP EXTENSION bizmetrics_test;
