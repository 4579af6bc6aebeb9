-- Event types are registered, dropped and checked; what changes counts at once in this session.
\set SHOW_CONTEXT never

-- Runs a statement and says what became of it.
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  EXECUTE statement;
  RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' ', SQLSTATE, SQLERRM, nullif(hint, ''));
END
$$;
CREATE FUNCTION logged(name text, properties jsonb DEFAULT '{}') RETURNS text
LANGUAGE sql AS $$ SELECT outcome(format('SELECT bizmetrics.log_event(%L, %L)', name, properties)) $$;

-- Nothing is registered, and everything is accepted.
SELECT logged('types_paid');

SELECT bizmetrics.create_event_type('types_paid', 'An order was paid.', '{"required": ["value"], "properties": {"value": {"type": "number"}}}');
SELECT bizmetrics.create_event_type(name => 'types_sent');
SELECT event_name, description, properties_schema, created_at <= now() AS created FROM bizmetrics.event_types ORDER BY 1;
SELECT logged('types_paid'), logged('types_paid', '{"value": 5}'), logged('types_sent', '{"any": "thing"}'), logged('types_other');

-- Values are in the message's detail.
SELECT bizmetrics.log_event('types_paid', '{"value": "five"}');
\echo :LAST_ERROR_SQLSTATE

