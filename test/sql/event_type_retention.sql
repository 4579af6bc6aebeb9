-- Events of a type that is kept for less leave partitions that are wholly older; the partition, and
-- the events that stay, are as they were.
CREATE ROLE regress_keeper LOGIN;
CREATE ROLE regress_analyst LOGIN;
GRANT regress_analyst TO regress_keeper;
CREATE DATABASE regression_bizmetrics_types OWNER regress_keeper;
\c regression_bizmetrics_types regress_keeper
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION bizmetrics;
SELECT * FROM bizmetrics.prune_event_types();
SELECT count(bizmetrics.log_event(CASE n % 4 WHEN 0 THEN 'page_viewed' WHEN 1 THEN 'clicked' ELSE 'order_paid' END,
  jsonb_build_object('n', n, 'text', CASE WHEN n < 40 THEN (SELECT string_agg(md5(i::text || n), '') FROM generate_series(1, 200) i) END),
  actor_user_id => n, occurred_at => timestamptz '2020-01-01' + n * interval '1 hour', dedupe_key => 'k' || n))
FROM generate_series(1, 2000) n;
SELECT bizmetrics.log_event('page_viewed') IS NOT NULL;
GRANT SELECT ON bizmetrics.business_events_2020_01 TO regress_analyst;
CREATE INDEX january_n ON bizmetrics.business_events_2020_01 ((properties ->> 'n')) WHERE event_name <> 'clicked';
CREATE STATISTICS public.january ON event_name, actor_user_id FROM bizmetrics.business_events_2020_01;
ALTER TABLE bizmetrics.business_events_2020_01 SET (fillfactor = 90), ALTER COLUMN properties SET STATISTICS 50;
COMMENT ON TABLE bizmetrics.business_events_2020_01 IS 'January';
CREATE VIEW public.january_orders AS SELECT * FROM bizmetrics.business_events_2020_01 WHERE event_name = 'order_paid';
CREATE FUNCTION pg_temp.catalog() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT to_jsonb(c)::text FROM (SELECT oid, relname, relowner, relacl, reloptions, relispartition, relkind, relhasindex, relhastriggers, pg_get_expr(relpartbound, oid), obj_description(oid) FROM pg_class WHERE relname = 'business_events_2020_01') c
  UNION ALL SELECT indexrelid || pg_get_indexdef(indexrelid) || indisvalid || indisprimary FROM pg_index WHERE indrelid = 'bizmetrics.business_events_2020_01'::regclass
  UNION ALL SELECT oid || pg_get_triggerdef(oid) || tgenabled::text FROM pg_trigger WHERE tgrelid = 'bizmetrics.business_events_2020_01'::regclass
  UNION ALL SELECT to_jsonb(a)::text FROM pg_attribute a WHERE attrelid = 'bizmetrics.business_events_2020_01'::regclass
  UNION ALL SELECT oid || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'bizmetrics.business_events_2020_01'::regclass
  UNION ALL SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = 'bizmetrics.business_events_2020_01'::regclass
$$;
CREATE TEMP TABLE catalog_before AS SELECT * FROM pg_temp.catalog() AS line;
CREATE TEMP TABLE events_before AS SELECT * FROM public.business_events;
CREATE TEMP TABLE sizes AS SELECT sum(bytes) AS bytes FROM bizmetrics.partitions;

