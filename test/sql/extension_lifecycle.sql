-- CREATE, DROP and CREATE EXTENSION: without events nothing but analytics stays; with events DROP
-- is refused; what is there already is neither adopted nor overwritten.
CREATE ROLE regress_dbo LOGIN;
CREATE DATABASE regression_bizmetrics_life OWNER regress_dbo;
\c regression_bizmetrics_life
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE FUNCTION pg_temp.leftovers() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT i.type || ' ' || i.identity
  FROM (SELECT 'pg_class'::regclass AS classid, oid FROM pg_class UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type
        UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension) o,
    pg_identify_object(o.classid, o.oid, 0) i
  WHERE o.oid >= 16384 AND i.identity !~ '^(pg_temp|pg_toast)' AND coalesce(i.schema, '') !~ '^pg_(temp|toast)' ORDER BY 1
$$;
SELECT pg_temp.leftovers();
CREATE EXTENSION bizmetrics;
SELECT extversion = installed_version AS current, n.nspname FROM pg_extension e JOIN pg_available_extensions a ON a.name = extname JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'bizmetrics';
SELECT pg_temp.error_of('CREATE EXTENSION bizmetrics');
DROP EXTENSION bizmetrics;
SELECT pg_temp.leftovers();
CREATE EXTENSION bizmetrics;
-- In one session, with what it has cached.
SELECT bizmetrics.log_event('first', dedupe_key => 'key') IS NOT NULL;
SELECT pg_temp.error_of('DROP EXTENSION bizmetrics');
SELECT pg_temp.error_of('DROP TABLE public.business_events') LIKE '2BP01%';
DROP VIEW bizmetrics.business_events_guard;
DROP EXTENSION bizmetrics;
SELECT pg_temp.leftovers();
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.log_event('second', dedupe_key => 'key') IS NOT NULL;
BEGIN;
DROP VIEW bizmetrics.business_events_guard;
DROP EXTENSION bizmetrics;
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.log_event('third', dedupe_key => 'key') IS NOT NULL;
SELECT event_name FROM public.business_events;
ROLLBACK;
SELECT bizmetrics.log_event('fourth', dedupe_key => 'key') IS NOT NULL;
SELECT bizmetrics.log_event('fifth', dedupe_key => 'other') IS NOT NULL;
SELECT event_name FROM public.business_events ORDER BY 1;
DROP EXTENSION bizmetrics CASCADE;
-- A table of an earlier package.
CREATE TABLE public.business_events (id bigint, event_name text);
INSERT INTO public.business_events VALUES (1, 'old');
SELECT pg_temp.error_of('CREATE EXTENSION bizmetrics');
SELECT to_regnamespace('bizmetrics') IS NULL AS nothing_left;
ALTER TABLE public.business_events RENAME TO business_events_before;
CREATE EXTENSION bizmetrics;
SELECT count(*) FROM public.business_events;
SELECT count(*) FROM public.business_events_before;
DROP EXTENSION bizmetrics;
CREATE SCHEMA bizmetrics;
SELECT pg_temp.error_of('CREATE EXTENSION bizmetrics');
DROP SCHEMA bizmetrics;
DROP TABLE public.business_events_before;
DROP SCHEMA analytics;
-- analytics is there already: it stays as it is, its owner's, with what is in it.
CREATE ROLE regress_analyst;
CREATE SCHEMA analytics AUTHORIZATION regress_analyst;
COMMENT ON SCHEMA analytics IS 'ours';
CREATE TABLE analytics.kept AS SELECT 1 AS n;
CREATE EXTENSION bizmetrics;
SELECT nspowner::regrole, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'analytics';
DROP EXTENSION bizmetrics;
SELECT n FROM analytics.kept;
DROP SCHEMA analytics CASCADE;
-- The owner of the database, who is no superuser.
\c - regress_dbo
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.log_event('of the owner', dedupe_key => 'key', actor_user_id => 42) = bizmetrics.log_event('again', dedupe_key => 'key');
SELECT event_name, actor_user_id FROM public.business_events;
SELECT pg_temp.error_of('UPDATE public.business_events SET event_name = ''changed''');
SELECT bizmetrics.grant_reader('regress_analyst'), bizmetrics.grant_writer('regress_analyst'), bizmetrics.grant_author('regress_analyst');
SELECT role_name, privilege FROM bizmetrics.grants ORDER BY 2;
SELECT bizmetrics.create_report('own', 'analytics.own', 'INSERT INTO analytics.own VALUES (1)', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.own (n integer)');
SELECT state FROM bizmetrics.run_report('own');
SELECT has_table_privilege('regress_analyst', 'analytics.own', 'SELECT');
SELECT report_name, owner_name FROM bizmetrics.reports;
-- He cannot make the registry run SQL as somebody else.
SELECT pg_temp.error_of('UPDATE bizmetrics.reports SET owner_name = ''postgres''');
SELECT pg_temp.error_of('ALTER TABLE bizmetrics.reports DISABLE TRIGGER ALL');
SELECT pg_temp.error_of('DROP TRIGGER reports_guard ON bizmetrics.reports');
SELECT pg_temp.error_of('CREATE OR REPLACE FUNCTION bizmetrics.guard_report() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''');
SELECT pg_temp.error_of('ALTER TABLE bizmetrics.reports RENAME TO reports_2');
SELECT pg_temp.error_of('INSERT INTO bizmetrics.reports SELECT 99, ''forged'', ''postgres'', target, ddl, query, schedule, timezone, bucket, lookback, max_attempts, backoff, timeout, search_path, target_has_key, created_at FROM bizmetrics.reports');
SELECT pg_temp.error_of('INSERT INTO bizmetrics.reports SELECT 99, ''restored'', ''regress_dbo'', target, ddl, query, schedule, timezone, bucket, lookback, max_attempts, backoff, timeout, search_path, target_has_key, created_at FROM bizmetrics.reports');
SELECT report_name, state FROM bizmetrics.report_status WHERE report_name = 'own';
SELECT bizmetrics.revoke_reader('regress_analyst'), bizmetrics.revoke_writer('regress_analyst'), bizmetrics.revoke_author('regress_analyst');
DROP VIEW bizmetrics.business_events_guard;
DROP EXTENSION bizmetrics;
SELECT n FROM analytics.own;
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_life WITH (FORCE);
DROP ROLE regress_dbo, regress_analyst;
