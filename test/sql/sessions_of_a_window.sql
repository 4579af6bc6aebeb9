-- sessionize(): a session ends where more than the gap passes.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT t, bizmetrics.sessionize(to_timestamp(t * 60), '30 min') OVER (ORDER BY t) FROM unnest('{0,10,40,70,101,131,NULL,162}'::numeric[]) AS t ORDER BY t;
-- By a microsecond; each partition begins anew; rows at one time; no gap at all; from the latest on.
SELECT bizmetrics.sessionize(ts, '1 s') OVER (ORDER BY ts) FROM unnest('{"2026-01-01 00:00:00","2026-01-01 00:00:01","2026-01-01 00:00:02.000001"}'::timestamptz[]) AS ts;
SELECT actor, n, bizmetrics.sessionize(to_timestamp(n), '1 s') OVER (PARTITION BY actor ORDER BY n) FROM (VALUES ('a', 1), ('a', 2), ('a', 4), ('b', 4), ('b', 5)) AS r (actor, n) ORDER BY actor, n;
SELECT n, bizmetrics.sessionize(to_timestamp(n), '0') OVER (ORDER BY n) FROM unnest('{1,1,2}'::integer[]) AS n;
SELECT n, bizmetrics.sessionize(to_timestamp(n), '1 s') OVER (ORDER BY n DESC) FROM unnest('{1,2,5,6,9}'::integer[]) AS n;
SELECT n, bizmetrics.sessionize(n, '1000 years') OVER (ORDER BY n) FROM unnest('{-infinity,-infinity,2026-01-01,2027-01-01,infinity}'::timestamptz[]) AS n;
SELECT bizmetrics.sessionize(NULL, '1 s') OVER () AS no_time;
-- Refused
SELECT pg_temp.error_of('SELECT bizmetrics.sessionize(now(), NULL) OVER ()');
SELECT pg_temp.error_of('SELECT bizmetrics.sessionize(now(), ''-1 s'') OVER ()');
SELECT pg_temp.error_of('SELECT bizmetrics.sessionize(now(), ''1 s'')');
-- Against plain SQL over random partitions.
SELECT count(*) AS total, count(*) FILTER (WHERE ours <> plain) AS wrong
FROM (SELECT bizmetrics.sessionize(ts, '30 min') OVER w AS ours, 1 + sum(CASE WHEN gap > interval '30 min' THEN 1 ELSE 0 END) OVER w AS plain
      FROM (SELECT actor, ts, ts - lag(ts) OVER (PARTITION BY actor ORDER BY ts) AS gap
            FROM (SELECT n % 100 AS actor, to_timestamp(abs(hashint4(n)) % 10000 * 60) AS ts FROM generate_series(1, 5000) AS n) AS r) AS g
      WINDOW w AS (PARTITION BY actor ORDER BY ts ROWS UNBOUNDED PRECEDING)) AS t;
