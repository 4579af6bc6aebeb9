-- The extension's owner, who is no superuser, pauses, resets and drops other roles' reports, and changes
-- nothing of what they run: he would run it as somebody else.
CREATE ROLE regress_dbo LOGIN;
CREATE ROLE regress_author LOGIN;
CREATE DATABASE regression_bizmetrics_manage OWNER regress_dbo;
\c regression_bizmetrics_manage regress_dbo
CREATE EXTENSION bizmetrics;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
CREATE TABLE analytics.m (n integer);
SELECT bizmetrics.create_report('m', 'analytics.m', 'INSERT INTO analytics.m VALUES (1)', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('m');
\c - regress_dbo
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.alter_report(''m'', ' || argument || ')') FROM unnest(ARRAY['query => ''SELECT current_user''', 'schedule => ''* * * * *''', 'owner => ''regress_dbo''', 'timeout => ''1 s''']) argument;
SELECT pg_temp.error_of('UPDATE bizmetrics.reports SET query = ''SELECT 1''');
SELECT bizmetrics.pause_report('m'), bizmetrics.resume_reports(), bizmetrics.reset_report('m');
SELECT bizmetrics.cancel_run(run_id) FROM bizmetrics.report_runs;
SELECT state, last_success_at IS NULL AS forgotten FROM bizmetrics.report_status;
SELECT bizmetrics.drop_report('m');
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_manage WITH (FORCE);
DROP ROLE regress_dbo, regress_author;
