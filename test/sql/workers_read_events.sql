-- funnel() and cohort_retention() are read by parallel workers too, and not where they may not.
SELECT bizmetrics.ensure_partitions('2168-01-01', '2168-01-31');
INSERT INTO public.business_events (event_name, actor_user_id, occurred_at, properties)
SELECT 'wr_' || n % 3, n % 9973, timestamptz '2168-01-01' + n * interval '40 s', jsonb_build_object('text', repeat('x', 200)) FROM generate_series(1, 60000) AS n;
SET min_parallel_table_scan_size = 0;
-- Whole partitions are read, whatever an index would cost.
SET enable_indexscan = off;
SET enable_bitmapscan = off;
-- How many workers began to read the partition. What this process reads it reports at the end of the transaction, and so is not among them; a worker
-- has reported when the call is over. One that starts when all has been read does not begin to read, so the call is repeated until one does.
CREATE FUNCTION pg_temp.workers_that_read(query text, tries integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  partition oid := 'bizmetrics.business_events_2168_01'::regclass;
  before bigint;
  workers bigint := 0;
BEGIN
  WHILE workers = 0 AND tries > 0 LOOP
    PERFORM pg_stat_clear_snapshot();
    before := pg_stat_get_numscans(partition);
    EXECUTE query;
    PERFORM pg_stat_clear_snapshot();
    workers := pg_stat_get_numscans(partition) - before;
    tries := tries - 1;
  END LOOP;
  RETURN workers;
END
$$;
\set funnel 'SELECT FROM bizmetrics.funnel(ARRAY[''wr_0'', ''wr_1''], ''2 days'', ''2168-01-01'', ''2168-02-01'')'
\set cohorts 'SELECT FROM bizmetrics.cohort_retention(''wr_0'', ''wr_1'', ''day'', 5, ''2168-01-01'', ''2168-02-01'', as_of => ''2168-03-01'')'
SET max_parallel_workers_per_gather = 2;
SELECT pg_temp.workers_that_read(:'funnel', 200) BETWEEN 1 AND 2 AS funnel, pg_temp.workers_that_read(:'cohorts', 200) BETWEEN 1 AND 2 AS cohorts;
SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.workers_that_read(:'funnel', 3) AS funnel, pg_temp.workers_that_read(:'cohorts', 3) AS cohorts;
DROP TABLE bizmetrics.business_events_2168_01;
