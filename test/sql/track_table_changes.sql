-- A tracked table lives on: it is altered, partitioned, loaded by COPY, written by MERGE.
CREATE TABLE stock (id int PRIMARY KEY, sku text, amount int, note text);
SELECT bizmetrics.track_table('stock', 'stock_created', 'stock_changed', 'stock_gone', columns => '{amount}',
  properties => '{amount}', dedupe_key => '');
CREATE VIEW stock_events AS
SELECT event_name, entity_id, properties FROM business_events WHERE entity_type = 'stock' ORDER BY id;

-- Unrelated columns come, go and change.
INSERT INTO stock VALUES (1, 'a', 1);
ALTER TABLE stock ADD COLUMN extra int DEFAULT 5, DROP COLUMN note;
ALTER TABLE stock RENAME COLUMN sku TO code;
ALTER TABLE stock ALTER COLUMN code TYPE varchar(20), ALTER COLUMN amount TYPE bigint;
ALTER TABLE stock RENAME TO stocks;
UPDATE stocks SET amount = 2;
UPDATE stocks SET code = 'b';
SELECT * FROM stock_events;

-- A mapped one does not, without a clear word.
ALTER TABLE stocks RENAME COLUMN amount TO quantity;
INSERT INTO stocks (id) VALUES (2);
UPDATE stocks SET code = 'c';
ALTER TABLE stocks RENAME COLUMN quantity TO amount;
INSERT INTO stocks (id) VALUES (2);
ALTER TABLE stocks DROP COLUMN amount;
DELETE FROM stocks WHERE id = 2;
SELECT bizmetrics.untrack_table('stocks');
DELETE FROM stocks;
SELECT bizmetrics.track_table('stocks', 'stock_created', '{code}_changed', 'stock_gone', entity_type => 'stock');
TRUNCATE stocks;

-- COPY, ON CONFLICT, MERGE.
COPY stocks (id, code) FROM stdin;
10	x
11	y
\.
INSERT INTO stocks (id, code) VALUES (11, 'z'), (12, 'w') ON CONFLICT (id) DO UPDATE SET code = EXCLUDED.code;
MERGE INTO stocks s USING (VALUES (10, 'x2'), (12, NULL), (13, 'v')) AS n (id, code) ON s.id = n.id
WHEN MATCHED AND n.code IS NULL THEN DELETE
WHEN MATCHED THEN UPDATE SET code = n.code
WHEN NOT MATCHED THEN INSERT (id, code) VALUES (n.id, n.code);
SELECT * FROM stock_events OFFSET 4;

-- What logical replication applies was logged where it came from.
SET session_replication_role = replica;
INSERT INTO stocks (id, code) VALUES (14, 'r');
RESET session_replication_role;
SELECT count(*) FROM stock_events WHERE entity_id = '14';

-- A table that logs an event of a month without a partition makes it.
CREATE TABLE moved (id int PRIMARY KEY, at timestamptz);
SELECT bizmetrics.track_table('moved', 'moved', occurred_at => 'at');
INSERT INTO moved VALUES (1, '2031-05-05'), (2, '2031-06-06');
SELECT entity_id, tableoid::regclass FROM business_events WHERE entity_type = 'moved' ORDER BY id;

-- A partitioned table, those of its partitions included whose columns stand otherwise.
CREATE TABLE parts (id bigint, kind int, status text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE parts_2 (status text, gone int, kind int NOT NULL, id bigint NOT NULL, PRIMARY KEY (id, kind));
ALTER TABLE parts_2 DROP COLUMN gone;
SELECT bizmetrics.track_table('parts', 'part_created', 'part_{status}', 'part_gone', entity_id => 'id', properties => '{status,kind}');
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES IN (2);
INSERT INTO parts VALUES (1, 1, 'a'), (2, 2, 'a');
UPDATE parts SET status = 'b';
INSERT INTO parts_2 (id, kind, status) VALUES (3, 2, 'direct');
SELECT event_name, entity_id, properties FROM business_events WHERE entity_type = 'parts' ORDER BY id;
-- A row that an update moves to another partition is deleted and inserted, to the server and so to us.
UPDATE parts SET kind = 2 WHERE id = 1;
SELECT event_name, entity_id FROM business_events WHERE entity_type = 'parts' ORDER BY id OFFSET 5;
SELECT bizmetrics.untrack_table('parts_2');
ALTER TABLE parts DETACH PARTITION parts_2;
UPDATE parts_2 SET status = 'alone';
SELECT bizmetrics.untrack_table('parts');
SELECT count(*) FROM pg_trigger WHERE tgfoid = 'bizmetrics.emit_event'::regproc AND tgrelid = 'parts_1'::regclass;
SELECT count(*) FROM business_events WHERE event_name = 'part_alone';

-- A cast to json that writes the tracked table itself, and changes it meanwhile.
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE moods (id int PRIMARY KEY, mood mood);
CREATE FUNCTION mood_json(mood) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
  IF $1 = 'bad' THEN
    CREATE TABLE IF NOT EXISTS mood_side (id int PRIMARY KEY, mood mood);
    INSERT INTO moods SELECT max(id) + 1, 'good' FROM moods;
  END IF;
  RETURN to_json('is ' || $1::text);
END $$;
CREATE CAST (mood AS json) WITH FUNCTION mood_json(mood);
SELECT bizmetrics.track_table('moods', 'mood', properties => '{mood}');
INSERT INTO moods VALUES (1, 'bad');
SELECT entity_id, properties FROM business_events WHERE event_name = 'mood' ORDER BY entity_id;

DROP VIEW stock_events;
DROP TABLE stocks, moved, parts, parts_2, moods, mood_side;
DROP FUNCTION mood_json(mood) CASCADE;
DROP TYPE mood;
