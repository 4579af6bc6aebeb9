-- Keys older than bizmetrics.dedupe_retention are forgotten, the oldest first; events stay, and a
-- key that was forgotten can be used again.
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
\set wait :srcdir '/helpers/wait_for_setting.sql'
\set setting bizmetrics.dedupe_retention
BEGIN;
DELETE FROM bizmetrics.dedupe_keys;
SELECT count(bizmetrics.log_event('pruned', dedupe_key => 'prune' || n)) FROM generate_series(1, 10) n;
SELECT bizmetrics.prune_dedupe_keys();
-- Their ledger is what counts, and not when the events happened.
UPDATE bizmetrics.dedupe_keys SET recorded_at = now() - interval '88 days' - substring(dedupe_key from 6)::int * interval '1 day';
SELECT bizmetrics.prune_dedupe_keys(3);
SELECT dedupe_key FROM bizmetrics.dedupe_keys ORDER BY recorded_at;
SELECT bizmetrics.prune_dedupe_keys();
SELECT dedupe_key FROM bizmetrics.dedupe_keys;
SELECT count(*) FROM public.business_events WHERE event_name = 'pruned';
SELECT bizmetrics.log_event('again', dedupe_key => 'prune1') = id AS remembered, bizmetrics.log_event('again', dedupe_key => 'prune2') = id AS pruned
FROM public.business_events WHERE event_name = 'pruned' AND dedupe_key = 'prune1';
INSERT INTO public.business_events (event_name, dedupe_key) VALUES ('again', 'prune3');
SELECT event_name, dedupe_key FROM public.business_events WHERE dedupe_key IN ('prune1', 'prune2', 'prune3') ORDER BY 2, 1 DESC;
SELECT pg_temp.error_of('INSERT INTO public.business_events (event_name, dedupe_key) VALUES (''again'', ''prune3'')') LIKE '23505%' AS taken;
SELECT pg_temp.error_of('SELECT bizmetrics.prune_dedupe_keys(0)');
CREATE ROLE regress_pruner;
SELECT bizmetrics.grant_writer('regress_pruner'), bizmetrics.grant_author('regress_pruner');
SET ROLE regress_pruner;
SELECT pg_temp.error_of('SELECT bizmetrics.prune_dedupe_keys()');
ROLLBACK;
BEGIN READ ONLY;
SELECT bizmetrics.prune_dedupe_keys();
ROLLBACK;

ALTER SYSTEM SET bizmetrics.dedupe_retention = '2h';
\set value 2h
\i :wait
BEGIN;
DELETE FROM bizmetrics.dedupe_keys;
SELECT count(bizmetrics.log_event('pruned', dedupe_key => 'prune' || n)) FROM generate_series(1, 2) n;
UPDATE bizmetrics.dedupe_keys SET recorded_at = now() - CASE dedupe_key WHEN 'prune1' THEN interval '119 min' ELSE interval '121 min' END;
SELECT bizmetrics.prune_dedupe_keys();
SELECT dedupe_key FROM bizmetrics.dedupe_keys;
ROLLBACK;

-- 0: for ever.
ALTER SYSTEM SET bizmetrics.dedupe_retention = 0;
\set value 0
\i :wait
BEGIN;
SELECT bizmetrics.log_event('kept', dedupe_key => 'kept') IS NOT NULL AS logged;
UPDATE bizmetrics.dedupe_keys SET recorded_at = '-infinity';
SELECT bizmetrics.prune_dedupe_keys();
ROLLBACK;
ALTER SYSTEM RESET bizmetrics.dedupe_retention;
\set value 90d
\i :wait
