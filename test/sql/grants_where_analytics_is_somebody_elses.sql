-- Where analytics was there before the extension and belongs to somebody else, the extension's
-- owner, no superuser, is told so or can grant; he does not believe that he did.
CREATE ROLE regress_dbo LOGIN;
CREATE ROLE regress_reader LOGIN;
CREATE DATABASE regression_bizmetrics_schema OWNER regress_dbo;
\c regression_bizmetrics_schema
CREATE SCHEMA analytics;
\c - regress_dbo
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE EXTENSION bizmetrics;
SELECT left(pg_temp.error_of('SELECT bizmetrics.grant_reader(''regress_reader'')'), 5) AS error, has_schema_privilege('regress_reader', 'analytics', 'USAGE') AS usage, (SELECT count(*) FROM bizmetrics.grants) AS remembered;
\c contrib_regression postgres
DROP DATABASE regression_bizmetrics_schema WITH (FORCE);
DROP ROLE regress_dbo, regress_reader;