SELECT bizmetrics.set_event_retention('page_viewed', '30 days'), bizmetrics.set_event_retention('clicked', '100 years'), bizmetrics.set_event_retention('never_seen', '1 day');
SELECT bizmetrics.set_event_retention('clicked', '1 year');
TABLE bizmetrics.event_retentions ORDER BY 1;
SELECT * FROM bizmetrics.prune_event_types(dry_run => true);
SELECT count(*) FROM public.business_events;
SELECT * FROM bizmetrics.prune_event_types();
SELECT * FROM bizmetrics.prune_event_types();
SELECT event_name, count(*) FROM public.business_events GROUP BY 1 ORDER BY 1;
-- Every event that stays is whole, with its xact_id and recorded_at; and so is the partition.
SELECT count(*) FROM (SELECT * FROM events_before WHERE event_name = 'order_paid' EXCEPT SELECT * FROM public.business_events) gone;
SELECT count(*) FROM (SELECT * FROM pg_temp.catalog() EXCEPT SELECT * FROM catalog_before UNION ALL (SELECT * FROM catalog_before EXCEPT SELECT * FROM pg_temp.catalog())) changed;
SELECT (SELECT sum(bytes) FROM bizmetrics.partitions) < bytes AS smaller FROM sizes;
SELECT pruned_by, partition_name, event_name, events, bytes > 0 FROM bizmetrics.pruned_events ORDER BY 2, 3;
SELECT relname FROM pg_class WHERE relname LIKE 'pg_temp%';
SET enable_seqscan = off;
SELECT count(*) FROM bizmetrics.business_events_2020_01 WHERE properties ->> 'n' = '2' AND event_name <> 'clicked';
SELECT count(*) FROM public.business_events WHERE actor_user_id = '2' AND event_name = 'order_paid';
RESET enable_seqscan;
-- It takes events, once each, and nothing else; keys are remembered.
SELECT bizmetrics.log_event('page_viewed', occurred_at => '2020-01-02') IS NOT NULL;
SELECT bizmetrics.log_event('again', dedupe_key => 'k4') IN (SELECT id FROM events_before) AS remembered;
SELECT pg_temp.error_of('DELETE FROM bizmetrics.business_events_2020_01') LIKE '55000%';
SELECT pg_temp.error_of('INSERT INTO public.business_events (id, event_name, occurred_at) SELECT id, event_name, occurred_at FROM public.january_orders LIMIT 1') LIKE '23505%';
SELECT pruned, events FROM bizmetrics.prune_event_types();
BEGIN;
SELECT bizmetrics.log_event('page_viewed', occurred_at => '2020-01-02') IS NOT NULL;
SELECT pruned, events FROM bizmetrics.prune_event_types();
SELECT bizmetrics.log_event('page_viewed', occurred_at => '2020-01-02') IS NOT NULL;
ROLLBACK;
SELECT event_name, count(*) FROM public.business_events GROUP BY 1 ORDER BY 1;
-- Events that are older than a column keep its default; nor is one lost that the same command logs.
BEGIN;
SELECT bizmetrics.log_event('page_viewed', occurred_at => '2020-01-02') IS NOT NULL;
ALTER TABLE public.business_events ADD COLUMN region text DEFAULT 'eu', ADD COLUMN gone text DEFAULT 'gone';
ALTER TABLE public.business_events DROP COLUMN gone;
WITH logged AS MATERIALIZED (SELECT count(bizmetrics.log_event(name, occurred_at => '2020-01-02')) AS n FROM unnest(ARRAY['page_viewed', 'just_logged']) name)
SELECT n, pruned, events FROM logged, LATERAL bizmetrics.prune_event_types(dry_run => n < 0);
SELECT event_name, region, count(*) FROM public.business_events GROUP BY 1, 2 ORDER BY 1;
ROLLBACK;

-- Who may, and what is refused.
SELECT bizmetrics.set_event_retention('clicked', NULL), bizmetrics.set_event_retention('clicked', NULL);
SELECT event_name FROM bizmetrics.event_retentions ORDER BY 1;
SELECT pg_temp.error_of(format('SELECT bizmetrics.set_event_retention(%s)', a)) FROM unnest(ARRAY['NULL, ''1 day''', ''''', ''1 day''', 'repeat(''x'', 101), ''1 day''', '''x'', ''0''', '''x'', ''-1 day''', '''x'', ''1000000 years''']) a;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_event_types(NULL)');
BEGIN READ ONLY;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_event_types()');
ROLLBACK;
SELECT bizmetrics.grant_author('regress_analyst'), bizmetrics.grant_writer('regress_analyst');
SET ROLE regress_analyst;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_event_types()');
SELECT pg_temp.error_of('SELECT bizmetrics.set_event_retention(''x'', ''1 day'')');
RESET ROLE;
GRANT EXECUTE ON FUNCTION bizmetrics.prune_event_types(boolean) TO regress_analyst;
SET ROLE regress_analyst;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_event_types()');
RESET ROLE;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM public.business_events;
FETCH 0 FROM c;
SELECT bizmetrics.log_event('page_viewed', occurred_at => '2020-02-02') IS NOT NULL;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_event_types()');
ROLLBACK;
SELECT bizmetrics.log_event('page_viewed', occurred_at => '2020-02-02') IS NOT NULL;
\c - regress_analyst
SELECT bizmetrics.create_report('all', 'analytics.all_events', 'INSERT INTO analytics.all_events SELECT count(*) FROM public.business_events', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.all_events (n bigint)');
\c - regress_keeper
SELECT partition, event_name, events, pruned, reason FROM bizmetrics.prune_event_types();
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_types WITH (FORCE);
DROP ROLE regress_keeper, regress_analyst;
