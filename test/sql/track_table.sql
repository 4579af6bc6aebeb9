-- Rows of a tracked table become events: names, ids, actor, company, time and properties from columns
-- and templates.
CREATE TABLE looked AS SELECT max(id::text)::uuid AS at FROM business_events;
-- What was logged since the last look.
CREATE FUNCTION new_events() RETURNS TABLE (event_name text, actor text, company text, type text, id text, properties jsonb)
LANGUAGE sql AS $$
  WITH last AS (SELECT at FROM looked),
       now AS (UPDATE looked SET at = (SELECT max(id::text)::uuid FROM business_events))
  SELECT event_name, actor_user_id, company_id, entity_type, entity_id, properties
  FROM business_events, last
  WHERE business_events.id > last.at OR last.at IS NULL
  ORDER BY business_events.id
$$;

CREATE TABLE orders (
  id bigint PRIMARY KEY, status text, customer_id uuid, tenant char(6), total numeric, placed timestamptz,
  meta json, tags text[], gift boolean, note text
);
SELECT bizmetrics.track_table('orders',
  on_insert => 'order_created', on_update => 'order_{status}', on_delete => 'order_deleted',
  entity_type => 'order', actor_user_id => 'customer_id', company_id => 't-{tenant}',
  properties => '{total,status,meta,tags,gift}');

-- The trigger is an ordinary one, and says all there is to know.
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'orders'::regclass AND NOT tgisinternal;

