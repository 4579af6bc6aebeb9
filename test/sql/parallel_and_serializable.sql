-- log_event() refuses to write in a parallel worker, and stores under every isolation level.
BEGIN;
CREATE FUNCTION pg_temp.mislabelled() RETURNS boolean PARALLEL SAFE LANGUAGE sql AS $$ SELECT bizmetrics.log_event('parallel') IS NOT NULL $$;
SAVEPOINT s;
SELECT count(set_config(name, 'on', true)) AS "set" FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
\set VERBOSITY sqlstate
SELECT bizmetrics.log_event('leader') IS NOT NULL AS logged;
SELECT pg_temp.mislabelled();
\set VERBOSITY default
ROLLBACK TO s;
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT bizmetrics.log_event('serializable', occurred_at => '2019-01-01', dedupe_key => 'serializable') = bizmetrics.log_event('again', dedupe_key => 'serializable') AS same;
SELECT event_name FROM public.business_events WHERE event_name IN ('serializable', 'again');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM public.business_events WHERE event_name = 'repeatable';
SELECT bizmetrics.log_event('repeatable', occurred_at => '2019-01-01') IS NOT NULL AS logged;
SELECT count(*) FROM public.business_events WHERE event_name = 'repeatable';
ROLLBACK;
