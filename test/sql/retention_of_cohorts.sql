-- cohort_retention(): who comes back in the periods after the first
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/activity_in_sql.sql'
\set ECHO none
\i :helper
\set ECHO all
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
CREATE FUNCTION pg_temp.log(actor text, event text, at timestamptz, properties jsonb DEFAULT '{}', company text DEFAULT NULL) RETURNS uuid
LANGUAGE sql AS $$ SELECT bizmetrics.log_event(event, properties, actor, company, occurred_at => at) $$;
-- Nobody began.
SELECT * FROM bizmetrics.cohort_retention('cohort signup', 'cohort active', 'week', 5, '2025-01-06', '2025-02-03');
-- How many periods after the anchor a return is: each vector is an actor with events of its own.
CREATE TEMP TABLE vectors (id text, unit text, zone text, anchor timestamptz, back timestamptz, calendar integer, rolling integer);
INSERT INTO vectors VALUES
  ('R01', 'day', 'UTC', '2025-01-01 23:50Z', '2025-01-02 00:10Z', 1, 0),
  ('R02', 'day', 'UTC', '2025-01-01 00:00Z', '2025-01-02 00:00Z', 1, 1),
  ('R03', 'day', 'America/New_York', '2025-03-08 12:00-05', '2025-03-09 12:00-04', 1, 0),
  ('R05', 'week', 'UTC', '2024-12-29 12:00Z', '2024-12-30 12:00Z', 1, 0),
  ('R07', 'month', 'UTC', '2024-12-31 23:59Z', '2025-01-01 00:00Z', 1, 0),
  ('R09', 'month', 'UTC', '2024-02-29 00:00Z', '2025-02-28 00:00Z', 12, 12),
  ('R10', 'day', 'UTC', '2025-01-02 00:00Z', '2025-01-01 23:59Z', NULL, NULL),
  ('same instant', 'day', 'UTC', '2025-01-02 00:00Z', '2025-01-02 00:00Z', 0, 0),
  ('a day of 25 hours', 'day', 'America/New_York', '2025-11-02 00:00-04', '2025-11-03 00:00-05', 1, 1),
  ('its last hour', 'day', 'America/New_York', '2025-11-02 00:00-04', '2025-11-02 23:59-05', 0, 1),
  ('midnight comes twice', 'day', 'America/Havana', '2025-11-02 00:30-04', '2025-11-02 00:30-05', 0, 0),
  ('Monday elsewhere', 'week', 'Asia/Tokyo', '2025-01-05 14:59Z', '2025-01-05 15:00Z', 1, 0),
  ('a leap day', 'day', 'UTC', '2024-02-28 00:00Z', '2024-03-01 00:00Z', 2, 2),
  ('167 hours', 'week', 'UTC', '2025-01-06 00:00Z', '2025-01-12 23:59Z', 0, 0),
  ('168 hours', 'week', 'UTC', '2025-01-08 00:00Z', '2025-01-15 00:00Z', 1, 1);
SELECT count(pg_temp.log(id, 'began ' || id, anchor)), count(pg_temp.log(id, 'came ' || id, back)) FROM vectors;
SELECT v.id, m.mode, r.period, r.period IS NOT DISTINCT FROM CASE m.mode WHEN 'calendar' THEN v.calendar ELSE v.rolling END AS as_expected
FROM vectors AS v CROSS JOIN unnest('{calendar,rolling}'::text[]) AS m (mode)
LEFT JOIN LATERAL bizmetrics.cohort_retention('began ' || v.id, 'came ' || v.id, v.unit, 14, v.anchor - interval '400 days', v.anchor + interval '40 days', mode => m.mode, timezone => v.zone) AS r ON r.retained > 0
ORDER BY 1, 2;
-- A set of cohorts. An event always has a time.
SELECT count(pg_temp.log(actor, 'cohort ' || event, at))
FROM (VALUES ('u1', 'signup', timestamptz '2025-01-06 10:00'), ('u1', 'active', '2025-01-07'), ('u1', 'active', '2025-01-14'), ('u1', 'active', '2025-01-28'),
  ('u2', 'signup', '2025-01-08'), ('u2', 'active', '2025-01-20'),
  ('u3', 'signup', '2025-01-12 23:00'), ('u3', 'active', '2025-01-13 01:00'),
  ('u4', 'signup', '2025-01-13'),
  ('u5', 'signup', '2025-01-15'), ('u5', 'signup', '2025-01-22 09:00'), ('u5', 'active', '2025-01-22 12:00'),
  ('u6', 'active', '2025-01-07'), ('u6', 'signup', '2025-01-08'),
  -- of nobody
  (NULL, 'signup', '2025-01-08'), (NULL, 'active', '2025-01-09')) AS t (actor, event, at);
