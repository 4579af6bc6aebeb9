-- INSERT and COPY claim keys too. A key seen before raises 23505 and names it; a row that another
-- transaction stored, as a restore loads it, passes.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
BEGIN;
SELECT bizmetrics.ensure_partitions('1994-01-01', '1994-04-01');
INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('inserted', '1994-01-01', 'ins 1');
SELECT id = bizmetrics.log_event('again', dedupe_key => 'ins 1') FROM public.business_events WHERE event_name = 'inserted';
SELECT regexp_replace(pg_temp.error_of('INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES (''twice'', ''1994-02-01'', ''ins 1'')'), '[0-9a-f]{8}-[0-9a-f-]+', 'ID');
SELECT left(pg_temp.error_of('INSERT INTO bizmetrics.business_events_1994_03 (event_name, occurred_at, dedupe_key) VALUES (''twice'', ''1994-03-01'', ''ins 1'')'), 35);
SELECT left(pg_temp.error_of('INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES (''a'', ''1994-02-01'', ''ins 2''), (''b'', ''1994-02-01'', ''ins 2'')'), 35);
SELECT bizmetrics.log_event('logged', occurred_at => '1994-01-01', dedupe_key => 'ins 3') IS NOT NULL;
SELECT left(pg_temp.error_of('INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES (''twice'', ''1994-01-01'', ''ins 3'')'), 35);
\set ON_ERROR_ROLLBACK on
\set VERBOSITY sqlstate
COPY public.business_events (event_name, occurred_at, dedupe_key) FROM stdin;
copied	1994-01-05	copy 1
copied	1994-02-05	copy 2
\.
COPY public.business_events (event_name, occurred_at, dedupe_key) FROM stdin;
twice	1994-01-05	copy 3
twice	1994-02-05	copy 1
\.
-- In replica mode rows come from another server, where they were judged.
SET LOCAL session_replication_role = replica;
INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('replicated', '1994-02-01', 'ins 1');
SET LOCAL session_replication_role = origin;
-- History on its way back.
INSERT INTO public.business_events (event_name, occurred_at, dedupe_key, xact_id) VALUES ('history', '1994-02-01', 'ins 1', 3), ('history', '1994-02-02', 'old', 3), ('history', '1994-03-02', 'old', 4);
SELECT bizmetrics.log_event('new', dedupe_key => 'old') = (SELECT id FROM public.business_events WHERE event_name = 'history' AND occurred_at = '1994-02-02');
SELECT event_name, occurred_at::date, dedupe_key FROM public.business_events WHERE occurred_at BETWEEN '1994-01-01' AND '1994-03-31' ORDER BY 1, 2, 3;
ROLLBACK;
