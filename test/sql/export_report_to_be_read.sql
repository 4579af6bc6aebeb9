-- A report's table as a page and as a PDF file, for people: what is in it cannot leave its cell.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_reader LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_reader');
\c - regress_author
SELECT bizmetrics.create_report('Sales <by> day & "plan"', 'analytics.sales_to_read', 'SELECT 1', '0 0 29 2 *', timezone => 'Europe/Berlin', ddl => $$
  CREATE TABLE analytics.sales_to_read (day date, plan text, "n<ame>" text, amount numeric(12,2), paid_at timestamptz, PRIMARY KEY (day, plan));
  COMMENT ON TABLE analytics.sales_to_read IS 'What was sold, <b>by day</b>.'; COMMENT ON COLUMN analytics.sales_to_read.amount IS 'In "euros" & cents.'$$);
INSERT INTO analytics.sales_to_read VALUES
  ('2026-03-29', 'b', '</td></tr></table><script>alert(1)</script>', 1.50, '2026-03-29 00:30:00+00'),
  ('2026-03-29', 'a', '(PDF) \ ) Tj ET', -12345.10, NULL),
  ('2026-03-30', '', E'two\nlines, a \x01 and a tab\there', NULL, NULL),
  ('2026-04-01', 'c', NULL, 0, NULL);
SELECT bizmetrics.create_report('empty', 'analytics.empty_to_read', 'SELECT 1', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.empty_to_read (n integer)');
SELECT bizmetrics.create_report('long', 'analytics.long_to_read', 'SELECT 1', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.long_to_read (n integer)');
INSERT INTO analytics.long_to_read SELECT generate_series(1, 100001);
DO $$ BEGIN EXECUTE format('SELECT bizmetrics.create_report(''wide'', ''analytics.wide_to_read'', ''SELECT 1'', ''0 0 29 2 *'', ddl => ''CREATE TABLE analytics.wide_to_read (%s)'')',
  (SELECT string_agg('c' || n || ' integer', ', ') FROM generate_series(1, 51) AS n)); END $$;
\c - regress_reader
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
SET bytea_output = 'escape';
SELECT bizmetrics.export_report('Sales <by> day & "plan"', 'html', '2026-03-28 23:00:00+00', '2026-03-31 22:00:00+00');
SELECT count(*) FROM bizmetrics.export_report('empty', 'html');
-- The PDF file's strings, in the order in which they are drawn.
SELECT m[1] FROM regexp_matches(convert_from(substr(bizmetrics.export_report_pdf('Sales <by> day & "plan"', from_time => '2026-03-28 23:00:00+00'), 16), 'SQL_ASCII'), '\((([^()\\]|\\.)*)\) Tj', 'g') AS m;
SELECT length(bizmetrics.export_report_pdf('Sales <by> day & "plan"')) BETWEEN 1000 AND 3000 AS is_small, bizmetrics.export_report_pdf('empty') IS NOT NULL AS has_header;
SELECT pg_temp.error_of(format('SELECT bizmetrics.export_report_pdf(%s)', arguments)) FROM unnest(ARRAY[$$NULL$$, $$'none'$$, $$'empty', now()$$, $$'long'$$, $$'wide'$$]) AS arguments;
SELECT pg_temp.error_of(format('SELECT bizmetrics.table_pdf(%s)', arguments)) FROM unnest(ARRAY[$$'t', '', '', NULL, '{}', NULL$$, $$'t', '', '', '{a,b}', '{t}', NULL$$, $$'t', '', '', '{a,b}', '{t,f}', '{1,2,3}'$$, $$NULL, NULL, NULL, '{}', '{}', NULL$$]) AS arguments;
\c - postgres
SELECT bizmetrics.drop_report(n) FROM unnest(ARRAY['Sales <by> day & "plan"', 'empty', 'long', 'wide']) AS n;
SELECT bizmetrics.revoke_reader('regress_reader'), bizmetrics.revoke_author('regress_author');
DROP OWNED BY regress_author;
DROP ROLE regress_author, regress_reader;
