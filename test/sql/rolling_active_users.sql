-- rolling_active_users() gives what counting each window by itself does, of any type, with any memory.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET datestyle = 'ISO';
SET jit = off;
SELECT setseed(0.5);
CREATE TEMP TABLE seen AS
	SELECT n % 3 AS g, (random() ^ 3 * 400)::integer AS u, '2026-01-01'::date + (random() * 130)::integer AS day FROM generate_series(1, 1000) n;
INSERT INTO seen VALUES (0, NULL, '2026-02-01'), (0, 1, NULL), (1, 7, 'infinity'), (1, 7, '-infinity'), (3, 1, '2026-01-05'), (4, 2, '2026-03-01');
CREATE FUNCTION pg_temp.differences(value text, first_day date, last_day date) RETURNS TABLE (expression text, days bigint, differences bigint) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($sql$
	WITH ours AS MATERIALIZED (
	  SELECT s.g, d.* FROM (SELECT g, bizmetrics.rolling_active_users(%1$s, day, $1, $2) AS active FROM (SELECT g, u AS i, day FROM seen) s GROUP BY g) AS s, unnest(s.active) AS d
	), counted AS MATERIALIZED (
	  SELECT g, d::date, (SELECT count(DISTINCT %1$s) FROM (SELECT u AS i FROM seen s WHERE s.g = x.g AND s.day = d) s) AS dau,
	         (SELECT count(DISTINCT %1$s) FROM (SELECT u AS i FROM seen s WHERE s.g = x.g AND s.day > d::date - 7 AND s.day <= d) s) AS wau,
	         (SELECT count(DISTINCT %1$s) FROM (SELECT u AS i FROM seen s WHERE s.g = x.g AND s.day > d::date - 30 AND s.day <= d) s) AS mau
	  FROM (SELECT DISTINCT g FROM seen) AS x, generate_series($1, $2, interval '1 day') AS d
	)
	SELECT %1$L, (SELECT count(*) FROM ours), (SELECT count(*) FROM ((TABLE ours EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE ours)) AS d)$sql$, value) USING first_day, last_day;
END
$$;
CREATE FUNCTION pg_temp.all_differences() RETURNS TABLE (value text, first_day date, last_day date, days bigint, differences bigint) LANGUAGE sql AS $$
	SELECT d.expression, r.first_day, r.last_day, d.days, d.differences
	FROM unnest(ARRAY['i', $q$(repeat('u', i % 50) || i) COLLATE "C"$q$, 'md5(i::text)::uuid', 'NULL::text']) AS e,
	     (VALUES (date '2026-02-01', date '2026-02-01'), ('2026-01-01', '2026-01-10'), ('2026-04-25', '2026-05-12'), ('2026-07-01', '2026-07-02')) AS r (first_day, last_day),
	     pg_temp.differences(e, r.first_day, r.last_day) AS d
$$;
SELECT * FROM pg_temp.all_differences();
-- With next to no memory, most are sorted.
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
INSERT INTO seen SELECT n % 2, n % 1000 + 1000, date '2026-02-01' + n % 7 FROM generate_series(1, 3000) AS n;
SELECT * FROM unnest(ARRAY['i', $$(repeat('u', i % 50) || i) COLLATE "C"$$]) AS e, pg_temp.differences(e, '2026-02-05', '2026-02-20');
RESET work_mem;
RESET hash_mem_multiplier;

SELECT bizmetrics.rolling_active_users(u, day, '2026-02-01', '2026-02-02') FROM seen WHERE false;
SELECT bizmetrics.rolling_active_users(u, day, '2026-02-02', '2026-02-01') FROM seen;
SELECT bizmetrics.rolling_active_users(NULL::text, day, '2026-02-02', '2026-02-03') FROM seen;
-- Twice in a query, and in one that is not read to its end.
SELECT cardinality(bizmetrics.rolling_active_users(u, day, '2026-02-02', '2026-02-03')), bizmetrics.rolling_active_users(u, day, '2026-02-02', '2026-02-03') FROM seen WHERE g = 3;
SELECT pg_temp.error_of(call) FROM unnest(ARRAY[
	$$SELECT bizmetrics.rolling_active_users(u, day, NULL, '2026-02-01') FROM seen$$,
	$$SELECT bizmetrics.rolling_active_users(u, day, '2026-02-01', NULL) FROM seen$$,
	$$SELECT bizmetrics.rolling_active_users(u, day, '-infinity', '2026-02-01') FROM seen$$,
	$$SELECT bizmetrics.rolling_active_users(u, day, '2026-02-01', 'infinity') FROM seen$$,
	$$SELECT bizmetrics.rolling_active_users(u, day, '2016-02-01', '2026-02-09') FROM seen$$,
	$$SELECT bizmetrics.rolling_active_users(u, day, day, '2026-02-01') FROM seen WHERE day > '2025-12-31'$$,
	$$SELECT bizmetrics.rolling_active_users(u, day, '2026-02-01', day) FROM seen WHERE day < '2026-12-31'$$,
	$$SELECT bizmetrics.rolling_active_users(point(u, u), day, '2026-02-01', '2026-02-02') FROM seen$$]) AS call;
SELECT bizmetrics.rolling_active_users(u, day, '2026-02-01', '2026-02-02') OVER () FROM seen LIMIT 1;
