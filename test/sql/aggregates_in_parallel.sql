-- Every aggregate gives the same in parallel workers, in one process, and for rows in another order.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET work_mem = '64MB';
CREATE TABLE moments AS
SELECT n, abs(hashint4(n)) % 211 AS actor, to_timestamp(abs(hashint4(n + 1)) % 3000) AS ts, chr(97 + abs(hashint4(n + 2)) % 5) AS e, (abs(hashint4(n + 3)) % 1000) / 10.0 AS v, abs(hashint4(n + 4)) % 6 AS few
FROM generate_series(1, 30000) AS n;
ALTER TABLE moments SET (parallel_workers = 3);
ANALYZE moments;
CREATE VIEW of_moments AS
SELECT actor, mode,
       bizmetrics.window_funnel('9 s', ts, e = 'a', e = 'b', e = 'c', e = 'd') AS level,
       bizmetrics.window_funnel('30 s', mode, ts, e = 'a', e < 'c', e = 'c', e = 'd') AS level_in_mode,
       bizmetrics.window_funnel_times('30 s', mode, ts, e = 'a', e < 'c', e = 'c', e = 'd') AS times,
       bizmetrics.funnel_complete_count('30 s', mode, ts, e = 'a', e < 'c', e = 'c') AS completions,
       bizmetrics.sequence_match('(?1)(?2)(?3)(?3)(?2)', ts, e = 'a', e = 'b', e = 'c') AS matched,
       bizmetrics.sequence_count('(?1)(?t>=10)(?t<=30)(?2).*(?3)', ts, e = 'a', e = 'b', e = 'c') AS counted,
       bizmetrics.sequence_match_events('(?1)(?t>=10)(?t<=30)(?2).*(?3)', ts, e = 'a', e = 'b', e = 'c') AS events,
       bizmetrics.sequence_next_node('backward', 'last_match', ts, e || few, few > 2, e = 'a', e < 'c') AS next_node,
       bizmetrics.retention(e = 'a' AND few = 1 AND v < 20, e = 'b' AND v < 10, e = 'c' AND v < 5, e = 'x') AS retained,
       bizmetrics.state_durations(e, ts) AS durations,
       bizmetrics.state_durations(e, ts, to_timestamp(2000)) AS durations_until,
       bizmetrics.time_weighted_avg(v, ts) AS average,
       bizmetrics.time_weighted_avg(v, ts, to_timestamp(2000)) AS average_until,
       bizmetrics.uniq_up_to(5, few) AS uniq, bizmetrics.uniq_up_to(20, v) AS uniq_numeric, bizmetrics.uniq_up_to(100, e) AS uniq_text,
       bizmetrics.nps(few + 4) AS nps, bizmetrics.csat(greatest(few, 1)) AS csat
FROM moments, (VALUES (''), ('strict_once'), ('strict_increase'), ('strict_order'), ('strict_order,allow_reentry'), ('strict_deduplication'), ('strict_order, strict_increase')) AS m (mode)
WHERE actor < 50 GROUP BY actor, mode;
-- In one process
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE in_one AS SELECT * FROM of_moments;
CREATE TEMP TABLE counts_in_one AS SELECT bizmetrics.retention_count(retained) FROM in_one;
-- In workers
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0.01;
SET cpu_operator_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.is_parallel(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
  found boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    found := found OR line ~ 'Partial (Group|Hash)?Aggregate';
  END LOOP;
  RETURN found;
END
$$;
SELECT pg_temp.is_parallel('SELECT * FROM of_moments') AS hashed_in_parallel;
CREATE TEMP TABLE in_workers AS SELECT * FROM of_moments;
SET enable_hashagg = off;
SELECT pg_temp.is_parallel('SELECT * FROM of_moments') AS sorted_in_parallel;
CREATE TEMP TABLE in_sorted_workers AS SELECT * FROM of_moments;
RESET enable_hashagg;
-- Spilling to disk
SET max_parallel_workers_per_gather = 0;
SET work_mem = '64kB';
CREATE TEMP TABLE spilled AS SELECT * FROM of_moments;
RESET work_mem;
-- The same rows in another order
CREATE TABLE shuffled AS SELECT * FROM moments ORDER BY hashint4(n + 5);
TRUNCATE moments;
INSERT INTO moments SELECT * FROM shuffled;
CREATE TEMP TABLE in_one_shuffled AS SELECT * FROM of_moments;
SET max_parallel_workers_per_gather = 3;
CREATE TEMP TABLE in_workers_shuffled AS SELECT * FROM of_moments;
SELECT count(*) AS groups, count(DISTINCT level) AS levels, count(DISTINCT times) > 50 AS many_times, count(DISTINCT completions) > 5 AS many_completions, count(DISTINCT counted) > 3 AS many_counts, count(DISTINCT events) > 30 AS many_events, count(DISTINCT next_node) > 10 AS many_nodes, count(DISTINCT retained) AS retained FROM in_one;
SELECT 'in_one_shuffled' AS kind, count(*) AS differ FROM (TABLE in_one EXCEPT TABLE in_one_shuffled) AS d
UNION ALL SELECT 'in_workers', count(*) FROM (TABLE in_one EXCEPT TABLE in_workers) AS d
UNION ALL SELECT 'in_sorted_workers', count(*) FROM (TABLE in_one EXCEPT TABLE in_sorted_workers) AS d
UNION ALL SELECT 'in_workers_shuffled', count(*) FROM (TABLE in_one EXCEPT TABLE in_workers_shuffled) AS d
UNION ALL SELECT 'spilled', count(*) FROM (TABLE in_one EXCEPT TABLE spilled) AS d;
-- Sums of arrays, in workers too; what differs in a group is found there as well.
SET max_parallel_workers_per_gather = 3;
CREATE TABLE arrays AS SELECT retained FROM in_one;
ALTER TABLE arrays SET (parallel_workers = 3);
ANALYZE arrays;
SELECT pg_temp.is_parallel('SELECT bizmetrics.retention_count(retained) FROM arrays') AS in_parallel, (SELECT bizmetrics.retention_count(retained) FROM arrays) = (TABLE counts_in_one) AS same;
SELECT pg_temp.error_of('SELECT bizmetrics.window_funnel(CASE WHEN n < 15000 THEN interval ''1 s'' ELSE ''2 s'' END, ts, true) FROM moments') ~ '^22023' AS window_differs;
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_count(CASE WHEN n < 15000 THEN ''(?1)'' ELSE ''.'' END, ts, true) FROM moments') ~ '^22023' AS pattern_differs;
SELECT pg_temp.error_of('SELECT bizmetrics.sequence_next_node(CASE WHEN n < 15000 THEN ''forward'' ELSE ''backward'' END, ''last_match'', ts, e, true, true) FROM moments') ~ '^22023' AS direction_differs;
DROP VIEW of_moments;
DROP TABLE moments, shuffled, arrays;
