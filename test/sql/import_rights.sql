-- import_events() reads and stores as the caller, whatever is first in the search_path.
\i test/helpers/error_of.sql
\pset tuples_only off
\pset format aligned
SET client_min_messages = error;
SET timezone = 'UTC';
CREATE ROLE regress_importer;
CREATE ROLE regress_nobody;
CREATE SCHEMA vault;
CREATE TABLE vault.log (id bigint PRIMARY KEY, event_name text, occurred_at timestamptz, owner text);
INSERT INTO vault.log VALUES (1, 'mine', '1976-01-01', 'regress_importer'), (2, 'yours', '1976-01-01', 'somebody'), (3, '', '1976-01-01', 'regress_importer');
CREATE FUNCTION vault.who() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
CREATE VIEW vault.me AS SELECT 10 AS id, 'by_' || vault.who() AS event_name, timestamptz '1976-01-01' AS occurred_at;
GRANT USAGE ON SCHEMA vault TO regress_importer, regress_nobody;
-- No right to log.
GRANT SELECT ON vault.log TO regress_nobody;
GRANT USAGE ON SCHEMA bizmetrics TO regress_nobody;
SET ROLE regress_nobody;
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('vault.log')$$) AS error;
RESET ROLE;
GRANT EXECUTE ON PROCEDURE bizmetrics.import_events TO regress_nobody;
SET ROLE regress_nobody;
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('vault.log')$$) AS error;
RESET ROLE;
-- A writer, but no right to read the source, also where it is empty; its rejects stay.
SELECT bizmetrics.grant_writer('regress_importer');
CALL bizmetrics.import_events('vault.log', '{"event_name": "{event_name}"}');
CREATE TABLE vault.nothing (LIKE vault.log);
SET ROLE regress_importer;
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('vault.log')$$) AS error;
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('vault.nothing', '{"id": "id"}')$$) AS error;
SELECT pg_temp.error_of($$CALL bizmetrics.import_events('SELECT * FROM vault.log', name => 'x')$$) AS error;
RESET ROLE;
SELECT count(*) FROM bizmetrics.event_rejects WHERE source = 'vault.log';
-- Row security holds; what the source calls runs as the caller; rejects are stored though he cannot read them.
ALTER TABLE vault.log ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON vault.log USING (owner = current_user);
GRANT SELECT ON vault.log, vault.me TO regress_importer;
SET ROLE regress_importer;
CALL bizmetrics.import_events('vault.log', name => 'mine');
CALL bizmetrics.import_events('vault.me', name => 'me');
CALL bizmetrics.import_events('SELECT 11 AS id, ''query_'' || current_user AS event_name, timestamptz ''1976-01-01'' AS occurred_at', name => 'me');
SELECT pg_temp.error_of('TABLE bizmetrics.event_rejects') AS error;
RESET ROLE;
SELECT event_name FROM public.business_events WHERE occurred_at = '1976-01-01' ORDER BY 1;
SELECT source, item, message FROM bizmetrics.event_rejects ORDER BY reject_id;
-- Whoever gives his source the name of another one replaces his own rejects, and those of roles whose rights he has.
CREATE ROLE regress_other;
SELECT bizmetrics.grant_writer('regress_other');
SET ROLE regress_other;
CALL bizmetrics.import_events('SELECT 3 AS id, '''' AS event_name, now() AS occurred_at', name => 'mine');
RESET ROLE;
SELECT source, imported_by, item FROM bizmetrics.event_rejects WHERE source = 'mine' ORDER BY reject_id;
SET ROLE regress_other;
CALL bizmetrics.import_events('SELECT 4 AS id, ''good'' AS event_name, timestamptz ''1976-01-02'' AS occurred_at', name => 'mine');
RESET ROLE;
SELECT source, imported_by, item FROM bizmetrics.event_rejects WHERE source = 'mine' ORDER BY reject_id;
GRANT regress_importer TO regress_other;
SET ROLE regress_other;
CALL bizmetrics.import_events('SELECT 4 AS id, ''good'' AS event_name, timestamptz ''1976-01-02'' AS occurred_at', name => 'mine');
RESET ROLE;
SELECT source, imported_by, item FROM bizmetrics.event_rejects WHERE source = 'mine' ORDER BY reject_id;
-- Those of a role that is gone are anybody's.
SET ROLE regress_other;
CALL bizmetrics.import_events('SELECT 3 AS id, '''' AS event_name, now() AS occurred_at', name => 'mine');
RESET ROLE;
SELECT bizmetrics.revoke_writer('regress_other');
DROP ROLE regress_other;
SET ROLE regress_importer;
CALL bizmetrics.import_events('SELECT 4 AS id, ''good'' AS event_name, timestamptz ''1976-01-02'' AS occurred_at', name => 'mine');
RESET ROLE;
SELECT source, imported_by, item FROM bizmetrics.event_rejects WHERE source = 'mine' ORDER BY reject_id;
-- Row security of the event table, of the writer's columns alone.
ALTER TABLE public.business_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY named ON public.business_events FOR INSERT TO regress_importer WITH CHECK (event_name <> 'forbidden');
SET ROLE regress_importer;
CALL bizmetrics.import_events($$VALUES (1, 'allowed', timestamptz '1976-01-01')$$, '{"id": "column1", "event_name": "{column2}", "occurred_at": "column3"}', 'rls');
SELECT pg_temp.error_of($c$CALL bizmetrics.import_events($$VALUES (1, 'allowed', timestamptz '1976-01-01'), (2, 'forbidden', timestamptz '1976-01-01')$$, '{"id": "column1", "event_name": "{column2}", "occurred_at": "column3"}', 'rls')$c$) AS error;
RESET ROLE;
DROP POLICY named ON public.business_events;
ALTER TABLE public.business_events DISABLE ROW LEVEL SECURITY;

