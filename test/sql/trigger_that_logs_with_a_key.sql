-- A user's trigger on the table may log events with keys of their own, and the event that it fires
-- for keeps its key.
BEGIN;
CREATE FUNCTION log_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.event_name = 'outer' THEN
    PERFORM bizmetrics.log_event('inner', occurred_at => '2009-01-05', dedupe_key => 'inner ' || NEW.dedupe_key);
  END IF;
  RETURN NEW;
END
$$;
SELECT bizmetrics.ensure_partitions('2009-01-01', '2009-02-01') > 0 AS made;
CREATE TRIGGER log_more BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION log_more();
\set ON_ERROR_ROLLBACK on
SELECT bizmetrics.log_event('outer', occurred_at => '2009-01-05', dedupe_key => 'a') = bizmetrics.log_event('outer', occurred_at => '2009-01-05', dedupe_key => 'a') AS same;
INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('outer', '2009-01-05', 'b');
SELECT event_name, dedupe_key FROM public.business_events WHERE occurred_at = '2009-01-05' ORDER BY 1, 2;
ROLLBACK;
