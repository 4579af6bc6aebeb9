-- Whoever calls, with whatever search_path and operators of his own: what a report computes is its own. Names of the
-- query are found by the search_path in which it was created.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_writer('regress_author');
SELECT bizmetrics.ensure_partitions('2026-03-01', '2026-04-01') >= 0;
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'UTC';
SET datestyle = 'ISO';
\set never '''0 0 29 2 *'''
\c - postgres
CREATE SCHEMA regress_hostile;
GRANT ALL ON SCHEMA regress_hostile TO regress_author;
GRANT CREATE ON SCHEMA public TO regress_author;
\c - regress_author
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET search_path = public;
SELECT bizmetrics.create_report('h_window', query => $$SELECT date_trunc('day', occurred_at) AS day, coalesce(company_id, '') AS company, count(DISTINCT id) AS n, max(occurred_at::timestamp) AS last_at FROM business_events WHERE event_name = 'hostile' GROUP BY 1, 2$$, schedule => '0 0 29 2 *', key => '{day,company}', bucket => '1 day', retention => '100 years');
SELECT bizmetrics.create_report('h_delta', query => $$SELECT occurred_at::date AS day, event_name, count(*) AS n, sum((properties ->> 'n')::int) AS s, min(event_name) AS least, bool_or(true) AS yes FROM business_events WHERE event_name = 'hostile' GROUP BY 1, 2$$, schedule => '0 0 29 2 *', key => '{day,event_name}', bucket => '1 day');
SELECT bizmetrics.create_report('h_full', query => $$SELECT event_name, count(DISTINCT id) AS n FROM business_events WHERE event_name = 'hostile' GROUP BY 1$$, schedule => '0 0 29 2 *', key => '{event_name}');
-- Functions and operators that fail, where they are found first.
CREATE FUNCTION regress_hostile.fail(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hostile''; END';
CREATE FUNCTION regress_hostile.fail_value(bigint, bigint) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hostile''; END';
CREATE FUNCTION regress_hostile.fail_text(text, text[]) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''hostile''; END';
DO $$
DECLARE
  operator text;
  schema text;
  type text;
BEGIN
  FOREACH schema IN ARRAY '{public,regress_hostile}'::text[] LOOP
    FOREACH operator IN ARRAY '{=,<>,<,<=,>,>=,*<>}'::text[] LOOP
      FOREACH type IN ARRAY '{bigint,text,timestamptz,date,record,uuid}'::text[] LOOP
        CONTINUE WHEN type = 'record' AND operator <> '*<>' OR type <> 'record' AND operator = '*<>' OR type = 'record';
        EXECUTE format('CREATE OPERATOR %I.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = regress_hostile.fail)', schema, operator, type, type);
      END LOOP;
    END LOOP;
    EXECUTE format('CREATE OPERATOR %I.+ (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_hostile.fail_value)', schema);
  END LOOP;
END
$$;
CREATE FUNCTION regress_hostile.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT 666';
CREATE FUNCTION regress_hostile.date_trunc(text, timestamptz) RETURNS timestamptz LANGUAGE sql AS $$SELECT '2000-01-01'::timestamptz$$;
CREATE FUNCTION regress_hostile.timezone(text, timestamptz) RETURNS timestamp LANGUAGE sql AS $$SELECT '2000-01-01'::timestamp$$;
CREATE TABLE regress_hostile.business_events (LIKE public.business_events);
CREATE TABLE regress_hostile.bizmetrics_result (n bigint);
CREATE TABLE regress_hostile.h_window (n bigint);
CREATE TYPE regress_hostile.date AS (n bigint);
CREATE TYPE regress_hostile.record AS (n bigint);
SET search_path = regress_hostile, analytics, public, pg_catalog;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'iso_8601';
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES ('hostile', '2026-03-02 10:00Z', 'a', '{"n": 1}'), ('hostile', '2026-03-02 23:00Z', NULL, '{"n": 2}');
SELECT format('SELECT state, row_count, message FROM bizmetrics.run_report(%L)', r) FROM unnest('{h_window,h_delta,h_full}'::text[]) r, generate_series(1, 2) \gexec
INSERT INTO public.business_events (event_name, occurred_at, company_id, properties) VALUES ('hostile', '2026-03-02 10:00Z', 'a', '{"n": 3}');
SELECT bizmetrics.explain_report('h_window') ~ '^Strategy' AS explained LIMIT 1;
SELECT report_name, new_events FROM bizmetrics.report_status ORDER BY 1;
SELECT format('SELECT state, row_count, message FROM bizmetrics.run_report(%L)', r) FROM unnest('{h_window,h_delta,h_full}'::text[]) r, generate_series(1, 2) \gexec
CALL bizmetrics.backfill_report('h_delta', '2026-03-01Z', '2026-03-04Z');
SHOW search_path;
RESET search_path;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET search_path = pg_catalog;
SELECT * FROM analytics.h_window ORDER BY 1, 2;
SELECT * FROM analytics.h_delta ORDER BY 1;
SELECT * FROM analytics.h_full;
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
REVOKE CREATE ON SCHEMA public FROM regress_author;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP SCHEMA regress_hostile;
