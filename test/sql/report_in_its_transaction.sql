-- A report that follows new events runs first in its transaction, or not there; new_events() means something in
-- its query alone.
CREATE EXTENSION bizmetrics_test;
GRANT USAGE ON SCHEMA bizmetrics_test TO PUBLIC;
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
SELECT bizmetrics_test.set_clock('2026-03-20 12:00Z');
SELECT bizmetrics.create_report('tx', query => $$SELECT date_trunc('day', occurred_at) AS day, count(*) AS n FROM public.business_events WHERE event_name = 'tx' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
SELECT bizmetrics.create_report('tx_full', query => $$SELECT event_name, count(*) AS n, now() IS NOT NULL AS yes FROM public.business_events WHERE event_name = 'tx' GROUP BY 1$$, schedule => :never, key => '{event_name}');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx', '2026-03-02 10:00Z');
-- After a write, in a transaction that sees what it saw, in a read-only one.
BEGIN;
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx', '2026-03-02 11:00Z');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.run_report(''tx'')');
SELECT state FROM bizmetrics.run_report('tx_full');
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.run_report(''tx'')');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.run_report(''tx'')');
ROLLBACK;
BEGIN READ ONLY;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.run_report(''tx'')');
ROLLBACK;
-- First in its transaction; what this one logs later is new to the next run.
BEGIN;
SELECT state, row_count FROM bizmetrics.run_report('tx');
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx', '2026-03-02 12:00Z');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.run_report(''tx'')');
COMMIT;
SELECT state, row_count FROM bizmetrics.run_report('tx');
SELECT n FROM analytics.tx;
-- Rolled back, it has read nothing.
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx', '2026-03-02 13:00Z');
BEGIN;
SELECT state, row_count FROM bizmetrics.run_report('tx');
ROLLBACK;
SELECT n FROM analytics.tx;
SELECT state, row_count FROM bizmetrics.run_report('tx');
SELECT n FROM analytics.tx;
-- Events that the report itself logs are new to the next run.
CREATE FUNCTION analytics.log_tx() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx', '2026-03-05 12:00Z');
  RETURN NULL;
