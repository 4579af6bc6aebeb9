-- One attempt of a report at a time: a report whose SQL runs it again, or drops it, is told that
-- it is running.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
CREATE TABLE analytics.own (note text);
SELECT bizmetrics.create_report('again', 'analytics.own', 'INSERT INTO analytics.own SELECT ''ran'' FROM bizmetrics.run_report(''again'')', '0 0 29 2 *');
SELECT state, sqlstate, message FROM bizmetrics.run_report('again');
SELECT bizmetrics.create_report('drops', 'analytics.own', 'INSERT INTO analytics.own SELECT ''ran'' WHERE bizmetrics.drop_report(''drops'') IS NOT NULL', '0 0 29 2 *');
SELECT state, sqlstate FROM bizmetrics.run_report('drops');
SELECT count(*) FROM analytics.own;
SELECT report_name, count(*) FROM bizmetrics.report_runs GROUP BY 1 ORDER BY 1;
-- Another report may be run within one.
SELECT bizmetrics.create_report('inner', 'analytics.own', 'INSERT INTO analytics.own VALUES (''inner'')', '0 0 29 2 *');
SELECT bizmetrics.create_report('outer', 'analytics.own', 'INSERT INTO analytics.own SELECT ''outer after '' || state FROM bizmetrics.run_report(''inner'')', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('outer');
SELECT DISTINCT note FROM analytics.own ORDER BY 1;
-- Each has its own time, and none more than the one that it runs in.
SELECT bizmetrics.alter_report('inner', query => 'INSERT INTO analytics.own SELECT pg_sleep(60)', timeout => '0.1 s');
SELECT bizmetrics.alter_report('outer', query => 'INSERT INTO analytics.own SELECT ''outer after '' || state FROM bizmetrics.run_report(''inner'')', timeout => '1 hour');
SELECT state FROM bizmetrics.run_report('outer');
SELECT note FROM analytics.own WHERE note LIKE '%timed%';
SELECT bizmetrics.alter_report('outer', timeout => '0.1 s');
SELECT bizmetrics.alter_report('inner', timeout => '1 hour');
SELECT state FROM bizmetrics.run_report('outer');
SELECT bizmetrics.alter_report('inner', query => 'INSERT INTO analytics.own VALUES (''inner'')', unset => '{timeout}');
SELECT bizmetrics.alter_report('outer', query => 'INSERT INTO analytics.own SELECT state FROM bizmetrics.run_report(''inner''); SELECT pg_sleep(60)');
SELECT state FROM bizmetrics.run_report('outer');
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP TABLE analytics.own;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
