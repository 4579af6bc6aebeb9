-- nps() and csat()
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT bizmetrics.nps(s) FROM unnest('{10,9,8,7,6,0}'::integer[]) AS s;
SELECT round(bizmetrics.nps(s), 4) AS nps FROM unnest('{10,9,9,NULL,8,7,3}'::integer[]) AS s;
SELECT bizmetrics.nps(s) FROM unnest('{0,6}'::smallint[]) AS s;
SELECT bizmetrics.csat(s), avg(s) FROM unnest('{5,4,3,1,NULL}'::integer[]) AS s;
SELECT bizmetrics.nps(NULL), bizmetrics.csat(NULL), bizmetrics.nps(1) FILTER (WHERE false) AS nps_of_none, bizmetrics.csat(1) FILTER (WHERE false) AS csat_of_none;
SELECT s, pg_temp.error_of(format('SELECT bizmetrics.nps(%s)', s)), pg_temp.error_of(format('SELECT bizmetrics.csat(%s)', s)) FROM unnest('{-1,0,6,11}'::integer[]) AS s;
-- Against plain SQL over random groups.
SELECT count(*) AS groups, count(*) FILTER (WHERE nps <> plain_nps OR csat IS DISTINCT FROM plain_csat) AS wrong
FROM (SELECT g, bizmetrics.nps(s) AS nps, 100.0 * (count(*) FILTER (WHERE s >= 9) - count(*) FILTER (WHERE s <= 6)) / count(*) AS plain_nps,
             bizmetrics.csat(s) FILTER (WHERE s BETWEEN 1 AND 5) AS csat, 1.0 * count(*) FILTER (WHERE s IN (4, 5)) / nullif(count(*) FILTER (WHERE s BETWEEN 1 AND 5), 0) AS plain_csat
      FROM (SELECT g, abs(hashint4(g * 100 + n)) % 11 AS s FROM generate_series(1, 1000) AS g, LATERAL generate_series(1, 1 + g % 15) AS n) AS r GROUP BY g) AS t;
