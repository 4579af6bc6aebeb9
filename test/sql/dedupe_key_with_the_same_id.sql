-- A key is stored once also for a writer who states ids: the same id and key in two months is a
-- duplicate.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT bizmetrics.ensure_partitions('1995-01-01', '1995-03-01');
INSERT INTO public.business_events (id, event_name, occurred_at, dedupe_key) VALUES ('00000000-0000-7000-8000-000000000001', 'same', '1995-01-01', 'same');
INSERT INTO public.business_events (id, event_name, occurred_at, dedupe_key) VALUES ('00000000-0000-7000-8000-000000000001', 'same', '1995-02-01', 'same');
SELECT count(*) FROM public.business_events WHERE dedupe_key = 'same';
ROLLBACK;
