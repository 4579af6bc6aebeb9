-- Messages of other services become events through their mappings; the others are rejects with a reason.
CREATE ROLE ingest_bus;
SELECT bizmetrics.grant_writer('ingest_bus');
CREATE FUNCTION events_of(source text) RETURNS TABLE (event_name text, occurred_at timestamptz, actor text,
  company text, type text, id text, properties jsonb, dedupe_key text, request text) LANGUAGE sql AS $$
  SELECT event_name, occurred_at, actor_user_id, company_id, entity_type, entity_id, properties, dedupe_key, request_id
  FROM business_events WHERE dedupe_key LIKE source || ':%' ORDER BY id
$$;
SET TimeZone = 'UTC';

SELECT bizmetrics.map_event('shop', 'order.created', 'order_created', '{
  "entity_type": "order", "entity_id": "data.id", "actor_user_id": "data.customer.id",
  "company_id": "t-{data.tenant}", "occurred_at": "data.created_at", "request_id": "trace",
  "properties": ["data.total", "data.items.0.sku", "data.nothing"]}');
SELECT bizmetrics.map_event('shop', 'order.status_changed', 'order_{data.status}', '{
  "entity_type": "{data.kind}", "properties": {"value": "data.total", "who": "data.customer"}}');
SELECT bizmetrics.map_event('shop', 'plain', 'plain');
SELECT bizmetrics.map_event('shop', 'other_id', 'other_id', '{"id": "meta.uuid", "properties": "meta"}');

-- A writer may.
SET ROLE ingest_bus;
SELECT bizmetrics.ingest('shop', '{"event": "order.created", "id": 7, "trace": "r-1", "data": {"id": 99, "tenant": 3,
  "customer": {"id": "c1"}, "created_at": "2026-02-03T04:05:06+02:00", "total": 9.90, "items": [{"sku": "A"}]}}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('shop', '{"event": "order.status_changed", "id": "8", "time": 1770000000,
  "data": {"status": "paid", "kind": "order", "total": 1.50, "customer": {"name": "x"}}}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('shop', '{"event": "order.status_changed", "id": "9", "occurred_at": 1770000000123,
  "data": {"status": "shipped"}}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": true, "occurred_at": "2026-03-01Z"}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('shop', '{"type": "plain", "id": "10", "occurred_at": "2026-03-01Z", "data": [1, null]}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('shop', '{"event": "other_id", "time": "2026-03-01Z", "meta": {"uuid": "u-1", "v": {"a": [2]}}}') IS NOT NULL AS stored;
RESET ROLE;
SELECT * FROM events_of('shop');

-- Once per source and id: it returns the first one's event.
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": "10"}') = id AS same FROM business_events WHERE dedupe_key = 'shop:10';
SELECT count(*) FROM events_of('shop');
-- Without a time it is now; and settings fill what the message does not say.
BEGIN;
SET LOCAL bizmetrics.company_id = 'acme';
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": "11"}') IS NOT NULL AS stored;
SELECT occurred_at = recorded_at AS now, company_id FROM business_events WHERE dedupe_key = 'shop:11';
COMMIT;

-- CloudEvents: an id is unique within the event's own source. The subject is the entity.
SELECT bizmetrics.map_event('bus', '*', '{type}');
SELECT bizmetrics.map_event('bus', 'com.example.noise', NULL);
SELECT bizmetrics.map_event('bus', 'com.example.plain', 'plain', '{"entity_id": null}');
SELECT bizmetrics.ingest('bus', '{"specversion": "1.0", "type": "com.example.sent", "id": "a", "source": "https://mail/eu",
  "time": "2026-02-03T04:05:06Z", "subject": "campaign/4", "data": {"opened": 3}}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('bus', '{"specversion": "1.0", "type": "com.example.sent", "id": "a", "source": "https://mail/us",
  "time": "2026-02-03T04:05:06Z", "event": "not.this"}') IS NOT NULL AS stored;
