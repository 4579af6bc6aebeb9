-- A prepared transaction keeps its event, its key and its partition until it is decided.
SET lock_timeout = '200ms';
\set VERBOSITY sqlstate
BEGIN;
SELECT bizmetrics.log_event('2pc', occurred_at => '1981-01-05', dedupe_key => '2pc') IS NOT NULL AS logged;
PREPARE TRANSACTION 'bizmetrics 2pc';
-- Its key and its month are spoken for. Other months with a partition are not.
SELECT bizmetrics.log_event('2pc', occurred_at => '1981-01-05', dedupe_key => '2pc') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('2pc', occurred_at => '1981-01-06') IS NOT NULL AS logged;
SELECT count(*) FROM public.business_events WHERE event_name = '2pc';
ROLLBACK PREPARED 'bizmetrics 2pc';
SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass AND inhrelid::regclass::text LIKE '%1981%';
-- Both are free again, and stay when the next one is committed.
BEGIN;
SELECT bizmetrics.log_event('2pc', occurred_at => '1981-01-05', dedupe_key => '2pc') IS NOT NULL AS logged;
PREPARE TRANSACTION 'bizmetrics 2pc';
COMMIT PREPARED 'bizmetrics 2pc';
SELECT id = bizmetrics.log_event('2pc again', dedupe_key => '2pc') AS same FROM public.business_events WHERE event_name = '2pc';
SELECT event_name, dedupe_key FROM public.business_events WHERE event_name LIKE '2pc%';
