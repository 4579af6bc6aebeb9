-- A partition comes with its primary key and indexes; those that the current partition has been
-- given since come with every later one. The parent has none.
SET timezone = 'UTC';
BEGIN;
-- The first partition ever, in an otherwise empty table.
DO $$
BEGIN
  EXECUTE (SELECT coalesce(string_agg(format('ALTER TABLE public.business_events DETACH PARTITION %s;', inhrelid::regclass), ' '), '') FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass);
END
$$;
CREATE FUNCTION pg_temp.indexes(partition regclass) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT regexp_replace(regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \S+', 'INDEX'), ' ON \S+', ' ON') || CASE WHEN indisprimary THEN ' PRIMARY KEY' ELSE '' END
  FROM pg_index WHERE indrelid = partition ORDER BY 1
$$;
SELECT bizmetrics.log_event('i', occurred_at => '1988-01-01') IS NOT NULL AS logged;
SELECT pg_temp.indexes('bizmetrics.business_events_1988_01');
-- The latest before now is the model.
DROP INDEX bizmetrics.business_events_1988_01_company_id_occurred_at_idx;
CREATE INDEX ON bizmetrics.business_events_1988_01 (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX ON bizmetrics.business_events_1988_01 USING gin (properties jsonb_path_ops);
SELECT bizmetrics.log_event('i', occurred_at => '1988-03-01') IS NOT NULL AS logged;
SELECT pg_temp.indexes('bizmetrics.business_events_1988_03');
-- So is the current one, and neither a later nor an earlier one.
SELECT bizmetrics.log_event('i') IS NOT NULL AS logged;
DO $$
BEGIN
  EXECUTE format('CREATE INDEX ON %s ((properties ->> ''plan''))', (SELECT tableoid::regclass FROM public.business_events WHERE occurred_at = now()));
END
$$;
SELECT bizmetrics.log_event('i', occurred_at => '2200-01-01') IS NOT NULL AS logged;
CREATE INDEX ON bizmetrics.business_events_2200_01 (entity_id);
SELECT bizmetrics.log_event('i', occurred_at => '2200-03-01') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('i', occurred_at => '1988-02-01') IS NOT NULL AS logged;
SELECT pg_temp.indexes('bizmetrics.business_events_2200_03') EXCEPT SELECT pg_temp.indexes('bizmetrics.business_events_1988_03');
SELECT count(*) FROM (SELECT pg_temp.indexes('bizmetrics.business_events_1988_02') EXCEPT SELECT pg_temp.indexes('bizmetrics.business_events_2200_03')) more;
-- The indexes are used by what log_event() stores, the new ones too.
SELECT bizmetrics.log_event('i', '{"plan": "pro"}', occurred_at => '2200-03-02') IS NOT NULL AS logged;
SET LOCAL enable_seqscan = off;
SELECT event_name FROM bizmetrics.business_events_2200_03 WHERE properties ->> 'plan' = 'pro';
SELECT event_name FROM bizmetrics.business_events_2200_03 WHERE properties @> '{"plan": "pro"}';
SELECT pg_temp.indexes('public.business_events');
-- A partition's key is a key.
\set VERBOSITY sqlstate
INSERT INTO public.business_events (id, event_name, occurred_at) SELECT id, event_name, occurred_at FROM public.business_events WHERE properties ->> 'plan' = 'pro';
ROLLBACK;
