-- active_users(), lifecycle() and stickiness() say what the plain SQL of their definitions says, whoever
-- reads the events, in zones whose clocks repeat or skip hours and days
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/activity_in_sql.sql'
\set ECHO none
\i :helper
\set ECHO all
SET timezone = 'UTC';
SET jit = off;
BEGIN;
SELECT bizmetrics.ensure_partitions('2011-07-01', '2012-07-01') > 0 AS made;
-- A third of the events in the hours around midnight of 6 November 2011, which comes twice in St. John's:
-- its clocks go from one past back to the day before. Apia has no 30 December 2011.
INSERT INTO public.business_events (event_name, actor_user_id, company_id, occurred_at, properties)
SELECT 'aa ' || abs(hashint4(i)) % 2, nullif('u' || abs(hashint4(i * 3)) % 150, 'u7'), nullif('c' || abs(hashint4(i * 5)) % 12, 'c3'),
  CASE i % 3 WHEN 0 THEN timestamptz '2011-11-05 20:00Z' + abs(hashint4(i * 7)) % 50000 * interval '1 second' WHEN 1 THEN timestamptz '2011-12-28 00:00Z' + abs(hashint4(i * 7)) % 500000 * interval '1 second'
    ELSE timestamptz '2011-07-05 00:00Z' + abs(hashint4(i * 7)) % 30000000 * interval '1 second' END,
  jsonb_build_object('plan', (ARRAY['pro', 'free'])[1 + abs(hashint4(i * 11)) % 2], 'n', i % 4)
FROM generate_series(1, 4000) AS i;
-- One actor with many events, one with a single one at the end of the range.
INSERT INTO public.business_events (event_name, actor_user_id, company_id, occurred_at, properties)
SELECT 'aa 0', 'often', 'c1', timestamptz '2011-10-20 00:00Z' + i * interval '19 min', '{"plan": "pro"}' FROM generate_series(1, 2000) AS i
UNION ALL VALUES ('aa 0', 'at the end', 'c1', timestamptz '2012-01-20 16:59:59.999999Z', '{}'::jsonb), ('aa 0', 'too late', 'c1', '2012-01-20 17:00Z', '{}');
CREATE TEMP TABLE ranges (name text, since timestamptz, until timestamptz, known timestamptz);
INSERT INTO ranges VALUES ('months', '2011-10-10 05:00Z', '2012-01-20 17:00Z', 'infinity'), ('in the hour that is repeated', '2011-11-06 02:31:30Z', '2011-12-10 03:00Z', 'infinity'),
  ('up to the hour that is repeated', '2011-10-20 12:00Z', '2011-11-06 02:45Z', '2012-01-01'), ('known in the midst', '2011-11-06 01:00Z', '2012-01-03 09:00Z', '2011-12-30 11:30Z'),
  ('not known yet', '2011-12-01', '2012-01-01', '2011-11-20'), ('nothing known', '2011-12-01', '2012-01-01', '-infinity'), ('all', '2011-01-01', '2012-12-31', 'infinity');
CREATE TEMP TABLE who (subject text, event_name text, filters jsonb, company text);
INSERT INTO who VALUES ('actor', NULL, NULL, NULL), ('actor', 'aa 1', '{"plan": "pro"}', NULL), ('company', NULL, '{}', NULL), ('actor', NULL, NULL, 'c1'), ('company', 'aa 0', '{"plan": "free", "n": 2}', 'c2'), ('actor', 'aa nothing', NULL, NULL);
CREATE FUNCTION pg_temp.differences(zones text[], units text[], range text DEFAULT '%') RETURNS TABLE (calls bigint, rows numeric, differences numeric) LANGUAGE sql AS $$
  SELECT count(*), sum(x.rows), sum(x.differences)
  FROM ranges AS r CROSS JOIN who AS w CROSS JOIN unnest(zones) AS z CROSS JOIN unnest(units) AS u,
    LATERAL (
      SELECT count(*) AS rows, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS differences
      FROM bizmetrics.lifecycle(w.event_name, u, r.since, r.until, z, w.subject, w.filters, w.company, r.known) AS a
      FULL JOIN pg_temp.lifecycle_in_sql(w.event_name, u, r.since, r.until, z, w.subject, w.filters, w.company, r.known) AS b USING (period, status)
      UNION ALL
      SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b)
      FROM bizmetrics.stickiness(w.event_name, u, r.since, r.until, z, w.subject, w.filters, w.company) AS a
      FULL JOIN pg_temp.stickiness_in_sql(w.event_name, u, r.since, r.until, z, w.subject, w.filters, w.company) AS b USING (periods)
      UNION ALL
      SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b)
      FROM bizmetrics.active_users(w.event_name, r.since, r.until, z, w.subject, w.filters, w.company, r.known) AS a
      FULL JOIN pg_temp.active_users_in_sql(w.event_name, r.since, r.until, z, w.subject, w.filters, w.company, r.known) AS b USING (day) WHERE u = 'day') AS x
  WHERE r.name LIKE range
