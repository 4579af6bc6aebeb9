-- Events are neither changed nor deleted: on the parent and on every partition, by nobody.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
BEGIN;
SELECT bizmetrics.log_event('kept', occurred_at => '1990-01-01', dedupe_key => 'kept') IS NOT NULL;
\set part bizmetrics.business_events_1990_01
SELECT current_setting('is_superuser');
SELECT pg_temp.error_of('UPDATE public.business_events SET event_name = ''changed''');
SELECT pg_temp.error_of('DELETE FROM public.business_events');
SELECT pg_temp.error_of('TRUNCATE public.business_events');
SELECT pg_temp.error_of('UPDATE bizmetrics.business_events_1990_01 SET event_name = ''changed''');
SELECT pg_temp.error_of('DELETE FROM bizmetrics.business_events_1990_01');
SELECT pg_temp.error_of('TRUNCATE bizmetrics.business_events_1990_01');
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
-- Also where no row is meant, through ONLY, a view, a CTE, MERGE and ON CONFLICT, and by moving a row.
UPDATE public.business_events SET event_name = 'changed' WHERE false;
DELETE FROM public.business_events WHERE false;
DELETE FROM bizmetrics.business_events_1990_01 WHERE false;
UPDATE ONLY public.business_events SET event_name = 'changed';
TRUNCATE ONLY bizmetrics.business_events_1990_01;
TRUNCATE public.business_events CASCADE;
UPDATE public.business_events SET occurred_at = '1990-02-01';
WITH gone AS (DELETE FROM public.business_events RETURNING id) SELECT count(*) FROM gone;
CREATE TEMP VIEW simple AS SELECT id, event_name FROM public.business_events;
UPDATE simple SET event_name = 'changed';
MERGE INTO public.business_events e USING (VALUES ('kept')) v (name) ON e.event_name = v.name WHEN MATCHED THEN UPDATE SET event_name = 'changed';
MERGE INTO public.business_events e USING (VALUES ('kept')) v (name) ON e.event_name = v.name WHEN MATCHED THEN DELETE;
MERGE INTO bizmetrics.business_events_1990_01 e USING (VALUES ('none')) v (name) ON e.event_name = v.name WHEN MATCHED THEN DELETE;
INSERT INTO bizmetrics.business_events_1990_01 (id, event_name, occurred_at) SELECT id, event_name, occurred_at FROM public.business_events WHERE event_name = 'kept' ON CONFLICT (id) DO UPDATE SET event_name = 'changed';
-- Triggers that fire in replica mode too.
SET LOCAL session_replication_role = replica;
UPDATE public.business_events SET event_name = 'changed';
DELETE FROM bizmetrics.business_events_1990_01;
TRUNCATE public.business_events;
TRUNCATE bizmetrics.business_events_1990_01;
SET LOCAL session_replication_role = origin;
-- What adds rows is allowed: MERGE that only inserts.
MERGE INTO public.business_events e USING (VALUES ('merged')) v (name) ON e.event_name = v.name WHEN NOT MATCHED THEN INSERT (event_name, occurred_at) VALUES (v.name, '1990-01-02');
SELECT event_name FROM public.business_events WHERE occurred_at BETWEEN '1990-01-01' AND '1990-01-31' ORDER BY 1;
ROLLBACK;

-- The owner is no exception, superuser or not.
CREATE ROLE regress_owner;
BEGIN;
SELECT bizmetrics.log_event('kept', occurred_at => '1990-01-01') IS NOT NULL;
ALTER TABLE public.business_events OWNER TO regress_owner;
ALTER TABLE bizmetrics.business_events_1990_01 OWNER TO regress_owner;
GRANT USAGE ON SCHEMA bizmetrics TO regress_owner;
SET LOCAL ROLE regress_owner;
UPDATE public.business_events SET event_name = 'changed';
DELETE FROM bizmetrics.business_events_1990_01;
TRUNCATE public.business_events;
ROLLBACK;
DROP ROLE regress_owner;
