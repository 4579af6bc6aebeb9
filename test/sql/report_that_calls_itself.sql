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
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP TABLE analytics.own;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