END
$$;
CREATE TRIGGER log_tx AFTER UPDATE OR INSERT ON analytics.tx FOR EACH ROW WHEN (NEW.day < '2026-03-05Z') EXECUTE FUNCTION analytics.log_tx();
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx', '2026-03-02 14:00Z');
SELECT format('SELECT state, row_count FROM bizmetrics.run_report(%L)', 'tx') FROM generate_series(1, 3) \gexec
SELECT * FROM analytics.tx ORDER BY 1;
DROP TRIGGER log_tx ON analytics.tx;
-- Outside of a report.
SELECT pg_temp.error_of(command) FROM unnest(ARRAY['SELECT * FROM bizmetrics.new_events()', 'SELECT bizmetrics.is_new(1)', 'SELECT bizmetrics.watermark_xmin()', 'SELECT bizmetrics.report_bucket(now())', 'CREATE TABLE analytics.tx_none AS SELECT * FROM bizmetrics.new_events()']) command;
-- A report that fails leaves nothing behind: neither rows, nor what it had read, nor that it is running.
CREATE TABLE analytics.tx_fails (n bigint CHECK (n < 2));
SELECT bizmetrics.create_report('tx_fails', 'analytics.tx_fails', $$INSERT INTO analytics.tx_fails VALUES (0); INSERT INTO analytics.tx_fails SELECT count(*) FROM bizmetrics.new_events() WHERE event_name = 'tx_fails'$$, :never);
INSERT INTO public.business_events (event_name, occurred_at) VALUES ('tx_fails', '2026-03-02 10:00Z'), ('tx_fails', '2026-03-03 10:00Z');
SELECT state, sqlstate, message FROM bizmetrics.run_report('tx_fails');
SELECT * FROM analytics.tx_fails;
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.new_events()');
ALTER TABLE analytics.tx_fails DROP CONSTRAINT tx_fails_n_check;
SELECT state, row_count FROM bizmetrics.run_report('tx_fails');
SELECT * FROM analytics.tx_fails ORDER BY 1;
-- In the middle of its windows: the others are computed, and that one by a later run.
CREATE TABLE analytics.tx_windows (day timestamptz, n bigint CHECK (n <> 13), PRIMARY KEY (day));
SELECT bizmetrics.create_report('tx_windows', query => $$SELECT date_trunc('day', occurred_at) AS day, sum((properties ->> 'n')::int) / count(*) AS n FROM public.business_events WHERE event_name = 'tx_windows' GROUP BY 1$$, schedule => :never, key => '{day}', bucket => '1 day');
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('tx_windows', '2026-03-02 10:00Z', '{"n": 1}'), ('tx_windows', '2026-03-10 10:00Z', '{"n": 2}'), ('tx_windows', '2026-03-20 10:00Z', '{"n": 3}');
SELECT state, row_count FROM bizmetrics.run_report('tx_windows');
INSERT INTO public.business_events (event_name, occurred_at, properties) VALUES ('tx_windows', '2026-03-02 10:00Z', '{"n": 7}'), ('tx_windows', '2026-03-10 10:00Z', '{"n": 24}'), ('tx_windows', '2026-03-20 10:00Z', '{"n": 5}');
SELECT state, sqlstate, row_count FROM bizmetrics.run_report('tx_windows');
SELECT * FROM analytics.tx_windows ORDER BY 1;
SELECT report_name, new_events, pending_windows FROM bizmetrics.report_status WHERE report_name = 'tx_windows';
SELECT substr(line, 1, 40) FROM bizmetrics.explain_report('tx_windows') line WHERE line ~ '^Window';
ALTER TABLE analytics.tx_windows DROP CONSTRAINT tx_windows_n_check;
SELECT state, row_count FROM bizmetrics.run_report('tx_windows');
SELECT * FROM analytics.tx_windows ORDER BY 1;
-- A custom query of several commands, with the values of its grain as $3: all of them where all are to be computed.
CREATE TABLE analytics.tx_grain (day timestamptz, company text, n bigint);
CREATE TABLE analytics.tx_grains (run serial, start timestamptz, companies text[]);
SELECT bizmetrics.create_report('tx_grain', 'analytics.tx_grain', $$INSERT INTO analytics.tx_grains (start, companies) VALUES ($1, $3); DELETE FROM analytics.tx_grain WHERE day >= $1 AND day < $2 AND company = ANY ($3); INSERT INTO analytics.tx_grain SELECT date_trunc('day', occurred_at), coalesce(company_id, ''), count(*) FROM public.business_events WHERE event_name = 'tx_grain' AND occurred_at >= $1 AND occurred_at < $2 AND coalesce(company_id, '') = ANY ($3) GROUP BY 1, 2;$$, :never, bucket => '1 day', events => '{tx_grain}', grain => 'company_id');
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES ('tx_grain', '2026-03-10 10:00Z', 'a'), ('tx_grain', '2026-03-10 10:00Z', NULL), ('tx_grain', '2026-03-11 10:00Z', 'b');
SELECT state FROM bizmetrics.run_report('tx_grain');
SELECT start, companies @> '{"",a,b}' AS has_all FROM analytics.tx_grains ORDER BY run;
INSERT INTO public.business_events (event_name, occurred_at, company_id) VALUES ('tx_grain', '2026-03-10 10:00Z', 'a'), ('tx_grain', '2026-03-11 10:00Z', 'a'), ('tx_grain', '2026-03-11 10:00Z', 'c');
SELECT state, row_count FROM bizmetrics.run_report('tx_grain');
SELECT start, companies FROM analytics.tx_grains ORDER BY run OFFSET 1;
SELECT * FROM analytics.tx_grain ORDER BY 1, 2;
SELECT bizmetrics_test.set_clock(NULL);
\c - postgres
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP OWNED BY regress_author;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_writer('regress_author');
DROP ROLE regress_author;
DROP EXTENSION bizmetrics_test;
DROP SCHEMA IF EXISTS bizmetrics_test;
