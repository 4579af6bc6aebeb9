-- import_events(): history from tables, views and queries, each row once; what cannot be an event is a reject.
\i test/helpers/error_of.sql
\pset tuples_only off
\pset format aligned
SET timezone = 'UTC';
SET client_min_messages = error;   -- the notices say how fast it went
CREATE SCHEMA history;
CREATE VIEW history.stored AS
  SELECT event_name, occurred_at, actor_user_id AS actor, company_id AS company, entity_type, entity_id, properties, request_id, dedupe_key
  FROM public.business_events WHERE occurred_at BETWEEN '1971-01-01' AND '1975-01-01';
CREATE VIEW history.rejects AS
  SELECT via, source, item, payload, sqlstate, message FROM bizmetrics.event_rejects ORDER BY reject_id;
SET search_path = history, public;

-- A log of events, as the Laravel package has it: ids are kept, what is empty is an empty object.
CREATE TABLE log (
  id uuid PRIMARY KEY, event_name varchar(100) NOT NULL, occurred_at timestamptz NOT NULL DEFAULT now(),
  actor_user_id bigint, company_id bigint, entity_type varchar(50), entity_id varchar(50),
  properties jsonb DEFAULT '{}', request_id varchar(100), dedupe_key varchar(200) UNIQUE);
INSERT INTO log VALUES
  ('00000000-0000-4000-8000-000000000001', 'signed_up', '1971-01-31 23:59:59+00', 42, 7, 'user', 'u-42', '{"plan": "free"}', 'r-1', 'k-1'),
  ('00000000-0000-4000-8000-000000000002', 'paid', '1971-02-01 00:00:00+00', NULL, NULL, NULL, NULL, '[]', NULL, NULL),
  ('00000000-0000-4000-8000-000000000003', 'paid', '1973-06-01 00:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 'k-3'),
  ('00000000-0000-4000-8000-000000000004', 'paid', '1973-06-01 00:00:00+00', NULL, NULL, NULL, NULL, 'null', NULL, NULL);
CALL bizmetrics.import_events('log');
SELECT * FROM stored ORDER BY occurred_at, dedupe_key;
SELECT count(*) FROM log JOIN public.business_events USING (id, occurred_at);
SELECT from_time FROM bizmetrics.partitions WHERE from_time BETWEEN '1971-01-01' AND '1974-01-01' ORDER BY 1;
-- Again, by another name; then what came since.
CALL bizmetrics.import_events('history.log');
INSERT INTO log VALUES ('00000000-0000-4000-8000-000000000005', 'paid', '1973-06-02 00:00:00+00');
CALL bizmetrics.import_events('log');
-- The keys of history are known.
SELECT bizmetrics.log_event('signed_up', dedupe_key => 'k-1') AS id;
SELECT pg_temp.error_of($$INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('paid', '1973-06-03', 'k-3')$$);
-- A key that the application has logged meanwhile: that event is the one.
SELECT bizmetrics.log_event('paid', dedupe_key => 'k-6', occurred_at => '1973-06-02') IS NOT NULL AS logged;
INSERT INTO log VALUES ('00000000-0000-4000-8000-000000000006', 'paid', '1971-02-02 00:00:00+00', NULL, NULL, NULL, NULL, '{}', NULL, 'k-6');
CALL bizmetrics.import_events('log');
-- New for reports: stored now, by transactions of now.
SELECT count(*) FROM public.business_events
WHERE occurred_at < '1974-01-01' AND occurred_at > '1971-01-01' AND (recorded_at < now() - interval '1 hour' OR xact_id > bizmetrics.current_xact());

-- An orders table: constants, templates, columns, properties; the primary key tells its rows apart.
CREATE TABLE orders (order_id bigint PRIMARY KEY, status text, customer uuid, tenant integer, total numeric, currency char(3),
  placed_at timestamp, shipped_at date, note json);
INSERT INTO orders VALUES
  (1, 'paid', '11111111-1111-4111-8111-111111111111', 9, 12.50, 'EUR', '1972-03-01 10:00', '1972-03-02', '{"gift": true}'),
  (2, 'new', NULL, 9, 0.10, 'USD', '1972-03-01 11:00', NULL, NULL);
CALL bizmetrics.import_events('orders', '{"event_name": "order_placed", "occurred_at": "placed_at", "entity_type": "order", "entity_id": "order_id",
  "actor_user_id": "customer", "company_id": "t-{tenant}", "request_id": "", "dedupe_key": "placed:{order_id}", "properties": ["total", "currency"]}');
CALL bizmetrics.import_events('orders', '{"event_name": "order_{status}", "occurred_at": "shipped_at", "properties": {"value": "total"}}');
CALL bizmetrics.import_events('orders', '{"event_name": "noted", "occurred_at": "placed_at", "properties": "note"}');
SELECT * FROM stored WHERE occurred_at BETWEEN '1972-03-01' AND '1972-03-31' ORDER BY event_name, occurred_at;
SELECT source, item, payload ->> 'order_id' AS order_id, sqlstate, message FROM rejects;
-- One row, three events: their ids are of the source, the name and the key, whoever asks for them.
SELECT event_name, id FROM public.business_events WHERE occurred_at BETWEEN '1972-03-01' AND '1972-03-31' AND event_name <> 'noted' ORDER BY event_name, id;
SELECT id FROM public.business_events WHERE id = bizmetrics.import_id('history.orders', 'order_placed', '1');
SET timezone = 'Asia/Tokyo'; SET datestyle = 'German';
CALL bizmetrics.import_events('SELECT ''at'' AS event_name, timestamptz ''1972-03-01 00:00+00'' AS occurred_at, date ''1972-03-01'' AS d', '{"id": "{*}"}', name => 'times');
RESET datestyle; SET timezone = 'UTC';
CALL bizmetrics.import_events('SELECT ''at'' AS event_name, timestamptz ''1972-03-01 00:00+00'' AS occurred_at, date ''1972-03-01'' AS d', '{"id": "{*}"}', name => 'times');
-- A corrected row, imported again: its reject is gone.
UPDATE orders SET shipped_at = '1972-03-05';
CALL bizmetrics.import_events('orders', '{"event_name": "order_{status}", "occurred_at": "shipped_at", "properties": {"value": "total"}}');
SELECT count(*) FROM rejects;

-- Views, partitioned tables, materialized views, queries with all that begins one.
CREATE VIEW paid AS SELECT 'view' AS event_name, placed_at AS occurred_at, order_id AS id FROM orders;
CREATE MATERIALIZED VIEW seen AS SELECT 'matview' AS event_name, placed_at AS occurred_at, order_id AS id FROM orders;
CREATE TABLE parted (event_name text, occurred_at timestamptz, a int, b text, PRIMARY KEY (b, a)) PARTITION BY LIST (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO parted VALUES ('partitioned', '1972-04-01', 1, 'x,y'), ('partitioned', '1972-04-01', 2, 'x');
CREATE TABLE "select" (event_name text, occurred_at timestamptz, "a ""b"" {c}" int);
INSERT INTO "select" VALUES ('quoted', '1972-04-01', 5);
CREATE TABLE inherited (LIKE "select"); CREATE TABLE child () INHERITS (inherited);
INSERT INTO child VALUES ('inherited', '1972-04-01', 5);
CALL bizmetrics.import_events('paid');
CALL bizmetrics.import_events('seen');
CALL bizmetrics.import_events('parted');
CALL bizmetrics.import_events('"select"', '{"id": "{*}", "properties": ["a \"b\" {c}"]}');
CALL bizmetrics.import_events('inherited', '{"id": "{*}"}');
CALL bizmetrics.import_events($$
  WITH o AS (SELECT * FROM orders) SELECT 'with' AS event_name, placed_at AS occurred_at, order_id AS id FROM o;$$, name => 'w');
CALL bizmetrics.import_events('(values (1, text ''values'', timestamptz ''1972-04-02''))', '{"id": "column1", "event_name": "{column2}", "occurred_at": "column3"}', 'v');
CALL bizmetrics.import_events('TABLE seen', '{"event_name": "table"}', 't');
SELECT event_name, count(*), max(properties::text) FROM public.business_events
WHERE event_name IN ('view', 'matview', 'partitioned', 'quoted', 'inherited', 'with', 'values', 'table') GROUP BY 1 ORDER BY 1;
SELECT to_regclass('pg_temp.bizmetrics_import') AS left_over;
-- A temporary table of that name is the user's, and may be the source.
CREATE TEMP TABLE bizmetrics_import AS SELECT 'own' AS event_name, '1972-04-03'::timestamptz AS occurred_at, n AS id FROM generate_series(1, 3) n;
CALL bizmetrics.import_events('SELECT * FROM bizmetrics_import', name => 'own');
CALL bizmetrics.import_events('bizmetrics_import', name => 'own');
CALL bizmetrics.import_events('SELECT id / 0 AS id FROM bizmetrics_import', name => 'fails');
CALL bizmetrics.import_events('parted');
SELECT count(*) FROM bizmetrics_import;
SELECT to_regclass('pg_temp.bizmetrics_import_2') AS left_over;
DROP TABLE bizmetrics_import;

-- A CSV: copied into a table of the session, everything text; rejects tell the line.
CREATE TEMP TABLE csv (event_name text, occurred_at text, actor_user_id text, properties text, dedupe_key text);
\copy csv FROM stdin (FORMAT csv)
visited,1972-05-01T10:00:00Z,1,"{""page"": ""/""}",c-1
visited,soon,2,,c-2
,1972-05-01T10:00:00Z,3,,c-3
visited,1972-05-01T10:00:00Z,4,not json,c-4
visited,1972-05-01T10:00:00Z,5,"[1]",c-5
visited,infinity,6,,c-6
"",1972-05-01T10:00:00Z,7,,c-7
visited,1972-05-01T10:00:00Z,8,,
visited,1972-05-01T10:00:00Z,9,,c-1
visited,,10,,c-10
visited,1972-05-01T10:00:00Z,11,,c-11
\.
INSERT INTO csv VALUES (repeat('n', 101), '1972-05-01', NULL, NULL, 'c-12'), ('visited', '1972-05-01', repeat('a', 301), NULL, 'c-13'), ('visited', '1972-05-01', NULL, NULL, repeat('k', 501));
CALL bizmetrics.import_events('csv');
SELECT via, source, item, sqlstate, message FROM rejects;
SELECT payload FROM rejects WHERE item = 1;
SELECT actor, properties, dedupe_key FROM stored WHERE event_name = 'visited' ORDER BY dedupe_key;
CALL bizmetrics.import_events('csv');
SELECT count(*) FROM rejects;
-- Nobody but an import tries its rejects again.
SELECT bizmetrics.replay_rejects('pg_temp.csv'), bizmetrics.replay_rejects();
SELECT count(*) FROM rejects;
-- Or the first one ends it.
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('csv', on_error => 'error')$$);
DELETE FROM csv WHERE dedupe_key IS DISTINCT FROM 'c-11' AND dedupe_key IS DISTINCT FROM 'c-1';
CALL bizmetrics.import_events('csv', on_error => 'error');
SELECT count(*) FROM rejects;

-- Bad rows among many in several batches, by what the table itself refuses and by what only storing shows.
CREATE TABLE many AS SELECT n AS id, 'many' AS event_name, timestamptz '1972-06-01' + n * interval '1 minute' AS occurred_at, CASE WHEN n % 1000 = 777 THEN '{' ELSE '{}' END AS properties
  FROM generate_series(1, 5000) n;
UPDATE many SET event_name = '' WHERE id % 1000 = 333;
CREATE TABLE more AS TABLE many ORDER BY id;
CALL bizmetrics.import_events('more', batch_size => 700);
SELECT item, payload ->> 'id' AS id, sqlstate FROM rejects ORDER BY item;
SELECT count(*) FROM stored WHERE event_name = 'many';
UPDATE more SET event_name = 'many', properties = '{}' WHERE id % 1000 IN (333, 777);
CALL bizmetrics.import_events('more', batch_size => 1);
SELECT count(*) FROM rejects;

-- A time for which no partition can be made; a trigger and a CHECK of the owner's.
SELECT count(*) AS partitions FROM pg_inherits WHERE inhparent = 'public.business_events'::regclass \gset
ALTER SYSTEM SET bizmetrics.max_partitions = :partitions;
\set setting bizmetrics.max_partitions
\set value :partitions
\i test/helpers/wait_for_setting.sql
CALL bizmetrics.import_events($$VALUES (1, 'far', timestamptz '9000-01-01'), (2, 'near', '1972-06-01')$$, '{"id": "column1", "event_name": "{column2}", "occurred_at": "column3"}', 'far');
SELECT item, sqlstate FROM rejects;
ALTER SYSTEM RESET bizmetrics.max_partitions;
\set value 1000
\i test/helpers/wait_for_setting.sql
CALL bizmetrics.import_events($$VALUES (1, 'far', timestamptz '9000-01-01'), (2, 'near', '1972-06-01')$$, '{"id": "column1", "event_name": "{column2}", "occurred_at": "column3"}', 'far');
CREATE FUNCTION history.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.event_name = 'refused' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION history.refuse();
ALTER TABLE public.business_events ADD CONSTRAINT no_zero CHECK (entity_id <> '0') NOT VALID;
CALL bizmetrics.import_events($$SELECT i AS id, CASE i WHEN 1 THEN 'refused' ELSE 'checked' END AS event_name, timestamptz '1972-06-01' AS occurred_at, i - 2 AS entity_id FROM generate_series(1, 3) i$$, name => 'own');
SELECT item, sqlstate, message FROM rejects WHERE source = 'own';
DROP TRIGGER refuse ON public.business_events;
ALTER TABLE public.business_events DROP CONSTRAINT no_zero;

-- In a transaction block it is part of it; outside of one, what is stored stays.
BEGIN;
CALL bizmetrics.import_events('SELECT n AS id, ''block'' AS event_name, timestamptz ''1972-07-01'' AS occurred_at FROM generate_series(1, 100) n', name => 'block', batch_size => 10);
SELECT count(*), count(DISTINCT xact_id) FROM public.business_events WHERE event_name = 'block';
ROLLBACK;
SELECT count(*) FROM public.business_events WHERE event_name = 'block';
CREATE TABLE block AS SELECT n AS id, 'block' AS event_name, timestamptz '1972-07-01' AS occurred_at, repeat('x', 1000) FROM generate_series(1, 100) n;
CALL bizmetrics.import_events('block', batch_size => 10);
SELECT count(*), count(DISTINCT xact_id) > 5 AS many_transactions FROM public.business_events WHERE event_name = 'block';
SET client_min_messages = warning;
DO $$DECLARE a bigint; b bigint; c bigint; BEGIN CALL bizmetrics.import_events('history.block', stored => a, already_there => b, rejected => c); RAISE WARNING '% % %', a, b, c; END$$;
DO $$DECLARE a bigint; b bigint; c bigint; BEGIN FOR i IN 1 .. 2 LOOP CALL bizmetrics.import_events('history.block', stored => a, already_there => b, rejected => c); END LOOP; RAISE WARNING '% % %', a, b, c; END$$;
DO $$DECLARE a bigint; b bigint; c bigint; BEGIN BEGIN CALL bizmetrics.import_events('history.block', stored => a, already_there => b, rejected => c, batch_size => 10); EXCEPTION WHEN others THEN RAISE; END; RAISE WARNING '% % %', a, b, c; END$$;
SET client_min_messages = error;
-- An empty table, all rows gone.
DELETE FROM block;
CALL bizmetrics.import_events('block');
TRUNCATE block;
CALL bizmetrics.import_events('block');

-- Errors.
SELECT pg_temp.error_of(format('CALL bizmetrics.import_events(%s)', arguments)) FROM (VALUES
  ('NULL'), ($$'log', NULL$$), ($$'log', on_error => NULL$$), ($$'log', batch_size => NULL$$), ($$'log', batch_size => 0$$), ($$'log', on_error => 'ignore'$$),
  ($$'nothing'$$), ($$'-'$$), ($$'4294967295'$$), ($$'history.log_pkey'$$), ($$'SELECT 1'$$), ($$'SELECT 1; SELECT 2', name => 'x'$$), ($$'SELECT oops', name => 'x'$$),
  ($$'log', '[]'$$), ($$'log', '{"name": "x"}'$$), ($$'log', '{"event_name": 1}'$$), ($$'log', '{"event_name": ""}'$$), ($$'log', '{"event_name": "{x"}'$$), ($$'log', '{"event_name": "{x}"}'$$),
  ($$'log', '{"occurred_at": null}'$$), ($$'log', '{"occurred_at": "company_id"}'$$), ($$'log', '{"properties": "company_id"}'$$), ($$'log', '{"properties": ["x"]}'$$), ($$'log', '{"properties": [1]}'$$),
  ($$'orders'$$), ($$'orders', '{"event_name": "x"}'$$), ($$'"select"'$$), ($$'log', '{"id": "x"}'$$), ($$'log', format('{"event_name": "%s{id}"}', repeat('n', 101))::jsonb$$), ($$'log', name => ''$$)) AS a (arguments);
BEGIN TRANSACTION READ ONLY;
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('log')$$);
ROLLBACK;

-- What rejects are found by.
SET client_min_messages = warning;
CALL bizmetrics.import_events('SELECT 1 AS id, now() AS occurred_at', '{"event_name": ""}', name => 'x');
CALL bizmetrics.import_events('SELECT 1 AS id, NULL::date AS occurred_at', '{"event_name": "a_{id}"}', name => 'x');
CALL bizmetrics.import_events('SELECT 1 AS id, NULL::date AS occurred_at', '{"event_name": "{id}"}', name => 'x');
SELECT source FROM rejects WHERE source ~ '^x';
SET client_min_messages = error;

DELETE FROM bizmetrics.event_rejects;
SELECT format('DROP TABLE %s', partition) FROM bizmetrics.partitions
WHERE from_time BETWEEN '1971-01-01' AND '1974-12-01' OR from_time = '9000-01-01' ORDER BY 1 \gexec
DELETE FROM bizmetrics.dedupe_keys WHERE dedupe_key ~ '^(k|c)-' OR dedupe_key ~ '^placed:';
SET search_path = public;
DROP SCHEMA history CASCADE;