$$;
SELECT u AS unit, d.* FROM unnest('{day,week,month,quarter,year}'::text[]) AS u, pg_temp.differences('{UTC,America/St_Johns,Pacific/Apia}', ARRAY[u]) AS d;
-- trend() of subjects, which is plain SQL where a property tells segments: one that nobody has makes one.
SELECT u AS unit, c AS compare, count(*) AS rows, sum(a.value) > 0 AS some, count(*) FILTER (WHERE a.value IS DISTINCT FROM coalesce(b.value, CASE WHEN a.state <> 'future' THEN 0 END)
  OR a.previous_value IS DISTINCT FROM coalesce(b.previous_value, CASE WHEN c <> 'none' THEN 0 END) OR b.state <> a.state OR b.change <> a.change OR b.previous_period <> a.previous_period) AS differences
FROM ranges AS r CROSS JOIN who AS w CROSS JOIN unnest('{UTC,America/St_Johns,Pacific/Apia}'::text[]) AS z CROSS JOIN unnest('{day,week,year}'::text[]) AS u CROSS JOIN unnest('{previous,none}'::text[]) AS c,
  LATERAL (SELECT *, row_number() OVER () AS n FROM bizmetrics.trend(w.event_name, u, r.since, r.until, 'subjects', NULL, NULL, c, z, w.subject, w.filters, w.company, r.known)) AS a
  LEFT JOIN LATERAL (SELECT *, row_number() OVER () AS n FROM bizmetrics.trend(w.event_name, u, r.since, r.until, 'subjects', NULL, 'nobody has it', c, z, w.subject, w.filters, w.company, r.known)) AS b ON b.n = a.n
WHERE r.name IN ('months', 'nothing known') GROUP BY 1, 2 ORDER BY 1, 2;
-- The days that St. John's has twice are counted once.
SELECT z, sum(s.subjects * s.periods) AS active_days FROM unnest('{UTC,America/St_Johns}'::text[]) AS z, bizmetrics.stickiness(NULL, 'day', '2011-11-06 02:00Z', '2011-11-06 04:00Z', z) AS s GROUP BY 1 ORDER BY 1;
-- Names that AT TIME ZONE knows: abbreviations, offsets, rules
SELECT * FROM pg_temp.differences('{America/Havana,Australia/Lord_Howe,Asia/Kolkata,CET,-4:30,"EST5EDT4,M3.2.0,M11.1.0"}', '{day}', 'months');
-- Through indexes, by several processes with little memory, and where a policy says what may be read.
SET LOCAL enable_seqscan = off;
SELECT * FROM pg_temp.differences('{America/St_Johns}', '{day,month}', 'months');
RESET enable_seqscan;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL work_mem = '64kB';
SELECT * FROM pg_temp.differences('{America/St_Johns}', '{day,month}', 'months');
SET LOCAL max_parallel_workers = 0;
SELECT * FROM pg_temp.differences('{America/St_Johns}', '{day}', 'months');
RESET max_parallel_workers;
CREATE ROLE regress_some;
SELECT FROM bizmetrics.grant_author('regress_some');
GRANT SELECT ON ranges, who TO regress_some;
ALTER TABLE public.business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY those ON public.business_events FOR SELECT TO regress_some USING (company_id < 'c2');
SET LOCAL ROLE regress_some;
SELECT * FROM pg_temp.differences('{UTC}', '{day,week}', 'months');
SELECT sum(subjects) FROM bizmetrics.stickiness(NULL, 'year', '2011-01-01', '2013-01-01', subject => 'company');
RESET ROLE;
-- What one company's question needs is found through the index, whatever the analysis.
ALTER TABLE public.business_events DISABLE ROW LEVEL SECURITY;
INSERT INTO public.business_events (event_name, actor_user_id, company_id, occurred_at, properties)
SELECT 'aa many', 'm' || i % 500, 'm' || i % 1000, timestamptz '2012-06-01' + i * interval '1 minute', jsonb_build_object('n', i) FROM generate_series(1, 20000) AS i;
CREATE INDEX aa_properties ON bizmetrics.business_events_2012_06 USING gin (properties jsonb_path_ops);
ANALYZE bizmetrics.business_events_2012_06;
CREATE FUNCTION pg_temp.index_scans(call text, index text) RETURNS TABLE (result numeric, scans_of_index boolean, scans_of_table boolean) LANGUAGE plpgsql AS $$
DECLARE
  of_index bigint := (SELECT sum(pg_stat_get_xact_numscans(indexrelid)) FROM pg_index WHERE indrelid = 'bizmetrics.business_events_2012_06'::regclass AND pg_get_indexdef(indexrelid) LIKE index);
  of_table bigint := pg_stat_get_xact_numscans('bizmetrics.business_events_2012_06'::regclass);
