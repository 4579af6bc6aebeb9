-- funnel_complete_count(): how often a group goes through all steps, one time after the other.
SELECT id, events, steps, seconds,
       (SELECT bizmetrics.funnel_complete_count(make_interval(secs => seconds), to_timestamp(substr(e, 2)::integer), VARIADIC (SELECT array_agg(s = left(e, 1) ORDER BY n) FROM regexp_split_to_table(steps, '') WITH ORDINALITY AS t (s, n))) FROM regexp_split_to_table(events, ' +') AS e WHERE e <> '') AS default_mode,
       (SELECT bizmetrics.funnel_complete_count(make_interval(secs => seconds), 'strict_once', to_timestamp(substr(e, 2)::integer), VARIADIC (SELECT array_agg(s = left(e, 1) ORDER BY n) FROM regexp_split_to_table(steps, '') WITH ORDINALITY AS t (s, n))) FROM regexp_split_to_table(events, ' +') AS e WHERE e <> '') AS once,
       (SELECT bizmetrics.funnel_complete_count(make_interval(secs => seconds), 'strict_order', to_timestamp(substr(e, 2)::integer), VARIADIC (SELECT array_agg(s = left(e, 1) ORDER BY n) FROM regexp_split_to_table(steps, '') WITH ORDINALITY AS t (s, n))) FROM regexp_split_to_table(events, ' +') AS e WHERE e <> '') AS strict
FROM (VALUES
  (1, '', 'AB', 10), (2, 'A0', 'AB', 10), (3, 'A0 B1', 'AB', 10), (4, 'A0 B1 A2 B3', 'AB', 10), (5, 'B3 A2 B1 A0', 'AB', 10), (6, 'A0 B20 A21 B22', 'AB', 10),
  (7, 'A0 A1 B2 B3', 'AB', 10), (8, 'A0 A1 A2', 'AA', 10), (9, 'A0 A1 A2 A3', 'AA', 10), (10, 'A0 X1 B2 A3 B4', 'AB', 10), (11, 'A0 B1 A1 B2', 'AB', 10), (12, 'A0 B0 A0 B0', 'AB', 10), (13, 'A0 A1 A2', 'A', 10)
) AS t (id, events, steps, seconds) ORDER BY id;
-- The most that do not overlap, of random groups, against every choice of chains.
SELECT setseed(0.5);
CREATE TEMP TABLE happened AS
SELECT g, floor(random() * 14)::integer AS at, substr('ABX', 1 + floor(random() * 3)::integer, 1) AS event FROM generate_series(1, 2000) AS g, generate_series(1, g % 9) AS n;
WITH RECURSIVE chain AS (
  SELECT DISTINCT a.g, a.at AS first, b.at AS last FROM happened AS a JOIN happened AS b ON b.g = a.g AND a.event = 'A' AND b.event = 'B' AND b.at BETWEEN a.at AND a.at + 4),
chosen AS (
  SELECT g, last, 1 AS chains FROM chain
  UNION ALL
  SELECT c.g, n.last, c.chains + 1 FROM chosen AS c JOIN chain AS n ON n.g = c.g AND n.first > c.last)
SELECT count(*) AS groups, count(*) FILTER (WHERE f.n <> coalesce(c.n, 0)) AS wrong, max(f.n)
FROM (SELECT g, bizmetrics.funnel_complete_count('4 s', to_timestamp(at), event = 'A', event = 'B') AS n FROM happened GROUP BY g) AS f
LEFT JOIN (SELECT g, max(chains) AS n FROM chosen GROUP BY g) AS c USING (g);
