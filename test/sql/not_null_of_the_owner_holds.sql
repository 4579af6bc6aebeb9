-- NOT NULL that the owner puts on one of the event's columns holds for log_event() too.
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT bizmetrics.log_event('with', company_id => 1, occurred_at => '1998-01-05') IS NOT NULL AS logged;
DO $$
BEGIN
  EXECUTE (SELECT string_agg(format('ALTER TABLE public.business_events DETACH PARTITION %s;', inhrelid::regclass), ' ') FROM pg_inherits
           WHERE inhparent = 'public.business_events'::regclass AND inhrelid <> 'bizmetrics.business_events_1998_01'::regclass HAVING count(*) > 0);
EXCEPTION WHEN null_value_not_allowed THEN
END
$$;
ALTER TABLE public.business_events ALTER COLUMN company_id SET NOT NULL;
\set VERBOSITY sqlstate
SELECT bizmetrics.log_event('without', occurred_at => '1998-01-05');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('without', '1998-01-05');
SELECT bizmetrics.log_event('with', company_id => 2, occurred_at => '1998-01-05') IS NOT NULL AS logged;
SELECT event_name, company_id FROM public.business_events ORDER BY 2;
ROLLBACK;