BEGIN
  EXECUTE 'SELECT ' || call INTO result;
  RETURN QUERY SELECT result, of_index < (SELECT sum(pg_stat_get_xact_numscans(indexrelid)) FROM pg_index WHERE indrelid = 'bizmetrics.business_events_2012_06'::regclass AND pg_get_indexdef(indexrelid) LIKE index),
    of_table < pg_stat_get_xact_numscans('bizmetrics.business_events_2012_06'::regclass);
END
$$;
SELECT c.call, s.* FROM (VALUES ($$sum(subjects) FROM bizmetrics.stickiness(NULL, 'day', '2012-06-01', '2012-07-01', company_id => 'm7')$$, '%(company_id, occurred_at)%'),
  ($$sum(actors) FROM bizmetrics.funnel(ARRAY['aa many'], '1 day', '2012-06-01', '2012-07-01', filter => '{"company_id": "m7", "properties.n": 7}')$$, '%(company_id, occurred_at)%'),
  ($$sum(subjects) FROM bizmetrics.stickiness(NULL, 'day', '2012-06-01', '2012-07-01', filters => '{"n": 77}')$$, '%gin%'),
  ($$sum(cohort_size) FROM bizmetrics.cohort_retention(NULL, NULL, 'day', 1, '2012-06-01', '2012-07-01', filters => '{"n": 77}', company_id => 'm77')$$, '%gin%'),
  ($$sum(subjects) FROM bizmetrics.stickiness(NULL, 'day', '2012-06-01', '2012-07-01')$$, '%')) AS c (call, index), pg_temp.index_scans(c.call, c.index) AS s;
-- What only the three should call refuses what they would have refused.
SAVEPOINT refused;
SELECT * FROM bizmetrics.activity_counts('busy', NULL, 'day', '2025-01-01', '2025-01-01', '2025-01-02', 'UTC', 'actor', NULL, NULL);
ROLLBACK TO refused;
SELECT * FROM bizmetrics.activity_counts('active', NULL, 'hour', '2025-01-01', '2025-01-01', '2025-01-02', 'UTC', 'actor', NULL, NULL);
ROLLBACK TO refused;
SELECT * FROM bizmetrics.activity_counts('active', NULL, 'day', NULL, '2025-01-01', '2025-01-02', 'UTC', 'actor', NULL, NULL);
ROLLBACK TO refused;
SELECT * FROM bizmetrics.activity_counts('active', NULL, 'day', '2025-01-01', '2025-01-01', '2025-01-02', 'nowhere', 'actor', NULL, NULL);
ROLLBACK TO refused;
SELECT * FROM bizmetrics.activity_counts('active', NULL, 'day', '1025-01-01', '2025-01-01', '2025-01-02', 'UTC', 'actor', NULL, NULL);
ROLLBACK TO refused;
SELECT * FROM bizmetrics.activity_counts('active', NULL, 'day', '2025-01-01', '2025-01-01', 'infinity', 'UTC', 'actor', NULL, NULL);
ROLLBACK;
