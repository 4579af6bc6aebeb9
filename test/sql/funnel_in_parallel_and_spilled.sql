-- A funnel says the same whoever reads the events, with whatever memory.
SET timezone = 'UTC';
SET jit = off;
-- 60,000 events in two months, of actors with few and with many of them, ids short and long; then an attached partition with other columns.
SELECT bizmetrics.ensure_partitions('2165-01-01', '2165-02-28');
INSERT INTO public.business_events (event_name, actor_user_id, company_id, occurred_at, properties)
SELECT 'fp_' || n % 4, repeat('x', (n * 7 % 300)::integer) || (n::bigint * n * 31 % 5003), n % 11, timestamptz '2165-01-01' + n * interval '73 s', jsonb_build_object('plan', n % 5)
FROM generate_series(1, 60000) AS n;
CREATE TABLE public.fp_attached (junk integer, xact_id bigint NOT NULL, recorded_at timestamptz NOT NULL DEFAULT now(), request_id text COLLATE "C", dedupe_key text COLLATE "C",
  properties jsonb NOT NULL DEFAULT '{}', company_id text COLLATE "C", occurred_at timestamptz NOT NULL, entity_type text COLLATE "C", entity_id text COLLATE "C",
  actor_user_id text COLLATE "C", event_name text COLLATE "C" NOT NULL, id uuid NOT NULL);
ALTER TABLE public.fp_attached DROP COLUMN junk,
  ADD CONSTRAINT business_events_event_name_check CHECK (char_length(event_name) BETWEEN 1 AND 100), ADD CONSTRAINT business_events_occurred_at_check CHECK (isfinite(occurred_at)),
  ADD CONSTRAINT business_events_properties_check CHECK (jsonb_typeof(properties) = 'object'), ADD CONSTRAINT business_events_dedupe_key_check CHECK (char_length(dedupe_key) <= 500);
INSERT INTO public.fp_attached (event_name, actor_user_id, company_id, occurred_at, properties, id, xact_id)
SELECT 'fp_' || n % 4, n % 999, n % 11, timestamptz '2165-03-01' + n * interval '73 s', jsonb_build_object('plan', n % 5), bizmetrics.uuid_v7(), bizmetrics.current_xact() FROM generate_series(1, 3000) AS n;
ALTER TABLE public.business_events ATTACH PARTITION public.fp_attached FOR VALUES FROM ('2165-03-01 00:00+00') TO ('2165-04-01 00:00+00');
\set time '''2 days'', ''2165-01-01'', ''2165-04-01'''
CREATE FUNCTION pg_temp.fingerprint() RETURNS text LANGUAGE sql AS $$
  SELECT md5(string_agg(f::text, E'\n' ORDER BY f::text COLLATE "C")) FROM (
    SELECT 'ordered' AS o, f.* FROM bizmetrics.funnel(ARRAY['fp_0', 'fp_1', 'fp_2'], '2 days', '2165-01-01', '2165-04-01', breakdown => 'properties.plan', attribution => 'last') AS f
    UNION ALL SELECT 'by value', f.* FROM bizmetrics.funnel(ARRAY['fp_0', 'fp_1', 'fp_2'], '2 days', '2165-01-01', '2165-04-01', breakdown => 'properties.plan', attribution => 'all') AS f
    UNION ALL SELECT 'strict', f.* FROM bizmetrics.funnel(ARRAY['fp_0', 'fp_1', 'fp_2'], '2 days', '2165-01-01', '2165-04-01', 'strict') AS f
    UNION ALL SELECT 'any', f.* FROM bizmetrics.funnel(ARRAY['fp_0', 'fp_1', 'fp_2'], '2 days', '2165-01-01', '2165-04-01', 'any') AS f
    UNION ALL SELECT 'company', f.* FROM bizmetrics.funnel('["fp_0", {"event": "fp_1", "filter": {"properties.plan": {">": 1}}}]'::jsonb, '2 days', '2165-01-01', '2165-04-01', subject => 'company') AS f
    UNION ALL SELECT 'actor', a.breakdown_value, a.step, a.actor, NULL, NULL, NULL, NULL, NULL, extract(epoch FROM a.entered_at), NULL, extract(epoch FROM a.reached_at) FROM bizmetrics.funnel_actors(ARRAY['fp_0', 'fp_1', 'fp_2'], '2 days', '2165-01-01', '2165-04-01', 2) AS a) AS f
$$;
-- Pages written to temporary files.
CREATE FUNCTION pg_temp.spilled() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  plan json;
BEGIN
  EXECUTE $q$EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT FROM bizmetrics.funnel(ARRAY['fp_0', 'fp_1', 'fp_2'], '2 days', '2165-01-01', '2165-04-01', breakdown => 'actor_user_id')$q$ INTO plan;
  RETURN plan -> 0 -> 'Plan' ->> 'Temp Written Blocks';
END
$$;
SET max_parallel_workers_per_gather = 0;
SET work_mem = '64MB';
SELECT pg_temp.fingerprint() AS alone \gset
SELECT pg_temp.spilled();
-- All of it, told by plain SQL.
SELECT f.actors = (SELECT count(DISTINCT actor_user_id) FROM public.business_events WHERE event_name = 'fp_0' AND occurred_at BETWEEN '2165-01-01' AND '2165-03-31') AS everybody_enters
FROM bizmetrics.funnel(ARRAY['fp_0'], :time) AS f;
SET work_mem = '64kB';
SELECT pg_temp.fingerprint() = :'alone' AS with_little_memory;
SELECT pg_temp.spilled() > 0 AS spilled;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT pg_temp.fingerprint() = :'alone' AS by_three_processes_with_little_memory;
RESET work_mem;
SELECT pg_temp.fingerprint() = :'alone' AS by_three_processes;
-- Workers that do not come.
SET max_parallel_workers = 0;
SELECT pg_temp.fingerprint() = :'alone' AS without_the_workers;
RESET max_parallel_workers;
-- What this transaction has stored counts too, and what it rolled back does not.
BEGIN;
SAVEPOINT s;
SELECT bizmetrics.log_event('fp_0', actor_user_id => 'new one', occurred_at => '2165-02-10') IS NOT NULL;
SELECT actors FROM bizmetrics.funnel(ARRAY['fp_0'], :time, filter => '{"actor_user_id": "new one"}');
ROLLBACK TO s;
SELECT actors FROM bizmetrics.funnel(ARRAY['fp_0'], :time, filter => '{"actor_user_id": "new one"}');
COMMIT;
-- Through an index, as the planner has it for rare events, and in a serializable transaction.
SET enable_seqscan = off;
SELECT pg_temp.fingerprint() = :'alone' AS through_an_index;
RESET enable_seqscan;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT pg_temp.fingerprint() = :'alone' AS serializable;
COMMIT;
-- Beside a cursor that is left open, and once for each row of another query.
BEGIN;
DECLARE c CURSOR FOR SELECT actor FROM bizmetrics.funnel_actors(ARRAY['fp_0'], :time);
MOVE 10 IN c;
SELECT pg_temp.fingerprint() = :'alone' AS beside_an_open_cursor;
COMMIT;
SELECT count(*) FROM public.business_events AS e, LATERAL bizmetrics.funnel(ARRAY['fp_0'], '1 s', e.occurred_at, e.occurred_at + interval '1 s') AS f WHERE e.occurred_at BETWEEN '2165-03-01' AND '2165-03-01 01:00' AND f.actors > 0;
ALTER TABLE public.business_events DETACH PARTITION public.fp_attached;
DROP TABLE public.fp_attached;
DROP TABLE bizmetrics.business_events_2165_01, bizmetrics.business_events_2165_02;
