-- A user's function that runs while an event is stored may log events itself: in a trigger, an
-- index expression, a constraint. Both are stored.
BEGIN;
CREATE FUNCTION log_inner(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF $1 = 'outer' THEN
    PERFORM bizmetrics.log_event('inner', occurred_at => '1998-06-06');
  END IF;
  RETURN $1;
END
$$;
CREATE FUNCTION log_from_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM log_inner(CASE WHEN NEW.event_name = 'from trigger' THEN 'outer' END); RETURN NEW; END $$;
\set show 'SELECT event_name, count(*) FROM public.business_events WHERE occurred_at BETWEEN ''1998-06-01'' AND ''1998-06-30'' GROUP BY 1 ORDER BY 1'
SELECT bizmetrics.log_event('before', occurred_at => '1998-06-05') IS NOT NULL AS logged;
CREATE TRIGGER log_from_trigger BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION log_from_trigger();
SELECT bizmetrics.log_event('from trigger', occurred_at => '1998-06-05') IS NOT NULL AS logged;
:show;
DROP TRIGGER log_from_trigger ON public.business_events;
CREATE INDEX logging ON bizmetrics.business_events_1998_06 (log_inner(event_name));
SELECT bizmetrics.log_event('plain', occurred_at => '1998-06-05') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('outer', occurred_at => '1998-06-05') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('outer', occurred_at => '1998-06-05') IS NOT NULL AS logged;
:show;
DROP INDEX bizmetrics.logging;
ALTER TABLE public.business_events ADD CONSTRAINT logging CHECK (log_inner(event_name) <> '') NOT VALID;
SELECT bizmetrics.log_event('plain', occurred_at => '1998-06-05') IS NOT NULL AS logged;
SELECT bizmetrics.log_event('outer', occurred_at => '1998-06-05') IS NOT NULL AS logged;
:show;
ROLLBACK;