-- A name is 1 to 100 characters and registered once.
SELECT outcome(s) FROM (VALUES
  ('SELECT bizmetrics.create_event_type(NULL)'),
  ('SELECT bizmetrics.create_event_type('''')'),
  ('SELECT bizmetrics.create_event_type(repeat(''x'', 101))'),
  ('SELECT bizmetrics.create_event_type(''types_paid'')'),
  ('SELECT bizmetrics.create_event_type(''types_bad'', NULL, ''{"minLength": 1}'')'),
  ('SELECT bizmetrics.drop_event_type(NULL)'),
  ('SELECT bizmetrics.drop_event_type(''types_other'')'),
  ('SELECT bizmetrics.create_event_types(NULL)'),
  ('SELECT bizmetrics.create_event_types(''integer'')')
) AS v (s);
SELECT bizmetrics.create_event_type(repeat('ä', 100)), bizmetrics.drop_event_type(repeat('ä', 100));

-- Unknown types: accepted, warned of, rejected. A near name is proposed, the first of several.
SET bizmetrics.unknown_events = warn;
SELECT bizmetrics.log_event('types_payed') IS NOT NULL AS logged;
SELECT logged('types_paid'), logged('types_sent');
SET bizmetrics.unknown_events = reject;
SELECT logged(n) FROM unnest('{types_payed,types_saint,types_pent,something else,Types_paid,x}'::text[]) AS n;
SELECT logged('types_paid', '{"value": 1}'), logged('types_sent');
SET bizmetrics.unknown_events = nonsense;
SET bizmetrics.unknown_events = accept;

-- A type that is dropped, or whose registration is rolled back, is unknown again.
SET bizmetrics.unknown_events = reject;
SELECT bizmetrics.drop_event_type('types_sent');
SELECT logged('types_sent');
BEGIN;
SELECT bizmetrics.create_event_type('types_rolled_back');
SELECT logged('types_rolled_back');
SAVEPOINT before;
SELECT bizmetrics.drop_event_type('types_rolled_back');
SELECT bizmetrics.create_event_type('types_inner');
SELECT logged('types_rolled_back'), logged('types_inner');
ROLLBACK TO before;
SELECT logged('types_rolled_back'), logged('types_inner');
ROLLBACK;
SELECT logged('types_rolled_back');
SELECT bizmetrics.create_event_type('types_same_statement'), logged('types_same_statement'), bizmetrics.drop_event_type('types_same_statement'), logged('types_same_statement');

-- To change a schema, the type is registered anew.
BEGIN;
SELECT bizmetrics.drop_event_type('types_paid');
SELECT bizmetrics.create_event_type('types_paid', NULL, '{"properties": {"value": {"maximum": 10}}}');
COMMIT;
SELECT logged('types_paid'), logged('types_paid', '{"value": 11}');

-- A whole enum; what is registered already is left as it is.
CREATE TYPE types_enum AS ENUM ('types_paid', 'types_opened', 'types_closed');
CREATE DOMAIN types_domain AS types_enum;
SELECT bizmetrics.create_event_types('types_enum');
SELECT bizmetrics.create_event_types('types_domain');
ALTER TYPE types_enum ADD VALUE 'types_moved';
SELECT bizmetrics.create_event_types('types_enum');
SELECT event_name, properties_schema FROM bizmetrics.event_types ORDER BY 1;
SELECT logged('types_moved'), logged('types_paid', '{"value": 11}');
CREATE TYPE types_empty_label AS ENUM ('types_before', '');
SELECT outcome($$SELECT bizmetrics.create_event_types('types_empty_label')$$), logged('types_before');

-- What is written past the functions, as a restore does, is checked as they check it, and counts at once.
INSERT INTO bizmetrics.event_types VALUES ('types_inserted', NULL, '{"required": ["x"]}');
COPY bizmetrics.event_types (event_name) FROM stdin;
types_copied
\.
SELECT logged('types_inserted'), logged('types_copied');
UPDATE bizmetrics.event_types SET properties_schema = NULL WHERE event_name = 'types_inserted';
DELETE FROM bizmetrics.event_types WHERE event_name = 'types_copied';
SELECT logged('types_inserted'), logged('types_copied');
SELECT outcome(s) FROM (VALUES
  ($$INSERT INTO bizmetrics.event_types VALUES ('types_bad', NULL, '{"type": "text"}')$$),
  ($$UPDATE bizmetrics.event_types SET properties_schema = '[]'$$),
  ($$INSERT INTO bizmetrics.event_types VALUES ('')$$)
) AS v (s);
SET session_replication_role = replica;
INSERT INTO bizmetrics.event_types VALUES ('types_replicated');
SELECT logged('types_replicated');
RESET session_replication_role;
BEGIN;
TRUNCATE bizmetrics.event_types;
SELECT logged('types_paid');
ROLLBACK;
SELECT logged('types_paid');
RESET bizmetrics.unknown_events;

-- INSERT into business_events is not checked.
INSERT INTO business_events (event_name, properties) VALUES ('types_paid', '{"value": 11}');

-- Nothing is registered in a transaction that is read-only.
BEGIN READ ONLY;
SELECT outcome('SELECT bizmetrics.create_event_type(''types_read_only'')');
SELECT outcome('SELECT bizmetrics.drop_event_type(''types_paid'')');
SELECT outcome('SELECT bizmetrics.create_event_types(''types_enum'')');
ROLLBACK;

-- The catalog: what is registered and what was logged.
SELECT event_name, description, registered, events, first_seen <= last_seen AS seen, last_seen > now() - interval '1 hour' AS lately
FROM bizmetrics.event_catalog WHERE event_name LIKE 'types\_%' ORDER BY event_name;
BEGIN;
SELECT bizmetrics.log_event('types_opened', occurred_at => t) IS NOT NULL AS logged FROM unnest('{2001-02-03 04:05 UTC,2030-02-03 04:05 UTC}'::timestamptz[]) AS t;
SELECT events, first_seen AT TIME ZONE 'UTC' AS first_seen, last_seen AT TIME ZONE 'UTC' AS last_seen
FROM bizmetrics.event_catalog WHERE event_name = 'types_opened';
ROLLBACK;
SELECT count(*) = (SELECT count(*) FROM business_events) + (SELECT count(*) FROM bizmetrics.event_catalog WHERE events = 0) AS complete
FROM bizmetrics.event_catalog c LEFT JOIN business_events e USING (event_name);

-- The catalog and the registry are for authors; the functions and the setting for the owner.
CREATE ROLE types_author;
CREATE ROLE types_writer;
SELECT bizmetrics.grant_author('types_author'), bizmetrics.grant_writer('types_writer');
SET ROLE types_author;
SELECT count(*) > 0 AS catalog FROM bizmetrics.event_catalog;
SELECT count(*) > 0 AS types FROM bizmetrics.registered_event_types;
SELECT bizmetrics.create_event_type('types_author');
SELECT bizmetrics.create_event_types('types_enum');
SELECT bizmetrics.drop_event_type('types_paid');
INSERT INTO bizmetrics.event_types VALUES ('types_author');
SET bizmetrics.unknown_events = reject;
RESET ROLE;
SET ROLE types_writer;
SELECT count(*) FROM bizmetrics.event_catalog;
SELECT bizmetrics.log_event('types_paid', '{"value": 11}');
SELECT bizmetrics.log_event('types_paid', '{"value": 9}') IS NOT NULL AS logged;
RESET ROLE;

-- Row security of business_events holds in the catalog too.
BEGIN;
ALTER TABLE business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY types_policy ON business_events FOR SELECT TO types_author USING (event_name = 'types_paid');
SET ROLE types_author;
SELECT event_name FROM bizmetrics.event_catalog WHERE events > 0;
RESET ROLE;
ROLLBACK;
SELECT bizmetrics.revoke_author('types_author'), bizmetrics.revoke_writer('types_writer');
DROP ROLE types_author, types_writer;

DELETE FROM bizmetrics.event_types;
SELECT logged('types_paid', '{"value": 11}');
DROP DOMAIN types_domain;
DROP TYPE types_enum, types_empty_label;
DROP FUNCTION logged(text, jsonb), outcome(text);
