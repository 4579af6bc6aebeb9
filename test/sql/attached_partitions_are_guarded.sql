-- A partition that somebody attached by hand is append-only too, TRUNCATE included, and DROP
-- EXTENSION does not take its events along.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE DATABASE regression_bizmetrics_attached;
\c regression_bizmetrics_attached
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET client_min_messages = warning;
CREATE EXTENSION bizmetrics;
CREATE TABLE public.attached (LIKE public.business_events INCLUDING ALL);
ALTER TABLE public.business_events ATTACH PARTITION public.attached FOR VALUES FROM ('1991-01-01') TO ('1991-02-01');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''kept'', occurred_at => ''1991-01-05'')');
SELECT left(pg_temp.error_of('UPDATE public.attached SET event_name = ''changed'''), 5);
SELECT left(pg_temp.error_of('DELETE FROM public.attached'), 5);
SELECT left(pg_temp.error_of('TRUNCATE public.attached'), 5);
SELECT count(*) FROM public.attached;
SELECT left(pg_temp.error_of('DROP EXTENSION bizmetrics'), 5);
SELECT to_regclass('public.attached');
\c contrib_regression
DROP DATABASE regression_bizmetrics_attached WITH (FORCE);
