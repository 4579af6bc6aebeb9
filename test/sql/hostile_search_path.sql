-- Somebody's operators, functions and tables that come first in search_path are not used.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
CREATE SCHEMA evil;
CREATE TABLE evil.business_events (id integer, event_name text, occurred_at timestamptz);
CREATE TABLE evil.reports (LIKE bizmetrics.reports);
CREATE TABLE evil.grants (LIKE bizmetrics.grants);
DO $$
DECLARE
  f text;
  o record;
BEGIN
  -- Every operator and function that might be meant, in its exact signature, raises.
  FOR o IN SELECT oprname, oprleft::regtype AS l, oprright::regtype AS r, oprresult::regtype AS t FROM pg_operator
    WHERE oprname IN ('=', '<>', '<', '<=', '>', '>=', '+', '-', '||', '~', '->>', '@>') AND oprkind = 'b'
      AND oprleft IN ('text'::regtype, 'bigint'::regtype, 'integer'::regtype, 'timestamptz'::regtype, 'uuid'::regtype, 'jsonb'::regtype, 'name'::regtype, 'oid'::regtype, 'boolean'::regtype, '"char"'::regtype, 'interval'::regtype)
      AND oprright::regtype::text !~ '^any' AND oprresult::regtype::text !~ '^any'
  LOOP
    f := 'f_' || md5(o::text);
    EXECUTE format('CREATE FUNCTION evil.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE EXCEPTION ''''evil %s''''; END''', f, o.l, o.r, o.t, o.oprname);
    EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.%I)', o.oprname, o.l, o.r, f);
  END LOOP;
END
$$;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil now''; END';
CREATE FUNCTION evil.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'pg_backend_pid';
CREATE FUNCTION evil.char_length(text) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil char_length''; END';
CREATE FUNCTION evil.jsonb_typeof(jsonb) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil jsonb_typeof''; END';
CREATE FUNCTION evil.nextval(regclass) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil nextval''; END';
CREATE FUNCTION evil.uuid_v7() RETURNS uuid LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil uuid_v7''; END';
CREATE TYPE evil.text AS (x integer);
CREATE DOMAIN evil.timestamptz AS pg_catalog.text;
CREATE TEMP TABLE business_events (id integer);
CREATE TEMP TABLE pg_class (id integer);
SET search_path = evil, pg_temp, pg_catalog, public;
-- A missing partition, both paths, keys.
BEGIN;
SELECT bizmetrics.log_event('hostile', dedupe_key => 'hostile', occurred_at => '2002-01-01'::pg_catalog.timestamptz) IS NOT NULL AS logged;
SELECT bizmetrics.log_event('hostile', dedupe_key => 'hostile', occurred_at => '2002-02-01'::pg_catalog.timestamptz) IS NOT NULL AS logged;
SELECT bizmetrics.ensure_partitions('2002-03-01', '2002-05-01') AS made;
CREATE FUNCTION pg_temp.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER nothing BEFORE INSERT ON public.business_events FOR EACH ROW EXECUTE FUNCTION pg_temp.nothing();
SELECT bizmetrics.log_event('hostile too', occurred_at => '2002-01-02'::pg_catalog.timestamptz) IS NOT NULL AS logged;
INSERT INTO public.business_events (event_name, occurred_at, dedupe_key) VALUES ('hostile three', '2002-01-03', 'hostile 3');
SELECT event_name FROM public.business_events WHERE event_name OPERATOR(pg_catalog.~~) 'hostile%' ORDER BY event_name USING OPERATOR(pg_catalog.<);
ROLLBACK;
-- Roles and reports.
SELECT bizmetrics.grant_reader('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.revoke_writer('regress_author');
SELECT bizmetrics.create_report('hostile', 'analytics.hostile', 'INSERT INTO analytics.hostile VALUES (1)', '0 0 29 2 *', owner => 'regress_author', ddl => 'CREATE TABLE analytics.hostile (n integer PRIMARY KEY)');
SELECT report_name, state FROM bizmetrics.report_status;
SELECT count(*) FROM bizmetrics.report_runs;
SET SESSION AUTHORIZATION regress_author;
SELECT state FROM bizmetrics.run_report('hostile');
RESET SESSION AUTHORIZATION;
SELECT bizmetrics.revoke_author('regress_author');
SET search_path = public;
SELECT bizmetrics.drop_report('hostile');
DROP TABLE analytics.hostile;
DELETE FROM bizmetrics.grants WHERE role_name = 'regress_author';
REVOKE ALL ON SCHEMA analytics FROM regress_author;
SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
DROP OWNED BY regress_author;
DROP ROLE regress_author;
