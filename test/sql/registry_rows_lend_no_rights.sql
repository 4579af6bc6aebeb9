-- The extension's owner may add rows to the registry, for a restore. A row that names a table outside
-- analytics, or somebody else's, gives nobody a right to it.
CREATE ROLE regress_dbo LOGIN;
CREATE ROLE regress_reader LOGIN;
CREATE DATABASE regression_bizmetrics_registry OWNER regress_dbo;
\c regression_bizmetrics_registry
CREATE TABLE public.secret (n integer);
\c - regress_dbo
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
CREATE EXTENSION bizmetrics;
CREATE FUNCTION pg_temp.attempt(target text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN pg_temp.error_of(format('INSERT INTO bizmetrics.reports SELECT nextval(''bizmetrics.report_id_seq''), %1$L, ''regress_dbo'', %1$L, NULL, ''SELECT 1'', ''0 0 29 2 *'', ''UTC'', NULL, NULL, 1, ''{60s}'', NULL, ''public'', false, now()', target)) <> 'no error'
    OR pg_temp.error_of('SELECT bizmetrics.grant_reader(''regress_reader'')') IS NULL;
END
$$;
SELECT pg_temp.attempt('pg_catalog.pg_authid'), pg_temp.attempt('public.secret') \g /dev/null
SELECT has_table_privilege('regress_reader', 'pg_catalog.pg_authid', 'SELECT') AS passwords, has_table_privilege('regress_reader', 'public.secret', 'SELECT') AS secret;
\c - postgres
REVOKE ALL ON pg_catalog.pg_authid FROM regress_reader;
\c contrib_regression
DROP DATABASE regression_bizmetrics_registry WITH (FORCE);
DROP ROLE regress_dbo, regress_reader;
