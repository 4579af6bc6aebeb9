-- An author may be a reader as well: revoke_reader() leaves him his own tables, and an author who
-- lost the word does not keep others from becoming readers.
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_reader LOGIN;
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_reader('regress_author');
\c - regress_author
SELECT bizmetrics.create_report('own', 'analytics.own', 'INSERT INTO analytics.own SELECT count(*) FROM analytics.own', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.own (n bigint)');
\c - postgres
SET client_min_messages = notice;
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.revoke_reader(''regress_author'')');
SELECT has_schema_privilege('regress_author', 'analytics', 'USAGE'), has_table_privilege('regress_author', 'analytics.own', 'SELECT');
SELECT pg_temp.error_of('SELECT bizmetrics.revoke_author(''regress_author'')');
SELECT pg_temp.error_of('SELECT bizmetrics.grant_reader(''regress_reader'')');
SELECT has_table_privilege('regress_reader', 'analytics.own', 'SELECT');
SELECT pg_temp.error_of('SELECT bizmetrics.revoke_reader(''regress_reader'')');
SELECT bizmetrics.drop_report('own');
DROP TABLE analytics.own;
DELETE FROM bizmetrics.grants WHERE role_name LIKE 'regress%';
DROP OWNED BY regress_author, regress_reader;
DROP ROLE regress_author, regress_reader;
