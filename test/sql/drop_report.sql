-- drop_report() forgets a report and its runs and leaves its table; request_run() hands one to the
-- worker.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.d (n integer);
SELECT bizmetrics.create_report('d', 'analytics.d', 'INSERT INTO analytics.d VALUES (1)', '0 0 29 2 *');
SELECT state FROM bizmetrics.run_report('d');
BEGIN;
SELECT bizmetrics.drop_report('d');
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''d'')');
ROLLBACK;
BEGIN READ ONLY;
SELECT pg_temp.error_of('SELECT bizmetrics.drop_report(''d'')');
SELECT pg_temp.error_of('SELECT bizmetrics.request_run(''d'')');
ROLLBACK;
SELECT report_name FROM bizmetrics.report_status;
SELECT bizmetrics.drop_report('d');
SELECT (SELECT count(*) FROM bizmetrics.report_status), (SELECT count(*) FROM bizmetrics.report_runs);
SELECT n FROM analytics.d;
SELECT pg_temp.error_of('SELECT bizmetrics.drop_report(''d'')');
SELECT pg_temp.error_of('SELECT bizmetrics.drop_report(NULL)');
-- The name is free again, and the new report has no runs.
SELECT bizmetrics.create_report('d', 'analytics.d', 'INSERT INTO analytics.d VALUES (2)', '0 0 29 2 *');
SELECT count(*) FROM bizmetrics.report_runs;
-- The worker runs it, as its owner.
SELECT bizmetrics.request_run('d');
DO $$
BEGIN
  FOR n IN 1 .. 3000 LOOP
    EXIT WHEN EXISTS (SELECT FROM bizmetrics.report_runs WHERE state = 'succeeded');
    PERFORM pg_sleep(0.01);
  END LOOP;
END
$$;
SELECT report_name, slot, attempt, trigger, state, row_count, sqlstate, message FROM bizmetrics.report_runs;
SELECT n FROM analytics.d ORDER BY n;
SELECT state FROM bizmetrics.report_status;
-- Its runner gives the report up a moment later.
DO $$
BEGIN
  FOR n IN 1 .. 3000 LOOP
    BEGIN
      PERFORM bizmetrics.drop_report('d');
      EXIT;
    EXCEPTION WHEN object_in_use THEN
      PERFORM pg_sleep(0.01);
    END;
  END LOOP;
END
$$;
DROP TABLE analytics.d;
\c - postgres
SELECT (SELECT count(*) FROM bizmetrics.reports), (SELECT count(*) FROM bizmetrics.report_state), (SELECT count(*) FROM bizmetrics.runs), (SELECT count(*) FROM bizmetrics.run_requests);
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
