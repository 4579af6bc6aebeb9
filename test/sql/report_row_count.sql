-- row_count says how many rows the report's SQL wrote, in all its commands.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
CREATE TABLE analytics.c (n integer);
SELECT bizmetrics.create_report('two commands', 'analytics.c', 'INSERT INTO analytics.c VALUES (1), (2); INSERT INTO analytics.c VALUES (3)', '0 0 29 2 *');
SELECT bizmetrics.create_report('a SELECT last', 'analytics.c', 'INSERT INTO analytics.c VALUES (4); SELECT n FROM analytics.c WHERE n < 3', '0 0 29 2 *');
SELECT state, row_count FROM bizmetrics.run_report('two commands');
SELECT state, row_count FROM bizmetrics.run_report('a SELECT last');
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status \g /dev/null
DROP TABLE analytics.c;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
