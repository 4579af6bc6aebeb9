-- A tracked table logs with the rights of its owner, who chose to, whoever writes it.
SET client_min_messages = notice;
CREATE ROLE track_owner;
CREATE ROLE track_clerk;
CREATE ROLE track_other;
CREATE SCHEMA track_shop AUTHORIZATION track_owner;
GRANT USAGE ON SCHEMA track_shop TO track_clerk, track_other;
SET ROLE track_owner;
CREATE TABLE track_shop.orders (id bigint PRIMARY KEY, status text);
GRANT ALL ON track_shop.orders TO track_clerk;
-- Neither function nor right without being a writer.
SELECT bizmetrics.track_table('track_shop.orders', 'order_created');
RESET ROLE;
SELECT bizmetrics.track_table('track_shop.orders', 'order_created');
SELECT bizmetrics.grant_writer('track_owner');
SELECT bizmetrics.grant_writer('track_other');

-- The owner alone, members of his role included.
SET ROLE track_other;
SELECT bizmetrics.track_table('track_shop.orders', 'order_created');
SELECT bizmetrics.untrack_table('track_shop.orders');
SET ROLE track_owner;
SELECT bizmetrics.track_table('track_shop.orders', 'order_created', on_update => 'order_{status}', entity_type => 'track_order');

-- The clerk may not log, and his writes are logged all the same; his path leads nowhere.
RESET ROLE;
CREATE SCHEMA track_trap AUTHORIZATION track_clerk;
SET ROLE track_clerk;
CREATE FUNCTION track_trap.char_length(text) RETURNS integer LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'run as %', current_user; END$$;
SET search_path = track_trap, pg_catalog;
INSERT INTO track_shop.orders VALUES (1, 'new');
UPDATE track_shop.orders SET status = 'paid';
SELECT bizmetrics.log_event('by_hand');
SELECT current_user;
RESET search_path;
RESET ROLE;
SELECT event_name, entity_type, entity_id FROM business_events WHERE entity_type = 'track_order' ORDER BY id;

-- Whatever runs while the event is stored sees the owner and a path of ours; reading the row, the writer.
CREATE FUNCTION show_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'stored as %, path %', current_user, current_setting('search_path');
  RETURN NULL;
END $$;
CREATE TYPE track_shop.size AS ENUM ('s', 'l');
CREATE FUNCTION size_json(track_shop.size) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'read as %', current_user;
  RETURN to_json($1::text);
END $$;
CREATE CAST (track_shop.size AS json) WITH FUNCTION size_json(track_shop.size);
CREATE TABLE track_shop.shirts (id bigint PRIMARY KEY, size track_shop.size);
ALTER TABLE track_shop.shirts OWNER TO track_owner;
GRANT ALL ON track_shop.shirts TO track_clerk;
SELECT bizmetrics.track_table('track_shop.shirts', 'shirt', properties => '{size}');
CREATE TRIGGER show_rights AFTER INSERT ON business_events FOR EACH ROW EXECUTE FUNCTION show_rights();
SET ROLE track_clerk;
UPDATE track_shop.orders SET status = 'shipped';
INSERT INTO track_shop.shirts VALUES (1, 'l');
-- An error leaves nothing of the owner's behind.
DO $$
BEGIN
  UPDATE track_shop.orders SET status = repeat('x', 200);
EXCEPTION WHEN string_data_right_truncation THEN
  RAISE NOTICE 'refused, and still %', current_user;
END $$;
RESET ROLE;
DROP TRIGGER show_rights ON business_events;
DROP FUNCTION show_rights();
DROP FUNCTION size_json(track_shop.size) CASCADE;

-- The owner's right is asked for at each event.
SELECT bizmetrics.revoke_writer('track_owner');
SET ROLE track_clerk;
UPDATE track_shop.orders SET status = 'returned';
RESET ROLE;
SELECT bizmetrics.grant_writer('track_owner');
ALTER TABLE track_shop.orders OWNER TO track_clerk;
UPDATE track_shop.orders SET status = 'returned';
ALTER TABLE track_shop.orders OWNER TO track_owner;

-- A partition that belongs to somebody else: the owner of the table that was tracked logs.
SET ROLE track_owner;
CREATE TABLE track_shop.visits (id bigint, day date) PARTITION BY RANGE (day);
RESET ROLE;
CREATE TABLE track_shop.visits_2026 PARTITION OF track_shop.visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE track_shop.visits_2026 OWNER TO track_clerk;
GRANT TRIGGER ON track_shop.visits_2026 TO track_owner;
SET ROLE track_owner;
SELECT bizmetrics.track_table('track_shop.visits', 'visited', entity_id => 'id');
RESET ROLE;
SET ROLE track_clerk;
INSERT INTO track_shop.visits_2026 VALUES (1, '2026-05-05');
RESET ROLE;
SELECT event_name, entity_type, entity_id FROM business_events WHERE entity_type = 'visits';

SELECT bizmetrics.revoke_writer('track_owner');
SELECT bizmetrics.revoke_writer('track_other');
DROP SCHEMA track_shop, track_trap CASCADE;
DROP ROLE track_owner, track_clerk, track_other;
