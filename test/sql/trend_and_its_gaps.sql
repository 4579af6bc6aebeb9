-- trend(): every period is there, whatever daylight saving does, and each beside the one before
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
CREATE FUNCTION pg_temp.log(event text, at timestamptz, properties jsonb DEFAULT '{}', actor text DEFAULT NULL, company text DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$ SELECT bizmetrics.log_event(event, properties, actor, company, occurred_at => at) $$;
SELECT * FROM bizmetrics.trend('paid', 'day', '2025-03-01', '2025-03-03');
SELECT * FROM bizmetrics.trend('paid', 'day', '2025-03-01', '2025-03-03', 'avg', 'value');
SELECT * FROM bizmetrics.trend('paid', 'day', '2025-03-01', '2025-03-03', breakdown => 'country');
SELECT count(pg_temp.log('paid', at, properties::jsonb, actor, company))
FROM (VALUES (timestamptz '2025-03-03 10:00', '{"value": 10, "country": "DE"}', 'a', 'x'), ('2025-03-03 11:00', '{"value": "20.5", "country": "FR"}', 'a', 'x'), ('2025-03-03 12:00', '{"value": "much"}', 'b', 'y'),
  ('2025-03-05 00:00', '{"value": 3, "country": "DE"}', NULL, NULL), ('2025-03-01 23:59', '{"value": 4, "country": "FR"}', 'a', 'y'), ('2024-03-03 01:00', '{"value": 100, "country": "IT"}', 'a', NULL)) AS t (at, properties, actor, company);
SELECT * FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', as_of => '2025-03-04 12:00');
SELECT * FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', compare => 'none');
SELECT period, value, previous_period, previous_value, change FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-05', 'sum', 'value', compare => '1 year');
-- Of an actor no more than of another; events of nobody are events.
SELECT measure, array_agg(t.value ORDER BY t.period) AS values
FROM (VALUES ('events', NULL), ('subjects', NULL), ('sum', 'value'), ('avg', 'value'), ('min', 'value'), ('max', 'value'), ('median', 'value'), ('p90', 'value')) AS m (measure, property),
  bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', measure, property) AS t GROUP BY 1 ORDER BY 1;
SELECT array_agg(value ORDER BY period) FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', 'subjects', subject => 'company');
-- What is a number: also one that is too large or too small for double precision, in which percentiles are reckoned.
CREATE TEMP TABLE written AS SELECT n, v FROM unnest(ARRAY['"1"', '" -2.50 "', '"3e2"', '3e2', '1e400', '-1e400', '1e-400', '""', '"1 2"', '"0x10"', '"NaN"', 'true', 'null', '[1]', '7', '0', '-0.0']::jsonb[]) WITH ORDINALITY AS j (v, n);
SELECT count(pg_temp.log('written ' || n, '2025-02-02', jsonb_build_object('value', v))) FROM written;
SELECT left(v::text, 8) AS written, left(m.value::text, 8) AS max, d.value AS median
FROM written, bizmetrics.trend('written ' || n, 'day', '2025-02-02', '2025-02-03', 'max', 'value', compare => 'none') AS m,
     bizmetrics.trend('written ' || n, 'day', '2025-02-02', '2025-02-03', 'median', 'value', compare => 'none') AS d
ORDER BY n;
SELECT array_agg(value ORDER BY period) FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', filters => '{"country": "DE"}');
SELECT array_agg(value ORDER BY period) FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', company_id => 'x');
SELECT array_agg(value ORDER BY period) FROM bizmetrics.trend(NULL, 'day', '2025-03-03', '2025-03-06');
-- Each value of either time in each period; without the property a segment too.
SELECT period::date, segment, value, previous_value FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-06', breakdown => 'country');
-- As much of the time before as there is of the time itself: 2025-03-01 23:59 is later than 12:00.
SELECT period, value, previous_period, previous_value, state FROM bizmetrics.trend('paid', 'day', '2025-03-03', '2025-03-04 12:00');
-- Weeks do not begin on the same day a year before: whole ones are compared.
SELECT period, value, previous_period, previous_value FROM bizmetrics.trend('paid', 'week', '2025-03-03', '2025-03-10', compare => '1 year');
-- A month has its own number of days.
SELECT period, previous_period FROM bizmetrics.trend('paid', 'month', '2025-01-01', '2025-04-01');
SELECT period, previous_period FROM bizmetrics.trend('paid', 'day', '2025-03-30', '2025-04-01', compare => '1 month');
SELECT period, previous_period FROM bizmetrics.trend('paid', 'quarter', '2025-01-01', '2026-01-01', compare => '1 year');
-- Daylight saving: days of 23 and 25 hours, an hour that is skipped and one that comes twice
SELECT count(pg_temp.log('rung', at)) FROM generate_series(timestamptz '2025-03-08 05:30Z', '2025-03-10 04:30Z', '1 hour') AS at;
SELECT count(pg_temp.log('rung', at)) FROM generate_series(timestamptz '2025-11-01 04:30Z', '2025-11-03 05:30Z', '1 hour') AS at;
SELECT period, value, previous_period FROM bizmetrics.trend('rung', 'day', '2025-03-08 00:00-05', '2025-03-10 00:00-04', timezone => 'America/New_York');
SELECT period, value, previous_period FROM bizmetrics.trend('rung', 'day', '2025-11-01 00:00-04', '2025-11-03 00:00-05', timezone => 'America/New_York');
SELECT count(*) AS hours, count(DISTINCT period) AS different, min(value), max(value) FROM bizmetrics.trend('rung', 'hour', '2025-03-09 00:00-05', '2025-03-10 00:00-04', timezone => 'America/New_York');
SELECT count(*) AS hours, count(DISTINCT period) AS different, min(value), max(value) FROM bizmetrics.trend('rung', 'hour', '2025-11-02 00:00-04', '2025-11-03 00:00-05', timezone => 'America/New_York');
SELECT period, value FROM bizmetrics.trend('rung', 'hour', '2025-11-02 05:00Z', '2025-11-02 08:00Z', timezone => 'America/New_York');
-- Half an hour is skipped and repeated on Lord Howe; Kolkata's hours begin at half past.
SELECT count(pg_temp.log('rung', at)) FROM generate_series(timestamptz '2026-04-04 10:10Z', '2026-04-04 18:10Z', '20 min') AS at;
SELECT period, value FROM bizmetrics.trend('rung', 'hour', '2026-04-04 13:00Z', '2026-04-04 17:00Z', timezone => 'Australia/Lord_Howe', compare => 'none', as_of => '2027-01-01');
SELECT sum(value) FROM bizmetrics.trend('rung', 'hour', '2026-04-04 13:00Z', '2026-04-04 17:00Z', timezone => 'Australia/Lord_Howe', as_of => '2027-01-01');
SELECT period, value FROM bizmetrics.trend('rung', 'hour', '2026-04-04 11:00Z', '2026-04-04 13:00Z', timezone => 'Asia/Kolkata', compare => 'none', as_of => '2027-01-01');
-- A day that begins with a midnight that comes twice, and one that is skipped
SELECT count(pg_temp.log('rung', at)) FROM unnest('{2025-11-02 03:30Z,2025-11-02 04:30Z,2025-11-02 05:30Z,2025-04-17 21:30Z,2025-04-24 22:30Z}'::timestamptz[]) AS at;
SELECT period, value, state FROM bizmetrics.trend('rung', 'day', '2025-11-02 04:00Z', '2025-11-02 06:00Z', timezone => 'America/Havana', compare => 'none');
SELECT period, value FROM bizmetrics.trend('rung', 'day', '2025-04-24 21:00Z', '2025-04-25 21:00Z', timezone => 'Africa/Cairo', compare => 'none');
SELECT bizmetrics.first_instant('2025-03-09 02:30', 'America/New_York'), bizmetrics.first_instant('2025-11-02 01:30', 'America/New_York'), bizmetrics.first_instant('2025-11-02 00:00', 'America/Havana'), bizmetrics.first_instant('2025-04-25 00:00', 'Africa/Cairo');
-- Values and their sum over random times, against counts made anew for each period
SELECT count(pg_temp.log('random', '1994-01-01 00:00Z'::timestamptz + abs(hashint4(i * 11)) % 15000 * interval '13 min', jsonb_build_object('k', abs(hashint4(i)) % 3))) FROM generate_series(1, 2000) AS i;
SELECT u AS unit, z AS zone, count(*) AS rows, sum(t.value) = (SELECT count(*) FROM business_events WHERE event_name = 'random' AND occurred_at >= min(since) AND occurred_at < min(since) + interval '9 days 17 hours') AS all_of_them,
  count(*) FILTER (WHERE t.value <> d.value) AS wrong
FROM (VALUES ('hour', timestamptz '1994-03-29 00:00Z'), ('day', '1994-03-29 00:00Z'), ('week', '1994-03-29 00:00Z'), ('month', '1994-03-29 00:00Z'), ('quarter', '1994-03-29 00:00Z'), ('year', '1994-03-29 00:00Z')) AS u (u, since), unnest('{UTC,America/New_York,Australia/Lord_Howe}'::text[]) AS z,
  bizmetrics.trend('random', u, since, since + interval '9 days 17 hours', breakdown => 'k', timezone => z) AS t,
  LATERAL (SELECT count(*) AS value FROM business_events AS e WHERE e.event_name = 'random' AND e.properties->>'k' = t.segment AND date_trunc(u, e.occurred_at, z) = date_trunc(u, t.period, z)
           AND e.occurred_at >= since AND e.occurred_at < since + interval '9 days 17 hours') AS d
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT sum(t.previous_value) = (SELECT count(*) FROM business_events WHERE event_name = 'random' AND occurred_at >= '1994-02-27' AND occurred_at < '1994-03-20') AS all_before, count(*) FILTER (WHERE t.previous_value <> b.value) AS wrong
FROM bizmetrics.trend('random', 'day', '1994-03-20', '1994-04-10') AS t JOIN bizmetrics.trend('random', 'day', '1994-02-27', '1994-03-20') AS b ON b.period = t.previous_period;
ROLLBACK;
