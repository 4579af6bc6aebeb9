-- retention() and retention_count()
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT bizmetrics.retention(n = 1, n = 2, n = 3) FROM unnest('{1,2}'::integer[]) AS n;
SELECT bizmetrics.retention(n = 1, n = 2, n = 3) FROM unnest('{2,3}'::integer[]) AS n;
SELECT bizmetrics.retention(true, true, true);
-- Whatever the order of rows; NULL is false; without rows all are false.
SELECT bizmetrics.retention(n = 1, n = 2, n = 3) FROM unnest('{3,NULL,1}'::integer[]) AS n;
SELECT bizmetrics.retention(true, true, true) WHERE false;
SELECT bizmetrics.retention(VARIADIC ARRAY[true, false]) AS an_array, bizmetrics.retention(VARIADIC ARRAY[true, true]) FILTER (WHERE false) AS of_unknown_length;
-- 5 come on the first day, 10 on the second, 15 on the third: all 5 of the first on each of the others.
SELECT bizmetrics.retention_count(r) FROM (
  SELECT bizmetrics.retention(day = '2020-01-01', day = '2020-01-02', day = '2020-01-03') AS r
  FROM (VALUES (date '2020-01-01', 5), ('2020-01-02', 10), ('2020-01-03', 15)) AS d (day, users), generate_series(1, users) AS u GROUP BY u) AS t;
SELECT bizmetrics.retention_count(r) FROM (VALUES ('{t,f}'::boolean[]), (NULL), ('{t,NULL}')) AS t (r);
SELECT bizmetrics.retention_count('{t}') WHERE false;
-- 32 conditions
SELECT bizmetrics.retention(VARIADIC ARRAY(SELECT i <> 31 FROM generate_series(1, 32) AS i));
-- Refused
SELECT pg_temp.error_of(format('SELECT bizmetrics.retention(%s) FROM generate_series(1, 2) AS n', arguments))
FROM unnest(ARRAY['n', '''t''', repeat('true, ', 32) || 'true', 'VARIADIC array_fill(true, ARRAY[33])', 'VARIADIC ''{}''::boolean[]', 'VARIADIC NULL::boolean[]', 'VARIADIC array_fill(true, ARRAY[n])']) AS arguments;
SELECT pg_temp.error_of('SELECT bizmetrics.retention_count(array_fill(true, ARRAY[n])) FROM generate_series(1, 2) AS n');
-- Against plain SQL over random groups.
SELECT count(*) AS groups, count(*) FILTER (WHERE retained <> ARRAY[a, a AND b, a AND c]) AS wrong
FROM (SELECT g, bizmetrics.retention(e = 1, e = 2, e = 3) AS retained, bool_or(e = 1) AS a, bool_or(e = 2) AS b, bool_or(e = 3) AS c
      FROM (SELECT g, abs(hashint4(g * 10 + n)) % 6 AS e FROM generate_series(1, 3000) AS g, LATERAL generate_series(1, 1 + g % 8) AS n) AS r GROUP BY g) AS t;
