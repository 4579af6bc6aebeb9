-- window_funnel() and window_funnel_times(): the levels of groups whose answer is known, in each mode.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
-- A row such as B9 is the event B at second 9; the steps of a funnel are letters.
CREATE FUNCTION pg_temp.levels(events text, steps text, seconds integer) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws('|',
    bizmetrics.window_funnel(make_interval(secs => seconds), ts, VARIADIC step),
    bizmetrics.window_funnel(make_interval(secs => seconds), 'strict_increase', ts, VARIADIC step),
    bizmetrics.window_funnel(make_interval(secs => seconds), 'strict_once', ts, VARIADIC step),
    bizmetrics.window_funnel(make_interval(secs => seconds), 'strict_order', ts, VARIADIC step),
    bizmetrics.window_funnel(make_interval(secs => seconds), 'strict_order,allow_reentry', ts, VARIADIC step),
    bizmetrics.window_funnel(make_interval(secs => seconds), 'strict_deduplication', ts, VARIADIC step))
  FROM regexp_split_to_table(events, ' +') AS e,
       LATERAL (SELECT timestamptz '2026-01-01' + make_interval(secs => substr(e, 2)::integer) AS ts,
                       (SELECT array_agg(s = left(e, 1) ORDER BY n) FROM regexp_split_to_table(steps, '') WITH ORDINALITY AS t (s, n)) AS step) AS r
  WHERE e <> ''
$$;
-- Default, strict_increase, strict_once, strict_order, that with allow_reentry, strict_deduplication.
SELECT id, events, steps, seconds, pg_temp.levels(events, steps, seconds) AS levels, CASE WHEN pg_temp.levels(events, steps, seconds) <> expected THEN 'WRONG: ' || expected END AS wrong
FROM (VALUES
  ('F01', '', 'ABC', 10, '0|0|0|0|0|0'),
  ('F02', 'A0', 'ABC', 10, '1|1|1|1|1|1'),
  ('F03', 'B0 C1', 'ABC', 10, '0|0|0|0|0|0'),
  ('F04', 'A0 B10', 'AB', 10, '2|2|2|2|2|2'),
  ('F05', 'A0 B11', 'AB', 10, '1|1|1|1|1|1'),
  ('F06', 'A0 A8 B12 C17', 'ABC', 10, '3|3|3|3|3|3'),
  ('F07', 'A0 B1 A2 C3', 'ABC', 10, '3|3|3|2|3|3'),
  ('F08', 'A0 B9 C18', 'ABC', 10, '2|2|2|2|2|2'),
  ('F09', 'C3 A1 B2', 'ABC', 10, '3|3|3|3|3|3'),
  ('F10', 'C1 B2 A3', 'ABC', 10, '1|1|1|1|1|1'),
  ('F11', 'A5 B5 C5', 'ABC', 0, '3|1|3|3|3|3'),
  ('F12', 'C5 B5 A5', 'ABC', 10, '3|1|3|3|3|3'),
  ('F13', 'A0', 'AA', 10, '2|1|1|1|1|1'),
  ('F14', 'A0 A1', 'AA', 10, '2|2|2|2|2|2'),
  ('F15', 'A0 A0', 'AA', 10, '2|1|2|2|2|2'),
  ('F19', 'A1 B2 D3 C4', 'ABC', 10, '3|3|3|2|2|3'),
  ('F21', 'A1 B2 C3 B4 D5', 'ABCD', 10, '4|4|4|3|4|3'),
  ('F24', 'D0 A1 B2 C3', 'ABC', 10, '3|3|3|3|3|3'),
  ('F25', 'A1 D1 B2', 'AB', 10, '2|2|2|2|2|2'),
  ('F28', 'A0 A0 B1', 'AB', 10, '2|2|2|2|2|2'),
  ('F29', 'A0 C1', 'ABC', 10, '1|1|1|1|1|1'),
  ('F30', 'D0', 'A', 10, '0|0|0|0|0|0')
) AS t (id, events, steps, seconds, expected) ORDER BY id;