SELECT bizmetrics.ingest('bus', '{"specversion": "1.0", "type": "com.example.plain", "id": "b", "source": "/s",
  "time": "2026-02-03T04:05:06Z", "subject": "x"}') IS NOT NULL AS stored;
-- Not wanted: neither an event nor a reject.
SELECT bizmetrics.ingest('bus', '{"specversion": "1.0", "type": "com.example.noise", "id": "c", "source": "/s"}');
SELECT * FROM events_of('bus');
SELECT count(*) FROM bizmetrics.event_rejects;

-- What cannot become an event is kept with the reason, and the transaction goes on.
BEGIN;
SELECT bizmetrics.ingest('shop', '{"event": "unheard", "id": 1}');
SELECT bizmetrics.ingest('nobody', '{"event": "plain", "id": 1}');
SELECT bizmetrics.ingest('shop', '[]'), bizmetrics.ingest('shop', '"text"'), bizmetrics.ingest('shop', 'null');
SELECT bizmetrics.ingest('shop', '{}');
SELECT bizmetrics.ingest('bus', '{"specversion": "1.0", "event": "x", "id": 1}');
SELECT bizmetrics.ingest('shop', '{"event": ["plain"], "id": 1}');
SELECT bizmetrics.ingest('shop', '{"event": "plain"}');
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": ""}');
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": {"a": 1}}');
SELECT bizmetrics.ingest('shop', jsonb_build_object('event', 'plain', 'id', repeat('x', 500)));
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": 2, "time": "soon"}');
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": 2, "time": "infinity"}');
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": 2, "time": 1e300}');
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": 2, "time": []}');
SELECT bizmetrics.ingest('shop', '{"event": "order.created", "id": 2, "data": {"total": 1}}');
SELECT bizmetrics.ingest('shop', '{"event": "order.created", "id": 2, "data": {"customer": {"id": {}}, "created_at": 0}}');
SELECT bizmetrics.ingest('shop', '{"event": "order.status_changed", "id": 2, "data": {"status": null}}');
SELECT bizmetrics.ingest('shop', jsonb_build_object('event', 'order.status_changed', 'id', 2, 'data', jsonb_build_object('status', repeat('x', 100))));
SELECT bizmetrics.ingest('shop', '{"event": "other_id", "id": 2, "meta": "text"}');
SELECT bizmetrics.ingest('shop', '{"event": "plain", "id": 12}') IS NOT NULL AS stored;
COMMIT;
SELECT source, sqlstate, left(message, 80) AS message, detail, hint FROM bizmetrics.event_rejects ORDER BY reject_id;
SELECT count(*) FROM events_of('shop') WHERE dedupe_key IN ('shop:1', 'shop:2');

-- Once there is a mapping, they are tried again.
SELECT bizmetrics.replay_rejects('nobody');
SELECT bizmetrics.map_event('shop', 'unheard', 'heard');
SELECT bizmetrics.map_event('nobody', '*', NULL);
SELECT bizmetrics.replay_rejects('shop'), bizmetrics.replay_rejects();
SELECT event_name FROM events_of('shop') WHERE dedupe_key = 'shop:1';
-- The reason is that of the last try.
SELECT bizmetrics.unmap_event('shop', 'order.created');
SELECT bizmetrics.replay_rejects();
SELECT sqlstate, message, count(*) FROM bizmetrics.event_rejects WHERE payload ->> 'event' = 'order.created' GROUP BY 1, 2;
DELETE FROM bizmetrics.event_rejects;

