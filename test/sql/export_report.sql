-- A report's table as CSV and JSON, for whoever may read it.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_nobody LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_reader');
\c - regress_author
SELECT bizmetrics.create_report('Orders', 'analytics.orders', 'SELECT 1', '0 0 29 2 *', timezone => 'Europe/Berlin', ddl => $$
  CREATE TABLE analytics.orders (note text, "Plan, or so" text, day date, paid_at timestamptz, amount numeric(12,2), tags jsonb, waited interval, PRIMARY KEY (day, "Plan, or so"))$$);
INSERT INTO analytics.orders VALUES
  ('plain', 'b', '2026-03-29', '2026-03-29 00:30:00+00', 1.50, '{"a": [1]}', '1 day 2 hours'),
  (E'a "quote", a comma\nand a line', 'a', '2026-03-29', '2026-03-29 01:30:00+00', -0.10, NULL, NULL),
  ('', 'a', '2026-03-28', NULL, 'NaN', '"x"', '0'),
  (NULL, 'a', '2026-03-30', NULL, 1e9, NULL, NULL),
  (' leading', 'äöü €', '2026-03-30', NULL, NULL, NULL, NULL);
SELECT bizmetrics.create_report('No times', 'analytics.no_times', 'SELECT 1', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.no_times (n integer, f double precision, j json)');
INSERT INTO analytics.no_times VALUES (2, 0.1, '{}'), (1, 'Infinity', NULL), (1, -1, NULL);
-- A reader, whatever his own settings say.
\c - regress_reader
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET datestyle = 'German';
SET timezone = 'Asia/Tokyo';
SET extra_float_digits = -10;
SELECT bizmetrics.export_report('Orders');
SELECT bizmetrics.export_report('Orders', 'jsonl');
SELECT bizmetrics.export_report('Orders', 'json');
SELECT jsonb_array_length(string_agg(line, E'\n')::jsonb) FROM bizmetrics.export_report('Orders', 'json') line;
SELECT string_agg(line, E'\n')::jsonb FROM bizmetrics.export_report('Orders', 'json', to_time => '2000-01-01') line;
SHOW timezone;
-- Days are the report's: that of the 29th begins at 23 hours UTC.
SELECT bizmetrics.export_report('Orders', 'csv', '2026-03-28 23:00:00+00', '2026-03-29 22:00:00+00');
SELECT bizmetrics.export_report('Orders', 'csv', from_time => '2026-03-29 22:00:00+00');
-- Without a primary key by all columns that have an order.
SELECT bizmetrics.export_report('No times');
-- What is exported is what is there.
SELECT count(*) FROM (SELECT * FROM analytics.orders INTERSECT
  SELECT o.* FROM jsonb_populate_recordset(NULL::analytics.orders, (SELECT string_agg(line, E'\n')::jsonb FROM bizmetrics.export_report('Orders', 'json') line)) o) AS same;
SELECT pg_temp.error_of(format('SELECT bizmetrics.export_report(%s)', arguments)) FROM unnest(ARRAY[$$NULL$$, $$'Orders', NULL$$, $$'Orders', 'xml'$$, $$'Orders', 'pdf'$$, $$'none'$$, $$'No times', 'csv', now()$$]) arguments;
\c - postgres
SELECT bizmetrics.revoke_reader('regress_reader');
GRANT USAGE ON SCHEMA bizmetrics TO regress_nobody;
GRANT EXECUTE ON FUNCTION bizmetrics.export_report, bizmetrics.export_plan, bizmetrics.export_columns, bizmetrics.time_column_of, bizmetrics.csv_field TO regress_nobody;
GRANT SELECT ON bizmetrics.report_tables TO regress_nobody;
GRANT USAGE ON SCHEMA analytics TO regress_nobody;
\c - regress_nobody
\i :helper
SELECT pg_temp.error_of($$SELECT bizmetrics.export_report('Orders')$$);
\c - postgres
SELECT bizmetrics.drop_report('Orders'), bizmetrics.drop_report('No times');
SELECT bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author, regress_nobody;
DROP ROLE regress_author, regress_reader, regress_nobody;