-- With strict_increase a row at the instant of the step before is passed over.
SELECT mode, bizmetrics.window_funnel_times('10 s', mode, to_timestamp(t), e = 'A', e = 'B', e = 'C') AS times
FROM (VALUES ('A', 0), ('B', 1), ('C', 1), ('C', 2)) AS r (e, t), unnest('{strict_order,"strict_order, strict_increase",strict_once," strict_once,strict_increase ",strict_deduplication}'::text[]) AS mode
GROUP BY mode ORDER BY mode COLLATE "C";

-- A step that is NULL is false, a row without a time is none; without rows there is no level.
SELECT bizmetrics.window_funnel('1 day', ts, a, b) AS level, bizmetrics.window_funnel_times('1 day', ts, a, b) AS times
FROM (VALUES (timestamptz '2026-01-01', true, NULL), (NULL, NULL, true), ('infinity', NULL, true), ('-infinity', true, true), ('2026-01-03', NULL, true)) AS r (ts, a, b);
SELECT bizmetrics.window_funnel('1 day', now(), true, NULL) AS bare_null, bizmetrics.window_funnel('1 day', now(), NULL, true) AS bare_null_first;
SELECT bizmetrics.window_funnel('1 day', now(), true) AS level, bizmetrics.window_funnel_times('1 day', now(), true) AS times WHERE false;

-- Times are those of the chain that was first to reach the level, the one of these that began last.
SELECT bizmetrics.window_funnel_times('10 s', to_timestamp(t), e = 'A', e = 'B', e = 'C') AS times, bizmetrics.window_funnel_times('10 s', 'strict_order', to_timestamp(t), e = 'A', e = 'B', e = 'C') AS in_strict_order
FROM (VALUES ('A', 0), ('A', 1), ('B', 2), ('B', 3), ('C', 5), ('C', 6), ('A', 7), ('B', 7), ('C', 7)) AS r (e, t);

-- A day has 24 hours and a month 30 days, whatever the zone; a year is 365.25 days, as extract(epoch) has it.
SET timezone = 'America/New_York';
SELECT w::text, bizmetrics.window_funnel(w, ts, n = 1, n = 2) AS level
FROM unnest('{23:59:59.999999,1 day,30 days,1 month,12 months,1 year,"1 day -1 s",178000000 years}'::interval[]) AS w,
     LATERAL (VALUES (1, timestamptz '2026-03-07 12:00'), (2, timestamptz '2026-03-07 12:00' + make_interval(secs => CASE WHEN w < '30 days' THEN 86400 WHEN w <= '1 month' THEN 30 * 86400 WHEN w < '100 years' THEN 31557600 ELSE 2e11 END))) AS r (n, ts)
GROUP BY w::text ORDER BY min(w), w::text COLLATE "C";
RESET timezone;

-- Steps in an array, a domain, a column of each.
CREATE DOMAIN pg_temp.yes AS boolean;
SELECT bizmetrics.window_funnel('1 h', now(), VARIADIC ARRAY[true, true]), bizmetrics.window_funnel('1 h', now(), ARRAY[true, NULL, true]), bizmetrics.window_funnel('1 h', now(), true::pg_temp.yes, 'f'::pg_temp.yes);
-- 32 steps
SELECT bizmetrics.window_funnel('1 h', to_timestamp(n), VARIADIC ARRAY(SELECT i = n FROM generate_series(1, 32) AS i)), bizmetrics.window_funnel('1 h', 'strict_order', to_timestamp(n), VARIADIC ARRAY(SELECT i = n FROM generate_series(1, 32) AS i)) FROM generate_series(1, 32) AS n;
-- Over a window that grows, each row has the level so far.
SELECT e, bizmetrics.window_funnel('10 s', to_timestamp(t), e = 'A', e = 'B', e = 'C') OVER (ORDER BY t) AS level FROM (VALUES ('A', 0), ('C', 1), ('B', 2), ('A', 3), ('C', 4)) AS r (e, t) ORDER BY t;
