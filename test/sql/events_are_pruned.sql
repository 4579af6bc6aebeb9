-- prune_events() drops whole partitions that are older than a limit, those attached by hand too, and
-- says of each why or why not; for the owner only, and not what a report has still to read.
CREATE ROLE regress_keeper LOGIN;
CREATE ROLE regress_analyst LOGIN;
GRANT regress_analyst TO regress_keeper;
CREATE DATABASE regression_bizmetrics_prune OWNER regress_keeper;
\c regression_bizmetrics_prune regress_keeper
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE EXTENSION bizmetrics;
SELECT * FROM bizmetrics.prune_events(interval '1 day');
SELECT count(bizmetrics.log_event('e', occurred_at => t, dedupe_key => t::text)) FROM generate_series('2020-01-15', '2020-05-15', interval '1 month') t;
SELECT bizmetrics.log_event('now') IS NOT NULL;
CREATE TABLE public.ancient (LIKE public.business_events INCLUDING ALL, PRIMARY KEY (id));
ALTER TABLE public.business_events ATTACH PARTITION public.ancient FOR VALUES FROM (MINVALUE) TO ('2019-01-01');
CREATE TABLE public.by_day (LIKE public.business_events INCLUDING ALL) PARTITION BY RANGE (occurred_at);
CREATE TABLE public.one_day PARTITION OF public.by_day FOR VALUES FROM ('2019-05-01') TO ('2019-05-02');
ALTER TABLE public.business_events ATTACH PARTITION public.by_day FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');
CREATE TABLE public.others PARTITION OF public.business_events DEFAULT;
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('ancient', '1000-01-01'), ('sub', '2019-05-01'), ('other', '2021-01-01');
\set pruned 'SELECT partition, from_time, to_time, bytes > 0, dropped, reason FROM bizmetrics.prune_events'

-- The edge: a partition goes when the limit is its end.
:pruned (timestamptz '2020-02-29 23:59:59.999999', dry_run => true);
:pruned (timestamptz '2020-03-01', dry_run => true);
SELECT count(*) FROM bizmetrics.partitions;
SELECT count(*) FROM bizmetrics.pruned_events;
-- Something depends on one: nothing goes.
CREATE VIEW public.january AS SELECT * FROM bizmetrics.business_events_2020_01;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(timestamptz ''2020-03-01'')');
SELECT count(*) FROM bizmetrics.partitions;
DROP VIEW public.january;
:pruned (timestamptz '2020-03-01');
SELECT event_name, occurred_at FROM public.business_events WHERE event_name <> 'now' ORDER BY 2;
:pruned (timestamptz '2020-03-01');
SELECT pruned_by, partition_name, from_time, to_time, event_name, bytes > 0, pruned_at > now() - interval '1 minute' FROM bizmetrics.pruned_events ORDER BY to_time;

-- What is left is as it was: keys are remembered, a month comes back when it is logged to.
SELECT bizmetrics.log_event('e', occurred_at => '2020-01-15', dedupe_key => '2020-01-15 00:00:00+00') IN (SELECT id FROM public.business_events) AS stored;
DROP TABLE public.others;
SELECT bizmetrics.log_event('e', occurred_at => '2020-01-16') IS NOT NULL;
SELECT count(*) FROM public.business_events WHERE occurred_at < '2020-03-01';
SELECT pg_temp.error_of('DELETE FROM public.business_events');
SELECT pg_temp.error_of('DROP EXTENSION bizmetrics') LIKE '2BP01%';

-- Arguments, and who may.
SELECT pg_temp.error_of(format('SELECT * FROM bizmetrics.prune_events(%s)', a)) FROM unnest(ARRAY['NULL::interval', 'NULL::timestamptz', 'interval ''1 day'', NULL',
  'timestamptz ''3000-01-01''', 'timestamptz ''-infinity''', 'timestamptz ''infinity''']) a;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(interval ''-1 day'')') LIKE '22023: older_than must be in the past%';
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(''2 years'')') LIKE '42725%' AS ambiguous;
BEGIN READ ONLY;
:pruned (timestamptz '2020-02-01', true);
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(interval ''1 year'')');
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM public.business_events;
FETCH 0 FROM c;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(interval ''1 year'')') LIKE '55006%' AS in_use;
ROLLBACK;
SELECT bizmetrics.grant_writer('regress_analyst'), bizmetrics.grant_author('regress_analyst');
SET ROLE regress_analyst;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(interval ''1 year'')');
RESET ROLE;
GRANT EXECUTE ON FUNCTION bizmetrics.prune_events(interval, boolean) TO regress_analyst;
SET ROLE regress_analyst;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.prune_events(interval ''1 year'')');
RESET ROLE;

-- A report that reads everything, before it has, and after.
\c - regress_analyst
SELECT bizmetrics.create_report('all', 'analytics.all_events', 'INSERT INTO analytics.all_events SELECT count(*) FROM public.business_events', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.all_events (n bigint)');
\c - regress_keeper
SET timezone = 'UTC';
SET datestyle = 'ISO';
:pruned (timestamptz '2020-04-01');
\c - regress_analyst
SELECT state FROM bizmetrics.run_report('all');
-- One that has not run has still to read everything, however far back it looks.
SELECT bizmetrics.create_report('looks_back', 'analytics.days', 'INSERT INTO analytics.days SELECT $1 WHERE $2 > $1', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.days (day timestamptz)',
  bucket => '1 day', lookback => age(now(), '2020-03-15 00:00 UTC'));
\c - regress_keeper
SET timezone = 'UTC';
SET datestyle = 'ISO';
:pruned (timestamptz '2020-05-01');
-- Of months that reports have read, the current one stays, for a report may read more of it.
SELECT dropped, reason FROM bizmetrics.prune_events(now()) ORDER BY to_time DESC LIMIT 1;
\c - regress_analyst
SELECT bizmetrics.drop_report('looks_back');
\c - regress_keeper
SET timezone = 'UTC';
SET datestyle = 'ISO';
:pruned (interval '5 years');
SELECT event_name FROM public.business_events;
SELECT count(*) FROM bizmetrics.pruned_events;
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_prune WITH (FORCE);
DROP ROLE regress_keeper, regress_analyst;
