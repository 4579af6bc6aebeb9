-- A reader reads every report's table, later ones included, and nothing else; an author makes
-- reports of his own and sees only those.
CREATE ROLE regress_reader LOGIN;
CREATE ROLE regress_author LOGIN;
CREATE ROLE regress_author_2 LOGIN;
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT pg_temp.error_of('SELECT bizmetrics.grant_reader(NULL)');
SELECT pg_temp.error_of('SELECT bizmetrics.grant_reader(''regress_missing'')');
SELECT pg_temp.error_of('SELECT bizmetrics.revoke_author(''regress_missing'')');
SELECT pg_temp.error_of('SELECT bizmetrics.grant_reader(''public'')');
SELECT bizmetrics.grant_author('regress_author'), bizmetrics.grant_author('regress_author_2');
SELECT bizmetrics.log_event('seen', occurred_at => '1999-01-07') IS NOT NULL;
\c - regress_author
SELECT bizmetrics.create_report('r1', 'analytics.before', 'INSERT INTO analytics.before SELECT count(*) FROM public.business_events WHERE event_name = ''seen''', '0 0 29 2 *', ddl => 'CREATE TABLE analytics.before (events bigint)');
\c - postgres
SELECT bizmetrics.grant_reader('regress_reader');
\c - regress_author_2
SELECT bizmetrics.create_report('r2', 'analytics."After All"', 'INSERT INTO analytics."After All" VALUES (1)', '0 0 29 2 *', ddl => 'CREATE TABLE analytics."After All" (id integer PRIMARY KEY)');
CREATE TABLE analytics.no_report (id integer);
SELECT state FROM bizmetrics.run_report('r2');
\c - regress_reader
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
SELECT * FROM analytics.before;
SELECT * FROM analytics."After All";
-- Metabase finds primary keys through information_schema, which shows them to who may REFERENCE.
SELECT constraint_type FROM information_schema.table_constraints WHERE table_name = 'After All' AND constraint_type = 'PRIMARY KEY';
SELECT pg_temp.error_of('SELECT * FROM analytics.no_report');
SELECT pg_temp.error_of('INSERT INTO analytics.before VALUES (1)');
SELECT pg_temp.error_of('DELETE FROM analytics.before');
SELECT pg_temp.error_of('CREATE TABLE analytics.mine ()');
SELECT pg_temp.error_of('SELECT * FROM public.business_events');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''x'')');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.report_status');
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''r1'')');
\c - regress_author
\getenv srcdir PG_ABS_SRCDIR
\set helper :srcdir '/helpers/error_of.sql'
\i :helper
-- His own reports and nobody else's.
SELECT report_name, owner_name, target, state FROM bizmetrics.report_status ORDER BY 1;
SELECT state FROM bizmetrics.run_report('r1');
SELECT report_name, state, trigger, attempt FROM bizmetrics.report_runs ORDER BY 1;
SELECT pg_temp.error_of('SELECT bizmetrics.run_report(''r2'')');
SELECT pg_temp.error_of('SELECT bizmetrics.request_run(''r2'')');
SELECT pg_temp.error_of('SELECT bizmetrics.drop_report(''r2'')');
SELECT pg_temp.error_of('SELECT * FROM analytics."After All"');
SELECT pg_temp.error_of('SELECT bizmetrics.create_report(''r3'', ''analytics."After All"'', ''SELECT 1'', ''0 0 29 2 *'')');
SELECT pg_temp.error_of('SELECT * FROM bizmetrics.reports');
SELECT pg_temp.error_of('UPDATE bizmetrics.reports SET owner_name = ''postgres''');
SELECT pg_temp.error_of('INSERT INTO bizmetrics.runs VALUES (1)');
SELECT pg_temp.error_of('DELETE FROM bizmetrics.report_state');
SELECT pg_temp.error_of('SELECT bizmetrics.log_event(''x'')');
SELECT pg_temp.error_of('SELECT bizmetrics.grant_reader(''regress_author'')');
-- A table that the report makes anew is granted anew when it runs.
DROP TABLE analytics.before;
CREATE TABLE analytics.before (events bigint);
SELECT has_table_privilege('regress_reader', 'analytics.before', 'SELECT');
SELECT state FROM bizmetrics.run_report('r1');
SELECT has_table_privilege('regress_reader', 'analytics.before', 'SELECT'), has_table_privilege('regress_reader', 'analytics.before', 'REFERENCES');
\c - postgres
SELECT bizmetrics.revoke_reader('regress_reader');
\c - regress_reader
SELECT * FROM analytics.before;
\c - postgres
SELECT has_table_privilege('regress_reader', 'analytics.before', 'SELECT') AS before, has_table_privilege('regress_reader', 'analytics."After All"', 'SELECT') AS after_all, has_schema_privilege('regress_reader', 'analytics', 'USAGE') AS schema;
-- Every report is the extension owner's to see and to drop.
SELECT report_name, owner_name FROM bizmetrics.report_status WHERE report_name LIKE 'r_' ORDER BY 1;
SELECT bizmetrics.drop_report('r1'), bizmetrics.drop_report('r2');
SELECT to_regclass('analytics.before');
DROP TABLE analytics.before, analytics."After All", analytics.no_report;
SELECT bizmetrics.revoke_author('regress_author'), bizmetrics.revoke_author('regress_author_2');
DROP ROLE regress_reader, regress_author, regress_author_2;
