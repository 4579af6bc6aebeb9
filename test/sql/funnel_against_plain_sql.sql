-- window_funnel() and its times, against the definition written in SQL, over thousands of small groups:
-- every chain is followed, row by row.
CREATE TEMP TABLE random_rows AS
SELECT g, r, to_timestamp(hashint4(g * 10 + r) & (1 << (g % 4)) - 1) AS ts, hashint4(-g * 10 - r) & 15 AS mask
FROM generate_series(1, 2000) AS g, LATERAL generate_series(1, 1 + g % 6) AS r;
CREATE TEMP TABLE funnels AS
SELECT g, mode, make_interval(secs => g % 5) AS win, mode ~ 'increase' AS increase, mode ~ 'once|increase' AS once,
       bizmetrics.window_funnel(make_interval(secs => g % 5), mode, ts, (mask & 1) > 0, (mask & 2) > 0, (mask & 4) > 0, (mask & 8) > 0) AS level,
       bizmetrics.window_funnel_times(make_interval(secs => g % 5), mode, ts, (mask & 1) > 0, (mask & 2) > 0, (mask & 4) > 0, (mask & 8) > 0) AS times
FROM random_rows, unnest('{"",strict_once,strict_increase}'::text[]) AS mode GROUP BY g, mode;
CREATE TEMP TABLE chains AS
WITH RECURSIVE chain AS (
  SELECT g, mode, win, increase, once, 1 AS level, ts AS start, ts AS last, ARRAY[r] AS used FROM funnels JOIN random_rows USING (g) WHERE (mask & 1) > 0
  UNION
  SELECT g, mode, win, increase, once, c.level + 1, c.start, n.ts, CASE WHEN once THEN used || n.r END
  FROM chain AS c JOIN random_rows AS n USING (g)
  WHERE c.level < 4 AND (n.mask >> c.level & 1) = 1 AND n.ts <= c.start + win AND (n.ts > c.last OR n.ts = c.last AND NOT increase) AND NOT (once AND n.r = ANY (used))
)
SELECT DISTINCT ON (g, mode) g, mode, level, start, last FROM chain ORDER BY g, mode, level DESC, last, start DESC;
SELECT mode, count(*) AS groups, count(*) FILTER (WHERE f.level <> coalesce(c.level, 0)) AS wrong_levels,
       count(*) FILTER (WHERE cardinality(times) <> f.level OR (times[1], times[f.level]) IS DISTINCT FROM (c.start, c.last)) AS wrong_times,
       count(*) FILTER (WHERE f.level = 4) AS whole
FROM funnels AS f LEFT JOIN chains AS c USING (g, mode) GROUP BY mode ORDER BY mode;
