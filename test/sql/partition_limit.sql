-- ensure_partitions() makes what is missing and says how many; bizmetrics.max_partitions bounds them.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
SELECT bizmetrics.ensure_partitions('1989-01-15', '1989-04-01');
SELECT bizmetrics.ensure_partitions('1989-01-15', '1989-04-01');
SELECT bizmetrics.ensure_partitions('1988-12-31 23:59', '1989-04-01 00:00:00.000001');
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass AND inhrelid::regclass::text ~ '198[89]' ORDER BY inhrelid::regclass::text;
SELECT bizmetrics.ensure_partitions(NULL, '1989-04-01') IS NULL;
SELECT pg_temp.error_of('SELECT bizmetrics.ensure_partitions(''1989-04-01'', ''1989-04-01'')');
SELECT pg_temp.error_of('SELECT bizmetrics.ensure_partitions(''1989-04-02'', ''1989-04-01'')');
SELECT pg_temp.error_of('SELECT bizmetrics.ensure_partitions(''-infinity'', ''1989-04-01'')');
SELECT pg_temp.error_of('SELECT bizmetrics.ensure_partitions(''1989-04-01'', ''infinity'')');
ROLLBACK;

-- A missing month inside a command that writes the table itself, or holds it open.
BEGIN;
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, request_id) SELECT ''outer'', bizmetrics.log_event(''inner'', occurred_at => ''1989-01-01'')::text');
SELECT bizmetrics.ensure_partitions('1989-01-01', '1989-02-01');
SELECT bizmetrics.log_event('first', occurred_at => '1989-01-01') IS NOT NULL;
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, request_id, occurred_at) SELECT ''outer'', bizmetrics.log_event(''inner'', occurred_at => ''1989-01-01'')::text, ''1989-01-01''');
SELECT event_name FROM public.business_events WHERE event_name IN ('outer', 'inner') ORDER BY 1;
ROLLBACK;

-- The limit is a setting of the server. Errors show the limit, so it is set by what there is.
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.max_partitions
SELECT bizmetrics.ensure_partitions(now(), now() + interval '1 microsecond') BETWEEN 0 AND 1;
SELECT count(*) AS value FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass \gset
ALTER SYSTEM SET bizmetrics.max_partitions = :value;
\i :wait
SELECT regexp_replace(pg_temp.error_of('SELECT bizmetrics.log_event(''one too many'', occurred_at => ''1989-06-01'')'), '\d+ partitions', 'N partitions');
SELECT regexp_replace(pg_temp.error_of('SELECT bizmetrics.ensure_partitions(''1989-06-01'', ''1989-07-01'')'), '\d+ partitions', 'N partitions');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''there is one'')');
ALTER SYSTEM RESET bizmetrics.max_partitions;
\set value 1000
\i :wait
BEGIN;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''again'', occurred_at => ''1989-06-01'')');
ROLLBACK;