INSERT INTO orders VALUES
  (1, 'new', '00000000-0000-0000-0000-000000000001', 'ab', 12.50, '2026-01-05 10:00+02', '{"a": [1]}', '{x,y}', true, 'n'),
  (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT * FROM new_events();

-- The name has the status: by default an update is an event when the status changes.
UPDATE orders SET total = 13, note = 'later' WHERE id = 1;
SELECT * FROM new_events();
UPDATE orders SET status = 'paid', total = 14 WHERE id = 1;
SELECT * FROM new_events();
UPDATE orders SET status = 'shipped' WHERE id = 1;
SELECT * FROM new_events();
-- To NULL is a change, but its event has no name; from NULL it has one.
UPDATE orders SET status = NULL WHERE id = 1;
UPDATE orders SET status = 'held' WHERE id = 2;
SELECT * FROM new_events();
DELETE FROM orders WHERE id = 1;
SELECT * FROM new_events();

-- A second tracking, for another event; chosen columns, one of them without an equality operator.
SELECT bizmetrics.track_table('orders', on_update => 'order_changed', columns => '{total,meta}', entity_type => '',
  entity_id => '{id}/{gift}', properties => '{total,meta}');
UPDATE orders SET note = 'x', tags = '{z}' WHERE id = 2;
SELECT * FROM new_events();
UPDATE orders SET meta = '{"b": 1}' WHERE id = 2;
UPDATE orders SET gift = false, total = 1 WHERE id = 2;
SELECT * FROM new_events();
UPDATE orders SET total = 2, status = 'both' WHERE id = 2;
SELECT event_name FROM new_events() ORDER BY event_name;

-- A savepoint takes the event along with the row.
BEGIN;
SAVEPOINT s;
INSERT INTO orders (id) VALUES (3);
ROLLBACK TO s;
COMMIT;
SELECT * FROM new_events();

SELECT bizmetrics.untrack_table('orders');
SELECT bizmetrics.untrack_table('orders');
INSERT INTO orders (id) VALUES (4);
SELECT * FROM new_events();

-- Any column: a change of what is stored, not of what was set.
SELECT bizmetrics.track_table('orders', on_update => 'order_touched');
UPDATE orders SET note = note WHERE id = 4;
SELECT * FROM new_events();
UPDATE orders SET note = 'a' WHERE id = 4;
SELECT * FROM new_events();
SELECT bizmetrics.untrack_table('orders');
SELECT bizmetrics.track_table('orders', on_update => 'order_{status}_touched', columns => '{*}');
UPDATE orders SET status = 'open', note = 'b' WHERE id = 4;
UPDATE orders SET note = 'c' WHERE id = 4;
SELECT * FROM new_events();
SELECT bizmetrics.untrack_table('orders');

-- When it happened: from a column, or now where that is NULL; keys do not depend on the session.
SELECT bizmetrics.track_table('orders', on_insert => 'order_{{{id}}}', occurred_at => 'placed',
  dedupe_key => 'order:{id}:{placed}:{tenant}:{gift}');
SET TimeZone = 'America/New_York';
SET DateStyle = 'German';
INSERT INTO orders (id, placed, tenant, gift) VALUES (5, '2026-01-05 10:00+02', 'ab', false);
RESET TimeZone;
RESET DateStyle;
INSERT INTO orders (id, placed, tenant, gift) VALUES (6, NULL, 'ab', false);
SELECT event_name, occurred_at = '2026-01-05 10:00+02' AS placed, occurred_at = recorded_at AS now, dedupe_key
FROM business_events WHERE event_name LIKE 'order\_{%' ORDER BY id;
-- An event whose key was seen is not logged again.
DELETE FROM orders WHERE id = 5;
INSERT INTO orders (id, placed, tenant, gift) VALUES (5, '2026-01-05 10:00+02', 'ab', false);
SELECT count(*) FROM business_events WHERE event_name = 'order_{5}';
SELECT bizmetrics.untrack_table('orders');
CREATE TABLE dated (id int PRIMARY KEY, d date, t timestamp);
SELECT bizmetrics.track_table('dated', on_insert => 'dated', occurred_at => 'd'),
       bizmetrics.track_table('dated', on_insert => 'timed', occurred_at => 't');
SET TimeZone = 'Europe/Berlin';
INSERT INTO dated VALUES (1, '2026-07-01', '2026-07-01 12:00');
RESET TimeZone;
SELECT event_name, occurred_at AT TIME ZONE 'UTC' AS utc FROM business_events WHERE entity_type = 'dated' ORDER BY 1;

-- What the row does not say, the session may.
SELECT bizmetrics.track_table('orders', on_insert => 'order_created', actor_user_id => 'customer_id');
BEGIN;
SET LOCAL bizmetrics.actor_user_id = 'session';
SET LOCAL bizmetrics.company_id = 'acme';
DO 'BEGIN PERFORM new_events(); END';
INSERT INTO orders (id, customer_id) VALUES (7, NULL), (8, '00000000-0000-0000-0000-000000000002');
SELECT actor, company, id FROM new_events();
COMMIT;

-- Refused before anything is made.
CREATE TABLE keyless (a int, b int, old text);
CREATE VIEW a_view AS SELECT 1 AS id;
SELECT bizmetrics.track_table(NULL, 'x');
SELECT bizmetrics.track_table('orders');
SELECT bizmetrics.track_table('orders', '');
SELECT bizmetrics.track_table('orders', 'order_created');
SELECT bizmetrics.track_table('orders', 'order_{nothing}');
SELECT bizmetrics.track_table('orders', 'order_{id');
SELECT bizmetrics.track_table('orders', 'order_id}');
SELECT bizmetrics.track_table('orders', 'order_{}');
SELECT bizmetrics.track_table('orders', repeat('ö', 101) || '{id}');
SELECT bizmetrics.track_table('orders', 'order', company_id => 'tenant_id');
SELECT bizmetrics.track_table('orders', on_update => 'order', columns => '{total,nothing}');
SELECT bizmetrics.track_table('orders', 'order', properties => '{total,NULL}');
SELECT bizmetrics.track_table('orders', 'order', properties => '{xmin}');
SELECT bizmetrics.track_table('orders', 'order', occurred_at => 'total');
SELECT bizmetrics.track_table('keyless', 'x');
SELECT bizmetrics.track_table('keyless', on_update => 'x', entity_id => 'a', properties => '{old}');
SELECT bizmetrics.track_table('keyless', 'x', entity_id => '{a}-{b}', properties => '{old}');
SELECT bizmetrics.track_table('a_view', 'x', entity_id => '');
SELECT bizmetrics.track_table('business_events', 'x', entity_id => '');
SELECT bizmetrics.track_table('bizmetrics.reports', 'x');
SELECT bizmetrics.track_table('pg_class', 'x', entity_id => '');
-- What log_event() refuses stops the write.
SELECT bizmetrics.untrack_table('orders');
SELECT bizmetrics.track_table('orders', '{note}');
INSERT INTO orders (id, note) VALUES (9, '');
INSERT INTO orders (id, note) VALUES (9, repeat('x', 101));

-- A trigger by hand, for a condition of one's own.
CREATE TRIGGER big AFTER INSERT ON keyless FOR EACH ROW WHEN (NEW.a > 100)
  EXECUTE FUNCTION bizmetrics.emit_event('{"insert": "big", "entity_id": "b"}');
DO 'BEGIN PERFORM new_events(); END';
INSERT INTO keyless VALUES (1, 1), (101, 2);
SELECT event_name, type, id FROM new_events();
CREATE TRIGGER bad BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION bizmetrics.emit_event('{"insert": "x"}');
INSERT INTO orders (id) VALUES (10);
DROP TRIGGER bad ON orders;
CREATE TRIGGER bad AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION bizmetrics.emit_event('{"insert": "x", "entity": "id"}');
INSERT INTO orders (id) VALUES (10);
DROP TRIGGER bad ON orders;
CREATE TRIGGER bad AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION bizmetrics.emit_event('insert', 'x');
INSERT INTO orders (id) VALUES (10);
DROP TRIGGER bad ON orders;
CREATE TRIGGER bad AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION bizmetrics.emit_event('["x"]');
INSERT INTO orders (id) VALUES (10);

DROP TABLE orders, dated, keyless, looked;
DROP VIEW a_view;
DROP FUNCTION new_events();