SELECT * FROM bizmetrics.cohort_retention('cohort signup', 'cohort active', 'week', 5, '2025-01-06', '2025-02-03', as_of => '2025-02-03');
CREATE FUNCTION pg_temp.cohorts(VARIADIC arguments text[]) RETURNS TABLE (cohort date, segment text, size bigint, retained text, states text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format('SELECT cohort, segment, cohort_size, string_agg(coalesce(retained::text, ''-''), '' '' ORDER BY period), string_agg(left(state, 1), '''' ORDER BY period)
    FROM bizmetrics.cohort_retention(%s) GROUP BY 1, 2, 3 ORDER BY 1, 2', array_to_string(arguments, ', '));
END
$$;
\set these '''cohort signup'', ''cohort active'', ''week'', 5, ''2025-01-06'', ''2025-02-03'', as_of => ''2025-02-03'''
SELECT * FROM pg_temp.cohorts(:'these', $$criteria => 'on_or_after'$$);
SELECT * FROM pg_temp.cohorts(:'these', $$type => 'recurring'$$);
SELECT * FROM pg_temp.cohorts(:'these', $$type => 'recurring', criteria => 'on_or_after'$$);
-- Rolling weeks are over when those of the last member are.
SELECT * FROM pg_temp.cohorts(:'these', $$mode => 'rolling'$$);
SELECT * FROM pg_temp.cohorts(:'these', $$mode => 'rolling', criteria => 'on_or_after', type => 'recurring'$$);
-- on_or_after counts returns beyond the last period shown.
SELECT * FROM pg_temp.cohorts($$'cohort signup'$$, $$'cohort active'$$, $$'week'$$, '2', $$'2025-01-06'$$, $$'2025-02-03'$$, $$as_of => '2025-02-03'$$, $$criteria => 'on_or_after'$$);
-- Who began before the range is in no cohort of first times, and in those of each week he begins in.
SELECT * FROM pg_temp.cohorts($$'cohort signup'$$, $$'cohort active'$$, $$'week'$$, '2', $$'2025-01-20'$$, $$'2025-02-03'$$, $$as_of => '2025-02-03'$$);
SELECT * FROM pg_temp.cohorts($$'cohort signup'$$, $$'cohort active'$$, $$'week'$$, '2', $$'2025-01-20'$$, $$'2025-02-03'$$, $$as_of => '2025-02-03'$$, $$type => 'recurring'$$);
-- [from, to) is half-open.
SELECT * FROM pg_temp.cohorts($$'cohort signup'$$, $$'cohort active'$$, $$'week'$$, '2', $$'2025-01-08 00:00'$$, $$'2025-01-13 00:00'$$, $$as_of => '2025-02-03'$$);
-- In the midst of a week, before it has begun, and before anything has: what is not known yet is not there.
SELECT a.as_of, c.* FROM unnest('{2025-01-01,2025-01-10,2025-01-13,2025-01-16 12:00}'::text[]) AS a (as_of),
  pg_temp.cohorts($$'cohort signup'$$, $$'cohort active'$$, $$'week'$$, '3', $$'2025-01-06'$$, $$'2025-02-03'$$, format('as_of => %L', a.as_of)) AS c ORDER BY 1, 2;
-- Start and return are the same event: all are there in period 0.
SELECT * FROM pg_temp.cohorts($$'cohort signup'$$, $$'cohort signup'$$, $$'week'$$, '3', $$'2025-01-06'$$, $$'2025-02-03'$$, $$as_of => '2025-02-03'$$);
-- The mean of complete cells, weighted by the sizes of their cohorts.
SELECT period, sum(retained) AS retained, sum(cohort_size) AS size, round(sum(retained) / sum(cohort_size), 4) AS mean
FROM bizmetrics.cohort_retention('cohort signup', 'cohort active', 'week', 5, '2025-01-06', '2025-02-03', as_of => '2025-02-03')
WHERE state = 'complete' GROUP BY 1 ORDER BY 1;
-- Properties, companies, segments
SELECT count(pg_temp.log(actor, 'shop ' || event, at, properties::jsonb, company))
FROM (VALUES ('a', 'began', timestamptz '2025-03-03', '{"plan": "pro", "via": "ad"}', 'c1'), ('a', 'came', '2025-03-11', '{"plan": "pro"}', 'c1'), ('a', 'came', '2025-03-18', '{"plan": "free"}', 'c1'),
  ('b', 'began', '2025-03-04', '{"plan": "free"}', 'c1'), ('b', 'came', '2025-03-12', '{"plan": "free"}', 'c2'),
  ('c', 'began', '2025-03-05', '{}', 'c2'), ('c', 'came', '2025-03-13', '{}', 'c2'), ('c', 'came', '2025-03-20', '{"plan": ""}', 'c2'),
  ('d', 'began', '2025-03-05', '{"plan": ""}', 'c2'), ('d', 'began', '2025-03-05', '{"plan": "pro"}', 'c2'), ('d', 'came', '2025-03-20', '{"plan": ""}', 'c2')) AS t (actor, event, at, properties, company);
\set shop '''shop began'', ''shop came'', ''week'', 3, ''2025-03-03'', ''2025-03-24'', as_of => ''2025-03-24'''
SELECT * FROM pg_temp.cohorts(:'shop');
SELECT * FROM pg_temp.cohorts(:'shop', $$breakdown => 'plan'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$breakdown => 'plan'$$, $$mode => 'rolling'$$, $$criteria => 'on_or_after'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$breakdown => 'plan'$$, $$type => 'recurring'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$filters => '{"plan": "pro"}'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$start_filters => '{"via": "ad"}'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$return_filters => '{"plan": "free"}'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$company_id => 'c1'$$);
SELECT * FROM pg_temp.cohorts(:'shop', $$subject => 'company'$$);
-- Any event, of one company
SELECT * FROM pg_temp.cohorts('NULL', 'NULL', $$'week'$$, '3', $$'2025-03-03'$$, $$'2025-03-24'$$, $$as_of => '2025-03-24'$$, $$company_id => 'c2'$$);
-- Against the definition, word by word, over random events in every form.
SELECT count(pg_temp.log('r' || abs(hashint4(i)) % 300, 'random ' || CASE WHEN hashint4(i + 7) % 3 = 0 THEN 'start' ELSE 'return' END,
  '2024-01-01 00:00Z'::timestamptz + abs(hashint4(i * 11)) % 12000 * interval '1 hour' / 2, jsonb_build_object('k', abs(hashint4(i * 13)) % 2)))
FROM generate_series(1, 3000) AS i;
CREATE FUNCTION pg_temp.by_definition(unit text, type text, criteria text, mode text, zone text, segmented boolean, since timestamptz, until timestamptz, asof timestamptz, periods integer)
RETURNS TABLE (cohort date, segment text, period integer, cohort_size bigint, retained bigint) LANGUAGE sql AS $$
  WITH e AS (SELECT actor_user_id AS who, event_name = 'random start' AS starts, occurred_at AS at, CASE WHEN segmented THEN properties->>'k' END AS k,
               (extract(year FROM occurred_at AT TIME ZONE zone) * 12 + extract(month FROM occurred_at AT TIME ZONE zone)) AS months,
               (occurred_at AT TIME ZONE zone)::date AS day
             FROM business_events WHERE event_name LIKE 'random %' AND occurred_at < asof),
  m AS (SELECT s.*, date_trunc(unit, s.day::timestamp)::date AS cohort FROM e AS s
        WHERE s.starts AND s.at >= since AND s.at < until
          AND NOT EXISTS (SELECT FROM e AS o WHERE o.who = s.who AND o.starts AND (o.at, coalesce(o.k, '')) < (s.at, coalesce(s.k, ''))
                          AND (type = 'first_time' OR (o.at >= since AND date_trunc(unit, o.day::timestamp) = date_trunc(unit, s.day::timestamp))))),
  members AS (SELECT DISTINCT who, at, k, cohort, months, day FROM m),
  pairs AS (SELECT DISTINCT m.who, m.cohort, m.k, CASE mode WHEN 'rolling' THEN floor(extract(epoch FROM r.at - m.at) / (CASE unit WHEN 'day' THEN 86400 WHEN 'week' THEN 604800 ELSE 2592000 END))
              ELSE CASE unit WHEN 'day' THEN r.day - m.day WHEN 'week' THEN (date_trunc('week', r.day::timestamp)::date - date_trunc('week', m.day::timestamp)::date) / 7 ELSE r.months - m.months END END AS i
            FROM members AS m JOIN e AS r ON r.who = m.who AND NOT r.starts AND r.at >= m.at AND r.k IS NOT DISTINCT FROM m.k)
  SELECT c.cohort, c.k, p, c.n, (SELECT count(DISTINCT (x.who)) FROM pairs AS x WHERE x.cohort = c.cohort AND x.k IS NOT DISTINCT FROM c.k AND CASE criteria WHEN 'on' THEN x.i = p ELSE x.i >= p END)
  FROM (SELECT cohort, k, count(*) AS n FROM members GROUP BY 1, 2) AS c, generate_series(0, periods - 1) AS p
$$;
SELECT count(*) AS forms, sum(cells) AS cells, sum(wrong) AS wrong
FROM unnest('{day,week,month}'::text[]) AS u, unnest('{first_time,recurring}'::text[]) AS t, unnest('{on,on_or_after}'::text[]) AS c, unnest('{calendar,rolling}'::text[]) AS m,
  unnest('{UTC,America/New_York,Australia/Lord_Howe}'::text[]) AS z, unnest('{f,t}'::boolean[]) AS s,
  LATERAL (SELECT count(*) AS cells, count(*) FILTER (WHERE o.cohort IS NULL OR d.cohort IS NULL OR o.cohort_size <> d.cohort_size OR (o.state <> 'future' AND o.retained <> d.retained) OR (o.state = 'future' AND d.retained <> 0)) AS wrong
    FROM bizmetrics.cohort_retention('random start', 'random return', u, 4, '2024-02-07 05:00Z', '2024-03-20 17:00Z', t, c, m, z, breakdown => CASE WHEN s THEN 'k' END, as_of => '2024-06-11 11:11Z') AS o
    FULL JOIN pg_temp.by_definition(u, t, c, m, z, s, '2024-02-07 05:00Z', '2024-03-20 17:00Z', '2024-06-11 11:11Z', 4) AS d
      ON d.cohort = o.cohort AND coalesce(d.segment, '') = coalesce(o.segment, '') AND d.period = o.period) AS x;
-- The same as plain SQL says, with filters and without, and by several processes with little memory.
CREATE FUNCTION pg_temp.differences(zones text[], filters jsonb, start_filters jsonb, return_filters jsonb) RETURNS TABLE (forms bigint, cells numeric, retained numeric, differences numeric) LANGUAGE sql AS $$
  SELECT count(*), sum(x.cells), sum(x.retained), sum(x.differences)
  FROM unnest('{day,week,month}'::text[]) AS u, unnest('{first_time,recurring}'::text[]) AS t, unnest('{on,on_or_after}'::text[]) AS c, unnest('{calendar,rolling}'::text[]) AS m,
    unnest(zones) AS z, unnest('{f,t}'::boolean[]) AS s,
    LATERAL (SELECT count(*) AS cells, sum(a.retained) AS retained, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differences
      FROM bizmetrics.cohort_retention('random start', 'random return', u, 4, '2024-02-07 05:00Z', '2024-03-20 17:00Z', t, c, m, z, 'actor', filters, start_filters, return_filters, NULL, CASE WHEN s THEN 'k' END, '2024-06-11 11:11Z') AS a
      FULL JOIN pg_temp.cohort_retention_in_sql('random start', 'random return', u, 4, '2024-02-07 05:00Z', '2024-03-20 17:00Z', t, c, m, z, 'actor', filters, start_filters, return_filters, NULL, CASE WHEN s THEN 'k' END, '2024-06-11 11:11Z') AS b
        ON b.cohort = a.cohort AND coalesce(b.segment, '') = coalesce(a.segment, '') AND b.period = a.period) AS x
$$;
SELECT * FROM pg_temp.differences('{UTC,America/St_Johns}', NULL, NULL, NULL);
SELECT * FROM pg_temp.differences('{America/New_York}', '{"k": 1}', NULL, NULL);
SELECT * FROM pg_temp.differences('{America/Havana}', NULL, '{"k": 1}', '{"k": 0}');
SELECT * FROM pg_temp.differences('{-4:30}', '{}', NULL, '{"k": 2}');
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL work_mem = '64kB';
SELECT * FROM pg_temp.differences('{CET}', NULL, '{"k": 1}', NULL);
-- Of all time it is what it is of the time in which there are events; of a time without partitions, nothing.
SELECT m, t, count(*) AS cells, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differences
FROM unnest('{calendar,rolling}'::text[]) AS m, unnest('{first_time,recurring}'::text[]) AS t,
  LATERAL (SELECT a, b
    FROM bizmetrics.cohort_retention('random start', 'random return', 'month', 4, '0001-01-01', '8000-01-01', t, 'on', m, 'America/St_Johns') AS a
    FULL JOIN bizmetrics.cohort_retention('random start', 'random return', 'month', 4, '2020-01-01', '2026-01-01', t, 'on', m, 'America/St_Johns') AS b USING (cohort, period)) AS x
GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM (VALUES (timestamptz '0001-01-01', timestamptz '0002-01-01'), ('8000-01-01', '8001-01-01')) AS r (a, b), bizmetrics.cohort_retention('random start', 'random return', 'month', 4, a, b);
-- Properties of any name tell segments.
SELECT count(pg_temp.log(actor, 'named', at, properties::jsonb)) FROM (VALUES ('a', timestamptz '2025-05-05', '{"": "nothing", "a.b": "dot", "a": {"b": "path"}, "\"": "quote", "a\"b.": "both"}'), ('b', '2025-05-05', '{}')) AS t (actor, at, properties);
SELECT k, c.segment, c.cohort_size, d.segment AS in_sql FROM unnest(ARRAY['', 'a.b', '"', 'a"b.', 'a', 'b']) AS k, bizmetrics.cohort_retention('named', NULL, 'day', 1, '2025-05-05', '2025-05-06', breakdown => k) AS c
JOIN pg_temp.cohort_retention_in_sql('named', NULL, 'day', 1, '2025-05-05', '2025-05-06', breakdown => k) AS d ON d.segment IS NOT DISTINCT FROM c.segment ORDER BY k COLLATE "C", 2;
-- A clock that is set back over midnight (in 1988 at one past) brings a day twice.
SELECT count(pg_temp.log('s', 'clock ' || e, at)) FROM (VALUES ('start', timestamptz '1988-10-29 12:00Z'), ('return', '1988-10-30 02:29:50Z'), ('return', '1988-10-30 02:30:30Z'), ('return', '1988-10-30 02:45Z'), ('return', '1988-10-30 03:45Z')) AS t (e, at);
SELECT a.retained, b.retained AS in_sql FROM bizmetrics.cohort_retention('clock start', 'clock return', 'day', 3, '1988-10-29 12:00Z', '1988-10-29 13:00Z', timezone => 'America/St_Johns') AS a
JOIN pg_temp.cohort_retention_in_sql('clock start', 'clock return', 'day', 3, '1988-10-29 12:00Z', '1988-10-29 13:00Z', timezone => 'America/St_Johns') AS b USING (period) ORDER BY period;
-- What only cohort_retention() should call refuses what that would have refused.
SAVEPOINT refused;
SELECT * FROM bizmetrics.cohort_counts('a', 'b', 'hour', 3, '2025-01-01', '2025-01-02', 'first_time', 'on', 'calendar', 'UTC', 'actor', NULL, NULL, NULL, NULL, NULL, now());
ROLLBACK TO refused;
SELECT * FROM bizmetrics.cohort_counts('a', 'b', 'day', 3, '2025-01-02', '2025-01-02', 'first_time', 'on', 'calendar', 'UTC', 'actor', NULL, NULL, NULL, NULL, NULL, now());
ROLLBACK TO refused;
SELECT * FROM bizmetrics.cohort_counts('a', 'b', 'day', 3, '2025-01-01', '2025-01-02', NULL, 'on', 'calendar', 'UTC', 'actor', NULL, NULL, NULL, NULL, NULL, now());
ROLLBACK TO refused;
SELECT * FROM bizmetrics.cohort_counts('a', 'b', 'day', 3, '2025-01-01', '2025-01-02', 'first_time', 'on', 'calendar', 'nowhere', 'actor', NULL, NULL, NULL, NULL, NULL, now());
ROLLBACK;
