-- A CHECK of the owner holds for log_event() also where it replaced one of ours under its name.
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT bizmetrics.log_event('before', occurred_at => '1998-02-05') IS NOT NULL AS logged;
ALTER TABLE public.business_events DROP CONSTRAINT business_events_event_name_check;
ALTER TABLE public.business_events ADD CONSTRAINT business_events_event_name_check CHECK (event_name ~ '^[a-z_]+$') NOT VALID;
\set VERBOSITY sqlstate
SELECT bizmetrics.log_event('Not allowed', occurred_at => '1998-02-05');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('Not allowed', '1998-02-05');
SELECT bizmetrics.log_event('allowed', occurred_at => '1998-02-05') IS NOT NULL AS logged;
ROLLBACK;
