-- A row that INSERT does not store in the end takes no key: ON CONFLICT DO NOTHING, or somebody's
-- trigger that leaves the row out.
\set VERBOSITY sqlstate
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT bizmetrics.log_event('first', occurred_at => '1995-01-01') AS id \gset
INSERT INTO bizmetrics.business_events_1995_01 (id, event_name, occurred_at, dedupe_key) VALUES (:'id', 'conflict', '1995-01-01', 'conflict') ON CONFLICT DO NOTHING;
SELECT bizmetrics.log_event('stored', occurred_at => '1995-01-01', dedupe_key => 'conflict') <> :'id' AS own_id;
CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER leave_out BEFORE INSERT ON public.business_events FOR EACH ROW WHEN (NEW.event_name = 'left out') EXECUTE FUNCTION leave_out();
SELECT bizmetrics.log_event('left out', occurred_at => '1995-01-01', dedupe_key => 'left out') IS NOT NULL AS called;
SELECT bizmetrics.log_event('stored', occurred_at => '1995-01-01', dedupe_key => 'left out') IS NOT NULL AS called;
SELECT event_name, dedupe_key FROM public.business_events WHERE event_name IN ('stored', 'left out') ORDER BY 2;
ROLLBACK;