-- A mapping is said anew, and forgotten.
SELECT bizmetrics.map_event('shop', 'plain', 'plainer', '{"entity_type": "thing"}');
SELECT event_name, mapping FROM bizmetrics.event_mappings WHERE source = 'shop' AND source_event = 'plain';
SELECT bizmetrics.unmap_event('shop', 'plain');
SELECT bizmetrics.unmap_event('shop', 'plain');
SELECT bizmetrics.map_event(NULL, 'a', 'b');
SELECT bizmetrics.map_event('a', NULL, 'b');
SELECT bizmetrics.map_event('', 'a', 'b');
SELECT bizmetrics.map_event('a:b', 'a', 'b');
SELECT bizmetrics.map_event('a', 'a', repeat('b', 101));
SELECT bizmetrics.map_event('a', 'a', '');
SELECT bizmetrics.map_event('a', 'a', 'b{');
SELECT bizmetrics.map_event('a', 'a', 'b', NULL);
SELECT bizmetrics.map_event('a', 'a', 'b', '[]');
SELECT bizmetrics.map_event('a', 'a', 'b', '"x"');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"user": "data.id"}');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"entity_id": 5}');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"entity_id": ""}');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"company_id": "{data"}');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"properties": 1}');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"properties": [["data"]]}');
SELECT bizmetrics.map_event('a', 'a', 'b', '{"properties": {"x": 1}}');

-- What is not the message's fault is raised.
SELECT bizmetrics.ingest(NULL, '{}');
SELECT bizmetrics.ingest('shop', NULL);
BEGIN READ ONLY;
SELECT bizmetrics.ingest('shop', '{}');
ROLLBACK;
SET ROLE ingest_bus;
SELECT bizmetrics.map_event('a', 'b', 'c');
SELECT bizmetrics.unmap_event('a', 'b');
SELECT bizmetrics.replay_rejects();
SELECT bizmetrics.try_reject('a', '{}', NULL, NULL);
SELECT * FROM bizmetrics.event_rejects;
SELECT * FROM bizmetrics.event_mappings;
RESET ROLE;
-- A function that a role may call is no right to log.
CREATE ROLE ingest_none;
GRANT USAGE ON SCHEMA bizmetrics TO ingest_none;
GRANT EXECUTE ON FUNCTION bizmetrics.ingest(text, jsonb), bizmetrics.map_event(text, text, text, jsonb) TO ingest_none;
SET ROLE ingest_none;
SELECT bizmetrics.ingest('shop', '{"event": "nothing"}');
SELECT bizmetrics.map_event('a', 'b', 'c');
RESET ROLE;

-- An event that the table's owner refuses is a reject too, and one that he lacks a right for is not.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.event_name = 'refused' THEN
    RAISE EXCEPTION 'no such event here';
  END IF;
  RAISE insufficient_privilege;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON business_events FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT bizmetrics.map_event('shop', '*', '{event}');
SELECT bizmetrics.ingest('shop', '{"event": "refused", "id": "r1"}');
SELECT sqlstate, message FROM bizmetrics.event_rejects;
SELECT bizmetrics.ingest('shop', '{"event": "forbidden", "id": "r2"}');
DROP TRIGGER refuse ON business_events;
DROP FUNCTION refuse();
SELECT bizmetrics.replay_rejects();

-- A row that the owner wrote himself is read with as much care.
INSERT INTO bizmetrics.event_mappings VALUES ('raw', 'a', 'x{', '{}'), ('raw', 'b', 'x', '"y"'), ('raw', 'c', 'x', '{"properties": {"x": {}}}');
SELECT bizmetrics.ingest('raw', jsonb_build_object('event', e, 'id', e)) FROM unnest('{a,b,c}'::text[]) e;
SELECT sqlstate, message FROM bizmetrics.event_rejects ORDER BY reject_id;
DELETE FROM bizmetrics.event_rejects;

DELETE FROM bizmetrics.event_mappings;
SELECT bizmetrics.revoke_writer('ingest_bus');
REVOKE ALL ON SCHEMA bizmetrics FROM ingest_none;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA bizmetrics FROM ingest_none;
DROP ROLE ingest_bus, ingest_none;
DROP FUNCTION events_of(text);