-- A hostile search_path: the query's own names are found by it, nothing else is.
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO regress_importer;
DO $$
DECLARE
  f text;
  o record;
BEGIN
  FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS t FROM pg_operator
    WHERE oprname IN ('=', '<>', '<', '<=', '>', '>=', '||', '#>>') AND oprkind = 'b'
      AND oprleft IN ('text'::regtype, 'bigint'::regtype, 'integer'::regtype, 'timestamptz'::regtype, 'uuid'::regtype, 'jsonb'::regtype, 'tid'::regtype, 'varchar'::regtype)
      AND oprright::regtype::text !~ '^any' AND oprresult::regtype::text !~ '^any'
  LOOP
    f := 'f_' || md5(o::text);
    EXECUTE format('CREATE FUNCTION evil.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''evil %s''''; END''', f, o.l, o.r, o.t, o.oprname);
    EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%I)', o.oprname, o.l, o.r, f);
  END LOOP;
END
$$;
CREATE FUNCTION evil.raise() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
CREATE FUNCTION evil.char_length(text) RETURNS integer LANGUAGE sql AS 'SELECT length(evil.raise())';
CREATE FUNCTION evil.isfinite(timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT evil.raise() IS NULL';
CREATE FUNCTION evil.jsonb_typeof(jsonb) RETURNS text LANGUAGE sql AS 'SELECT evil.raise()';
CREATE FUNCTION evil.to_jsonb(anyelement) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
CREATE FUNCTION evil.date_trunc(text, timestamptz, text) RETURNS timestamptz LANGUAGE sql AS 'SELECT evil.raise()::timestamptz';
CREATE FUNCTION evil.import_id(text, text, text) RETURNS uuid LANGUAGE sql AS 'SELECT evil.raise()::uuid';
CREATE DOMAIN evil.timestamptz AS pg_catalog.text;
CREATE DOMAIN evil.jsonb AS pg_catalog.text;
CREATE DOMAIN evil.text AS pg_catalog.int4;
CREATE DOMAIN evil.uuid AS pg_catalog.int4;
CREATE TABLE evil.business_events (id integer);
CREATE TABLE evil.event_rejects (id integer);
CREATE TABLE evil.log (key integer, status pg_catalog.text, total numeric, at pg_catalog.timestamptz, note pg_catalog.text);
INSERT INTO evil.log VALUES (1, 'new', 5, '1976-02-01', '{}'), (2, 'new', 6, 'infinity', '{}'), (3, 'new', 7, '1976-02-01', '{');
GRANT SELECT ON evil.log TO regress_importer;
SET ROLE regress_importer;
SET search_path = evil, pg_temp, pg_catalog, public;
CALL bizmetrics.import_events('log', '{"id": "{key}-{at}", "event_name": "order_{status}", "occurred_at": "at", "dedupe_key": "{key}!", "properties": ["total"]}');
CALL bizmetrics.import_events('SELECT * FROM log', '{"id": "{*}", "event_name": "order_{status}", "occurred_at": "at", "entity_id": "key", "properties": "note"}', 'q');
RESET search_path;
RESET ROLE;
SELECT event_name, entity_id, properties FROM public.business_events WHERE occurred_at = '1976-02-01' ORDER BY 1, 2;
SELECT source, item, sqlstate FROM bizmetrics.event_rejects WHERE source ~ '^(evil|q)' ORDER BY 1, 2;

DELETE FROM bizmetrics.event_rejects;
SELECT format('DROP TABLE %s', partition) FROM bizmetrics.partitions WHERE from_time BETWEEN '1976-01-01' AND '1976-12-01' ORDER BY 1 \gexec
DELETE FROM bizmetrics.dedupe_keys WHERE dedupe_key IN ('1!', '3!');
SELECT bizmetrics.revoke_writer('regress_importer');
DROP SCHEMA evil CASCADE;
DROP SCHEMA vault CASCADE;
REVOKE ALL ON PROCEDURE bizmetrics.import_events FROM regress_nobody;
REVOKE ALL ON SCHEMA bizmetrics FROM regress_nobody;
DROP ROLE regress_importer, regress_nobody;
