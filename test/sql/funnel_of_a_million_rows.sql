-- One group of a million rows, in the order of time, from the end and in none: the same levels and times.
CREATE TEMP TABLE rows_of_one AS SELECT n, to_timestamp(n) AS ts, hashint4(n) & 255 AS e FROM generate_series(1, 1000000) AS n;
CREATE TEMP TABLE answers AS
SELECT direction, mode, bizmetrics.window_funnel('20 s', mode, ts, e < 2, e = 2, e = 3, e = 4, e = 5) AS level, bizmetrics.window_funnel_times('20 s', mode, ts, e < 2, e = 2, e = 3, e = 4, e = 5) AS times
FROM (SELECT 'forward' AS direction, ts, e FROM (SELECT * FROM rows_of_one ORDER BY n) AS f
      UNION ALL SELECT 'backward', ts, e FROM (SELECT * FROM rows_of_one ORDER BY n DESC) AS b
      UNION ALL SELECT 'any', ts, e FROM (SELECT * FROM rows_of_one ORDER BY hashint4(n + 1)) AS a) AS r,
     unnest('{"",strict_once,"strict_order,allow_reentry"}'::text[]) AS mode
GROUP BY direction, mode;
SELECT mode, count(DISTINCT level) AS levels, count(DISTINCT times) AS chains, bool_and(level BETWEEN 3 AND 5 OR mode ~ 'order') AS some_level FROM answers GROUP BY mode ORDER BY mode COLLATE "C";
