-- A writer logs events, by function and by INSERT or COPY of the first ten columns, and no more.
CREATE ROLE regress_writer LOGIN;
CREATE ROLE regress_nobody LOGIN;
SELECT bizmetrics.grant_writer('regress_writer');
SELECT bizmetrics.grant_writer('regress_writer');
SELECT role_name, privilege FROM bizmetrics.grants WHERE role_name LIKE 'regress%';
SELECT bizmetrics.ensure_partitions('1999-01-01 00:00 UTC', '1999-02-01 00:00 UTC');
\c - regress_writer
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by writer'', ''{}'', 42, ''c''::varchar, ''order'', 7::bigint, ''1999-01-01'', NULL, ''r'')');
SELECT pg_temp.error_of('INSERT INTO public.business_events (id, event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, request_id, dedupe_key) VALUES (bizmetrics.uuid_v7(), ''by writer'', ''1999-01-02'', 1, 2, ''t'', 3, ''{}'', ''r'', NULL)');
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, occurred_at) VALUES (''by writer'', ''1999-01-03'')');
COPY public.business_events (event_name, occurred_at) FROM stdin;
by writer	1999-01-04
\.
-- A month that is missing is made for him as well.
BEGIN;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by writer'', occurred_at => ''1999-02-01'')');
SELECT bizmetrics.ensure_partitions('1999-03-01 00:00 UTC', '1999-05-01 00:00 UTC');
ROLLBACK;
-- Not his: the columns that are ours, reading, changing, partitions, the extension's tables, reports, other people's roles.
\set ON_ERROR_ROLLBACK on
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, xact_id) VALUES (''forged'', 1)');
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, recorded_at) VALUES (''forged'', now())');
SELECT pg_temp.error_of('INSERT INTO bizmetrics.business_events_1999_01 (event_name, occurred_at) VALUES (''forged'', ''1999-01-01'')');
SELECT pg_temp.error_of('SELECT count(*) FROM public.business_events');
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, occurred_at) VALUES (''returned'', ''1999-01-03'') RETURNING id');
SELECT pg_temp.error_of('UPDATE public.business_events SET event_name = ''x''');
SELECT pg_temp.error_of('DELETE FROM public.business_events');
SELECT pg_temp.error_of('TRUNCATE public.business_events');
SELECT pg_temp.error_of('ALTER TABLE public.business_events DISABLE TRIGGER ALL');
SELECT pg_temp.error_of('CREATE TABLE bizmetrics.mine ()');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.dedupe_keys');
SELECT pg_temp.error_of('INSERT INTO bizmetrics.grants VALUES (''regress_writer'', ''author'')');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.reports');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.report_status');
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''r'', ''analytics.r'', ''SELECT 1'', ''0 0 29 2 *'')');
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''r'')');
SELECT pg_temp.error_of('SELECT bizmetrics.request_run(''r'')');
SELECT pg_temp.error_of('SELECT bizmetrics.grant_author(''regress_writer'')');
SELECT pg_temp.error_of('SELECT bizmetrics.change_grant(''regress_writer'', ''author'', true)');
SELECT pg_temp.error_of('SELECT bizmetrics.share_report_tables(''regress_writer'')');
-- Rights end in the middle of a session, and in the middle of SET ROLE.
\c - postgres
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
GRANT EXECUTE ON FUNCTION bizmetrics.log_event TO regress_nobody;
GRANT USAGE ON SCHEMA bizmetrics TO regress_nobody;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by superuser'', occurred_at => ''1999-01-05'')');
SET ROLE regress_nobody;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by nobody'', occurred_at => ''1999-01-05'')');
SET ROLE regress_writer;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by writer'', occurred_at => ''1999-01-05'')');
SET ROLE regress_nobody;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by nobody'', occurred_at => ''1999-01-05'')');
RESET ROLE;
GRANT regress_writer TO regress_nobody;
SET ROLE regress_nobody;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by member'', occurred_at => ''1999-01-05'')');
RESET ROLE;
REVOKE regress_writer FROM regress_nobody;
SET ROLE regress_nobody;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by nobody'', occurred_at => ''1999-01-05'')');
RESET ROLE;
SET ROLE regress_writer;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by writer'', occurred_at => ''1999-01-05'')');
RESET ROLE;
REVOKE INSERT (request_id) ON public.business_events FROM regress_writer;
SET ROLE regress_writer;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''without'', occurred_at => ''1999-01-05'')');
RESET ROLE;
-- Somebody's function that runs as the writer lends his rights, and nothing else does.
SELECT bizmetrics.grant_writer('regress_writer');
GRANT USAGE, CREATE ON SCHEMA public TO regress_writer;
SET ROLE regress_writer;
CREATE FUNCTION public.log_for_all(text) RETURNS void SECURITY DEFINER LANGUAGE sql AS $$ SELECT bizmetrics.log_event($1, occurred_at => '1999-01-06') $$;
SET ROLE regress_nobody;
SELECT pg_temp.error_of('SELECT public.log_for_all(''by function'')');
RESET ROLE;
DROP FUNCTION public.log_for_all(text);
REVOKE ALL ON SCHEMA public FROM regress_writer;

SELECT bizmetrics.revoke_writer('regress_writer');
SET ROLE regress_writer;
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''by writer'')');
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name) VALUES (''by writer'')');
RESET ROLE;
SELECT role_name, privilege FROM bizmetrics.grants WHERE role_name LIKE 'regress%';
SELECT event_name, count(*) FROM public.business_events WHERE occurred_at BETWEEN '1999-01-01' AND '1999-01-31' GROUP BY 1 ORDER BY 1;
DROP OWNED BY regress_nobody;
DROP ROLE regress_writer, regress_nobody;
