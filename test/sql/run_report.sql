-- run_report() runs a report here and now, for its owner alone: success and failure are recorded
-- and returned, and what failed leaves nothing behind.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_member LOGIN;
GRANT regress_author TO regress_member;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.rr (n integer PRIMARY KEY);
\set create 'SELECT bizmetrics.create_report('
:create 'good', 'analytics.rr', 'INSERT INTO analytics.rr SELECT (SELECT coalesce(max(n), 0) FROM analytics.rr) + i FROM generate_series(1, 3) i', '0 0 29 2 *');
:create 'updates', 'analytics.rr', 'UPDATE analytics.rr SET n = -n WHERE n > 2', '0 0 29 2 *');
:create 'late', 'analytics.rr', 'INSERT INTO analytics.rr VALUES (100); INSERT INTO analytics.rr SELECT 1 / (n - 100) FROM analytics.rr WHERE n = 100', '0 0 29 2 *');
:create 'duplicate', 'analytics.rr', 'INSERT INTO analytics.rr VALUES (1), (1)', '0 0 29 2 *');
:create 'commit', 'analytics.rr', 'COMMIT', '0 0 29 2 *');
:create 'copy', 'analytics.rr', 'COPY analytics.rr TO STDOUT', '0 0 29 2 *');
:create 'vacuum', 'analytics.rr', 'VACUUM analytics.rr', '0 0 29 2 *');
:create 'no rows', 'analytics.rr', 'INSERT INTO analytics.rr SELECT 1 WHERE false', '0 0 29 2 *');
:create 'raises', 'analytics.rr', 'DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = ''BM001'', MESSAGE = ''said so'', DETAIL = ''in detail''; END $$', '0 0 29 2 *');
:create 'not allowed', 'analytics.rr', 'INSERT INTO analytics.rr SELECT 1 FROM pg_authid', '0 0 29 2 *');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('good');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report(name => 'good');
SELECT n FROM analytics.rr ORDER BY n;
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('updates');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('no rows');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('late');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('duplicate');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('raises');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('commit');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('copy');
SELECT state, row_count, sqlstate FROM bizmetrics.run_report('vacuum');
SELECT state, row_count, sqlstate, message FROM bizmetrics.run_report('not allowed');
SELECT n FROM analytics.rr ORDER BY n;
SELECT report_name, slot, attempt, trigger, state, finished_at >= started_at AS ended, row_count, sqlstate, message, detail FROM bizmetrics.report_runs ORDER BY run_id;
SELECT report_name, state, attempt, consecutive_failures, last_success_at IS NOT NULL AS succeeded FROM bizmetrics.report_status ORDER BY 1;
-- In the caller's transaction: undone with it, and the transaction goes on after a failure.
BEGIN;
SELECT state FROM bizmetrics.run_report('late');
SELECT state FROM bizmetrics.run_report('good');
SELECT n FROM analytics.rr ORDER BY n;
ROLLBACK;
SELECT n FROM analytics.rr ORDER BY n;
SELECT count(*) FROM bizmetrics.report_runs WHERE report_name = 'late';
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT state FROM bizmetrics.run_report('good');
ROLLBACK;
BEGIN READ ONLY;
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''good'')');
ROLLBACK;
-- The table is gone, or the query's column: recorded, and right again when it is back.
BEGIN;
DROP TABLE analytics.rr;
SELECT state, sqlstate FROM bizmetrics.run_report('good');
CREATE TABLE analytics.rr (m integer);
SELECT state, sqlstate FROM bizmetrics.run_report('good');
ALTER TABLE analytics.rr RENAME m TO n;
SELECT state, sqlstate FROM bizmetrics.run_report('good');
ROLLBACK;
-- Whose it is not.
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(NULL)');
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''missing'')');
SELECT pg_temp.error_of('SELECT bizmetrics.request_run(''missing'')');
SELECT pg_temp.error_of('SELECT bizmetrics.request_run(NULL)');
\c - regress_member
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''good'')');
SET ROLE regress_author;
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''good'')');
\c - postgres
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''good'')');
SET ROLE regress_author;
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''good'')');
RESET ROLE;
SET SESSION AUTHORIZATION regress_author;
SELECT (bizmetrics.run_report('good')).state;
RESET SESSION AUTHORIZATION;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
SELECT bizmetrics.revoke_author('regress_author');
DROP TABLE analytics.rr;
DROP OWNED BY regress_author, regress_member;
DROP ROLE regress_author, regress_member;
