-- Events of megabytes, and values that are stored out of line or compressed, arrive whole.
BEGIN;
CREATE TEMP TABLE source AS
SELECT jsonb_build_object('x', string_agg(md5(n::text), '' ORDER BY n)) AS properties, repeat('é', 500) AS key, repeat('n', 100) AS name, repeat('same ', 100000) AS packed
FROM generate_series(1, 100000) n;
ALTER TABLE source ALTER COLUMN key SET STORAGE EXTERNAL;
SELECT bizmetrics.log_event(name, properties, entity_type => left(packed, 300), request_id => packed, dedupe_key => key, occurred_at => '1998-04-05') = bizmetrics.log_event('again', dedupe_key => key) AS same FROM source;
SELECT e.properties = s.properties AS properties, e.request_id = s.packed AS request, e.dedupe_key = s.key AS key, e.event_name = s.name AS name
FROM public.business_events e, source s WHERE e.occurred_at = '1998-04-05';
SELECT length(e.properties ->> 'x') FROM public.business_events e WHERE e.occurred_at = '1998-04-05';
-- The same through SQL.
CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION pg_temp.nothing();
SELECT bizmetrics.log_event(name, properties, request_id => packed, occurred_at => '1998-04-06') IS NOT NULL AS logged FROM source;
SELECT e.properties = s.properties AS properties, e.request_id = s.packed AS request FROM public.business_events e, source s WHERE e.occurred_at = '1998-04-06';
ROLLBACK;
