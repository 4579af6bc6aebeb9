-- doctor() says nothing of an installation where all is well, names what is not, and what to do.
CREATE DATABASE regression_bizmetrics_doctor;
\c regression_bizmetrics_doctor
CREATE EXTENSION bizmetrics;
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_reader;
CREATE ROLE regress_writer;
CREATE ROLE regress_gone;
CREATE ROLE regress_monitor IN ROLE pg_monitor;
\pset format unaligned
\pset fieldsep ' | '
SELECT * FROM bizmetrics.doctor();
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_author('regress_other'), bizmetrics.grant_reader('regress_reader'), bizmetrics.grant_writer('regress_writer'), bizmetrics.grant_reader('regress_gone');
SELECT bizmetrics.log_event('x') IS NOT NULL AS logged;
SET ROLE regress_author;
CREATE TABLE analytics.good (n integer PRIMARY KEY);
CREATE TABLE analytics.bad (n integer PRIMARY KEY);
SELECT bizmetrics.create_report('good', 'analytics.good', 'INSERT INTO analytics.good SELECT coalesce(max(n), 0) + 1 FROM analytics.good', '0 0 29 2 *');
SELECT bizmetrics.create_report('bad', 'analytics.bad', 'INSERT INTO analytics.bad SELECT 1 / 0', '0 0 29 2 *', max_attempts => 1);
RESET ROLE;
SELECT * FROM bizmetrics.doctor();
SET ROLE regress_monitor;
SELECT * FROM bizmetrics.doctor();
RESET ROLE;
-- Reports.
BEGIN;
UPDATE bizmetrics.report_state SET consecutive_failures = 2 WHERE report_id = (SELECT report_id FROM bizmetrics.reports WHERE report_name = 'bad');
UPDATE bizmetrics.report_state SET next_slot = now() - interval '1 hour' WHERE report_id = (SELECT report_id FROM bizmetrics.reports WHERE report_name = 'good');
SELECT * FROM bizmetrics.doctor();
UPDATE bizmetrics.report_state SET last_success_at = now(), broken_reason = CASE WHEN next_slot < now() THEN 'role "x" does not exist' END, adopted = false;
SELECT * FROM bizmetrics.doctor();
-- One that is in quarantine.
SAVEPOINT here;
UPDATE bizmetrics.report_state SET adopted = true, broken_reason = NULL, next_slot = NULL, last_success_at = NULL, consecutive_failures = CASE WHEN consecutive_failures > 0 THEN 1 ELSE 0 END, consecutive_crashes = CASE WHEN consecutive_failures > 0 THEN 3 ELSE 0 END;
SELECT * FROM bizmetrics.doctor();
ROLLBACK TO here;
-- Each sees what is his.
SET ROLE regress_other;
SELECT * FROM bizmetrics.doctor();
SET ROLE regress_author;
SELECT count(*) FROM bizmetrics.doctor();
SET ROLE regress_reader;
SELECT * FROM bizmetrics.doctor();
ROLLBACK;
-- Rights that were taken, and a role that is gone.
BEGIN;
REVOKE USAGE ON SCHEMA analytics FROM regress_reader;
REVOKE SELECT ON analytics.good FROM regress_reader;
REVOKE INSERT (properties) ON public.business_events FROM regress_writer;
REVOKE CREATE ON SCHEMA analytics FROM regress_other;
REVOKE USAGE ON SCHEMA analytics FROM regress_author;
DROP OWNED BY regress_gone;
DROP ROLE regress_gone;
SELECT * FROM bizmetrics.doctor();
SELECT bizmetrics.grant_author('regress_other'), bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_reader'), bizmetrics.grant_writer('regress_writer'), bizmetrics.revoke_reader('regress_gone');
SELECT * FROM bizmetrics.doctor();
ROLLBACK;
-- Partitions.
BEGIN;
ALTER TABLE public.business_events ADD COLUMN region text, ADD COLUMN gone text;
ALTER TABLE public.business_events DROP COLUMN gone;
CREATE INDEX mine ON public.business_events (request_id);
SELECT severity, subject, problem, remedy FROM bizmetrics.doctor();
ROLLBACK;
BEGIN;
CREATE TABLE bizmetrics.other PARTITION OF public.business_events DEFAULT;
SELECT severity, replace(subject, 'bizmetrics.', '') AS subject, problem, replace(remedy, 'bizmetrics.', '') AS remedy FROM bizmetrics.doctor();
ROLLBACK;
BEGIN;
DO $$ BEGIN EXECUTE (SELECT format('ALTER TABLE public.business_events DETACH PARTITION %s', partition) FROM bizmetrics.partitions); END $$;
SELECT bizmetrics.ensure_partitions('2020-01-01', '2020-01-02');
SELECT * FROM bizmetrics.doctor();
ROLLBACK;
-- Messages that were rejected, in numbers.
BEGIN;
SELECT count(bizmetrics.ingest('nobody', '{}')) FROM generate_series(1, 1000);
SELECT * FROM bizmetrics.doctor();
ROLLBACK;
-- Maintenance that fails, seen by who may see it.
BEGIN;
UPDATE bizmetrics.maintenance SET failing_since = '2031-03-03 12:00:00+00', sqlstate = '55000', message = 'partition "x" has no primary key' WHERE task_name = 'make_partitions';
SET timezone = 'UTC';
SELECT * FROM bizmetrics.doctor();
SET ROLE regress_monitor;
SELECT * FROM bizmetrics.doctor();
SET ROLE regress_author;
SELECT * FROM bizmetrics.doctor();
ROLLBACK;
-- What is badly broken is a finding, and the others are made.
BEGIN;
ALTER EXTENSION bizmetrics DROP VIEW bizmetrics.report_status;
ALTER VIEW bizmetrics.report_status RENAME TO aside;
SELECT severity, subject, problem, remedy FROM bizmetrics.doctor();
ROLLBACK;
\c contrib_regression
\pset format aligned
DROP DATABASE regression_bizmetrics_doctor WITH (FORCE);
DROP ROLE regress_author, regress_other, regress_reader, regress_writer, regress_gone, regress_monitor;
