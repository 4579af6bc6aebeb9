-- What a report's SQL sets is gone when it has ended, and its lock cannot be given up by SQL.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
CREATE TABLE analytics.leak (n integer);
\set create 'SELECT bizmetrics.create_report('
:create 'unlocks', 'analytics.leak', 'INSERT INTO analytics.leak SELECT 1 WHERE pg_advisory_unlock_all() IS NOT NULL', '0 0 29 2 *');
:create 'local', 'analytics.leak', 'INSERT INTO analytics.leak SELECT 1 WHERE set_config(''search_path'', ''elsewhere'', true) || set_config(''work_mem'', ''1MB'', true) IS NOT NULL', '0 0 29 2 *');
:create 'session', 'analytics.leak', 'INSERT INTO analytics.leak SELECT 1 WHERE set_config(''search_path'', ''elsewhere'', false) || set_config(''work_mem'', ''1MB'', false) IS NOT NULL', '0 0 29 2 *');
:create 'command', 'analytics.leak', 'SET search_path = elsewhere; SET work_mem = ''1MB''; INSERT INTO analytics.leak VALUES (1)', '0 0 29 2 *');
BEGIN;
SELECT state, row_count FROM bizmetrics.run_report('unlocks');
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory';
COMMIT;
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory';
SHOW search_path;
SHOW work_mem;
SELECT state FROM bizmetrics.run_report('local');
SHOW search_path;
SHOW work_mem;
SELECT state FROM bizmetrics.run_report('session');
SHOW search_path;
SHOW work_mem;
RESET ALL;
SELECT state FROM bizmetrics.run_report('command');
SHOW search_path;
SHOW work_mem;
RESET ALL;
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP TABLE analytics.leak;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
