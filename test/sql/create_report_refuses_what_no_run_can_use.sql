-- A lookback that no run could use, and a target that is no name, are refused at creation, and the
-- field named.
CREATE ROLE regress_author LOGIN;
SELECT bizmetrics.grant_author('regress_author');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE TABLE analytics.t (n integer);
SELECT left(pg_temp.error_of('SELECT bizmetrics.create_report(''far'', ''analytics.t'', ''INSERT INTO analytics.t SELECT 1 WHERE $1 < $2'', ''0 0 29 2 *'', bucket => ''1 day'', lookback => ''10000 years'')'), 23);
SELECT left(pg_temp.error_of('SELECT bizmetrics.create_report(''garbage'', ''public.t garbage'', ''INSERT INTO analytics.t VALUES (1)'', ''0 0 29 2 *'', ddl => ''CREATE TABLE analytics.public ()'')'), 13);
SELECT bizmetrics.drop_report(report_name) FROM bizmetrics.report_status;
DROP TABLE IF EXISTS analytics.t, analytics.public;
\c - postgres
SELECT bizmetrics.revoke_author('regress_author');
DROP ROLE regress_author;
