-- paths() says what the plain SQL of its definition says, whoever reads the events
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/activity_in_sql.sql'
\set ECHO none
\i :helper
\set ECHO all
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET jit = off;
BEGIN;
SELECT bizmetrics.ensure_partitions('2013-01-01', '2013-04-01') > 0 AS made;
-- Many events of one minute, whose order is that of their ids; 40 names, some of them seldom.
INSERT INTO public.business_events (id, event_name, actor_user_id, company_id, occurred_at, properties)
SELECT md5(i::text)::uuid, 'pp ' || least(abs(hashint4(i)) % 50, 39), nullif('u' || abs(hashint4(i * 3)) % 100, 'u7'), nullif('c' || abs(hashint4(i * 5)) % 6, 'c3'),
  timestamptz '2013-01-05 00:00Z' + abs(hashint4(i * 7)) % 100 * interval '17 hours' + abs(hashint4(i * 11)) % 60 * interval '1 minute', jsonb_build_object('n', i % 4)
FROM generate_series(1, 6000) AS i;
CREATE TEMP TABLE forms (max_steps integer, gap interval, start_event text, event_names text[], subject text, filters jsonb, company text);
INSERT INTO forms VALUES (5, '30 min', NULL, NULL, 'actor', NULL, NULL), (100, '1 day 12 hours', NULL, NULL, 'actor', NULL, NULL), (100, '1 mon', 'pp 7', NULL, 'actor', NULL, NULL), (3, '0', NULL, NULL, 'company', NULL, NULL),
  (20, '1 day', 'pp 39', '{pp 1,pp 39,pp 2,NULL,pp 1}', 'actor', '{"n": 1}', NULL), (5, '100000000 years', NULL, NULL, 'company', '{}', 'c1'), (5, '1 hour', NULL, '{}', 'actor', NULL, NULL), (5, '1 hour', 'nothing', NULL, 'actor', NULL, NULL),
  (7, '2 hours', NULL, (SELECT array_agg('pp ' || n) FROM generate_series(0, 35) AS n), 'actor', NULL, 'c2'), (1, '999 years', NULL, (SELECT array_agg('pp ' || n) FROM generate_series(0, 31) AS n), 'actor', NULL, NULL);
CREATE FUNCTION pg_temp.differences() RETURNS TABLE (form bigint, rows bigint, transitions numeric, differences bigint, in_order boolean) LANGUAGE sql AS $$
  SELECT f.n, d.*, ARRAY(SELECT p FROM bizmetrics.paths('2013-01-01', '2013-03-01 01:17Z', f.max_steps, f.gap, f.start_event, f.event_names, f.subject, f.filters, f.company) AS p)
      = ARRAY(SELECT p FROM bizmetrics.paths('2013-01-01', '2013-03-01 01:17Z', f.max_steps, f.gap, f.start_event, f.event_names, f.subject, f.filters, f.company) AS p ORDER BY step, transitions DESC, source, target)
  FROM (SELECT *, row_number() OVER () AS n FROM forms) AS f,
    LATERAL (SELECT count(*), sum(a.transitions), count(*) FILTER (WHERE a IS DISTINCT FROM b OR a.median_time::text IS DISTINCT FROM b.median_time::text)
      FROM bizmetrics.paths('2013-01-01', '2013-03-01 01:17Z', f.max_steps, f.gap, f.start_event, f.event_names, f.subject, f.filters, f.company) AS a
      FULL JOIN pg_temp.paths_in_sql('2013-01-01', '2013-03-01 01:17Z', f.max_steps, f.gap, f.start_event, f.event_names, f.subject, f.filters, f.company) AS b
        ON b.step = a.step AND b.source = a.source AND coalesce(b.target, '') = coalesce(a.target, '')) AS d
  ORDER BY f.n
$$;
SELECT * FROM pg_temp.differences();
SET LOCAL enable_seqscan = off;
SELECT sum(transitions), sum(differences) FROM pg_temp.differences();
RESET enable_seqscan;
-- By several processes, with little memory: the pauses are sorted on disk.
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SELECT sum(transitions), sum(differences) FROM pg_temp.differences();
-- What only paths() should call refuses what that would have refused.
SELECT * FROM bizmetrics.path_counts('2013-01-01', NULL, 5, '30 min', NULL, NULL, 'actor', NULL, NULL);
ROLLBACK;
