-- log_event() stores what an INSERT into the parent would: its rules apply, and its own defaults.
BEGIN;
SELECT bizmetrics.log_event('before', occurred_at => '1998-03-05') IS NOT NULL AS logged;
CREATE TEMP TABLE seen (event_name text);
CREATE RULE also AS ON INSERT TO public.business_events DO ALSO INSERT INTO seen VALUES (NEW.event_name);
SELECT bizmetrics.log_event('rule', occurred_at => '1998-03-05') IS NOT NULL AS logged;
SELECT event_name FROM seen;
DROP RULE also ON public.business_events;
ALTER TABLE public.business_events ADD COLUMN region text;
ALTER TABLE ONLY public.business_events ALTER COLUMN region SET DEFAULT 'eu';
SELECT bizmetrics.log_event('default', occurred_at => '1998-03-05') IS NOT NULL AS logged;
SELECT event_name, region FROM public.business_events WHERE event_name = 'default';
ROLLBACK;
