-- The extension's owner need not be a superuser. What he does to the tables that the extension
-- reads in C is refused or reported: it never ends the server.
CREATE ROLE regress_shape_owner LOGIN;
CREATE DATABASE regression_bizmetrics_shape OWNER regress_shape_owner;
\c regression_bizmetrics_shape regress_shape_owner
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE EXTENSION bizmetrics;
CREATE TABLE analytics.t (n integer);
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''r'', ''analytics.t'', ''INSERT INTO analytics.t VALUES (1)'', ''0 0 29 2 *'')');
CREATE PROCEDURE pg_temp.try(change text, use text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_temp.error_of(change);
  PERFORM pg_temp.error_of(use);
  ROLLBACK;
END
$$;
\set log '\'SELECT bizmetrics.log_event(\'\'x\'\', dedupe_key => \'\'k\'\'), bizmetrics.log_event(\'\'x\'\', dedupe_key => \'\'k\'\')\''
\set run '\'SELECT * FROM bizmetrics.run_report(\'\'r\'\')\''
SELECT string_agg('ADD COLUMN more_' || n || ' bigint DEFAULT 1', ', ') AS forty FROM generate_series(1, 40) n \gset
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys ADD COLUMN more integer NOT NULL DEFAULT 1', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys DROP COLUMN event_id', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys ALTER COLUMN event_id TYPE text', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys ALTER COLUMN recorded_at TYPE text', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys DROP CONSTRAINT dedupe_keys_pkey', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys RENAME TO other; CREATE VIEW bizmetrics.dedupe_keys AS TABLE bizmetrics.other', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.dedupe_keys RENAME TO other; CREATE TABLE bizmetrics.dedupe_keys (LIKE bizmetrics.other) PARTITION BY LIST (event_id)', :log);
CALL pg_temp.try('ALTER TABLE bizmetrics.runs ' || :'forty', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.runs ALTER COLUMN state TYPE bigint USING 1', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.runs DROP COLUMN state', :run);
CALL pg_temp.try('CREATE INDEX ON bizmetrics.runs (abs(run_id))', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.report_state ' || :'forty', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.report_state ALTER COLUMN broken_reason TYPE bigint USING 1', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.report_state DROP CONSTRAINT report_state_pkey; CREATE INDEX report_state_pkey ON bizmetrics.report_state USING brin (report_id)', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.report_state RENAME TO other; CREATE VIEW bizmetrics.report_state AS TABLE bizmetrics.other', :run);
CALL pg_temp.try('DROP SEQUENCE bizmetrics.run_id_seq CASCADE', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.grants ALTER COLUMN role_name TYPE bigint USING 1', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.grants DROP CONSTRAINT grants_privilege_check; ALTER TABLE bizmetrics.grants ALTER COLUMN role_name TYPE bigint USING 1; INSERT INTO bizmetrics.grants VALUES (1, ''reader'')', :run);
CALL pg_temp.try('ALTER TABLE bizmetrics.run_requests ALTER COLUMN report_id TYPE text', 'SELECT bizmetrics.request_run(''r'')');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''still there'')');
SELECT state FROM bizmetrics.run_report('r');
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_shape WITH (FORCE);
DROP ROLE regress_shape_owner;
